"""How a request of one account is addressed and signed."""

from dataclasses import dataclass, field

from brokers.adapter import credential
from brokers.transport import WireRequest
from brokers.upstox.spec import SPEC
from domain.broker import Credentials, Endpoint

ACCEPT = {"Accept": "application/json"}
_ALGO_NAME = "X-Algo-Name"


@dataclass(frozen=True, slots=True)
class Access:
    """An account's addresses and token: orders have a host of their own. Requests are built here, sent elsewhere."""

    rest_url: str
    order_url: str
    master_url: str
    access_token: str = field(repr=False)
    algo_name: str = ""

    @classmethod
    def of(cls, credentials: Credentials, endpoint: Endpoint) -> "Access":
        """Raises ``BrokerError`` with code ``CREDENTIALS`` where the API key is missing."""
        credential(SPEC, credentials, "api_key")
        return cls(
            rest_url=endpoint.rest_url.rstrip("/"),
            order_url=endpoint.order_url.rstrip("/"),
            master_url=endpoint.master_url.rstrip("/"),
            access_token=credentials.access_token,
            algo_name=credentials.fields.get("algo_name", ""),
        )

    def read(self, path: str, *, query: tuple[tuple[str, str], ...] = ()) -> WireRequest:
        """Return a signed read; ``path`` starts with a slash."""
        return WireRequest("GET", f"{self.rest_url}{path}", headers=self._headers(), query=query)

    def question(self, path: str, *, json: object) -> WireRequest:
        """Return a signed read that needs a body."""
        return WireRequest("POST", f"{self.rest_url}{path}", headers=self._headers(), json=json)

    def order(
        self, method: str, path: str, *, query: tuple[tuple[str, str], ...] = (), json: object = None
    ) -> WireRequest:
        """Return a signed order call."""
        headers = self._headers() | ({_ALGO_NAME: self.algo_name} if self.algo_name else {})
        return WireRequest(method, f"{self.order_url}{path}", headers=headers, query=query, json=json)

    def _headers(self) -> dict[str, str]:
        return {**ACCEPT, "Authorization": f"Bearer {self.access_token}"}
