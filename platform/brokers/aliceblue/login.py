"""Alice Blue's sign-in by a one-use code. https://ant.aliceblueonline.com/productdocumentation/Authentication/

The code alone does not say whose it is, and its exchange is signed with the client's id: ``SPEC.sign_in`` hands on both
as ``client:code``.
"""

import hashlib
from urllib.parse import urlencode

import msgspec

from brokers.aliceblue.answers import BROKER, read_whole
from brokers.aliceblue.spec import SPEC
from brokers.payloads import decoded
from brokers.sign_in import CodeLogin, Session
from brokers.tokens import stated_expiry
from brokers.transport import WireAnswer, WireRequest

_WHAT = "sign-in"
_PATH = "/od/v1/vendor/getUserDetails"


class _Session(msgspec.Struct, rename="camel"):
    client_id: str = ""
    user_session: str = ""


class AliceBlueLogin(CodeLogin):
    """Sign-in of one account."""

    spec = SPEC

    def login_url(self, *, state: str) -> str:
        """Return the page to open; Alice Blue hands no ``state`` back, so none is sent."""
        return f"{self.endpoint.login_url}/?{urlencode({'appcode': self.credential('api_key')})}"

    def token_request(self, code: str) -> WireRequest:
        """Return the request of a session: nothing but a checksum over the client, the code and our secret."""
        self.credential("api_key")  # only the page needed it, but an account without one is not whole
        client, _, own = code.partition(":") if ":" in code else (self.credentials.client_id, "", code)
        text = f"{client}{own}{self.credential('api_secret')}"
        body = {"checkSum": hashlib.sha256(text.encode()).hexdigest()}
        return WireRequest("POST", f"{self.endpoint.rest_url.rstrip('/')}{_PATH}", json=body)

    def session_of(self, answer: WireAnswer) -> Session:
        """Read the session; raises ``BrokerError``."""
        session = decoded(read_whole(answer, what=_WHAT), _Session, broker=BROKER, what=_WHAT)
        return Session(session.client_id, session.user_session, expires_at=stated_expiry(session.user_session))
