"""How a request of one account is addressed and signed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_hex

import msgspec

from brokers.adapter import credential
from brokers.ibkr import oauth
from brokers.ibkr.spec import SPEC
from brokers.transport import WireRequest
from domain.broker import Credentials, Endpoint

USER_AGENT = "trading-platform"
"""What IBKR is told we are: it wants a name, and whose brand a deployment wears is not the software's to say."""

_JSON = msgspec.json.Encoder(decimal_format="number")
_HEADERS = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": USER_AGENT}


@dataclass(frozen=True, slots=True)
class Access:
    """An account's address, names and session token; requests are built here, sent elsewhere.

    ``order_ids`` are the broker's ids of the tags its order book showed: executions bear the tag alone.
    """

    rest_url: str
    account_id: str
    consumer_key: str
    oauth_token: str = field(repr=False)
    session_token: str = field(repr=False)
    order_ids: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, credentials: Credentials, endpoint: Endpoint) -> "Access":
        """Raises ``BrokerError`` with code ``CREDENTIALS`` where the keys are missing."""
        return cls(
            rest_url=endpoint.rest_url.rstrip("/"),
            account_id=credentials.client_id,
            consumer_key=credential(SPEC, credentials, "consumer_key"),
            oauth_token=credential(SPEC, credentials, "oauth_token"),
            session_token=credentials.access_token,
        )

    def request(
        self, method: str, path: str, *, query: tuple[tuple[str, str], ...] = (), json: object = None
    ) -> WireRequest:
        """Return a signed request; ``path`` starts with a slash. A POST always has a body.

        A session token that is none signs nothing a broker would take, and is left to the broker to refuse.
        """
        url = f"{self.rest_url}{path}"
        parameters = request_parameters(self.consumer_key, self.oauth_token, method=oauth.HMAC)
        try:
            signature = oauth.hmac_signature(oauth.base_string(method, url, parameters), self.session_token)
        except ValueError:
            signature = ""
        headers = {**_HEADERS, "Authorization": oauth.authorization({**parameters, "oauth_signature": signature})}
        text = None if json is None and method != "POST" else _JSON.encode(json if json is not None else {}).decode()
        return WireRequest(method, url, headers=headers, query=query, text=text)


def request_parameters(consumer_key: str, oauth_token: str, *, method: str) -> Mapping[str, str]:
    """Return what every signature covers, new for each request."""
    return {
        "oauth_consumer_key": consumer_key,
        "oauth_nonce": token_hex(16),
        "oauth_signature_method": method,
        "oauth_timestamp": str(int(time.time())),
        "oauth_token": oauth_token,
    }
