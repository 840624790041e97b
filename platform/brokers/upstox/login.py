"""Upstox's sign-in by a one-use code (OAuth 2.0). https://upstox.com/developer/api-documentation/authentication/"""

from contextlib import suppress
from urllib.parse import urlencode

import msgspec

from brokers.payloads import decoded
from brokers.sign_in import CodeLogin, Session
from brokers.transport import WireAnswer, WireRequest
from brokers.upstox.access import ACCEPT
from brokers.upstox.answers import BROKER, read_data, refusal
from brokers.upstox.spec import SPEC
from domain.broker import BrokerToken, SessionLost


class _Token(msgspec.Struct):
    user_id: str
    access_token: str


class UpstoxLogin(CodeLogin):
    """Sign-in and sign-out of one account."""

    spec = SPEC

    def login_url(self, *, state: str) -> str:
        """Return the page to open; Upstox hands ``state`` back beside the code."""
        query = {
            "response_type": "code",
            "client_id": self.credential("api_key"),
            "redirect_uri": self.credential("redirect_url"),
            "state": state,
        }
        return f"{self.endpoint.login_url}/v2/login/authorization/dialog?{urlencode(query)}"

    def token_request(self, code: str) -> WireRequest:
        """Return the request of a session; it repeats the redirect address the code was sent to."""
        form = {
            "code": code,
            "client_id": self.credential("api_key"),
            "client_secret": self.credential("api_secret"),
            "redirect_uri": self.credential("redirect_url"),
            "grant_type": "authorization_code",
        }
        url = f"{self.endpoint.rest_url}/v2/login/authorization/token"
        return WireRequest("POST", url, headers=ACCEPT, form=form)

    def session_of(self, answer: WireAnswer) -> Session:
        """Read Upstox's session, which comes bare, an error in the usual envelope; raises ``BrokerError``."""
        if answer.status != 200:
            raise refusal(answer, what="sign-in")
        token = decoded(answer.body, _Token, broker=BROKER, what="sign-in")
        return Session(token.user_id, token.access_token)

    async def sign_out(self, token: BrokerToken) -> None:
        """Revoke a token at Upstox; a dead one is nothing to do. Raises ``BrokerError``."""
        headers = {**ACCEPT, "Authorization": f"Bearer {token.access_token}"}
        request = WireRequest("DELETE", f"{self.endpoint.rest_url}/v2/logout", headers=headers)
        with suppress(SessionLost):
            read_data(await self.read(request), what="sign-out")
