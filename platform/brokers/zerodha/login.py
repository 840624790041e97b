"""Kite's sign-in by a request token. https://kite.trade/docs/connect/v3/user/"""

import hashlib
from contextlib import suppress
from urllib.parse import urlencode

import msgspec

from brokers.payloads import decoded
from brokers.sign_in import CodeLogin, Session
from brokers.transport import WireAnswer, WireRequest
from brokers.zerodha.access import VERSION_HEADERS
from brokers.zerodha.answers import BROKER, read_data
from brokers.zerodha.spec import SPEC
from domain.broker import BrokerToken, SessionLost


class _Session(msgspec.Struct):
    user_id: str
    access_token: str


class ZerodhaLogin(CodeLogin):
    """Sign-in and sign-out of one account."""

    spec = SPEC

    def login_url(self, *, state: str) -> str:
        """Return the page to open; Kite hands ``state`` back beside the request token."""
        query = {
            "v": "3",
            "api_key": self.credential("api_key"),
            "redirect_params": urlencode({"state": state}),
        }
        return f"{self.endpoint.login_url}/connect/login?{urlencode(query)}"

    def token_request(self, code: str) -> WireRequest:
        """Return the request of a session; its checksum proves that we hold the secret."""
        api_key, secret = self.credential("api_key"), self.credential("api_secret")
        checksum = hashlib.sha256(f"{api_key}{code}{secret}".encode()).hexdigest()
        form = {"api_key": api_key, "request_token": code, "checksum": checksum}
        return WireRequest("POST", self._session_url(), headers=VERSION_HEADERS, form=form)

    def session_of(self, answer: WireAnswer) -> Session:
        """Read Kite's session; raises ``BrokerError``."""
        session = decoded(read_data(answer, what="sign-in"), _Session, broker=BROKER, what="sign-in")
        return Session(session.user_id, session.access_token)

    async def sign_out(self, token: BrokerToken) -> None:
        """Revoke a token at Kite; a dead one is nothing to do. Raises ``BrokerError``."""
        query = (("api_key", self.credential("api_key")), ("access_token", token.access_token))
        request = WireRequest("DELETE", self._session_url(), headers=VERSION_HEADERS, query=query)
        with suppress(SessionLost):
            read_data(await self.read(request), what="sign-out")

    def _session_url(self) -> str:
        return f"{self.endpoint.rest_url}/session/token"
