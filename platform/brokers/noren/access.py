"""How a Noren call of one account is addressed and signed."""

from dataclasses import dataclass, field
from urllib.parse import quote_plus

import msgspec

from brokers.noren.member import Member
from brokers.transport import WireRequest
from domain.broker import BrokerError, Credentials, Endpoint

HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Access:
    """An account's address, user and token; requests are built here, sent elsewhere."""

    member: Member
    base_url: str
    user: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, member: Member, credentials: Credentials, endpoint: Endpoint) -> "Access":
        """Raises ``BrokerError`` with code ``CREDENTIALS`` where the client id is missing."""
        if not credentials.client_id:
            raise BrokerError("CREDENTIALS", f"{member.slug}: the account has no client id")
        base = endpoint.rest_url.rstrip("/")
        return cls(member=member, base_url=base, user=credentials.client_id, token=credentials.access_token)

    def call(self, name: str, **fields: str) -> WireRequest:
        """Return a signed call. Its fields must not hold ``&``, ``%`` or ``+`` as they are: see ``quoted``."""
        data = msgspec.json.encode({"uid": self.user, **fields}).decode()
        return WireRequest("POST", f"{self.base_url}/{name}", headers=HEADERS, text=f"jData={data}&jKey={self.token}")


def quoted(text: str) -> str:
    """Return a symbol as it may stand inside a call: ``M%26M-EQ``."""
    return quote_plus(text)
