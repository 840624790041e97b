"""How a Kite request of one account is addressed and signed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from brokers.adapter import credential
from brokers.transport import WireRequest
from brokers.zerodha.spec import SPEC
from domain.broker import Credentials, Endpoint

VERSION_HEADERS = {"X-Kite-Version": "3", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Access:
    """An account's address and token; requests are built here, sent elsewhere."""

    rest_url: str
    api_key: str
    access_token: str = field(repr=False)

    @classmethod
    def of(cls, credentials: Credentials, endpoint: Endpoint) -> "Access":
        """Raises ``BrokerError`` with code ``CREDENTIALS`` where the API key is missing."""
        return cls(
            rest_url=endpoint.rest_url.rstrip("/"),
            api_key=credential(SPEC, credentials, "api_key"),
            access_token=credentials.access_token,
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        query: tuple[tuple[str, str], ...] = (),
        form: Mapping[str, str] | None = None,
        json: object = None,
    ) -> WireRequest:
        """Return a signed request; ``path`` starts with a slash."""
        headers = {**VERSION_HEADERS, "Authorization": f"token {self.api_key}:{self.access_token}"}
        return WireRequest(method, f"{self.rest_url}{path}", headers=headers, query=query, form=form, json=json)
