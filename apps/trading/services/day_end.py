"""Square-off by the clock, and what must be true once a market has closed: everything resolved, flat and agreed.

A market that never closes has a day all the same, at whose end the books must agree; what trades there goes on.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Max, QuerySet

from apps.audit.models import AuditEvent
from apps.audit.services.record import Entry, record_all
from apps.markets.models import SessionKind, TradingSession
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.trading.models import Order, Trade, TradeLeg
from apps.trading.services.agreement import Disagreement, ask_for_unread, disagreements, is_held
from apps.trading.services.exit import request_exit
from apps.trading.services.sweep import abort_unsent
from bus import commands
from domain.orders import ExitReason, IntentKind, Mode, OrderStatus, Product
from domain.venues import VENUES, last_day

log = logging.getLogger(__name__)

LATE_AFTER = timedelta(minutes=2)
"""How long after its square-off time a trade may still be live before somebody is paged."""

GRACE = timedelta(minutes=10)
"""How long after the close the brokers' books may take to settle."""

LOOK_BACK = timedelta(hours=12)
WHOLE_DAY = timedelta(days=1)
AT_ONCE = 200

_AS_URGENT = [reason.value for reason in ExitReason if reason.urgency <= ExitReason.SQUARE_OFF.urgency]


def square_off_due(*, now: datetime) -> int:
    """Ask every live trade whose time has passed to go flat; returns the number of legs newly asked.

    The engine does the same from its own clock. A leg already leaving for as urgent a reason is left alone, so this
    may run any number of times; entries not filled yet are withdrawn.
    """
    due = Trade.objects.live().filter(square_off_at__lte=now)
    legs = TradeLeg.objects.filter(trade__in=due).exclude(exit_reason__in=_AS_URGENT).order_by("trade_id", "pk")
    ids = list(legs.values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        request_exit(leg_ids=ids[start : start + AT_ONCE], reason=ExitReason.SQUARE_OFF, now=now)
    _page_late(due.filter(square_off_at__lte=now - LATE_AFTER).select_related("account"))
    return len(ids)


def _page_late(trades: Iterable[Trade]) -> None:
    for trade in trades:
        notify(
            key=f"square-off-late:{trade.pk}",
            code="SQUARE_OFF_LATE",
            text=f"{trade.account}: trade {trade.pk} is not flat yet, past its square-off time.",
            tenant_id=trade.tenant_id,
            level=Level.PAGE,
        )


def wake_waiting() -> int:
    """Wake the shards of orders that wait to be sent: what a lost message would have said. Returns how many shards."""
    waiting = Order.objects.filter(status=OrderStatus.PENDING).order_by().values_list("account__shard", flat=True)
    shards = set(waiting.distinct())
    commands.wake_execution(shards)
    return len(shards)


@dataclass(frozen=True, slots=True)
class Closed:
    """A market whose last session of a trading date is over, or the day of one that never closes."""

    exchange: str
    trading_date: date
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class DayEnd:
    """What one look after the close found: orders nobody knows the end of, trades left open, books that differ.

    ``unread`` are accounts whose positions were not read since their last fill; they are asked for.
    """

    closed: Closed
    unresolved: int
    left: int
    differences: int
    unread: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing needs a person."""
        return not (self.unresolved or self.left or self.differences or self.unread)


def end_of_day(*, now: datetime, wall: datetime) -> list[DayEnd]:
    """Look after every market that closed a while ago; safe to repeat, each finding is told once.

    ``now`` is market time, ``wall`` the wall's; they differ in a replay only.
    """
    over = [_finish(closed, now=now, wall=wall) for closed in closed_markets(now)]
    return over + [_compare(closed, wall=wall) for closed in days_over(now)]


def closed_markets(now: datetime) -> list[Closed]:
    """Return the markets whose last session of a date ended between ten minutes and twelve hours ago.

    Not those that trade again by now: what is unresolved there belongs to the new day. The demo market never closes.
    """
    rows = TradingSession.objects.order_by()
    if not settings.DEMO:
        rows = rows.exclude(kind=SessionKind.DEMO)
    days = rows.values("exchange", "trading_date").annotate(last=Max("closes_at"))
    found = days.filter(last__lte=now - GRACE, last__gt=now - LOOK_BACK).order_by("exchange")
    running = set(rows.filter(opens_at__lte=now, closes_at__gt=now).values_list("exchange", flat=True))
    return [
        Closed(row["exchange"], row["trading_date"], row["last"]) for row in found if row["exchange"] not in running
    ]


def days_over(now: datetime) -> list[Closed]:
    """Return the days of markets without an end, ended between ten minutes and twelve hours ago, not seen clean yet.

    Only markets in which something is held, by our books or by a broker's.
    """
    endless = [exchange for exchange, venue in VENUES.items() if venue.never_closes]
    days = [Closed(exchange, *last_day(exchange, now)) for exchange in endless]
    over = [day for day in days if GRACE <= now - day.closed_at < LOOK_BACK and not _is_noted(day)]
    return [day for day in over if is_held(day.exchange)]


def _compare(closed: Closed, *, wall: datetime) -> DayEnd:
    """Compare the books of lanes that rest: where an order is under way, both sides move."""
    since = closed.closed_at - WHOLE_DAY
    differences = disagreements(exchange=closed.exchange, since=since, resting_only=True)
    for one in differences:
        _page_difference(one, closed)
    found = DayEnd(closed, 0, 0, len(differences), ask_for_unread(since=since))
    _note(found, wall)
    return found


def _finish(closed: Closed, *, now: datetime, wall: datetime) -> DayEnd:
    _end_entries(closed, now=now)
    unresolved = _page_unresolved(closed)
    left = _page_left(closed)
    since = closed.closed_at - LOOK_BACK
    differences = disagreements(exchange=closed.exchange, since=since)
    for one in differences:
        _page_difference(one, closed)
    found = DayEnd(closed, unresolved, left, len(differences), ask_for_unread(since=since))
    _note(found, wall)
    return found


def _of(closed: Closed) -> QuerySet[Order]:
    """Return the market's orders of the day that may still gain fills."""
    day = closed.trading_date
    return Order.objects.unresolved().filter(instrument__exchange=closed.exchange, intent__trade__trading_date__lte=day)


def _end_entries(closed: Closed, *, now: datetime) -> None:
    """No entry outlives its day: the unsent are aborted, the sent are asked to be cancelled."""
    entries = _of(closed).filter(intent__kind=IntentKind.ENTRY)
    abort_unsent(entries.filter(status=OrderStatus.PENDING), code="SESSION_CLOSED", now=now)
    entries.filter(cancel_requested_at__isnull=True).update(cancel_requested_at=now)


def _page_unresolved(closed: Closed) -> int:
    orders = list(_of(closed).select_related("account", "instrument", "intent"))
    for order in orders:
        notify(
            key=f"eod-unresolved:{order.pk}",
            code="ORDER_UNRESOLVED",
            text=f"{order.account}: an order in {order.instrument.symbol} is {order.status} after the close.",
            tenant_id=order.intent.tenant_id,
            level=Level.PAGE,
        )
    return len(orders)


def _page_left(closed: Closed) -> int:
    """Intraday trades must not survive their day: the broker closes them at its own price and cost."""
    legs = TradeLeg.objects.filter(instrument__exchange=closed.exchange).values("trade_id")
    trades = Trade.objects.live().filter(pk__in=legs, product=Product.MIS, trading_date__lte=closed.trading_date)
    left = list(trades.select_related("account"))
    for trade in left:
        notify(
            key=f"mis-left:{trade.pk}:{closed.trading_date}",
            code="INTRADAY_LEFT_OPEN",
            text=f"{trade.account}: intraday trade {trade.pk} is still {trade.status} after the close.",
            tenant_id=trade.tenant_id,
            level=Level.PAGE,
        )
    return len(left)


def _page_difference(one: Disagreement, closed: Closed) -> None:
    account = one.account
    notify(
        key=f"eod-position:{account.pk}:{one.mode}:{one.instrument.pk}:{closed.trading_date}",
        code="POSITION_DIFFERS",
        text=f"{account} ({one.mode.lower()}): {one.instrument.symbol} is {one.theirs} at the broker, {one.ours} here.",
        tenant_id=account.tenant_id,
        level=Level.PAGE if one.mode == Mode.LIVE else Level.WARNING,
    )


def _note(found: DayEnd, wall: datetime) -> None:
    """Log each market's day once it is clean; until then the notifications speak."""
    if found.is_clean and _first_time(found.closed):
        log.info("day ended", extra={"exchange": found.closed.exchange, "date": found.closed.trading_date, "at": wall})


def _first_time(closed: Closed) -> bool:
    if _is_noted(closed):
        return False
    record_all([Entry("day_ended", "markets.tradingsession", None, None, _named(closed))])
    return True


def _is_noted(closed: Closed) -> bool:
    return AuditEvent.objects.filter(
        kind="day_ended", object_type="markets.tradingsession", data=_named(closed)
    ).exists()


def _named(closed: Closed) -> dict[str, str]:
    return {"exchange": closed.exchange, "trading_date": str(closed.trading_date)}
