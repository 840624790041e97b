"""When the markets trade, read from the rows. What no row says is closed, and so is what nobody confirmed."""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time

from django.conf import settings
from django.db import transaction

from apps.markets.clock import trading_date
from apps.markets.models import CalendarHorizon, SessionKind, TradingSession
from domain import sessions
from domain.clock import IST
from domain.instruments import Exchange
from domain.sessions import Horizon, SessionRow
from domain.venues import venue_of

SEED = "seed"
"""How the source of a row starts that came with the software; an operator's edit takes it away."""

DEMO_SOURCE = "demo market"
CACHE_SECONDS = 5.0
_LOOK_BACK = timedelta(days=1)
_LOOK_AHEAD = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What is known of one exchange around some instant: sessions in order, and how far they are confirmed."""

    sessions: Sequence[TradingSession]
    confirmed_through: date | None

    def session_at(self, now: datetime) -> TradingSession | None:
        """Return the running session, or ``None``; an unconfirmed one does not count."""
        running = (row for row in self.sessions if row.opens_at <= now < row.closes_at)
        return next((row for row in running if self._is_trusted(row, now)), None)

    def next_open(self, now: datetime) -> datetime | None:
        """Return when the next trusted session opens; ``None`` when none is known."""
        ahead = (row for row in self.sessions if row.opens_at > now and self._is_trusted(row, now))
        return min((row.opens_at for row in ahead), default=None)

    def horizon(self, now: datetime) -> Horizon:
        """Judge how far ahead the calendar is confirmed."""
        if self.confirmed_through is None:
            return Horizon.CLOSED
        return sessions.horizon_state(self.confirmed_through, trading_date(now))

    def is_index_frozen(self, now: datetime) -> bool:
        """Whether the closing auction holds the index still; the demo market has no auction."""
        rows = [row for row in self.sessions if row.kind != SessionKind.DEMO]
        return sessions.is_index_frozen(now, [_as_row(row) for row in rows])

    def _is_trusted(self, row: TradingSession, now: datetime) -> bool:
        return row.kind == SessionKind.DEMO or self.horizon(now) is not Horizon.CLOSED


def session_at(exchange: str, now: datetime) -> TradingSession | None:
    """Return the session that runs at a market time; ``None`` is closed or too near the confirmed end."""
    return calendar_of(exchange, now).session_at(now)


def is_open(exchange: str, now: datetime) -> bool:
    """Whether the exchange trades at a market time; fails closed."""
    return session_at(exchange, now) is not None


def next_open(exchange: str, now: datetime) -> datetime | None:
    """Return when the exchange opens next; ``None`` when no trusted session is known within two weeks."""
    return calendar_of(exchange, now).next_open(now)


def horizon(exchange: str, now: datetime) -> Horizon:
    """Judge how far ahead the exchange's calendar is confirmed; an exchange without a row is CLOSED."""
    return calendar_of(exchange, now).horizon(now)


_cache: dict[tuple[str, date], tuple[float, Calendar]] = {}
_cache_lock = threading.Lock()


def calendar_of(exchange: str, now: datetime) -> Calendar:
    """Return the exchange's calendar around a market time, at most five seconds old."""
    key = (exchange, trading_date(now))
    with _cache_lock:
        kept = _cache.get(key)
    if kept is not None and time.monotonic() - kept[0] < CACHE_SECONDS:
        return kept[1]
    found = _read(exchange, now)
    with _cache_lock:
        if len(_cache) > 64:
            _cache.clear()
        _cache[key] = (time.monotonic(), found)
    return found


def forget_calendar() -> None:
    """Make this process read the calendar anew: it was just edited."""
    with _cache_lock:
        _cache.clear()


def _read(exchange: str, now: datetime) -> Calendar:
    if venue_of(exchange).never_closes:
        return _without_end(exchange, now)
    rows = TradingSession.objects.filter(
        exchange=exchange, closes_at__gt=now - _LOOK_BACK, opens_at__lt=now + _LOOK_AHEAD
    ).order_by("opens_at")
    if not settings.DEMO:
        rows = rows.exclude(kind=SessionKind.DEMO)  # a demo's leftovers never open a real market
    confirmed = CalendarHorizon.objects.filter(exchange=exchange).first()
    return Calendar(list(rows), confirmed.confirmed_through if confirmed else None)


def _without_end(exchange: str, now: datetime) -> Calendar:
    """A market that never closes has no rows that could be missing: what stops it is a halt."""
    first, last = trading_date(now - _LOOK_BACK), trading_date(now + _LOOK_AHEAD)
    return Calendar([_new(row) for row in sessions.seed_sessions(Exchange(exchange), first, last)], date.max)


