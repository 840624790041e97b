"""What an executed order costs, by dated rates. Source of the formulas: exchange and broker rate cards."""

from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal

from domain.charge_rates import Levy, rate_on
from domain.instruments import Exchange, Kind
from domain.orders import Side
from domain.prices import to_paisa

FLAT_BROKERAGE = Decimal(20)
FUTURES_BROKERAGE_RATE = Decimal("0.0003")
UNBROKERED = frozenset({Kind.SPOT, Kind.PERPETUAL})
"""Traded at the exchange itself: its fee is all there is."""


@dataclass(frozen=True, slots=True)
class Charges:
    """The parts in the exchange's currency, exact and unrounded; round ``total`` only for output."""

    brokerage: Decimal = Decimal(0)
    stt: Decimal = Decimal(0)
    exchange: Decimal = Decimal(0)
    sebi: Decimal = Decimal(0)
    stamp: Decimal = Decimal(0)
    gst: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """The exact sum of the parts."""
        return self.brokerage + self.stt + self.exchange + self.sebi + self.stamp + self.gst

    @property
    def total_rounded(self) -> Decimal:
        """The sum as shown, half-up to the paisa."""
        return to_paisa(self.total)

    def __add__(self, other: "Charges") -> "Charges":
        """Return the charges of both, part by part."""
        return Charges(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(self)))


def charges(
    *,
    exchange: Exchange,
    kind: Kind,
    side: Side,
    quantity: int,
    price: Decimal,
    multiplier: Decimal,
    on: date,
    brokerage_per_order: Decimal = FLAT_BROKERAGE,
    brokerage_rate_futures: Decimal = FUTURES_BROKERAGE_RATE,
) -> Charges:
    """Return the charges of one executed order, all its fills together.

    ``quantity`` is the filled units (0: no charges), ``price`` their average, ``on`` the trading date.
    Raises ``LookupError`` where a rate is not known and ``ValueError`` for a negative quantity or price.
    """
    if quantity < 0 or price < 0:
        raise ValueError("charges need the filled units and their average price, neither below zero")
    turnover = price * quantity * multiplier
    if not quantity:
        return Charges()
    stt, txn, sebi, stamp = (
        turnover * rate_on(levy, exchange=exchange, kind=kind, side=side, on=on)
        for levy in (Levy.STT, Levy.EXCHANGE, Levy.SEBI, Levy.STAMP)
    )
    brokerage = _brokerage(kind, turnover, brokerage_per_order, brokerage_rate_futures)
    gst = (brokerage + txn + sebi) * rate_on(Levy.GST, exchange=exchange, kind=kind, side=side, on=on)
    return Charges(brokerage=brokerage, stt=stt, exchange=txn, sebi=sebi, stamp=stamp, gst=gst)


def exercise_tax(*, exchange: Exchange, intrinsic: Decimal, quantity: int, multiplier: Decimal, on: date) -> Decimal:
    """Return the STT a buyer pays on an option that expires in the money; ``intrinsic`` is per unit."""
    rate = rate_on(Levy.EXERCISE, exchange=exchange, kind=Kind.OPTION, side=Side.BUY, on=on)
    return max(intrinsic, Decimal(0)) * quantity * multiplier * rate


def _brokerage(kind: Kind, turnover: Decimal, per_order: Decimal, futures_rate: Decimal) -> Decimal:
    if kind in UNBROKERED:
        return Decimal(0)
    return min(per_order, turnover * futures_rate) if kind is Kind.FUTURE else per_order
