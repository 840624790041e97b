"""The broker as the platform sees it: one interface, the same for a paper book and for every real broker.

Adapters under ``brokers/<slug>`` implement it. They are handed credentials, never a database. Order calls are never
retried by anybody below the caller.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from domain.broker_spec import BrokerSpec as BrokerSpec
from domain.broker_spec import Capability
from domain.broker_spec import RateLimits as RateLimits
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderChange, OrderRequest


class Verdict(StrEnum):
    """What a broker's answer to an order call proves."""

    ACKNOWLEDGED = "ACKNOWLEDGED"  # an order id came back: the broker has it (the exchange may still refuse)
    REJECTED = "REJECTED"  # the answer is on the adapter's list of proved non-acceptance
    UNKNOWN = "UNKNOWN"  # everything else
    RATE_LIMITED = "RATE_LIMITED"  # proved not accepted, and may be asked again later
    SESSION_LOST = "SESSION_LOST"  # proved not accepted: the token is dead


NOTHING_AT_BROKER = "NOTHING_AT_BROKER"
"""The code of an exit that did not go because there is nothing left to reduce: of our own denial, or of a REJECTED."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to place, modify or cancel; ``is_margin`` marks a REJECTED for want of money, ``retry_after`` is how
    many seconds a broker that said "too many" asks for, ``None`` where it does not say."""

    verdict: Verdict
    broker_order_id: str = ""
    code: str = ""
    message: str = ""
    is_margin: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a broker is reached: its real hosts by default, the simulated exchange by setting.

    ``data_url`` serves market data, ``order_url`` order calls, ``master_url`` instrument files and ``token_url``
    sessions where they have hosts of their own ("": the REST host); ``order_socket_url`` order updates where they have
    a socket of their own. ``futures_url`` and ``futures_socket_url`` are those of derivatives, where they are an
    exchange beside the rest. ``simulator_url`` is the root of the simulated exchange all of them are at ("": the broker
    is real).
    """

    rest_url: str
    socket_url: str
    login_url: str = ""
    data_url: str = ""
    order_url: str = ""
    master_url: str = ""
    order_socket_url: str = ""
    token_url: str = ""
    futures_url: str = ""
    futures_socket_url: str = ""
    simulator_url: str = ""


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


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar: ``start`` is aware (UTC), prices rupees, volume and open interest units."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    open_interest: int = 0


@dataclass(frozen=True, slots=True)
class Holding:
    """A delivered security: ``quantity`` units held in all, ``pledged`` of them as collateral."""

    exchange: str
    symbol: str
    quantity: int
    pledged: int
    average_price: Decimal
    last_price: Decimal


@dataclass(frozen=True, slots=True)
class BasketMargin:
    """Rupees orders need: together, and each on its own in the order asked (empty where the broker shows none)."""

    required: Decimal
    separate: tuple[Decimal, ...] = ()


class BrokerError(Exception):
    """A read failed; ``code`` is the broker's, ``message`` its text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class SessionLost(BrokerError):
    """The token is not valid any more: somebody must log in."""


class RateLimited(BrokerError):
    """Too many calls; nothing was done. ``retry_after``: the seconds the broker asks for, where it says so."""

    def __init__(self, code: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


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


@runtime_checkable
class OrderHistory(Protocol):
    """The states one order went through."""

    async def order_history(self, broker_order_id: str) -> Sequence[BrokerOrder]:
        """Return the order at each state, oldest first; raises ``BrokerError`` also for an order nobody knows."""
        ...


@runtime_checkable
class TagLookup(Protocol):
    """A query by tag, quicker than a whole book; what it does not show may still be in the book."""

    async def orders_tagged(self, client_order_id: str) -> Sequence[BrokerOrder]:
        """Return today's orders that bear our tag, none being an answer; raises ``BrokerError``."""
        ...


@runtime_checkable
class HoldingsBook(Protocol):
    """Delivered securities."""

    async def holdings(self) -> Sequence[Holding]: ...


@runtime_checkable
class MarginCalculator(Protocol):
    """What orders would need."""

    async def basket_margin(self, requests: Sequence[OrderRequest]) -> BasketMargin:
        """Return what the orders need together, positions held considered; raises ``BrokerError``."""
        ...


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


@runtime_checkable
class CandleSource(Protocol):
    """History of one instrument."""

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within ``since`` and ``until``, oldest first.

        Raises ``BrokerError``: code ``LIMIT`` for an interval or span that ``SPEC.candles`` does not have.
        """
        ...


class Login(Protocol):
    """Sign-in: what to show the user, and what to do with what comes back.

    ``request_token`` is the one-use code ``SPEC.sign_in.code_of`` found in the callback.
    """

    def login_url(self, *, state: str) -> str: ...
    async def exchange(self, *, request_token: str, now: datetime) -> BrokerToken: ...
    async def sign_in(self, *, now: datetime) -> BrokerToken:
        """Log in without a person where the broker allows it; ``BrokerError`` with code ``MANUAL`` elsewhere."""
        ...

    async def aclose(self) -> None: ...


@runtime_checkable
class SignOut(Protocol):
    """Ends a session at the broker."""

    async def sign_out(self, token: BrokerToken) -> None:
        """Revoke the token; one that is dead already is nothing to do. Raises ``BrokerError``."""
        ...


@runtime_checkable
class Refresh(Protocol):
    """Prolongs a session without a person."""

    async def refresh(self, token: BrokerToken, *, now: datetime) -> BrokerToken: ...


BROKER_PROTOCOLS: Mapping[Capability, type] = {
    Capability.ORDER_HISTORY: OrderHistory,
    Capability.TAG_LOOKUP: TagLookup,
    Capability.HOLDINGS: HoldingsBook,
    Capability.BASKET_MARGIN: MarginCalculator,
}
"""Capabilities of a ``Broker`` object: SPEC offers one exactly where the adapter has its protocol."""

MARKET_PROTOCOLS: Mapping[Capability, type] = {Capability.CANDLES: CandleSource}
"""Capabilities of a ``MarketData`` object."""

LOGIN_PROTOCOLS: Mapping[Capability, type] = {Capability.SIGN_OUT: SignOut, Capability.REFRESH: Refresh}
"""Capabilities of a ``Login`` object."""


PostbackVerifier = Callable[[bytes, Mapping[str, str]], BrokerOrder]
"""Turns a verified postback body into the order it hints at; raises ``ValueError`` for anything forged or malformed."""
