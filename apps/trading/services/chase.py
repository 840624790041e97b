"""Orders that rest too long: followed to the market, or withdrawn."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from apps.trading.models import Order
from apps.trading.services.changes_in_force import UNTOUCHED, InForce, changes_in_force
from apps.trading.services.names import names_of, serving_broker
from apps.trading.services.orders import limit_price
from apps.trading.services.submission import Lane
from apps.trading.services.touches import touches
from bus import failpoints
from domain.broker import Outcome, Verdict
from domain.broker_spec import BrokerSpec
from domain.orders import OrderChange, OrderType, Product, Side
from domain.pricing import Touch, is_marketable

CANCEL_AGAIN = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Step:
    """One modify, or a cancel when ``change`` is ``None``, of one resting order; with ``request_id`` it is a change a
    person asked for, whose tenant and strategy say what may halt it."""

    order_id: int
    lane: Lane
    broker_order_id: str
    change: OrderChange | None
    request_id: int = 0
    tenant_id: int = 0
    strategy_id: int = 0


@dataclass(frozen=True, slots=True)
class _Named:
    """An order whose contract's name at the serving broker is looked for."""

    pk: int
    broker: str
    mode: str
    instrument_id: int
    exchange: str
    symbol: str


def next_steps(
    *,
    shard: int,
    ready: frozenset[Lane],
    specs: Mapping[str, BrokerSpec],
    wall: datetime,
    sparing: frozenset[Lane] = frozenset(),
) -> list[Step]:
    """Return at most one step per free lane: cancels that were asked for first, then price changes that are due.

    In a lane that is ``sparing`` with its calls no entry is followed: what is left is for exits and cancels. An order a
    person priced keeps that price, and one whose change is under way is left alone but for a cancel.
    """
    rows = (
        Order.objects.working()
        .filter(account__shard=shard)
        .exclude(broker_order_id="")
        .select_related("account", "intent__trade__strategy", "intent__leg__instrument", "instrument")
        .order_by("intent__urgency", "pk")
    )
    orders = [order for order in rows if (order.account_id, order.intent.mode) in ready]
    market = touches({order.instrument_id for order in orders})
    by_hand = changes_in_force([order.pk for order in orders])
    steps: dict[Lane, Step] = {}
    for order in sorted(orders, key=lambda order: order.cancel_requested_at is None):
        step = _step(
            order,
            market.get(order.instrument_id),
            specs[serving_broker(order.account.broker, order.intent.mode)],
            wall,
            by_hand.get(order.pk, UNTOUCHED),
        )
        is_spared = step is not None and step.change is not None and step.lane in sparing
        if step is not None and not (is_spared and order.intent.kind == "ENTRY"):
            steps.setdefault(step.lane, step)
    return in_brokers_words(list(steps.values()), {order.pk: order for order in orders})


def in_brokers_words(steps: list[Step], orders: Mapping[int, Order]) -> list[Step]:
    """Give every change the serving broker's names, in one query; a contract it no longer lists keeps ours."""
    names = names_of([_named(orders[step.order_id]) for step in steps if step.change is not None])
    return [
        replace(step, change=replace(step.change, exchange=name.exchange, symbol=name.symbol, token=name.token))
        if step.change is not None and (name := names.get(step.order_id)) is not None
        else step
        for step in steps
    ]


def _named(order: Order) -> _Named:
    return _Named(
        pk=order.pk,
        broker=order.account.broker,
        mode=order.intent.mode,
        instrument_id=order.instrument_id,
        exchange=order.instrument.exchange,
        symbol=order.instrument.symbol,
    )


def _step(order: Order, touch: Touch | None, spec: BrokerSpec, wall: datetime, by_hand: InForce) -> Step | None:
    lane = (order.account_id, order.intent.mode)
    idle = timedelta(seconds=settings.CHASE_SECONDS)
    since = wall - order.changed_at if order.changed_at else idle
    if order.cancel_requested_at is not None:
        return Step(order.pk, lane, order.broker_order_id, None) if since >= _cancel_pause(order, spec) else None
    if touch is None or since < idle or order.order_type != OrderType.LIMIT:
        return None
    if by_hand.is_priced or by_hand.is_changing:
        return None
    if is_marketable(side=Side(order.side), price=order.price, touch=touch):
        return None
    if order.modifications >= spec.max_modifications:
        return Step(order.pk, lane, order.broker_order_id, None)
    return Step(order.pk, lane, order.broker_order_id, _change(order, touch, by_hand.quantity or order.quantity))


def _cancel_pause(order: Order, spec: BrokerSpec) -> timedelta:
    """A cancel goes out at once; while the book, read since, still shows the order it is asked for again."""
    if order.reason_code != "CANCEL_SENT":
        return timedelta(0)
    return max(CANCEL_AGAIN, timedelta(seconds=spec.limits.books_seconds + 1))


def _change(order: Order, touch: Touch, quantity: int) -> OrderChange:
    price = limit_price(order.intent, touch, aggressive=is_aggressive(order))
    return OrderChange(
        order_type=OrderType(order.order_type),
        quantity=quantity,
        lot_size=order.instrument.lot_size,
        exchange=order.instrument.exchange,
        price=price,
        side=Side(order.side),
        product=Product(order.product),
    )


def is_aggressive(order: Order) -> bool:
    """Exits always pay for certainty; entries only where the strategy says so."""
    return order.intent.kind == "EXIT" or order.intent.trade.strategy.order_type == "MARKET"


def record_steps(done: Iterable[tuple[Step, Outcome]], *, wall: datetime) -> None:
    """Note what was asked of the broker; what became of it the order book tells."""
    for step, outcome in done:
        rows = Order.objects.filter(pk=step.order_id)
        if step.change is None:
            rows.update(changed_at=wall, reason_code="CANCEL_SENT")
        else:
            _record_change(rows.get(), step.change.price, outcome, wall)
        failpoints.reach("steps.recorded")


def _record_change(order: Order, price: Decimal | None, outcome: Outcome, wall: datetime) -> None:
    order.changed_at, order.modifications = wall, order.modifications + 1
    if outcome.verdict is Verdict.ACKNOWLEDGED and price is not None:
        order.price = price
    order.save(update_fields=["changed_at", "modifications", "price"])
