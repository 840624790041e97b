"""The market's clock as people read it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.markets.models import TradingSession
from domain.clock import IST

EXCHANGES = ("NFO", "MCX")
_NAMES = {"NFO": "NSE F&O", "MCX": "MCX"}
_SOON = timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class MarketHours:
    """One exchange now: ``text`` is a sentence's worth, ``changes_at`` when it stops being true."""

    exchange: str
    name: str
    is_open: bool
    text: str
    changes_at: datetime | None


def market_hours(now: datetime) -> list[MarketHours]:
    """Return what each exchange does at a market time; an exchange without sessions ahead is closed."""
    rows = TradingSession.objects.filter(
        exchange__in=EXCHANGES, closes_at__gt=now, opens_at__lt=now + timedelta(days=10)
    ).order_by("opens_at")
    first: dict[str, TradingSession] = {}
    for row in rows:
        first.setdefault(row.exchange, row)
    return [
        _hours(exchange, first.get(exchange), now) for exchange in EXCHANGES if exchange == "NFO" or exchange in first
    ]


def is_any_open(now: datetime) -> bool:
    """Whether any exchange trades at a market time."""
    return TradingSession.objects.filter(opens_at__lte=now, closes_at__gt=now).exists()


def _hours(exchange: str, row: TradingSession | None, now: datetime) -> MarketHours:
    name = _NAMES[exchange]
    if row is None:
        return MarketHours(exchange, name, False, "closed, no session known", None)
    if row.opens_at <= now:
        return MarketHours(exchange, name, True, _open_text(row, now), row.closes_at)
    return MarketHours(exchange, name, False, _closed_text(row, now), row.opens_at)


def _open_text(row: TradingSession, now: datetime) -> str:
    left = row.closes_at - now
    kind = "open" if row.kind == "REGULAR" else f"open ({row.get_kind_display().lower()})"
    if left <= _SOON:
        return f"{kind}, closes in {int(left.total_seconds() // 60) + 1} min"
    return f"{kind} until {_clock(row.closes_at, now)}"


def _closed_text(row: TradingSession, now: datetime) -> str:
    left = row.opens_at - now
    if left <= _SOON:
        return f"opens in {int(left.total_seconds() // 60) + 1} min"
    return f"closed, opens {_clock(row.opens_at, now)}"


def _clock(at: datetime, now: datetime) -> str:
    local, today = at.astimezone(IST), now.astimezone(IST).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%a %d %b %H:%M}"
