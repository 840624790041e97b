"""What sets an exchange apart from the Indian ones: its money, its hours, and what a bare symbol of it names.

Quantities there may be fractions. ``quantity`` stays whole units all the same: one unit is the venue's quantity step,
the contract's ``multiplier`` is that step (0.00250 BTC in steps of 0.00001 are 250 units of multiplier 0.00001) and
``lot_size`` the units of the smallest order. Money is then price x quantity x multiplier in the venue's currency, as it
is on MCX in rupees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from domain.instruments import Exchange, Kind

RUPEES = "INR"


@dataclass(frozen=True, slots=True)
class Venue:
    """``currency`` is what prices, profits and charges are in: amounts of two currencies are never added.

    ``never_closes``: it trades every minute of every day, without a calendar to keep and without a square-off.
    ``kind`` is what a symbol without expiry names (``None``: a stock or an index, as on the Indian exchanges).
    ``can_short``: one may sell what one does not hold.
    """

    currency: str = RUPEES
    never_closes: bool = False
    kind: Kind | None = None
    can_short: bool = True


INDIAN = Venue()

VENUES: Mapping[str, Venue] = MappingProxyType(
    {
        Exchange.BINANCE: Venue("USDT", never_closes=True, kind=Kind.SPOT, can_short=False),
        Exchange.BINANCE_UM: Venue("USDT", never_closes=True, kind=Kind.PERPETUAL),
    }
)
"""Every exchange that is not Indian."""


def venue_of(exchange: str) -> Venue:
    """Return what is particular to an exchange; a name nobody knows is taken for an Indian one, which closes."""
    return VENUES.get(exchange, INDIAN)


def currency_of(exchange: str) -> str:
    """Return the currency of an exchange's prices."""
    return venue_of(exchange).currency
