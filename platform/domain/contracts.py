"""Facts that belong to contracts: lots by expiry, freeze quantities by date, MCX units.

Lots and freezes come daily from broker masters; these tables are the fallback and the cross-check.
Facts as of 2026-11-20. Quantities are contract units: barrels, grams, kilograms on MCX, never lots.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.expiries import Cycle
from domain.instruments import Exchange


@dataclass(frozen=True, slots=True)
class LotSpan:
    """The lot of index contracts expiring from ``first`` through ``last`` (``None``: still in force)."""

    exchange: Exchange
    underlying: str
    cycle: Cycle
    first: date
    last: date | None
    lot_size: int
    source: str


def _lot(exchange: Exchange, name: str, cycle: Cycle, first: str, last: str, lot_size: int, source: str) -> LotSpan:
    ends = date.fromisoformat(last) if last else None
    return LotSpan(exchange, name, cycle, date.fromisoformat(first), ends, lot_size, source)


_NFO, _BFO, _W, _M = Exchange.NFO, Exchange.BFO, Cycle.WEEKLY, Cycle.MONTHLY
_BSE = "BSE circular by press; dates re-based for the Tuesday expiries of January 2025 (derived)"
_MARCH_2025 = "NSE March 2025 circular by press"
INDEX_LOTS: tuple[LotSpan, ...] = (
    _lot(_NFO, "NIFTY", _W, "2021-08-01", "2024-04-25", 50, "NSE/FAOP/47854"),
    _lot(_NFO, "NIFTY", _W, "2024-05-02", "2024-12-19", 25, "NSE/FAOP/61415"),
    _lot(_NFO, "NIFTY", _W, "2025-01-02", "2025-12-23", 75, "NSE/FAOP/64625"),
    _lot(_NFO, "NIFTY", _W, "2026-01-06", "", 65, "NSE/FAOP/70616"),
    _lot(_NFO, "NIFTY", _M, "2021-08-01", "2024-04-25", 50, "NSE/FAOP/47854"),
    _lot(_NFO, "NIFTY", _M, "2024-05-30", "2025-01-30", 25, "NSE/FAOP/61415"),
    _lot(_NFO, "NIFTY", _M, "2025-02-27", "2025-12-30", 75, "NSE/FAOP/64625"),
    _lot(_NFO, "NIFTY", _M, "2026-01-27", "", 65, "NSE/FAOP/70616"),
    _lot(_NFO, "BANKNIFTY", _W, "2023-07-01", "2024-11-13", 15, "NSE/FAOP/64506, the last weekly"),
    _lot(_NFO, "BANKNIFTY", _M, "2023-07-01", "2025-01-30", 15, "NSE/FAOP/64625, 65336"),
    _lot(_NFO, "BANKNIFTY", _M, "2025-02-27", "2025-06-26", 30, "NSE/FAOP/64625"),
    _lot(_NFO, "BANKNIFTY", _M, "2025-07-31", "2025-12-30", 35, _MARCH_2025),
    _lot(_NFO, "BANKNIFTY", _M, "2026-01-27", "", 30, "NSE/FAOP/70616"),
    _lot(_NFO, "FINNIFTY", _W, "2024-08-06", "2024-11-19", 25, "NSE/FAOP/61415, 64506"),
    _lot(_NFO, "FINNIFTY", _M, "2024-07-30", "2025-01-30", 25, "NSE/FAOP/61415"),
    _lot(_NFO, "FINNIFTY", _M, "2025-02-27", "2025-12-30", 65, "NSE/FAOP/64625"),
    _lot(_NFO, "FINNIFTY", _M, "2026-01-27", "", 60, "NSE/FAOP/70616"),
    _lot(_NFO, "MIDCPNIFTY", _W, "2024-08-05", "2024-11-18", 50, "NSE/FAOP/61415, 64506"),
    _lot(_NFO, "MIDCPNIFTY", _M, "2024-07-29", "2025-01-30", 50, "NSE/FAOP/61415"),
    _lot(_NFO, "MIDCPNIFTY", _M, "2025-02-27", "2025-06-26", 120, "NSE/FAOP/64625"),
    _lot(_NFO, "MIDCPNIFTY", _M, "2025-07-31", "2025-12-30", 140, _MARCH_2025),
    _lot(_NFO, "MIDCPNIFTY", _M, "2026-01-27", "", 120, "NSE/FAOP/70616"),
    _lot(_NFO, "NIFTYNXT50", _M, "2024-05-31", "2025-01-30", 10, "NSE/FAOP/64625"),
    _lot(_NFO, "NIFTYNXT50", _M, "2025-02-27", "", 25, "NSE/FAOP/64625, 70616"),
    _lot(_BFO, "SENSEX", _W, "2023-05-15", "2025-01-03", 10, _BSE),
    _lot(_BFO, "SENSEX", _W, "2025-01-07", "", 20, _BSE),
    _lot(_BFO, "SENSEX", _M, "2023-05-15", "2025-01-28", 10, _BSE),
    _lot(_BFO, "SENSEX", _M, "2025-02-25", "", 20, _BSE),
    _lot(_BFO, "BANKEX", _M, "2023-05-15", "2025-01-28", 15, f"{_BSE}; end not verified"),
    _lot(_BFO, "BANKEX", _M, "2025-02-25", "", 30, f"{_BSE}; start not verified"),
    _lot(_BFO, "SENSEX50", _M, "2025-02-01", "", 60, f"{_BSE}; dates not verified"),
)


def index_lot_size(exchange: Exchange, underlying: str, *, cycle: Cycle, expiry: date) -> int:
    """Return the units per lot of an index contract; raises ``LookupError`` where the table knows none."""
    for span in INDEX_LOTS:
        same = (span.exchange, span.underlying, span.cycle) == (exchange, underlying, cycle)
        if same and span.first <= expiry <= (span.last or date.max):
            return span.lot_size
    raise LookupError(f"no lot size known for {exchange} {underlying} {cycle} expiring {expiry}")


@dataclass(frozen=True, slots=True)
class FreezeSpan:
    """The largest single order in units, on the days from ``first`` through ``last``."""

    underlying: str
    first: date
    last: date | None
    quantity: int
    source: str


def _freeze(name: str, first: str, last: str, quantity: int, source: str) -> FreezeSpan:
    ends = date.fromisoformat(last) if last else None
    return FreezeSpan(name, date.fromisoformat(first), ends, quantity, source)


_FAOP75521 = "NSE/FAOP/75521 (2026-08-03)"
FREEZES: tuple[FreezeSpan, ...] = (
    _freeze("NIFTY", "2024-08-01", "", 1800, f"broker 2024-08; {_FAOP75521}"),
    _freeze("BANKNIFTY", "2024-08-01", "2025-06-30", 900, "broker 2024-08; end not verified"),
    _freeze("BANKNIFTY", "2025-07-01", "2025-08-31", 600, "NSE 2025-06-30 by press"),
    _freeze("BANKNIFTY", "2025-09-01", "2025-11-30", 900, "broker"),
    # A circular summary has 900 from 2026-05-04 to 2026-08-02; the smaller order is the safe one.
    _freeze("BANKNIFTY", "2025-12-01", "", 600, f"broker; {_FAOP75521}"),
    _freeze("FINNIFTY", "2024-08-01", "2025-11-30", 1800, "broker"),
    _freeze("FINNIFTY", "2025-12-01", "2026-01-31", 1200, "broker"),
    _freeze("FINNIFTY", "2026-02-01", "", 1800, f"NSE 2026-01-30; {_FAOP75521}"),
    _freeze("MIDCPNIFTY", "2024-08-01", "", 2800, _FAOP75521),
    _freeze("NIFTYNXT50", "2024-08-01", "", 600, _FAOP75521),
    _freeze("SENSEX", "2025-01-01", "", 1000, "broker; dates not verified"),
    _freeze("BANKEX", "2025-01-01", "", 900, "broker; dates not verified"),
    _freeze("CRUDEOIL", "2018-01-01", "", 10_000, "MCX specification: largest order, 100 lots"),
)


def freeze_quantity(underlying: str, *, on: date) -> int:
    """Return the freeze quantity in units on a day; raises ``LookupError`` where the table knows none."""
    for span in FREEZES:
        if span.underlying == underlying and span.first <= on <= (span.last or date.max):
            return span.quantity
    raise LookupError(f"no freeze quantity known for {underlying} on {on}")


@dataclass(frozen=True, slots=True)
class CommodityContract:
    """An MCX contract in our units.

    ``lot_size`` is units per lot (``unit`` names them), the price is quoted per ``quote_units`` of them, and
    ``rupees_per_price`` is what one lot gains when the price rises by 1. ``tick_size`` is of that price.
    """

    symbol: str
    lot_size: int
    unit: str
    quote_units: int
    rupees_per_price: int
    tick_size: Decimal
    has_options: bool

    @property
    def multiplier(self) -> Decimal:
        """Rupees that one unit gains when the price rises by 1: exact for every contract listed here."""
        return Decimal(self.rupees_per_price) / self.lot_size


def _mcx(
    symbol: str, lot: tuple[int, str], quote_units: int, rupees: int, tick_size: str, options: bool = False
) -> tuple[str, CommodityContract]:
    contract = CommodityContract(symbol, lot[0], lot[1], quote_units, rupees, Decimal(tick_size), options)
    return symbol, contract


MCX_CONTRACTS: dict[str, CommodityContract] = dict(
    (
        _mcx("CRUDEOIL", (100, "bbl"), 1, 100, "1", True),
        _mcx("CRUDEOILM", (10, "bbl"), 1, 10, "1", True),
        _mcx("NATURALGAS", (1250, "mmBtu"), 1, 1250, "0.1", True),
        _mcx("NATGASMINI", (250, "mmBtu"), 1, 250, "0.1", True),
        _mcx("GOLD", (1000, "g"), 10, 100, "1", True),
        _mcx("GOLDM", (100, "g"), 10, 10, "1", True),
        _mcx("GOLDTEN", (10, "g"), 10, 1, "1"),
        _mcx("GOLDGUINEA", (8, "g"), 8, 1, "1"),
        _mcx("GOLDPETAL", (1, "g"), 1, 1, "1"),
        _mcx("SILVER", (30, "kg"), 1, 30, "1", True),
        _mcx("SILVERM", (5, "kg"), 1, 5, "1", True),
        _mcx("SILVERMIC", (1, "kg"), 1, 1, "1"),
        _mcx("COPPER", (2500, "kg"), 1, 2500, "0.05", True),
        _mcx("ZINC", (5000, "kg"), 1, 5000, "0.05", True),
        _mcx("ZINCMINI", (1000, "kg"), 1, 1000, "0.05"),
        _mcx("ALUMINIUM", (5000, "kg"), 1, 5000, "0.05"),
        _mcx("ALUMINI", (1000, "kg"), 1, 1000, "0.05"),
        _mcx("LEAD", (5000, "kg"), 1, 5000, "0.05"),
        _mcx("LEADMINI", (1000, "kg"), 1, 1000, "0.05"),
        _mcx("NICKEL", (250, "kg"), 1, 250, "0.1"),
    )
)
"""Current MCX contracts; base-metal ticks are not verified."""

_OLD_NICKEL = CommodityContract("NICKEL", 1500, "kg", 1, 1500, Decimal("0.1"), False)
_NEW_NICKEL_FROM = date(2025, 9, 1)


def commodity_contract(symbol: str, *, expiry: date) -> CommodityContract:
    """Return the facts of an MCX contract by its expiry; raises ``LookupError`` for a name not listed."""
    if symbol not in MCX_CONTRACTS:
        raise LookupError(f"no MCX contract known as {symbol}")
    if symbol == "NICKEL" and expiry < _NEW_NICKEL_FROM:
        return _OLD_NICKEL
    return MCX_CONTRACTS[symbol]
