"""How a call of one account is addressed and signed."""

from dataclasses import dataclass, field

from brokers.mastertrust.spec import SPEC
from brokers.transport import WireRequest
from domain.broker import BrokerError, Credentials, Endpoint

Query = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Access:
    """An account's addresses, client id and token; requests are built here, sent elsewhere."""

    rest_url: str
    data_url: str
    client_id: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, credentials: Credentials, endpoint: Endpoint) -> "Access":
        """Raises ``BrokerError`` with code ``CREDENTIALS`` where the client id is missing."""
        if not credentials.client_id:
            raise BrokerError("CREDENTIALS", f"{SPEC.slug}: the account has no client id")
        rest_url = endpoint.rest_url.rstrip("/")
        return cls(
            rest_url=rest_url,
            data_url=endpoint.data_url.rstrip("/") or rest_url,
            client_id=credentials.client_id,
            token=credentials.access_token,
        )

    def request(self, method: str, path: str, *, query: Query = (), json: object = None) -> WireRequest:
        """Return a signed request; ``path`` starts behind ``/api/v1`` with a slash."""
        return WireRequest(
            method, f"{self.rest_url}/api/v1{path}", headers=signed_headers(self.token), query=query, json=json
        )

    def history_request(self, query: Query) -> WireRequest:
        """Return a signed request for candles, which have a host of their own."""
        return WireRequest("GET", f"{self.data_url}/api/v1/charts/tdv", headers=signed_headers(self.token), query=query)

    @property
    def me(self) -> tuple[str, str]:
        """The client id, as queries name it."""
        return ("client_id", self.client_id)


def signed_headers(token: str) -> dict[str, str]:
    """Return the headers of a call made with a token."""
    return {"Accept": "application/json", "Authorization": f"Bearer {token}"}
