"""Trading sessions: weekly rules with their dates, the rows seeded from them, and questions asked of rows.

Predicates look only at the rows they are given, so an edited calendar is obeyed. Rows are UTC, rules IST.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain import holidays
from domain.clock import IST
from domain.instruments import Exchange
from domain.venues import venue_of

CONFIRMED_THROUGH = holidays.CONFIRMED_THROUGH
NEW_YORK = ZoneInfo("America/New_York")


class SessionKind(StrEnum):
    """Why the market is open."""

    REGULAR = "REGULAR"
    SPECIAL = "SPECIAL"
    MUHURAT = "MUHURAT"
    EVENING = "EVENING"


class Horizon(StrEnum):
    """How far ahead the calendar is confirmed."""

    OK = "OK"
    ALERT = "ALERT"
    CLOSED = "CLOSED"  # too near to trade on: fail closed


class Phase(StrEnum):
    """What prices may be expected to do now."""

    CLOSED = "CLOSED"
    PRE_OPEN = "PRE_OPEN"
    OPEN = "OPEN"
    CLOSING_AUCTION = "CLOSING_AUCTION"  # the price stands still and is FROZEN, not stale


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One uninterrupted session; ``date`` is the IST trading date, times are UTC, the close is exclusive."""

    exchange: Exchange
    date: date
    opens_at: datetime
    closes_at: datetime
    kind: SessionKind
    source: str


@dataclass(frozen=True, slots=True)
class Regime:
    """The weekday session from a date on, IST."""

    first: date
    opens: time
    closes: time
    source: str


_CASH = (Regime(date(2010, 1, 1), time(9, 15), time(15, 30), "NSE"),)
_FO = (
    Regime(date(2010, 1, 1), time(9, 15), time(15, 30), "NSE"),
    Regime(date(2026, 8, 3), time(9, 15), time(15, 40), "NSE/FAOP/74467; BSE 20260801-2"),
)
_CURRENCY = (Regime(date(2010, 1, 1), time(9, 0), time(17, 0), "weekly rule; not verified with NSE"),)
REGIMES: dict[Exchange, tuple[Regime, ...]] = {
    Exchange.NSE: _CASH,
    Exchange.BSE: _CASH,
    Exchange.NSE_INDEX: _CASH,
    Exchange.BSE_INDEX: _CASH,
    Exchange.NFO: _FO,
    Exchange.BFO: _FO,
    Exchange.CDS: _CURRENCY,
}
"""Weekday sessions. Stocks in the closing auction stop at 15:15 since 2026-08-03, other stocks at 15:30."""

_MCX_OPEN, _MCX_EVENING = time(9, 0), time(17, 0)
_MCX_SUMMER_CLOSE, _MCX_WINTER_CLOSE = time(23, 30), time(23, 55)
_MCX_SOURCE = "NSE/COM/72699, 72263: 23:30 while New York is on daylight time, else 23:55"

SESSION_EXCHANGES = (*REGIMES, Exchange.MCX)
AUCTION_FIRST = date(2026, 8, 3)  # NSE/CMTR/74466
_AUCTION = (time(15, 15), time(15, 35))
_PRE_OPEN = time(9, 0)
_PRE_OPEN_FIRST = {
    Exchange.NSE: date(2010, 1, 1),
    Exchange.BSE: date(2010, 1, 1),
    Exchange.NSE_INDEX: date(2010, 1, 1),
    Exchange.BSE_INDEX: date(2010, 1, 1),
    Exchange.NFO: date(2025, 12, 8),  # futures only
    Exchange.BFO: date(2025, 12, 8),
}


def seed_sessions(exchange: Exchange, date_from: date, date_to: date) -> list[SessionRow]:
    """Return the known sessions of both days and those between, in order.

    Days outside the confirmed years have no row, and no row means closed; a market that never closes has a row for
    every day of any year, each from midnight to midnight IST. Raises ``LookupError`` for an exchange without rules.
    """
    if venue_of(exchange).never_closes:
        return [_whole_day(exchange, day) for day in _days(date_from, date_to)]
    if exchange not in SESSION_EXCHANGES:
        raise LookupError(f"no session rules for {exchange}")
    first = max(date_from, _confirmed_from(exchange))
    last = min(date_to, CONFIRMED_THROUGH)
    return [row for day in _days(first, last) for row in _rows_of(exchange, day)]


def mcx_close(day: date) -> time:
    """Return the commodity close, IST: it follows New York's clock."""
    afternoon = datetime.combine(day, _MCX_SUMMER_CLOSE, tzinfo=IST).astimezone(NEW_YORK)
    return _MCX_SUMMER_CLOSE if afternoon.dst() else _MCX_WINTER_CLOSE


def session_at(rows: Iterable[SessionRow], now: datetime) -> SessionRow | None:
    """Return the session that is running, or ``None``."""
    return next((row for row in rows if row.opens_at <= now < row.closes_at), None)


