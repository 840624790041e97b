"""The paper broker's decisions: a book, a wish and a market in, one atomic ``BookChange`` out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from brokers.paper.book import ZERO, BookChange, PaperFill, PaperOrder, PaperPosition, PaperState
from brokers.paper.market import PaperSettings, Snapshot, SymbolKey, is_usable, view_of
from brokers.paper.rules import (
    Refused,
    check_market,
    check_prices,
    check_quantity,
    check_tag,
    check_untriggered,
)
from brokers.paper.spec import SPEC
from domain.clock import IST
from domain.matching import MatchResult, MatchState, WorkingOrder, match
from domain.orders import WORKING, OrderChange, OrderRequest, OrderStatus, OrderType

_IMMEDIATE = frozenset({OrderType.MARKET, OrderType.LIMIT})


@dataclass(frozen=True, slots=True)
class Step:
    """A change to save, and the order it is about."""

    change: BookChange
    order: PaperOrder


def place(
    state: PaperState,
    request: OrderRequest,
    snapshot: Snapshot | None,
    *,
    now: datetime,
    settings: PaperSettings,
) -> Step:
    """Accept and match an order; raises ``Refused``."""
    check_tag(request.client_order_id)
    _check_new(state, request.client_order_id)
    market = check_market(snapshot, request.symbol, now=now, settings=settings)
    check_quantity(request.quantity, market)
    prices = {"price": request.price, "trigger_price": request.trigger_price}
    check_prices(request.order_type, request.side, **prices, snapshot=market)
    check_untriggered(request.order_type, request.side, trigger_price=request.trigger_price, snapshot=market)
    order = _accepted(state, request, now)
    return _matched(state, order, market, now=now, settings=settings)


def modify(
    state: PaperState,
    order: PaperOrder,
    change: OrderChange,
    snapshot: Snapshot | None,
    *,
    now: datetime,
    settings: PaperSettings,
) -> Step:
    """Change a resting order and match it anew; raises ``Refused``."""
    if order.modifications >= SPEC.max_modifications:
        raise Refused("MODIFICATIONS", f"an order takes {SPEC.max_modifications} modifications")
    market = check_market(snapshot, order.symbol, now=now, settings=settings)
    check_quantity(change.quantity, market)
    if change.quantity <= order.filled_quantity:
        raise Refused("FILLED", f"{order.filled_quantity} units are filled already")
    changed = _changed(order, change, now)
    prices = {"price": changed.price, "trigger_price": changed.trigger_price}
    check_prices(changed.order_type, changed.side, **prices, snapshot=market)
    return _matched(state, changed, market, now=now, settings=settings)


def cancel(state: PaperState, order: PaperOrder, *, now: datetime) -> Step:
    """Cancel a resting order."""
    cancelled = replace(order, status=OrderStatus.CANCELLED, updated_at=now)
    return Step(BookChange(state.version, state.cash, orders=(cancelled,)), cancelled)


def match_resting(
    state: PaperState, snapshots: Mapping[SymbolKey, Snapshot], *, now: datetime, settings: PaperSettings
) -> BookChange | None:
    """Match what rests against newer prices and end yesterday's day orders; ``None`` when nothing changes."""
    ledger = _Ledger(state)
    for order in resting_orders(state):
        market = snapshots.get((order.exchange, order.symbol))
        if _is_over(order, now):
            ledger.put(replace(order, status=OrderStatus.EXPIRED, updated_at=now, reason="the day ended"))
        elif market is not None and _is_new(order, market) and is_usable(market, now=now, settings=settings):
            ledger.match(order, market, now=now, settings=settings)
    return ledger.change()


def resting(state: PaperState, order_id: str) -> PaperOrder:
    """Return an order that may still fill; raises ``Refused``."""
    order = state.orders.get(order_id)
    if order is None:
        raise Refused("UNKNOWN_ORDER", f"no order has the id {order_id}")
    if order.status not in WORKING:
        raise Refused("NOT_OPEN", f"order {order_id} is {order.status}")
    return order


def resting_orders(state: PaperState) -> list[PaperOrder]:
    """Return the orders that may still fill."""
    return [order for order in state.orders.values() if order.status in WORKING]


class _Ledger:
    """Collects one change over a state."""

    def __init__(self, state: PaperState) -> None:
        self._state = state
        self._orders: dict[str, PaperOrder] = {}
        self._fills: list[PaperFill] = []
        self._positions = dict(state.positions)
        self._cash = state.cash

    def put(self, order: PaperOrder) -> None:
        """Store an order's new form."""
        self._orders[order.order_id] = order

    def match(self, order: PaperOrder, market: Snapshot, *, now: datetime, settings: PaperSettings) -> PaperOrder:
        """Match once; an order that neither fills nor triggers is not rewritten."""
        result = match(_working(order), view_of(market, settings))
        after = _after(order, result, market, now=now)
        for number, fill in enumerate(result.fills, start=self._fills_of(order.order_id) + 1):
            self._book(_fill(order, number, fill.quantity, fill.price, now), order.product, market.multiplier)
        if result.fills or (after.status, after.is_triggered) != (order.status, order.is_triggered):
            self.put(after)
        return after

    def change(self) -> BookChange | None:
        """Return what was collected; ``None`` for nothing."""
        if not self._orders:
            return None
        before = self._state.positions
        return BookChange(
            base_version=self._state.version,
            cash=self._cash,
            orders=tuple(self._orders.values()),
            fills=tuple(self._fills),
            positions=tuple(one for key, one in self._positions.items() if before.get(key) != one),
        )

    def _fills_of(self, order_id: str) -> int:
        return sum(fill.order_id == order_id for fill in (*self._state.fills, *self._fills))

    def _book(self, fill: PaperFill, product: str, multiplier: Decimal) -> None:
        self._fills.append(fill)
        key = (fill.exchange, fill.symbol, product)
        held = self._positions.get(key) or PaperPosition(*key, 0, ZERO, fill.price, multiplier)
        after = netted(held, fill)
        self._cash += after.realized - held.realized
        self._positions[key] = after