def _as_row(row: TradingSession) -> SessionRow:
    return SessionRow(
        exchange=Exchange(row.exchange),
        date=row.trading_date,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        kind=sessions.SessionKind(row.kind),
        source=row.source,
    )


@dataclass(frozen=True, slots=True)
class Seeded:
    """What seeding changed."""

    added: int
    changed: int


def seed_calendar(*, date_from: date, date_to: date) -> Seeded:
    """Write the sessions the rules know for both days and those between, and how far they are confirmed.

    Safe to repeat. A day an operator touched is left alone: one with a row of another source, and one inside the
    seeded span that has none (it was closed by hand).
    """
    with transaction.atomic():
        done = [_seed(exchange, date_from, date_to) for exchange in sessions.SESSION_EXCHANGES]
        _seed_horizons()
    forget_calendar()
    return Seeded(added=sum(one.added for one in done), changed=sum(one.changed for one in done))


def _seed(exchange: Exchange, date_from: date, date_to: date) -> Seeded:
    kept: dict[date, list[TradingSession]] = {}
    stored = TradingSession.objects.select_for_update().filter(exchange=exchange).exclude(kind=SessionKind.DEMO)
    for row in stored:
        kept.setdefault(row.trading_date, []).append(row)
    ours = [day for day, rows in kept.items() if _are_seeded(rows)]
    span = (min(ours), max(ours)) if ours else None
    added = changed = 0
    for day, wanted in _by_day(sessions.seed_sessions(exchange, date_from, date_to)).items():
        rows = kept.get(day, [])
        if not rows and not (span and span[0] <= day <= span[1]):
            added += len(TradingSession.objects.bulk_create(_new(row) for row in wanted))
        elif rows and _are_seeded(rows) and _differ(rows, wanted):
            TradingSession.objects.filter(pk__in=[row.pk for row in rows]).delete()
            changed += len(TradingSession.objects.bulk_create(_new(row) for row in wanted))
    return Seeded(added, changed)


def _seed_horizons() -> None:
    for exchange in sessions.SESSION_EXCHANGES:
        horizon_row, _ = CalendarHorizon.objects.get_or_create(
            exchange=exchange, defaults={"confirmed_through": sessions.CONFIRMED_THROUGH, "source": SEED}
        )
        if horizon_row.source == SEED and horizon_row.confirmed_through < sessions.CONFIRMED_THROUGH:
            horizon_row.confirmed_through = sessions.CONFIRMED_THROUGH
            horizon_row.save(update_fields=["confirmed_through"])


def _are_seeded(rows: Iterable[TradingSession]) -> bool:
    return all(row.source.startswith(SEED) for row in rows)


def _differ(rows: Iterable[TradingSession], wanted: Iterable[SessionRow]) -> bool:
    stored = {(row.opens_at, row.closes_at, row.kind) for row in rows}
    return stored != {(row.opens_at, row.closes_at, row.kind.value) for row in wanted}


def _by_day(rows: Iterable[SessionRow]) -> dict[date, list[SessionRow]]:
    found: dict[date, list[SessionRow]] = {}
    for row in rows:
        found.setdefault(row.date, []).append(row)
    return found


def _new(row: SessionRow) -> TradingSession:
    return TradingSession(
        exchange=row.exchange,
        trading_date=row.date,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        kind=row.kind.value,
        source=f"{SEED}: {row.source}"[:100],
    )


def ensure_demo_sessions(now: datetime) -> int:
    """Keep the demo market open: all of today and tomorrow (IST) on every exchange that ever closes; return how
    many rows were new.

    Does nothing outside a demo.
    """
    if not settings.DEMO:
        return 0
    today = trading_date(now)
    closing = [exchange for exchange in Exchange if not venue_of(exchange).never_closes]
    rows = [_demo(exchange, day) for exchange in closing for day in (today, today + timedelta(days=1))]
    before = TradingSession.objects.count()
    TradingSession.objects.bulk_create(rows, ignore_conflicts=True)
    forget_calendar()
    return TradingSession.objects.count() - before


def _demo(exchange: Exchange, day: date) -> TradingSession:
    midnight = datetime.combine(day, wall_time(0), tzinfo=IST)
    return TradingSession(
        exchange=exchange,
        trading_date=day,
        opens_at=midnight.astimezone(UTC),
        closes_at=(midnight + timedelta(days=1)).astimezone(UTC),
        kind=SessionKind.DEMO,
        source=DEMO_SOURCE,
    )
