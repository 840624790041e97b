"""What sets an exchange apart from the Indian ones: its money, its hours, and what a bare symbol of it names.

Quantities there may be fractions. ``quantity`` stays whole units all the same: one unit is the venue's quantity step,
the contract's ``multiplier`` is that step (0.00250 BTC in steps of 0.00001 are 250 units of multiplier 0.00001) and
``lot_size`` the units of the smallest order. Money is then price x quantity x multiplier in the venue's currency, as it
is on MCX in rupees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from types import MappingProxyType
from zoneinfo import ZoneInfo

from domain.clock import IST
from domain.instruments import Exchange, Kind

RUPEES = "INR"
INDIA = "INDIA"


@dataclass(frozen=True, slots=True)
class Venue:
    """``currency`` is what prices, profits and charges are in: amounts of two currencies are never added.

    ``never_closes``: it trades every minute of every day, without a calendar to keep and without a square-off.
    ``hours_by_symbol``: its symbols close by hours that only the server knows. ``day_ends`` by the clocks of ``zone``
    is when its books turn the page all the same.
    ``kind`` is what a symbol without expiry names (``None``: a stock or an index, as on the Indian exchanges).
    ``can_short``: one may sell what one does not hold. ``source`` is whose stream shows its prices: any
    Indian broker's those of the Indian exchanges, only its own broker's those of a venue.
    """

    currency: str = RUPEES
    never_closes: bool = False
    hours_by_symbol: bool = False
    day_ends: time = time(0)
    zone: tzinfo = IST
    kind: Kind | None = None
    can_short: bool = True
    source: str = INDIA


INDIAN = Venue()
_NEW_YORK = ZoneInfo("America/New_York")

VENUES: Mapping[str, Venue] = MappingProxyType(
    {
        Exchange.BINANCE: Venue("USDT", never_closes=True, zone=UTC, kind=Kind.SPOT, can_short=False, source="BINANCE"),
        Exchange.BINANCE_UM: Venue("USDT", never_closes=True, zone=UTC, kind=Kind.PERPETUAL, source="BINANCE"),
        # It closes at weekends, by hours of each symbol's own: outside them the server refuses, provably. Its day is
        # that of the currency market.
        Exchange.MT5: Venue(
            "USD",
            never_closes=True,
            hours_by_symbol=True,
            day_ends=time(17),
            zone=_NEW_YORK,
            kind=Kind.PERPETUAL,
            source="MT5",
        ),
    }
)
"""Every exchange that is not Indian."""


def venue_of(exchange: str) -> Venue:
    """Return what is particular to an exchange; a name nobody knows is taken for an Indian one, which closes."""
    return VENUES.get(exchange, INDIAN)


def currency_of(exchange: str) -> str:
    """Return the currency of an exchange's prices."""
    return venue_of(exchange).currency


def last_day(exchange: str, now: datetime) -> tuple[date, datetime]:
    """Return the last day of a venue that is over, by its own date, and the instant (UTC) at which it ended."""
    venue = venue_of(exchange)
    local = now.astimezone(venue.zone)
    ended = datetime.combine(local.date(), venue.day_ends, tzinfo=venue.zone)
    if ended > local:
        ended = datetime.combine(local.date() - timedelta(days=1), venue.day_ends, tzinfo=venue.zone)
    day = ended.date() if venue.day_ends > time(0) else ended.date() - timedelta(days=1)
    return day, ended.astimezone(UTC)


def sources() -> frozenset[str]:
    """Return whose streams there may be besides the Indian one."""
    return frozenset(venue.source for venue in VENUES.values()) - {INDIA}


def exchanges_of(source: str) -> frozenset[str]:
    """Return the exchanges whose prices a source shows."""
    return frozenset(exchange for exchange in Exchange if venue_of(exchange).source == source)
