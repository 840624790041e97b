"""What happened to one trade, step by step, with the time each step took."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.dashboard import figures, wording
from apps.dashboard.services.board import ExternalLine
from apps.dashboard.services.recovery import external_lines
from apps.trading.models import ChangeRequest, Fill, Intent, Order, Trade
from apps.trading.services.outside import outside_of_trade
from apps.trading.wording import CHECKING, OUTSIDE
from domain.order_changes import RequestKind
from domain.orders import FINAL, IntentKind, OrderStatus

_REFUSALS = FINAL - {OrderStatus.FILLED, OrderStatus.CANCELLED}


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``tone`` is a class of the stylesheet, ``after_ms`` the time since the order's step before."""

    at: datetime
    text: str
    tone: str = ""
    after_ms: int | None = None


def timeline(trade: Trade) -> list[Step]:
    """Return the steps of a trade, oldest first; needs its wave's signal loaded."""
    orders = Order.objects.filter(intent__trade=trade).select_related("instrument", "intent")
    steps = [*_of_signal(trade), *_of_exits(trade)]
    for order in orders:
        steps += _of_order(order)
    steps += [
        _of_fill(fill) for fill in Fill.objects.filter(order__intent__trade=trade).select_related("order__instrument")
    ]
    steps += [step for request in _requests(trade) for step in _of_request(request)]
    steps += [_of_outside(row) for row in external_lines(outside_of_trade(trade))]
    if trade.closed_at is not None:
        steps.append(Step(trade.closed_at, f"Closed: {wording.close_words(trade.close_reason)}", "tag-good"))
    return sorted(steps, key=lambda step: step.at)


def _of_signal(trade: Trade) -> list[Step]:
    signal = trade.wave.signal
    return [
        Step(signal.received_at, f"Signal to enter ({signal.source})"),
        Step(trade.created_at, "Orders written", after_ms=_since(signal.received_at, trade.created_at)),
    ]


def _of_exits(trade: Trade) -> list[Step]:
    exits = Intent.objects.filter(trade=trade, kind=IntentKind.EXIT).select_related("leg__instrument")
    return [
        Step(
            one.created_at,
            f"Exit of {one.leg.instrument.symbol} asked for: {wording.close_words(one.reason)}",
            "tag-warn",
        )
        for one in exits
    ]


def _of_order(order: Order) -> list[Step]:
    what = f"{order.side.title()} {figures.units_text(order.quantity)} {order.instrument.symbol}"
    steps = []
    if order.submitted_at is not None:
        price = f" at {_price(order.price, order)}" if order.price else ""
        steps.append(
            Step(order.submitted_at, f"{what}{price} sent", "tag-busy", _since(order.created_at, order.submitted_at))
        )
    if order.acknowledged_at is not None:
        steps.append(
            Step(order.acknowledged_at, f"{what} accepted", "", _since(order.submitted_at, order.acknowledged_at))
        )
    if order.status in CHECKING:
        words, at = wording.order_words(order.status), order.claimed_at or order.submitted_at or order.created_at
        steps.append(Step(at, f"{what}: {words.text[0].lower()}{words.text[1:]}, no answer came", words.tone))
    elif order.status in _REFUSALS and order.finished_at is not None:
        words, reason = wording.order_words(order.status), order.reason or order.reason_code
        steps.append(Step(order.finished_at, f"{what}: {words.text.lower()}. {reason}".rstrip(". "), words.tone))
    return steps


def _requests(trade: Trade) -> list[ChangeRequest]:
    rows = ChangeRequest.objects.filter(order__intent__trade=trade).select_related("order__instrument", "asked_by")
    return list(rows)


def _of_request(request: ChangeRequest) -> list[Step]:
    order, who = request.order, request.asked_by.name or request.asked_by.email
    what = f"{order.side.title()} {order.instrument.symbol}"
    wished = ", ".join(_wished(request))
    asked = Step(request.asked_at, f"{what}: {wished or 'cancel'} asked for by {who}", "tag-warn")
    if request.kind == RequestKind.CANCEL or request.finished_at is None:
        return [asked]
    words = wording.request_words(request.status)
    return [asked, Step(request.finished_at, f"{what}: {words.text.lower()}. {request.note}".rstrip(". "), words.tone)]


def _wished(request: ChangeRequest) -> list[str]:
    wished = [
        f"{name} {figures.price_text(value)}"
        for name, value in (("price", request.price), ("trigger", request.trigger_price))
        if value is not None
    ]
    return wished + ([f"quantity {figures.units_text(request.quantity)}"] if request.quantity is not None else [])


def _of_outside(row: ExternalLine) -> Step:
    what = f"{row.side.title()} {figures.units_text(row.quantity)} {row.symbol}"
    filled = (
        f", {figures.units_text(row.filled_quantity)} filled at {figures.price_text(row.average_price, row.decimals)}"
    )
    said = f"{OUTSIDE}: {what}{filled if row.filled_quantity else ''}. {row.words.text}, {row.broker_order_id}"
    return Step(row.seen_at, said, "tag-outside")


def _of_fill(fill: Fill) -> Step:
    order = fill.order
    verb = "bought" if order.side == "BUY" else "sold"
    text = f"{figures.units_text(fill.quantity)} {order.instrument.symbol} {verb} at {_price(fill.price, order)}"
    return Step(fill.filled_at, text, "tag-good")


def _price(price: Decimal, order: Order) -> str:
    return figures.price_text(price, order.instrument.decimals)


def _since(start: datetime | None, end: datetime) -> int | None:
    if start is None or end < start:
        return None
    return int((end - start).total_seconds() * 1000)
