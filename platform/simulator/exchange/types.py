"""What goes into and comes out of the exchange. Prices are ``Decimal`` rupees, quantities units, times
aware.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.orders import OrderType, Product, Side, Validity
from simulator.market.types import Listing


class OrderState(StrEnum):
    """States in the words a real broker's order history uses; the last three are final."""

    RECEIVED = "PUT ORDER REQ RECEIVED"
    VALIDATION_PENDING = "VALIDATION PENDING"
    OPEN_PENDING = "OPEN PENDING"
    TRIGGER_PENDING = "TRIGGER PENDING"
    OPEN = "OPEN"
    MODIFY_VALIDATION_PENDING = "MODIFY VALIDATION PENDING"
    MODIFY_PENDING = "MODIFY PENDING"
    MODIFIED = "MODIFIED"
    CANCEL_PENDING = "CANCEL PENDING"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


FINAL_STATES = frozenset({OrderState.COMPLETE, OrderState.CANCELLED, OrderState.REJECTED})
RESTING_STATES = frozenset({OrderState.OPEN, OrderState.TRIGGER_PENDING})


class Reason(StrEnum):
    """Why an order call was refused, or an accepted order rejected."""

    UNKNOWN_CLIENT = "UNKNOWN_CLIENT"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    NOT_TRADABLE = "NOT_TRADABLE"  # an index
    QUANTITY = "QUANTITY"  # not positive
    LOT = "LOT"
    FREEZE = "FREEZE"
    TICK = "TICK"
    PRICE = "PRICE"  # missing or not positive where the type needs one
    TRIGGER = "TRIGGER"  # missing, or on the wrong side of the last price or of the limit
    PRODUCT = "PRODUCT"
    VALIDITY = "VALIDITY"
    MARKET_PROTECTION = "MARKET_PROTECTION"
    TAG = "TAG"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    ORDER_NOT_OPEN = "ORDER_NOT_OPEN"
    MODIFICATIONS = "MODIFICATIONS"  # the limit of 25 is used up
    POSITION = "POSITION"  # a conversion of more than is held
    MARGIN = "MARGIN"
    BAND = "BAND"
    HALTED = "HALTED"
    EXCHANGE = "EXCHANGE"  # told to reject by a switch


class Refusal(Exception):
    """An order call that was not accepted: nothing was booked (a modify or cancel changed nothing)."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A place call. ``market_protection``: 0 none (refused for MARKET, SL-M), -1 automatic, else percent."""

    exchange: str
    symbol: str
    side: Side
    quantity: int
    product: Product
    order_type: OrderType
    validity: Validity = Validity.DAY
    price: Decimal = Decimal(0)
    trigger_price: Decimal = Decimal(0)
    market_protection: Decimal = Decimal(0)
    disclosed_quantity: int = 0
    tag: str = ""
    variety: str = "regular"


@dataclass(frozen=True, slots=True)
class OrderEdit:
    """A modify call; ``None`` leaves a field as it is. ``quantity`` is the new total."""

    quantity: int | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    order_type: OrderType | None = None
    validity: Validity | None = None
    disclosed_quantity: int | None = None
    market_protection: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ClientOrder:
    """One order as its client's book shows it at one moment; each state change makes a new one.

    ``order_type`` and ``price`` are the working ones (a protected MARKET shows as LIMIT);
    ``exchange_order_id`` is empty until the exchange has it. ``average_price`` is 0 without fills.
    ``reason`` is set when REJECTED.
    """

    client: str
    order_id: str
    exchange_order_id: str
    listing: Listing
    side: Side
    quantity: int
    filled_quantity: int
    cancelled_quantity: int
    average_price: Decimal
    product: Product
    order_type: OrderType
    validity: Validity
    price: Decimal
    trigger_price: Decimal
    triggered: bool
    market_protection: Decimal
    disclosed_quantity: int
    tag: str
    variety: str
    state: OrderState
    reason: Reason | None
    message: str
    modifications: int
    placed_at: datetime
    updated_at: datetime
    exchange_at: datetime | None

    @property
    def pending_quantity(self) -> int:
        """Units that may still fill."""
        return 0 if self.state in FINAL_STATES else self.quantity - self.filled_quantity


@dataclass(frozen=True, slots=True)
class ClientTrade:
    """One execution."""

    client: str
    trade_id: str
    order_id: str
    exchange_order_id: str
    listing: Listing
    side: Side
    product: Product
    quantity: int
    price: Decimal
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class ClientPosition:
    """The net position of one contract and product.

    ``quantity`` is signed units, ``overnight_quantity`` what of it was carried into the day. ``buy_*`` and
    ``sell_*`` include the carried part at its average (the net view); ``day_buy_*`` and ``day_sell_*`` are
    today's only. Values are rupees, multiplier included. ``realised`` and ``unrealised`` are rupees; their
    sum is the position's P&L.
    """

    listing: Listing
    product: Product
    quantity: int
    overnight_quantity: int
    average_price: Decimal
    last_price: Decimal
    close_price: Decimal
    buy_quantity: int
    buy_value: Decimal
    sell_quantity: int
    sell_value: Decimal
    day_buy_quantity: int
    day_buy_value: Decimal
    day_sell_quantity: int
    day_sell_value: Decimal
    realised: Decimal
    unrealised: Decimal


@dataclass(frozen=True, slots=True)
class Margins:
    """Rupees. ``available`` is ``cash + realised + min(unrealised of futures, 0) - used``; ``used`` is the
    sum of the rest.
    """

    cash: Decimal
    available: Decimal
    used: Decimal
    span: Decimal
    exposure: Decimal
    option_premium: Decimal
    delivery: Decimal
    blocked: Decimal  # for orders that may still fill
    realised: Decimal
    unrealised: Decimal


@dataclass(frozen=True, slots=True)
class OrderMargin:
    """What one order would need, ignoring what is held."""

    span: Decimal
    exposure: Decimal
    option_premium: Decimal
    delivery: Decimal

    @property
    def total(self) -> Decimal:
        """Rupees in all."""
        return self.span + self.exposure + self.option_premium + self.delivery


@dataclass(frozen=True, slots=True)
class Settings:
    """How the exchange behaves for everybody. ``partial_fill_ratio`` is the chance that a match fills only a
    part, ``tag_length`` the longest tag any broker takes: its face refuses what is too long for its own.
    """

    slippage_ticks: int = 0
    partial_fill_ratio: float = 0.0
    max_modifications: int = 25
    tag_length: int = 64


@dataclass(frozen=True, slots=True)
class Switch:
    """A deviation for one client or symbol ("" matches all); ``None`` leaves the setting alone.

    ``reject_after_accept`` is the message an accepted order is REJECTED with; ``fill_delay`` is market
    time between acceptance and the first match. The most specific match wins (client and symbol, client,
    symbol, all).
    """

    client: str = ""
    symbol: str = ""
    reject_after_accept: str | None = None
    partial_fill_ratio: float | None = None
    fill_delay: timedelta | None = None


OrderListener = Callable[[ClientOrder], None]
"""Called at each state a broker would push (OPEN, TRIGGER PENDING, partial fills, COMPLETE, CANCELLED,
REJECTED).
"""

TicksListener = Callable[[Sequence[int], datetime], None]
"""Called with the changed tokens and the market time; read them with ``market.quote``."""
