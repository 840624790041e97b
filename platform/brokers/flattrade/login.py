"""Flattrade's browser sign-in; without a person only against the simulated exchange."""

import hashlib
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from brokers.adapter import credential
from brokers.flattrade.member import MEMBER
from brokers.flattrade.spec import ENDPOINT, SPEC
from brokers.texts import plain
from brokers.tokens import token_expiry
from brokers.transport import ORDER_BODY_LIMIT, Wire, WireAnswer, WireFailure, WireRequest
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable, Credentials, Endpoint

_REQUEST_TOKEN_PATH = "/control/request-token"  # noqa: S105 -- a path of the simulated exchange


_T = TypeVar("_T")


class _Session(msgspec.Struct):
    """Samples have the verdict as ``stat`` and as ``status``."""

    token: str = ""
    client: str = ""
    stat: str = ""
    status: str = ""
    emsg: str | None = None


class _RequestToken(msgspec.Struct):
    request_token: str


class FlattradeLogin:
    """Sign-in of one account."""

    def __init__(self, *, wire: Wire, credentials: Credentials, endpoint: Endpoint) -> None:
        self._wire = wire
        self._credentials = credentials
        self._endpoint = endpoint
        self._login_url = (endpoint.login_url or ENDPOINT.login_url).rstrip("/")

    def login_url(self, *, state: str) -> str:
        """Return the page to open; Flattrade hands no ``state`` back, so none is sent."""
        return f"{self._login_url}/?{urlencode({'app_key': credential(SPEC, self._credentials, 'api_key')})}"

    async def exchange(self, *, request_token: str, now: datetime) -> BrokerToken:
        """Return the session of a one-use code; raises ``BrokerError``.

        Its code is ``WRONG_CLIENT`` when somebody else signed in.
        """
        answer = await self._send(self._token_request(request_token))
        session = _decoded(answer, _Session)
        if answer.status != 200 or "Ok" not in (session.stat, session.status) or not session.token:
            message = plain(session.emsg) or "no token"
            raise BrokerUnavailable(f"HTTP_{answer.status}", f"{SPEC.slug} sign-in: {message}")
        self._check_client(session.client)
        return BrokerToken(access_token=session.token, client_id=session.client, expires_at=token_expiry(SPEC, now))

    async def sign_in(self, *, now: datetime) -> BrokerToken:
        """Sign in without a person; the real Flattrade raises ``BrokerError`` with code ``MANUAL``."""
        if self._needs_person():
            raise BrokerError("MANUAL", f"{SPEC.slug}: a person has to sign in on Flattrade's page")
        url = f"{self._login_url}{_REQUEST_TOKEN_PATH}"
        answer = await self._send(WireRequest("POST", url, json={"client": self._credentials.client_id}))
        if answer.status != 200:
            raise BrokerUnavailable(f"HTTP_{answer.status}", f"{SPEC.slug}: the simulated sign-in was refused")
        return await self.exchange(request_token=_decoded(answer, _RequestToken).request_token, now=now)

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._wire.aclose()

    def _token_request(self, code: str) -> WireRequest:
        api_key = credential(SPEC, self._credentials, "api_key")
        secret = credential(SPEC, self._credentials, "api_secret")
        proof = hashlib.sha256(f"{api_key}{code}{secret}".encode()).hexdigest()
        body = {"api_key": api_key, "request_code": code, "api_secret": proof}
        return WireRequest("POST", MEMBER.own(MEMBER.token_url, self._endpoint), json=body)

    def _check_client(self, client: str) -> None:
        expected = self._credentials.client_id
        if not client:
            raise BrokerUnavailable("MALFORMED", f"{SPEC.slug} sign-in: no client")
        if expected and client.upper() != expected.upper():
            raise BrokerError("WRONG_CLIENT", f"{SPEC.slug}: {plain(client, longest=40)} signed in, not {expected}")

    def _needs_person(self) -> bool:
        host = urlsplit(self._login_url).hostname or ""
        return host == "" or host == "flattrade.in" or host.endswith(".flattrade.in")

    async def _send(self, request: WireRequest) -> WireAnswer:
        try:
            return await self._wire.send(request, limit=ORDER_BODY_LIMIT)
        except WireFailure as failure:
            raise failure.as_unavailable(SPEC.slug) from failure


def _decoded(answer: WireAnswer, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BrokerUnavailable("MALFORMED", f"{SPEC.slug} sign-in: {error}") from error
