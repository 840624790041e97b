"""How a request of one account is addressed and signed."""

from dataclasses import dataclass, field
from decimal import Decimal

from brokers.adapter import Account, credential
from brokers.binance.clock import ServerClock
from brokers.binance.spec import PAIRS, SPEC, SPOT
from brokers.ccxt_family.signing import signed
from brokers.steps import StepOf, checked_step
from brokers.transport import WireRequest
from domain.broker import Credentials

RECEIVE_WINDOW = "5000"
"""Milliseconds an order call is good for: one that was held up for longer is not done any more."""

READ_WINDOW = "60000"
"""The longest Binance takes: a read that comes late does no harm."""

_PATH = "/api/v3"


@dataclass(frozen=True, slots=True)
class Access:
    """An account's address, keys, pairs and quantity steps; requests are built here, sent elsewhere."""

    rest_url: str
    api_key: str
    secret: str = field(repr=False)
    pairs: tuple[str, ...]
    step_of: StepOf
    clock: ServerClock

    @classmethod
    def of(cls, account: Account) -> "Access":
        """Raises ``BrokerError`` with code ``CREDENTIALS`` where a key is missing."""
        credentials = account.credentials
        return cls(
            rest_url=account.endpoint.rest_url.rstrip("/"),
            api_key=credentials.access_token or credential(SPEC, credentials, "api_key"),
            secret=credential(SPEC, credentials, "api_secret"),
            pairs=pairs_of(credentials),
            step_of=account.step_of,
            clock=ServerClock(),
        )

    def step(self, symbol: str) -> Decimal:
        """Return what one unit of a pair is; raises ``LookupError``."""
        return checked_step(self.step_of, SPOT, symbol)

    def signed(self, method: str, path: str, **params: str) -> WireRequest:
        """Return a signed request; raises ``ValueError`` for a secret nothing can be signed with."""
        return signed(
            "binance",
            "private",
            method,
            path,
            params | self.stamp(READ_WINDOW if method == "GET" else RECEIVE_WINDOW),
            base_url=f"{self.rest_url}{_PATH}",
            key=self.api_key,
            secret=self.secret,
        )

    def stamp(self, window: str = READ_WINDOW) -> dict[str, str]:
        """Return what says until when a request is good."""
        return {"recvWindow": window, "timestamp": str(self.clock.now())}

    def public(self, path: str, *query: tuple[str, str]) -> WireRequest:
        """Return a request of what is everybody's; it carries no key."""
        return WireRequest("GET", f"{self.rest_url}{_PATH}/{path}", query=query)


def pairs_of(credentials: Credentials) -> tuple[str, ...]:
    """Return the pairs an account trades: Binance shows its orders pair by pair only."""
    return tuple(sorted(set((credentials.fields.get("pairs") or PAIRS).upper().replace(",", " ").split())))
