"""How a request of one account is addressed and signed, at each of Binance's markets."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from brokers.adapter import Account, credential
from brokers.binance.clock import ServerClock
from brokers.binance.ids import FUTURES_MARK, SPOT_MARK
from brokers.binance.spec import FUTURES, PAIRS, SPEC, SPOT
from brokers.ccxt_family.signing import signed
from brokers.steps import StepOf, checked_step
from brokers.transport import WireRequest
from domain.broker import Credentials

RECEIVE_WINDOW = "5000"
"""Milliseconds an order call is good for: one that was held up for longer is not done any more."""

READ_WINDOW = "60000"
"""The longest Binance takes: a read that comes late does no harm."""


@dataclass(frozen=True, slots=True)
class Door:
    """A group of addresses: what ccxt calls it, and the path they begin with."""

    api: str
    path: str


SPOT_DOOR = Door("private", "/api/v3")
FUTURES_DOOR = Door("fapiPrivate", "/fapi/v1")
FUTURES_DOOR_3 = Door("fapiPrivateV3", "/fapi/v3")


@dataclass(frozen=True, slots=True)
class Access:
    """An account's address, keys, symbols and quantity steps at one market; requests are built here, sent elsewhere.

    ``mark`` is what names of the market's contracts begin with, ``symbols`` are those the account trades there.
    """

    exchange: str
    mark: str
    door: Door
    rest_url: str
    api_key: str
    secret: str = field(repr=False)
    symbols: tuple[str, ...]
    step_of: StepOf
    clock: ServerClock

    @classmethod
    def of(cls, account: Account) -> "Access":
        """Return the way into the spot market; raises ``BrokerError`` with code ``CREDENTIALS`` for a missing key."""
        return cls(
            exchange=SPOT,
            mark=SPOT_MARK,
            door=SPOT_DOOR,
            rest_url=account.endpoint.rest_url.rstrip("/"),
            api_key=account.credentials.access_token or credential(SPEC, account.credentials, "api_key"),
            secret=credential(SPEC, account.credentials, "api_secret"),
            symbols=pairs_of(account.credentials),
            step_of=account.step_of,
            clock=ServerClock(),
        )

    @classmethod
    def of_futures(cls, account: Account) -> "Access":
        """Return the way into the futures exchange, by the same keys; raises as ``of`` does."""
        return replace(
            cls.of(account),
            exchange=FUTURES,
            mark=FUTURES_MARK,
            door=FUTURES_DOOR,
            rest_url=account.endpoint.futures_url.rstrip("/"),
            symbols=contracts_of(account.credentials),
            clock=ServerClock(),
        )

    @property
    def time_url(self) -> str:
        """Where the market's clock is read."""
        return f"{self.rest_url}{self.door.path}/time"

    def contract(self, symbol: str) -> str:
        """Return a symbol as names of orders and ticks begin with it."""
        return f"{self.mark}{symbol}"

    def step(self, symbol: str) -> Decimal:
        """Return what one unit of a symbol is; raises ``LookupError``."""
        return checked_step(self.step_of, self.exchange, symbol)

    def check(self, symbol: str) -> None:
        """Raise ``ValueError`` for a symbol the account does not name: what it did there could not be read back."""
        if symbol not in self.symbols:
            raise ValueError(f"{symbol} is not among the account's symbols ({', '.join(self.symbols) or 'none'})")

    def signed(self, method: str, path: str, door: Door | None = None, /, **params: str) -> WireRequest:
        """Return a signed request, through the market's usual door where none is named.

        Raises ``ValueError`` for a secret nothing can be signed with.
        """
        through = door or self.door
        return signed(
            "binance",
            through.api,
            method,
            path,
            params | self.stamp(READ_WINDOW if method == "GET" else RECEIVE_WINDOW),
            base_url=f"{self.rest_url}{through.path}",
            key=self.api_key,
            secret=self.secret,
        )

    def stamp(self, window: str = READ_WINDOW) -> dict[str, str]:
        """Return what says until when a request is good."""
        return {"recvWindow": window, "timestamp": str(self.clock.now())}

    def public(self, path: str, *query: tuple[str, str]) -> WireRequest:
        """Return a request of what is everybody's; it carries no key."""
        return WireRequest("GET", f"{self.rest_url}{self.door.path}/{path}", query=query)

    def keyed(self, method: str, path: str) -> WireRequest:
        """Return a request that bears the key and is not signed."""
        return WireRequest(method, f"{self.rest_url}{self.door.path}/{path}", headers={"X-MBX-APIKEY": self.api_key})


def pairs_of(credentials: Credentials) -> tuple[str, ...]:
    """Return the pairs an account trades: Binance shows its orders pair by pair only."""
    named = _symbols(credentials, "pairs")
    return named if named or contracts_of(credentials) else tuple(PAIRS.split())


def contracts_of(credentials: Credentials) -> tuple[str, ...]:
    """Return the futures an account trades; one that names none is never looked for there."""
    return _symbols(credentials, "contracts")


def _symbols(credentials: Credentials, name: str) -> tuple[str, ...]:
    return tuple(sorted(set((credentials.fields.get(name) or "").upper().replace(",", " ").split())))