def is_open(rows: Iterable[SessionRow], now: datetime) -> bool:
    """Tell whether a session is running; no rows means closed."""
    return session_at(rows, now) is not None


def next_open(rows: Iterable[SessionRow], now: datetime) -> datetime | None:
    """Return when the next session that has not begun opens; ``None`` when the rows know of none."""
    return min((row.opens_at for row in rows if row.opens_at > now), default=None)


def horizon_state(confirmed_through: date, today: date) -> Horizon:
    """Judge the calendar's confirmed end: under 45 days alerts, under 7 days nothing is sent any more."""
    days = (confirmed_through - today).days
    if days < 7:
        return Horizon.CLOSED
    return Horizon.ALERT if days < 45 else Horizon.OK


def is_index_frozen(now: datetime, rows: Iterable[SessionRow]) -> bool:
    """Tell whether index and auction-stock prices stand still: 15:15 to 15:35 of a full trading day.

    ``rows`` may be those of the cash or of the derivatives exchange.
    """
    local = now.astimezone(IST)
    if local.date() < AUCTION_FIRST or not _AUCTION[0] <= local.time() < _AUCTION[1]:
        return False
    start = datetime.combine(local.date(), _AUCTION[0], tzinfo=IST)
    return session_at(rows, start) is not None


def phase(now: datetime, *, rows: Sequence[SessionRow], in_closing_auction: bool) -> Phase:
    """Return an instrument's phase; ``in_closing_auction`` is true for indices and for auction stocks."""
    if in_closing_auction and is_index_frozen(now, rows):
        return Phase.CLOSING_AUCTION
    if is_open(rows, now):
        return Phase.OPEN
    return Phase.PRE_OPEN if any(_is_pre_open(row, now) for row in rows) else Phase.CLOSED


def _is_pre_open(row: SessionRow, now: datetime) -> bool:
    first = _PRE_OPEN_FIRST.get(row.exchange)
    if row.kind is not SessionKind.REGULAR or first is None or row.date < first:
        return False
    return _at(row.date, _PRE_OPEN) <= now < row.opens_at


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))


def _whole_day(exchange: Exchange, day: date) -> SessionRow:
    ends = _at(day + timedelta(days=1), time(0))
    return SessionRow(exchange, day, _at(day, time(0)), ends, SessionKind.REGULAR, "trades around the clock")


def _confirmed_from(exchange: Exchange) -> date:
    if exchange in (Exchange.MCX, Exchange.CDS):
        return holidays.OTHER_CONFIRMED_FROM
    return holidays.EQUITY_CONFIRMED_FROM


def _rows_of(exchange: Exchange, day: date) -> list[SessionRow]:
    if exchange is Exchange.MCX:
        return _commodity_rows(day)
    special = [] if exchange is Exchange.CDS else _special_rows(exchange, day)
    return special or _regular_rows(exchange, day)


def _regular_rows(exchange: Exchange, day: date) -> list[SessionRow]:
    if day.weekday() >= 5 or not holidays.is_trading_day(exchange, day):
        return []
    regime = [regime for regime in REGIMES[exchange] if regime.first <= day][-1]
    return [_row(exchange, day, (regime.opens, regime.closes), SessionKind.REGULAR, regime.source)]


def _special_rows(exchange: Exchange, day: date) -> list[SessionRow]:
    kinds = ((SessionKind.SPECIAL, holidays.EQUITY_SPECIAL), (SessionKind.MUHURAT, holidays.EQUITY_MUHURAT))
    return [
        _row(exchange, day, window, kind, special.source)
        for kind, specials in kinds
        for special in specials
        if special.day == day
        for window in special.windows
    ]


def _commodity_rows(day: date) -> list[SessionRow]:
    effect = holidays.COMMODITY_EFFECTS.get(day)
    if day.weekday() >= 5 or effect is holidays.CommodityEffect.CLOSED:
        return []
    if effect is holidays.CommodityEffect.MORNING_CLOSED:
        window = (_MCX_EVENING, mcx_close(day))
        return [_row(Exchange.MCX, day, window, SessionKind.EVENING, holidays.COMMODITY_SOURCE)]
    if effect is holidays.CommodityEffect.EVENING_CLOSED:
        window = (_MCX_OPEN, _MCX_EVENING)
        return [_row(Exchange.MCX, day, window, SessionKind.SPECIAL, holidays.COMMODITY_SOURCE)]
    return [_row(Exchange.MCX, day, (_MCX_OPEN, mcx_close(day)), SessionKind.REGULAR, _MCX_SOURCE)]


def _row(exchange: Exchange, day: date, window: tuple[time, time], kind: SessionKind, source: str) -> SessionRow:
    return SessionRow(exchange, day, _at(day, window[0]), _at(day, window[1]), kind, source)


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=IST).astimezone(UTC)
