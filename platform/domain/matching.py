"""The one matching engine: the simulated exchange, the paper broker and the back-tester all fill through it.

Pure: an order and one view of the market go in, fills and the order's new state come out. All prices are
``Decimal``.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from domain.orders import OrderType, Side, Validity

ZERO = Decimal(0)
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})
_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})


class MatchState(StrEnum):
    """Where an order stands after a match."""

    RESTING = "RESTING"
    TRIGGER_PENDING = "TRIGGER_PENDING"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"  # the remainder of an IOC


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """An order as the engine needs it; quantities in units.

    ``price`` counts for LIMIT and SL, ``trigger_price`` for SL and SL-M. ``triggered`` stays true once
    set. Raises ``ValueError`` for an order that could not exist.
    """

    side: Side
    order_type: OrderType
    quantity: int
    validity: Validity = Validity.DAY
    filled: int = 0
    price: Decimal = ZERO
    trigger_price: Decimal = ZERO
    triggered: bool = False

    def __post_init__(self) -> None:
        if self.quantity <= 0 or not 0 <= self.filled <= self.quantity:
            raise ValueError(f"filled {self.filled} of {self.quantity} units is impossible")
        if self.order_type in _PRICED and self.price <= 0:
            raise ValueError(f"{self.order_type} needs a price above zero")
        if self.order_type in _STOPS and self.trigger_price <= 0:
            raise ValueError(f"{self.order_type} needs a trigger price above zero")

    @property
    def remaining(self) -> int:
        """Units still to fill."""
        return self.quantity - self.filled


@dataclass(frozen=True, slots=True)
class MarketView:
    """What the market shows of one instrument.

    Without a book (``bid`` and ``ask`` both 0) trades happen at ``last_price`` plus or minus
    ``slippage_ticks``. With one, a side that is 0 has nothing to trade with, and a quantity of 0 beside a
    price means an unknown, unlimited one. ``max_quantity`` caps what a single match may fill (partial
    fills); ``None`` is no cap.
    """

    last_price: Decimal
    tick_size: Decimal
    bid: Decimal = ZERO
    ask: Decimal = ZERO
    bid_quantity: int = 0
    ask_quantity: int = 0
    slippage_ticks: int = 0
    max_quantity: int | None = None

    @property
    def has_book(self) -> bool:
        """Whether any side shows a price."""
        return self.bid > 0 or self.ask > 0


class MatchFill(NamedTuple):
    """One execution."""

    quantity: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class MatchResult:
    """The fills of one match, and the order after them."""

    fills: tuple[MatchFill, ...]
    order: WorkingOrder
    state: MatchState


def match(order: WorkingOrder, view: MarketView) -> MatchResult:
    """Match an order against the market once.

    A LIMIT that can trade does so at the touch, never worse than its limit. SL and SL-M trigger on the
    last price and then act as LIMIT and MARKET. An IOC never rests, not even for a trigger. A price of 0
    fills nothing.
    """
    order = replace(order, triggered=is_triggered(order, view.last_price))
    fill = _fill(order, view)
    if fill is None:
        return MatchResult(fills=(), order=order, state=_state(order))
    order = replace(order, filled=order.filled + fill.quantity)
    return MatchResult(fills=(fill,), order=order, state=_state(order))


def is_triggered(order: WorkingOrder, last_price: Decimal) -> bool:
    """Say whether the order may trade: true for anything but a stop, and for a stop once its level was
    touched.
    """
    if order.triggered or order.order_type not in _STOPS:
        return True
    if last_price <= 0:
        return False
    if order.side is Side.BUY:
        return last_price >= order.trigger_price
    return last_price <= order.trigger_price


def _fill(order: WorkingOrder, view: MarketView) -> MatchFill | None:
    if not order.triggered:
        return None
    touch, offered = _touch(order.side, view)
    if touch <= 0 or not _is_marketable(order, touch, view):
        return None
    quantity = min(order.remaining, offered or order.remaining, _cap(view, order.remaining))
    return MatchFill(quantity, _limited(order, touch)) if quantity > 0 else None


def _touch(side: Side, view: MarketView) -> tuple[Decimal, int]:
    """Return the price the order would trade at and the quantity there (0: unlimited)."""
    if view.has_book:
        return (view.ask, view.ask_quantity) if side is Side.BUY else (view.bid, view.bid_quantity)
    if view.last_price <= 0:
        return ZERO, 0
    slipped = view.last_price + side.sign * view.slippage_ticks * view.tick_size
    return max(slipped, min(view.tick_size, view.last_price)), 0


def _is_marketable(order: WorkingOrder, touch: Decimal, view: MarketView) -> bool:
    """Slippage makes a fill dearer, never impossible: without a book the limit is held against the last
    price.
    """
    if order.order_type not in _PRICED:
        return True
    reference = touch if view.has_book else view.last_price
    return reference <= order.price if order.side is Side.BUY else reference >= order.price


def _limited(order: WorkingOrder, touch: Decimal) -> Decimal:
    if order.order_type not in _PRICED:
        return touch
    return min(touch, order.price) if order.side is Side.BUY else max(touch, order.price)


def _cap(view: MarketView, remaining: int) -> int:
    return remaining if view.max_quantity is None else view.max_quantity


def _state(order: WorkingOrder) -> MatchState:
    if order.remaining == 0:
        return MatchState.FILLED
    if order.validity is Validity.IOC:
        return MatchState.CANCELLED
    return MatchState.RESTING if order.triggered else MatchState.TRIGGER_PENDING
