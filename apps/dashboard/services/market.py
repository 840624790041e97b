"""The market's clock as people read it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings

from apps.broker_accounts.models import BrokerAccount
from apps.markets.models import SessionKind, TradingSession
from apps.strategies.models import StrategyMap
from apps.trading.models import Trade, TradeLeg
from apps.users.models import User
from domain.clock import IST
from domain.venues import venue_of

USUAL = "NFO"
"""What is shown to somebody none of whose accounts trades anything yet."""

_NAMES = {
    "NSE": "NSE",
    "BSE": "BSE",
    "NFO": "NSE F&O",
    "BFO": "BSE F&O",
    "CDS": "NSE currency",
    "BCD": "BSE currency",
    "MCX": "MCX",
    "BINANCE": "Binance",
    "BINANCE_UM": "Binance futures",
    "MT5": "MetaTrader 5",
}
_SOON = timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class MarketHours:
    """One exchange now: ``text`` is a sentence's worth, ``changes_at`` when it stops being true."""

    exchange: str
    name: str
    is_open: bool
    text: str
    changes_at: datetime | None


def market_hours(now: datetime, user: User) -> list[MarketHours]:
    """Return what each exchange does at a market time that an account of the person trades: by a strategy mapped to
    it, or in a trade under way. An exchange without sessions ahead is closed; where all keep the same hours they are
    told once."""
    rows = TradingSession.objects.filter(closes_at__gt=now, opens_at__lt=now + timedelta(days=10)).order_by("opens_at")
    first: dict[str, TradingSession] = {}
    for row in rows if settings.DEMO else rows.exclude(kind=SessionKind.DEMO):
        first.setdefault(row.exchange, row)
    exchanges = _traded_by(user) or {USUAL}
    known = [exchange for exchange in _NAMES if exchange in exchanges]
    return _told_once(_hours(exchange, first.get(exchange), now) for exchange in known)


def _traded_by(user: User) -> set[str]:
    accounts = BrokerAccount.objects.for_user(user).active().order_by().values("pk")
    mapped = StrategyMap.objects.filter(account__in=accounts, is_active=True, strategy__is_active=True)
    legs = TradeLeg.objects.filter(trade__account__in=accounts, trade__in=Trade.objects.live())
    by_strategy = mapped.order_by().values_list("strategy__exchange", flat=True).distinct()
    return {*by_strategy, *legs.order_by().values_list("instrument__exchange", flat=True).distinct()}


def _told_once(hours: Iterable[MarketHours]) -> list[MarketHours]:
    """Join exchanges that do the same until the same moment."""
    found: dict[tuple[bool, str, datetime | None], MarketHours] = {}
    for one in hours:
        key = (one.is_open, one.text, one.changes_at)
        before = found.get(key)
        found[key] = one if before is None else replace(before, name=f"{before.name}, {one.name}")
    return list(found.values())


def is_any_open(now: datetime) -> bool:
    """Whether any exchange trades at a market time."""
    return TradingSession.objects.filter(opens_at__lte=now, closes_at__gt=now).exists()


def _hours(exchange: str, row: TradingSession | None, now: datetime) -> MarketHours:
    name, venue = _NAMES[exchange], venue_of(exchange)
    if venue.never_closes:
        return MarketHours(exchange, name, True, "hours by symbol" if venue.hours_by_symbol else "never closes", None)
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
