"""The broker as the platform sees it: one interface, the same for a paper book and for every real broker.

Adapters under ``brokers/<slug>`` implement it. They are handed credentials, never a database. Order calls are never
retried by anybody below the caller.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderChange, OrderRequest


class Verdict(StrEnum):
    """What a broker's answer to an order call proves."""

    ACKNOWLEDGED = "ACKNOWLEDGED"  # an order id came back: the broker has it (the exchange may still refuse)
    REJECTED = "REJECTED"  # the answer is on the adapter's list of proved non-acceptance
    UNKNOWN = "UNKNOWN"  # everything else
    RATE_LIMITED = "RATE_LIMITED"  # proved not accepted, and may be asked again later
    SESSION_LOST = "SESSION_LOST"  # proved not accepted: the token is dead


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to place, modify or cancel."""

    verdict: Verdict
    broker_order_id: str = ""
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Calls per second per account the broker allows; ours stay below."""

    orders: int
    reads: int
    quotes: int


@dataclass(frozen=True, slots=True)
class BrokerSpec:
    """What the platform needs to know of a broker without touching its wire."""

    slug: str
    name: str
    exchanges: frozenset[str]
    tag_length: int
    quantity_in_lots: frozenset[str]
    limits: RateLimits
    max_modifications: int
    token_expires_at: time | None  # IST; None: never
    resend_wait_seconds: int
    feed_symbols_per_socket: int
    feed_sockets: int
    quote_batch: int
    supports_market: bool
    credential_fields: tuple[str, ...] = ()
    brokerage_per_order: Decimal = Decimal(20)
    brokerage_rate_futures: Decimal = Decimal("0.0003")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a broker is reached: its real hosts by default, the simulated exchange by setting."""

    rest_url: str
    socket_url: str
    login_url: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Unsealed credentials of one account; never logged, never stored in this form."""

    client_id: str
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    access_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class BrokerToken:
    """A broker session."""

    access_token: str = field(repr=False)
    client_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class InstrumentRow:
    """One row of a broker's instrument master, joined to our key.

    ``lot_size`` and ``freeze_quantity`` are units. ``symbol`` and ``token`` are the broker's.
    """

    exchange: str
    underlying: str
    kind: str
    expiry: date | None
    strike: Decimal | None
    right: str
    symbol: str
    token: str
    lot_size: int
    tick_size: Decimal
    freeze_quantity: int | None
    multiplier: Decimal
    name: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """A polled quote: the same facts as a tick, keyed by the broker's exchange and symbol."""

    exchange: str
    symbol: str
    token: str
    last_price: Decimal
    bid: Decimal
    ask: Decimal
    bid_quantity: int
    ask_quantity: int
    volume: int
    open_interest: int
    close: Decimal
    lower_band: Decimal | None
    upper_band: Decimal | None
    exchange_at: datetime | None


@dataclass(frozen=True, slots=True)
class RawTick:
    """A decoded market packet before it is joined to our instrument; prices scaled as in ``domain.prices``."""

    token: str
    last_price: int
    bid: int
    ask: int
    bid_quantity: int
    ask_quantity: int
    volume: int
    open_interest: int
    close: int
    exchange_at: int


class BrokerError(Exception):
    """A read failed; ``code`` is the broker's, ``message`` its text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class SessionLost(BrokerError):
    """The token is not valid any more: somebody must log in."""


class RateLimited(BrokerError):
    """Too many calls; nothing was done."""


class BrokerUnavailable(BrokerError):
    """No usable answer: timeout, reset, 5xx, or a body that is not what was asked for. Never proof of anything."""


class Broker(Protocol):
    """Order entry and books of one account. Reads raise ``BrokerError``; order calls never raise but say UNKNOWN."""

    spec: BrokerSpec

    async def place(self, request: OrderRequest) -> Outcome: ...
    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome: ...
    async def cancel(self, broker_order_id: str) -> Outcome: ...
    async def order_book(self) -> Sequence[BrokerOrder]: ...
    async def trade_book(self) -> Sequence[BrokerFill]: ...
    async def positions(self) -> Sequence[BrokerPosition]: ...
    async def funds(self) -> Funds: ...
    async def aclose(self) -> None: ...


class OrderStream(Protocol):
    """Order updates pushed by the broker: hints, never truth. ``connect`` yields until the socket drops."""

    def connect(self) -> AsyncIterator[BrokerOrder]: ...
    async def aclose(self) -> None: ...


class MarketFeed(Protocol):
    """One market-data socket. ``connect`` yields batches until the socket drops, then raises ``BrokerUnavailable``."""

    def connect(self) -> AsyncIterator[Sequence[RawTick]]: ...
    async def subscribe(self, tokens: Sequence[str]) -> None: ...
    async def unsubscribe(self, tokens: Sequence[str]) -> None: ...
    async def aclose(self) -> None: ...


class MarketData(Protocol):
    """Polled market data and the instrument master."""

    async def quotes(self, keys: Sequence[tuple[str, str]]) -> Sequence[Quote]: ...
    async def instruments(self) -> Sequence[InstrumentRow]: ...
    async def aclose(self) -> None: ...


class Login(Protocol):
    """Sign-in: what to show the user, and what to do with what comes back."""

    def login_url(self, *, state: str) -> str: ...
    async def exchange(self, *, request_token: str, now: datetime) -> BrokerToken: ...
    async def sign_in(self, *, now: datetime) -> BrokerToken:
        """Log in without a person where the broker allows it; ``BrokerError`` with code ``MANUAL`` elsewhere."""
        ...

    async def aclose(self) -> None: ...


PostbackVerifier = Callable[[bytes, Mapping[str, str]], BrokerOrder]
"""Turns a verified postback body into the order it hints at; raises ``ValueError`` for anything forged or malformed."""
