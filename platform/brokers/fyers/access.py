"""How a Fyers request of one account is addressed and signed."""

from dataclasses import dataclass, field

from brokers.adapter import credential
from brokers.fyers.spec import SPEC
from brokers.transport import WireRequest
from domain.broker import Credentials, Endpoint


@dataclass(frozen=True, slots=True)
class Access:
    """An account's addresses, app and token; requests are built here, sent elsewhere."""

    rest_url: str
    data_url: str
    client_id: str
    app_id: str
    access_token: str = field(repr=False)

    @classmethod
    def of(cls, credentials: Credentials, endpoint: Endpoint) -> "Access":
        """Raises ``BrokerError`` with code ``CREDENTIALS`` where the app id is missing."""
        return cls(
            rest_url=endpoint.rest_url,
            data_url=endpoint.data_url,
            client_id=credentials.client_id,
            app_id=credential(SPEC, credentials, "api_key"),
            access_token=credentials.access_token,
        )

    @property
    def authorization(self) -> str:
        """What signs calls, and the order socket."""
        return f"{self.app_id}:{self.access_token}"

    def call(
        self, method: str, path: str, *, query: tuple[tuple[str, str], ...] = (), json: object = None
    ) -> WireRequest:
        """Return a signed call to do with orders and books; ``path`` starts with a slash."""
        return self._request(method, f"{self.rest_url}{path}", query, json)

    def data(self, path: str, *, query: tuple[tuple[str, str], ...]) -> WireRequest:
        """Return a signed read of market data."""
        return self._request("GET", f"{self.data_url}{path}", query, None)

    def _request(self, method: str, url: str, query: tuple[tuple[str, str], ...], json: object) -> WireRequest:
        headers = {"Authorization": self.authorization, "version": "3", "Accept": "application/json"}
        return WireRequest(method, url, headers=headers, query=query, json=json)
