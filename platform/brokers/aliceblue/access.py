"""How a call of one account is addressed and signed."""

from dataclasses import dataclass, field

from brokers.aliceblue.spec import CARRY_CODES, PRODUCT_CODES, SPEC
from brokers.transport import WireRequest
from domain.broker import BrokerError, Credentials, Endpoint
from domain.orders import Product


@dataclass(frozen=True, slots=True)
class Access:
    """An account's address, user and token; requests are built here, sent elsewhere."""

    rest_url: str
    user: str
    token: str = field(repr=False)
    carry_product: str = CARRY_CODES[0]

    @classmethod
    def of(cls, credentials: Credentials, endpoint: Endpoint) -> "Access":
        """Raises ``BrokerError`` with code ``CREDENTIALS`` where the client id is missing or a product is not known."""
        if not credentials.client_id:
            raise BrokerError("CREDENTIALS", f"{SPEC.slug}: the account has no client id")
        carry = credentials.fields.get("carry_product", "").strip().upper() or CARRY_CODES[0]
        if carry not in CARRY_CODES:
            raise BrokerError("CREDENTIALS", f"{SPEC.slug}: carry_product is one of {', '.join(CARRY_CODES)}")
        return cls(endpoint.rest_url.rstrip("/"), credentials.client_id, credentials.access_token, carry)

    def get(self, path: str) -> WireRequest:
        """Return a signed read; ``path`` starts with a slash."""
        return WireRequest("GET", f"{self.rest_url}{path}", headers=self._headers())

    def post(self, path: str, body: object) -> WireRequest:
        """Return a signed call with a JSON body."""
        return WireRequest("POST", f"{self.rest_url}{path}", headers=self._headers(), json=body)

    def product(self, product: Product) -> str:
        """Return a product's code in orders."""
        return self.carry_product if product is Product.NRML else PRODUCT_CODES[product]

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
