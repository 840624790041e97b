"""Fyers' sign-in by a one-use code. https://myapi.fyers.in/docsv3 (Authentication & Login Flow)"""

import hashlib
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlencode

import msgspec

from brokers.fyers.access import Access
from brokers.fyers.answers import BROKER, read_body
from brokers.fyers.claims import claims_of
from brokers.fyers.spec import SPEC
from brokers.payloads import decoded, malformed
from brokers.sign_in import CodeLogin, Session
from brokers.transport import WireAnswer, WireRequest
from domain.broker import BrokerToken, SessionLost

_WHAT = "sign-in"


class _Token(msgspec.Struct):
    access_token: str


class FyersLogin(CodeLogin):
    """Sign-in and sign-out of one account."""

    spec = SPEC

    def login_url(self, *, state: str) -> str:
        """Return the page to open; Fyers hands ``state`` back beside the code."""
        query = {
            "client_id": self.credential("api_key"),
            "redirect_uri": self.credential("redirect_uri"),
            "response_type": "code",
            "state": state,
        }
        return f"{self.endpoint.login_url}/generate-authcode?{urlencode(query)}"

    def token_request(self, code: str) -> WireRequest:
        """Return the request of a token; a hash of app and secret proves that we hold the secret."""
        app_id, secret, _ = (self.credential(name) for name in ("api_key", "api_secret", "redirect_uri"))
        proof = hashlib.sha256(f"{app_id}:{secret}".encode()).hexdigest()
        body = {"grant_type": "authorization_code", "appIdHash": proof, "code": code}
        return WireRequest("POST", f"{self.endpoint.rest_url}/validate-authcode", json=body)

    def session_of(self, answer: WireAnswer) -> Session:
        """Read the token, which says itself whose it is and when it dies; raises ``BrokerError``."""
        token = decoded(read_body(answer, what=_WHAT), _Token, broker=BROKER, what=_WHAT).access_token
        try:
            claims = claims_of(token)
        except ValueError as error:
            raise malformed(BROKER, _WHAT, error) from error
        return Session(claims.fy_id, token, claims.expires_at)

    async def sign_out(self, token: BrokerToken) -> None:
        """Revoke a token at Fyers; a dead one is nothing to do. Raises ``BrokerError``."""
        access = Access.of(replace(self.credentials, access_token=token.access_token), self.endpoint)
        with suppress(SessionLost):
            read_body(await self.read(access.call("POST", "/logout")), what="sign-out")