def netted(position: PaperPosition, fill: PaperFill) -> PaperPosition:
    """Return the position after a fill.

    Adding averages, reducing realises, crossing zero opens the rest at the fill's price.
    """
    signed = fill.side.sign * fill.quantity
    quantity = position.quantity + signed
    closed = min(abs(position.quantity), abs(signed)) if position.quantity * signed < 0 else 0
    direction = 1 if position.quantity > 0 else -1
    gained = (fill.price - position.average_price) * closed * direction * position.multiplier
    return replace(
        position,
        quantity=quantity,
        average_price=_average(position, fill.price, signed=signed, quantity=quantity),
        last_price=fill.price,
        realized=position.realized + gained,
    )


def _average(position: PaperPosition, price: Decimal, *, signed: int, quantity: int) -> Decimal:
    if quantity == 0:
        return ZERO
    if position.quantity * signed >= 0:
        return (position.average_price * abs(position.quantity) + price * abs(signed)) / abs(quantity)
    return position.average_price if quantity * position.quantity > 0 else price


def _check_new(state: PaperState, tag: str) -> None:
    for order in state.orders.values():
        if order.client_order_id == tag:
            raise Refused("DUPLICATE_TAG", f"the tag is that of {order.order_id}", order_id=order.order_id)


def _accepted(state: PaperState, request: OrderRequest, now: datetime) -> PaperOrder:
    return PaperOrder(
        order_id=f"{now.astimezone(IST):%y%m%d}{state.version + 1:09d}",
        client_order_id=request.client_order_id,
        exchange=request.exchange,
        symbol=request.symbol,
        side=request.side,
        quantity=request.quantity,
        product=request.product.value,
        order_type=request.order_type,
        validity=request.validity,
        price=request.price,
        trigger_price=request.trigger_price,
        status=OrderStatus.OPEN,
        placed_at=now,
        updated_at=now,
        is_triggered=request.order_type in _IMMEDIATE,
    )


def _changed(order: PaperOrder, change: OrderChange, now: datetime) -> PaperOrder:
    return replace(
        order,
        order_type=change.order_type,
        quantity=change.quantity,
        validity=change.validity,
        price=order.price if change.price is None else change.price,
        trigger_price=order.trigger_price if change.trigger_price is None else change.trigger_price,
        is_triggered=order.is_triggered or change.order_type in _IMMEDIATE,
        modifications=order.modifications + 1,
        matched_at=None,
        updated_at=now,
    )


def _matched(state: PaperState, order: PaperOrder, market: Snapshot, *, now: datetime, settings: PaperSettings) -> Step:
    ledger = _Ledger(state)
    after = ledger.match(order, market, now=now, settings=settings)
    ledger.put(after)
    change = ledger.change()
    if change is None:
        raise AssertionError("an order was put, so there is a change")
    return Step(change, after)


def _working(order: PaperOrder) -> WorkingOrder:
    return WorkingOrder(
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        validity=order.validity,
        filled=order.filled_quantity,
        price=order.price,
        trigger_price=order.trigger_price,
        triggered=order.is_triggered,
    )


def _after(order: PaperOrder, result: MatchResult, market: Snapshot, *, now: datetime) -> PaperOrder:
    value = sum((fill.price * fill.quantity for fill in result.fills), ZERO)
    return replace(
        order,
        filled_quantity=result.order.filled,
        filled_value=order.filled_value + value,
        is_triggered=result.order.triggered,
        status=_status(result),
        matched_at=market.at,
        updated_at=now,
    )


def _status(result: MatchResult) -> OrderStatus:
    if result.state is MatchState.RESTING:
        return OrderStatus.PARTIALLY_FILLED if result.order.filled else OrderStatus.OPEN
    return OrderStatus(result.state.value)


def _fill(order: PaperOrder, number: int, quantity: int, price: Decimal, now: datetime) -> PaperFill:
    return PaperFill(
        trade_id=f"P{order.order_id}-{number}",
        order_id=order.order_id,
        exchange=order.exchange,
        symbol=order.symbol,
        side=order.side,
        quantity=quantity,
        price=price,
        filled_at=now,
    )


def _is_new(order: PaperOrder, market: Snapshot) -> bool:
    return order.matched_at is None or market.at > order.matched_at


def _is_over(order: PaperOrder, now: datetime) -> bool:
    return order.placed_at.astimezone(IST).date() < now.astimezone(IST).date()
