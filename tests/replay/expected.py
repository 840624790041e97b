"""What the recorded day says each trade must be, worked out from the file alone: nothing of the platform is asked.

The file has one row a minute and contract, times in IST, last prices only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb

from domain.clock import IST

STRIKE, LOT = 24200, 65
RECORDING = "market_data/NIFTY_option_chain_snapshots_20260818.parquet"
ENTRY_AT = datetime(2026, 8, 18, 10, 45, tzinfo=IST)
EXIT_AT = datetime(2026, 8, 18, 15, 10, tzinfo=IST)
STOP_PERCENT = Decimal(30)
RIGHTS = ("CE", "PE")
PAISA = Decimal("0.01")

PROMISED = ("42.10", "26.15", "27.70", "13.00", "1790.75", "104.11", "1686.64")
"""Call in, put in, call out, put out, gross, charges, net of the straddle held to the end."""

Prices = dict[str, list[tuple[datetime, Decimal]]]


@dataclass(frozen=True, slots=True)
class Leg:
    """One short leg, rupees a unit; ``left_at`` is the minute it was left in."""

    right: str
    entry: Decimal
    exit: Decimal
    left_at: datetime

    @property
    def gross(self) -> Decimal:
        """Rupees made."""
        return (self.entry - self.exit) * LOT


@dataclass(frozen=True, slots=True)
class Expected:
    """One account's trade."""

    legs: tuple[Leg, ...]

    @property
    def gross(self) -> Decimal:
        """Rupees made before charges."""
        return sum((leg.gross for leg in self.legs), Decimal(0))

    @property
    def charges(self) -> Decimal:
        """Rupees of charges, to the paisa."""
        return charges_of(self.legs).quantize(PAISA, ROUND_HALF_UP)

    @property
    def net(self) -> Decimal:
        """Rupees made after charges, to the paisa."""
        return (self.gross - charges_of(self.legs)).quantize(PAISA, ROUND_HALF_UP)


class NotTheRecording(ValueError):
    """The file does not hold the day the figures were taken from."""


def read_prices(recording: Path) -> Prices:
    """Return the straddle's recorded last prices, by right, in order of time."""
    query = """
        SELECT option_type, strptime(timestamp, '%Y%m%d%H%M'), CAST(ltp AS DECIMAL(10, 2)) FROM read_parquet(?)
        WHERE strike = ? AND expiry = '18-Aug-2026' AND symbol = 'NIFTY50' ORDER BY timestamp
    """
    prices: Prices = {right: [] for right in RIGHTS}
    for right, at, price in duckdb.execute(query, [str(recording), STRIKE]).fetchall():
        prices[right].append((at.replace(tzinfo=IST), price))
    return prices


def held(prices: Prices) -> Expected:
    """Return the straddle sold at the entry's minute and bought back at the exit's; raises ``NotTheRecording``."""
    trade = Expected(tuple(_leg(right, prices[right], stop_percent=None) for right in RIGHTS))
    call, put = trade.legs
    found = (call.entry, put.entry, call.exit, put.exit, trade.gross, trade.charges, trade.net)
    if found != tuple(map(Decimal, PROMISED)):
        raise NotTheRecording(f"the recording gives {found}, promised are {PROMISED}")
    return trade


def stopped(prices: Prices) -> Expected:
    """Return the same with each leg left at the first recorded price 30 % or more against its entry."""
    return Expected(tuple(_leg(right, prices[right], stop_percent=STOP_PERCENT) for right in RIGHTS))


def _leg(right: str, prices: Sequence[tuple[datetime, Decimal]], *, stop_percent: Decimal | None) -> Leg:
    entry = dict(prices)[ENTRY_AT]
    held_over = [(at, price) for at, price in prices if ENTRY_AT < at <= EXIT_AT]
    if stop_percent is not None:
        stop = entry * (1 + stop_percent / 100)
        reached = [(at, price) for at, price in held_over if price >= stop]
        if reached:
            return Leg(right, entry, exit=reached[0][1], left_at=reached[0][0])
    at, price = held_over[-1]
    return Leg(right, entry, exit=price, left_at=at)


def charges_of(legs: Sequence[Leg]) -> Decimal:
    """Return what selling and buying back costs: the rate card of August 2026 for NSE index options, written out."""
    sold = sum((leg.entry for leg in legs), Decimal(0)) * LOT
    bought = sum((leg.exit for leg in legs), Decimal(0)) * LOT
    brokerage = 2 * len(legs) * Decimal(20)
    transaction, sebi = (sold + bought) * Decimal("0.0003553"), (sold + bought) * Decimal("0.000001")
    stt, stamp = sold * Decimal("0.0015"), bought * Decimal("0.00003")
    return brokerage + transaction + sebi + stt + stamp + (brokerage + transaction + sebi) * Decimal("0.18")
