"""Sign-in without a page: mobile number, client and TOTP give a token to look with, the MPIN one to trade with.

Beside its consumer key (``api_key``) a client has a ``mobile_number``, a ``totp_secret`` and an ``mpin`` (``extra``).
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from domain.totp import STEP_SECONDS, totp
from simulator.clients import Client, Session
from simulator.faces.calls import FaceError
from simulator.faces.kotak.calls import KotakCounter, claims_of, sid_of, token_of
from simulator.faces.kotak.wire import Fields, Row, as_json, failure, missing, not_signed_in, read_json
from simulator.faces.sign_in import granted, open_session

FIN_KEY = "neotradeapi"
DATA_CENTER = "E43"
_SOURCE = "sh"
_VIEW_LIFE = timedelta(minutes=5)
_DRIFT = (0, -STEP_SECONDS, STEP_SECONDS)
"""Clocks may differ by one step."""

_FIRST_STEP = {"mobileNumber": "MobileNumber", "ucc": "Ucc", "totp": "Totp"}
_BAD = "Invalid credentials or TOTP."


@dataclass(frozen=True, slots=True)
class Auth:
    """The session endpoints; ``views`` are the sign-ins that wait for their MPIN."""

    counter: KotakCounter
    views: dict[str, str] = field(default_factory=dict)

    async def login(self, request: web.Request) -> web.StreamResponse:
        """POST /login/1.0/tradeApiLogin"""
        try:
            client = self._proved(request, read_json(await request.read()))
        except FaceError as error:
            return failure(error)
        session = secrets.token_hex(16)
        self.views[session] = client.client
        expires_at = datetime.now(UTC) + _VIEW_LIFE
        return as_json({"data": _grant(client, session, kind="View", expires_at=expires_at)})

    async def validate(self, request: web.Request) -> web.StreamResponse:
        """POST /login/1.0/tradeApiValidate"""
        try:
            client = self._viewing(request)
            self._check_mpin(client, read_json(await request.read()))
            session = await open_session(self.counter, client)
        except FaceError as error:
            return failure(error)
        response = as_json({"data": self._trading(request, client, session)})
        return await granted(self.counter, request, client, response)

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """POST /apim/login/2.0/logout"""
        try:
            client = self.counter.of_session(request.headers.get("Auth", ""), request.headers.get("Sid", ""))
        except FaceError as error:
            return failure(error)
        self.counter.desk.sessions.revoke(claims_of(request.headers["Auth"])[1])
        self.counter.note_session(client, "ended by its client")
        return as_json({"State": "OK", "message": "You have been successfully logged out"})

    async def client_ip(self, request: web.Request) -> web.StreamResponse:
        """GET /login/1.0/get-client-ip"""
        now = self.counter.desk.now()
        shown = {"ip": request.remote or "", "time": now.strftime("%Y-%m-%d %H:%M:%S.000")}
        return as_json({"data": [shown], "stCode": 1000, "status": "success"})

    async def config(self, request: web.Request) -> web.StreamResponse:
        """GET /5config/config: which sockets a data center has."""
        base, stem = base_url(request), f"{DATA_CENTER}_{_SOURCE}"
        sockets = {"broadcast": f"{base}/apifeed", "interactive": f"{base}/realtime"}
        configs = {f"{stem}_{name}_endpoint": url for name, url in sockets.items()}
        return as_json({"data": {"configs": {f"{DATA_CENTER}_broadcast_source": _SOURCE, **configs}}})

    def _proved(self, request: web.Request, given: Fields) -> Client:
        for name, shown in _FIRST_STEP.items():
            if not given.get(name):
                raise missing(shown)
        client = self._keyed(request)
        secret = client.extra.get("totp_secret", "")
        told = (given["ucc"], given["mobileNumber"])
        if told != (client.client, client.extra.get("mobile_number")) or not _is_code(given["totp"], secret):
            raise not_signed_in(_BAD)
        return client

    def _viewing(self, request: web.Request) -> Client:
        name, session = claims_of(request.headers.get("Auth", ""))
        client = self._keyed(request)
        known = self.views.get(session) == client.client == name
        if not known or request.headers.get("sid") != sid_of(session):
            raise not_signed_in(_BAD)
        return client

    def _check_mpin(self, client: Client, given: Fields) -> None:
        if not given.get("mpin"):
            raise missing("Mpin")
        if not hmac.compare_digest(given["mpin"].encode(), client.extra.get("mpin", "").encode()):
            raise not_signed_in("Invalid MPIN.")

    def _keyed(self, request: web.Request) -> Client:
        client = self.counter.keyed(request.headers.get("Authorization", ""))
        if client is None or request.headers.get("neo-fin-key") != FIN_KEY:
            raise not_signed_in(_BAD)
        return client

    def _trading(self, request: web.Request, client: Client, session: Session) -> Row:
        base = base_url(request)
        # Sessions of brokers live by the clock on the wall, whatever day the market plays.
        expires_at = self.counter.desk.clock.wall_of(session.expires_at)
        grant = _grant(client, session.token, kind="Trade", expires_at=expires_at)
        return {**grant, "baseUrl": base, "feedUrl": f"{base}/apifeed", "rtUrl": f"{base}/realtime"}


def base_url(request: web.Request) -> str:
    """Return where this face is, as its caller reaches it."""
    return f"{request.url.origin()}/{KotakCounter.broker}"


def _grant(client: Client, session: str, *, kind: str, expires_at: datetime) -> Mapping[str, object]:
    return {
        "token": token_of(client.client, session, kind=kind, expires_at=expires_at),
        "sid": sid_of(session),
        "rid": sid_of(f"rid:{session}"),
        "isUserPwdExpired": False,
        "ucc": client.client,
        "greetingName": client.client,
        "isTrialAccount": False,
        "dataCenter": DATA_CENTER,
        "dormancyStatus": "A",
        "clientType": "RI",
        "isNRI": False,
        "kId": "XXXXXXXXXX",
        "kType": kind,
        "status": "success",
    }


def _is_code(code: str, secret: str) -> bool:
    now = datetime.now(UTC)
    try:
        shown = [totp(secret, at=now + timedelta(seconds=drift)) for drift in _DRIFT]
    except ValueError:
        return False
    return any(hmac.compare_digest(one.encode(), code.encode()) for one in shown)
