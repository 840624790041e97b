"""Flattrade's sign-in by a one-use code. https://pi.flattrade.in/docs"""

import hashlib
from urllib.parse import urlencode

import msgspec

from brokers.flattrade.spec import SPEC
from brokers.payloads import decoded
from brokers.sign_in import CodeLogin, Session
from brokers.texts import plain
from brokers.transport import WireAnswer, WireRequest
from domain.broker import BrokerUnavailable


class _Session(msgspec.Struct):
    """Samples have the verdict as ``stat`` and as ``status``."""

    token: str = ""
    client: str = ""
    stat: str = ""
    status: str = ""
    emsg: str | None = None


class FlattradeLogin(CodeLogin):
    """Sign-in of one account."""

    spec = SPEC

    def login_url(self, *, state: str) -> str:
        """Return the page to open; Flattrade hands no ``state`` back, so none is sent."""
        return f"{self.endpoint.login_url}/?{urlencode({'app_key': self.credential('api_key')})}"

    def token_request(self, code: str) -> WireRequest:
        """Return the request of a session; the hash it calls secret proves that we hold the real one."""
        api_key, secret = self.credential("api_key"), self.credential("api_secret")
        proof = hashlib.sha256(f"{api_key}{code}{secret}".encode()).hexdigest()
        body = {"api_key": api_key, "request_code": code, "api_secret": proof}
        return WireRequest("POST", self.endpoint.token_url, json=body)

    def session_of(self, answer: WireAnswer) -> Session:
        """Read Flattrade's session; raises ``BrokerUnavailable``."""
        session = decoded(answer.body, _Session, broker=SPEC.slug, what="sign-in")
        if answer.status != 200 or "Ok" not in (session.stat, session.status) or not session.token:
            message = plain(session.emsg) or "no token"
            raise BrokerUnavailable(f"HTTP_{answer.status}", f"{SPEC.slug} sign-in: {message}")
        return Session(session.client, session.token)
