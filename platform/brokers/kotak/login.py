"""Kotak's sign-in, which needs no person: the TOTP its authenticator would show, then the MPIN.

Each step answers with a token and a session id; the second one's trade, at the host it names.
"""

import re
from contextlib import suppress
from datetime import datetime

import msgspec

from brokers.kotak.access import FIN_KEY, Session, is_kotaks, session_of
from brokers.kotak.answers import refused_data
from brokers.kotak.spec import SPEC
from brokers.payloads import malformed
from brokers.sign_in import RestLogin
from brokers.sign_in import Session as Granted
from brokers.tokens import stated_expiry
from brokers.transport import WireAnswer, WireRequest
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable, SessionLost
from domain.totp import totp

_WHAT = "sign-in"
_WRONG_MPIN = re.compile(r"invalid mpin", re.IGNORECASE)
"""Nobody's clock is to blame for it, and asking again may lock the account: a person must act."""


class _Grant(msgspec.Struct, rename="camel"):
    token: str = ""
    sid: str = ""
    ucc: str = ""
    k_type: str = ""
    base_url: str = ""
    feed_url: str | None = None
    rt_url: str | None = None


class _Answer(msgspec.Struct):
    data: _Grant


class KotakLogin(RestLogin):
    """Sign-in of one account."""

    spec = SPEC

    def login_url(self, *, state: str) -> str:
        """There is no page to sign in on; raises ``BrokerError`` with code ``NO_PAGE``."""
        raise BrokerError("NO_PAGE", f"{SPEC.slug}: the account's keys sign it in, there is no page to open")

    async def sign_in(self, *, now: datetime) -> BrokerToken:
        """Sign in with what the account holds; raises ``BrokerError``."""
        secret = self.credential("totp_secret")
        try:
            code = totp(secret, at=now)
        except ValueError as error:
            raise BrokerError("CREDENTIALS", f"{SPEC.slug}: the TOTP setup key cannot be used: {error}") from error
        return await self.exchange(request_token=code, now=now)

    async def exchange(self, *, request_token: str, now: datetime) -> BrokerToken:
        """Sign in with the TOTP a person read off; raises ``BrokerError``."""
        for name in SPEC.credential_fields:
            self.credential(name)
        view = _granted(await self.read(self._first_step(request_token)), kind="View")
        trade = _granted(await self.read(self._second_step(view)), kind="Trade")
        session = self._checked(trade)
        # Some samples leave the client out: then it is the one we named, whose TOTP and MPIN were taken.
        client_id = trade.ucc or view.ucc or self.credentials.client_id
        granted = Granted(client_id, session.packed(), stated_expiry(session.token))
        return self.token(granted, now=now)

    async def sign_out(self, token: BrokerToken) -> None:
        """End the session; one that is dead already is nothing to do. Raises ``BrokerError``."""
        with suppress(SessionLost):
            session = session_of(token.access_token, self.endpoint)
            headers = {"Authorization": f"Bearer {self.credential('consumer_key')}", "neo-fin-key": FIN_KEY}
            headers |= {"Auth": session.token, "Sid": session.sid, "Accept": "application/json"}
            url = f"{session.base_url.rstrip('/')}/apim/login/2.0/logout"
            _signed_out(await self.read(WireRequest("POST", url, headers=headers, form={})))

    def _first_step(self, code: str) -> WireRequest:
        mobile, ucc = self.credential("mobile_number"), self.credentials.client_id
        return self._step("tradeApiLogin", {"mobileNumber": mobile, "ucc": ucc, "totp": code})

    def _second_step(self, view: _Grant) -> WireRequest:
        mpin = self.credential("mpin")
        return self._step("tradeApiValidate", {"mpin": mpin}, headers={"Auth": view.token, "sid": view.sid})

    def _step(self, name: str, body: dict[str, str], *, headers: dict[str, str] | None = None) -> WireRequest:
        signed = {"Authorization": self.credential("consumer_key"), "neo-fin-key": FIN_KEY, **(headers or {})}
        url = f"{self.endpoint.login_url.rstrip('/')}/login/1.0/{name}"
        return WireRequest("POST", url, headers=signed, json=body)

    def _checked(self, trade: _Grant) -> Session:
        urls = (trade.base_url, trade.feed_url or "", trade.rt_url or "")
        if not trade.base_url or not all(is_kotaks(url, self.endpoint) for url in urls if url):
            raise malformed(SPEC.slug, _WHAT, "it names a host that is not Kotak's")
        return Session(trade.token, trade.sid, *urls)


class _SignedOut(msgspec.Struct, rename={"state": "State"}):
    state: str


def _signed_out(answer: WireAnswer) -> None:
    """Raise ``BrokerError`` for an answer that does not say that the session is over."""
    try:
        if answer.status == 200 and msgspec.json.decode(answer.body, type=_SignedOut).state.upper() == "OK":
            return
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass  # not the answer of a success: it is read as a refusal
    raise refused_data(answer, what="sign-out")


def _granted(answer: WireAnswer, *, kind: str) -> _Grant:
    """Return what a step grants; raises ``BrokerError``: a refused step is no proof of a dead session."""
    grant = _grant(answer)
    if answer.status == 200 and grant is not None:
        if not grant.token or not grant.sid or grant.k_type != kind:
            raise malformed(SPEC.slug, _WHAT, f"no {kind} token")
        return grant
    error = refused_data(answer, what=_WHAT)
    if _WRONG_MPIN.search(error.message):
        raise BrokerError("CREDENTIALS", error.message)
    if isinstance(error, SessionLost):
        raise BrokerUnavailable(error.code, error.message)
    raise error


def _grant(answer: WireAnswer) -> _Grant | None:
    try:
        return msgspec.json.decode(answer.body, type=_Answer).data
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
