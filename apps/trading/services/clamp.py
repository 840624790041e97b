"""The exit clamp with the ledgers of one account."""

from datetime import datetime, timedelta

from django.db.models import Case, F, IntegerField, Sum, Value, When

from apps.trading.models import AccountState, Order, Position, TradeLeg
from domain.exits import exit_quantity
from domain.orders import LIVE_TRADES, UNRESOLVED, IntentKind, Side

POSITION_MAX_AGE = timedelta(seconds=2)
"""An exit is sized on a position snapshot no older than this."""


def is_fresh(state: AccountState | None, *, wall: datetime) -> bool:
    """Whether the position snapshot is recent and younger than the last fill we booked."""
    if state is None or state.positions_read_at is None or wall - state.positions_read_at > POSITION_MAX_AGE:
        return False
    return state.fills_applied_at is None or state.positions_read_at > state.fills_applied_at


def clamp(order: Order, *, state: AccountState | None, wall: datetime) -> int | None:
    """Return the units the exit order may take, ``None`` when the positions must be read first."""
    if not is_fresh(state, wall=wall):
        return None
    intent = order.intent
    leg = TradeLeg.objects.get(pk=intent.leg_id)
    return exit_quantity(
        leg_open=leg.open_quantity,
        reserved=_reserved(order),
        own_net=_own_net(order.account_id, intent.mode, leg.instrument_id),
        broker_net=_broker_net(order.account_id, intent.mode, leg.instrument_id),
        leg_sign=Side(leg.side).sign,
    )


def _reserved(order: Order) -> int:
    """Units other unresolved exits of the leg may still take; PENDING ones are unsent and do not count twice."""
    rows = Order.objects.filter(
        intent__leg_id=order.intent.leg_id, intent__kind=IntentKind.EXIT, status__in=UNRESOLVED
    ).exclude(pk=order.pk)
    total = rows.exclude(status="PENDING").aggregate(units=Sum(F("quantity") - F("filled_quantity")))["units"]
    return int(total or 0)


def _own_net(account_id: int, mode: str, instrument_id: int) -> int:
    sign = Case(When(side="BUY", then=Value(1)), default=Value(-1), output_field=IntegerField())
    rows = TradeLeg.objects.filter(
        trade__account_id=account_id, trade__mode=mode, trade__status__in=LIVE_TRADES, instrument_id=instrument_id
    )
    net = rows.aggregate(units=Sum(sign * (F("entry_quantity") - F("exit_quantity"))))["units"]
    return int(net or 0)


def _broker_net(account_id: int, mode: str, instrument_id: int) -> int:
    rows = Position.objects.filter(account_id=account_id, mode=mode, instrument_id=instrument_id)
    return int(rows.aggregate(units=Sum("quantity"))["units"] or 0)
