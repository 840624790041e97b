"""Master Trust's sign-in: OAuth 2 by authorization code, the client's secret in the Basic header of the token call."""

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote, urlencode

import msgspec

from brokers.mastertrust.access import signed_headers
from brokers.mastertrust.answers import BROKER, read_data
from brokers.mastertrust.spec import SPEC
from brokers.payloads import decoded
from brokers.sign_in import CodeLogin, Session
from brokers.texts import plain
from brokers.transport import WireAnswer, WireRequest
from domain.broker import BrokerUnavailable

_SCOPE = "orders holdings"
_WHAT = "sign-in"
_LONGEST = 10**9


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: Annotated[int, msgspec.Meta(gt=0, le=_LONGEST)]


class _Refused(msgspec.Struct):
    """What OAuth says of a code or a client it does not know (RFC 6749, 5.2)."""

    error: str = ""
    error_description: str = ""


class _Person(msgspec.Struct):
    client_id: str


class MasterTrustLogin(CodeLogin):
    """Sign-in of one account."""

    spec = SPEC

    def login_url(self, *, state: str) -> str:
        """Return the page to open; it hands ``state`` back, and refuses one of fewer than eight characters."""
        query = {
            "scope": _SCOPE,
            "state": state,
            "redirect_uri": self.credential("redirect_uri"),
            "response_type": "code",
            "client_id": self.credential("api_key"),
        }
        return f"{self.endpoint.login_url}/oauth2/auth?{urlencode(query, quote_via=quote)}"

    def token_request(self, code: str) -> WireRequest:
        """Return the request of a token; it repeats the redirect address."""
        proof = f"{self.credential('api_key')}:{self.credential('api_secret')}"
        return WireRequest(
            "POST",
            f"{self.endpoint.login_url}/oauth2/token",
            headers={"Accept": "application/json", "Authorization": f"Basic {b64encode(proof.encode()).decode()}"},
            form={"grant_type": "authorization_code", "code": code, "redirect_uri": self.credential("redirect_uri")},
        )

    def session_of(self, answer: WireAnswer) -> Session:
        """Read the token, which does not say whose it is; raises ``BrokerError``."""
        if answer.status != 200:
            raise BrokerUnavailable(f"HTTP_{answer.status}", f"{BROKER} {_WHAT}: {_reason(answer)}")
        granted = decoded(answer.body, _Granted, broker=BROKER, what=_WHAT)
        return Session("", granted.access_token, lasts=timedelta(seconds=granted.expires_in))

    async def completed(self, session: Session) -> Session:
        """Ask whose token it is; raises ``BrokerError``."""
        url = f"{self.endpoint.rest_url}/api/v1/user/trading_info"
        answer = await self.read(WireRequest("GET", url, headers=signed_headers(session.access_token)))
        person = decoded(read_data(answer, what=_WHAT), _Person, broker=BROKER, what=_WHAT)
        return replace(session, client_id=person.client_id)


def _reason(answer: WireAnswer) -> str:
    try:
        refused = msgspec.json.decode(answer.body, type=_Refused)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "the code was not exchanged"
    return plain(f"{refused.error} {refused.error_description}") or "no reason given"
