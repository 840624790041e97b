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

    endpoint: Endpoint
    access_token: str = field(repr=False)
    algo_name: str = ""

    @classmethod
    def of(cls, credentials: Credentials, endpoint: Endpoint) -> "Access":
        """Raises ``BrokerError`` with code ``CREDENTIALS`` where the API key is missing."""
        credential(SPEC, credentials, "api_key")
        return cls(
            endpoint=endpoint,
            access_token=credentials.access_token,
            algo_name=credentials.fields.get("algo_name", ""),
        )

    def read(self, path: str, *, query: tuple[tuple[str, str], ...] = ()) -> WireRequest:
        """Return a signed read; ``path`` starts with a slash."""
        return self._signed("GET", f"{self.endpoint.rest_url}{path}", query=query)

    def question(self, path: str, *, json: object) -> WireRequest:
        """Return a signed read that needs a body."""
        return self._signed("POST", f"{self.endpoint.rest_url}{path}", json=json)

    def order(
        self, method: str, path: str, *, query: tuple[tuple[str, str], ...] = (), json: object = None
    ) -> WireRequest:
        """Return a signed order call."""
        headers = {_ALGO_NAME: self.algo_name} if self.algo_name else {}
        return self._signed(method, f"{self.endpoint.order_url}{path}", query=query, json=json, headers=headers)

    def market_socket(self) -> WireRequest:
        """Return the read that names the market socket."""
        return self._signed("GET", _authorize(self.endpoint.socket_url))

    def order_socket(self) -> WireRequest:
        """Return the read that names the socket of order updates."""
        return self._signed("GET", _authorize(self.endpoint.order_socket_url), query=(("update_types", "order"),))

    def _signed(
        self,
        method: str,
        url: str,
        *,
        query: tuple[tuple[str, str], ...] = (),
        json: object = None,
        headers: dict[str, str] | None = None,
    ) -> WireRequest:
        signed = {**ACCEPT, "Authorization": f"Bearer {self.access_token}", **(headers or {})}
        return WireRequest(method, url, headers=signed, query=query, json=json)


def _authorize(socket_url: str) -> str:
    return f"{socket_url.replace('ws', 'http', 1)}/authorize"
