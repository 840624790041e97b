"""Booking executions: fill to order to leg, each exactly once, and what it cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.trading.models import Fill, Order, TradeLeg
from domain.charges import charges
from domain.exit_plan import ExitPlan, from_json, offset_of
from domain.instruments import Exchange, Kind
from domain.orders import BrokerFill, IntentKind, Side
from domain.prices import to_decimal
from domain.risk.levels import stop_price, target_price


@dataclass(slots=True)
class Booking:
    """What a round of fills touched; everything in it is saved by the caller in the same transaction."""

    fills: list[Fill] = field(default_factory=list)
    orders: dict[int, Order] = field(default_factory=dict)
    legs: dict[int, TradeLeg] = field(default_factory=dict)


def book_fills(pairs: Iterable[tuple[Order, BrokerFill]], *, wall: datetime) -> Booking:
    """Book executions on orders whose trades are locked; those booked before are left out.

    What goes beyond the order or the leg is left out of it: it may mean a flip at the broker, and somebody is paged.
    """
    booking = Booking()
    pairs = list(pairs)
    known = _known(pairs)
    for order, fill in pairs:
        if (order.account_id, fill.exchange_trade_id) not in known:
            known.add((order.account_id, fill.exchange_trade_id))
            _book(booking, order, fill, wall)
    return booking


def _known(pairs: Sequence[tuple[Order, BrokerFill]]) -> set[tuple[int, str]]:
    rows = Fill.objects.filter(
        account_id__in={order.account_id for order, _ in pairs},
        exchange_trade_id__in={fill.exchange_trade_id for _, fill in pairs},
    )
    return set(rows.values_list("account_id", "exchange_trade_id"))


def _book(booking: Booking, order: Order, fill: BrokerFill, wall: datetime) -> None:
    """Book what an execution is to the order, and to the leg as far as it holds: the ledger never crosses zero.

    What the broker filled beyond either is told; a position it turned round is found by ``flips``.
    """
    leg = booking.legs.get(order.intent.leg_id, order.intent.leg)
    is_entry = order.intent.kind == IntentKind.ENTRY
    quantity = min(fill.quantity, order.remaining)
    on_leg = quantity if is_entry else min(quantity, leg.unsold_quantity)
    if on_leg < fill.quantity:
        _page_overfill(order, fill, fill.quantity - on_leg)
    if quantity <= 0:
        return
    _book_on_order(order, quantity, fill.price * quantity)
    value = fill.price * on_leg
    if is_entry:
        leg.entry_quantity, leg.entry_value = leg.entry_quantity + on_leg, leg.entry_value + value
        leg.handed_over = False  # what came in late is ours to protect
        _set_levels(leg, from_json(order.intent.trade.exit_plan))
    else:
        leg.exit_quantity, leg.exit_value = leg.exit_quantity + on_leg, leg.exit_value + value
    booking.orders[order.pk], booking.legs[leg.pk] = order, leg
    booking.fills.append(_row(order, fill, quantity, wall))


def _book_on_order(order: Order, quantity: int, value: Decimal) -> None:
    total = order.average_price * order.filled_quantity + value
    order.filled_quantity += quantity
    order.average_price = total / order.filled_quantity


def _row(order: Order, fill: BrokerFill, quantity: int, wall: datetime) -> Fill:
    return Fill(
        account_id=order.account_id,
        order=order,
        exchange_trade_id=fill.exchange_trade_id,
        quantity=quantity,
        price=fill.price,
        filled_at=fill.filled_at,
        recorded_at=wall,
    )


def _set_levels(leg: TradeLeg, plan: ExitPlan) -> None:
    """Stop and target follow the actual average entry, from the first partial fill on."""
    entry, side, tick_size = leg.entry_value / leg.entry_quantity, Side(leg.side), leg.instrument.tick_size
    stop = stop_price(entry_price=entry, side=side, offset=offset_of(plan.stop), tick_size=tick_size)
    target = target_price(entry_price=entry, side=side, offset=offset_of(plan.target), tick_size=tick_size)
    leg.stop_price, leg.target_price = _price(stop), _price(target)


def _price(scaled: int | None) -> Decimal | None:
    return None if scaled is None else to_decimal(scaled)


def _page_overfill(order: Order, fill: BrokerFill, excess: int) -> None:
    notify(
        key=f"overfill:{order.account_id}:{fill.exchange_trade_id}",
        code="OVERFILL",
        text=f"{order.account}: {excess} more of {order.instrument.symbol} was filled than was ours to trade.",
        tenant_id=order.intent.tenant_id,
        level=Level.PAGE,
    )


def order_charges(order: Order, *, on: date) -> Decimal:
    """Return the charges of an order for what it has filled; 0 where no rate is known for the market."""
    instrument = order.instrument
    try:
        return charges(
            exchange=Exchange(instrument.exchange),
            kind=Kind(instrument.kind),
            side=Side(order.side),
            quantity=order.filled_quantity,
            price=order.average_price,
            multiplier=instrument.multiplier,
            on=on,
        ).total
    except LookupError:
        return Decimal(0)
