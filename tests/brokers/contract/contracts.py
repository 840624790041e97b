"""Contracts every master lists, some with names that can be misread: rows are joined on columns, never on names."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract every master lists; ``name`` is what cases call it, lot and tick are in units and its currency."""

    name: str
    exchange: str
    underlying: str
    kind: str
    expiry: date | None = None
    strike: Decimal | None = None
    right: str = ""
    lot_size: int = 1
    tick_size: Decimal = Decimal("0.05")
    multiplier: Decimal = Decimal(1)


_D = Decimal
_NIFTY = Contract("", "NFO", "NIFTY", "OPT", lot_size=65)
_SENSEX = Contract("", "BFO", "SENSEX", "OPT", lot_size=20)
_FUTURE = Contract("", "NFO", "NIFTY", "FUT", lot_size=65, tick_size=_D("0.1"))

WEEKLY = replace(_NIFTY, name="nifty weekly", expiry=date(2026, 12, 1), strike=_D(24200), right="CE")

CONTRACTS = (
    WEEKLY,
    replace(_NIFTY, name="nifty monthly", expiry=date(2026, 11, 24), strike=_D(24200), right="PE"),
    # Year, month, day and strike run together: these names can be read as other days and other strikes.
    replace(_NIFTY, name="nifty january", expiry=date(2027, 1, 12), strike=_D(20000), right="CE"),
    replace(_NIFTY, name="nifty november", expiry=date(2027, 11, 2), strike=_D(20000), right="CE"),
    replace(_NIFTY, name="nifty next year", expiry=date(2027, 6, 29), strike=_D(27000), right="PE"),
    Contract("banknifty monthly", "NFO", "BANKNIFTY", "OPT", date(2026, 11, 24), _D(57000), "CE", 30),
    replace(_SENSEX, name="sensex weekly", expiry=date(2026, 12, 3), strike=_D(85000), right="PE"),
    replace(_SENSEX, name="sensex monthly", expiry=date(2026, 11, 26), strike=_D(85000), right="CE"),
    Contract("decimal strike", "NFO", "VEDL", "OPT", date(2026, 11, 24), _D("292.5"), "CE", 1150),
    replace(_FUTURE, name="index future", expiry=date(2026, 12, 29)),
    replace(_FUTURE, name="stock future", underlying="RELIANCE", expiry=date(2026, 11, 24), lot_size=500),
    replace(_FUTURE, name="ampersand", underlying="M&M", expiry=date(2026, 11, 24), lot_size=200),
    Contract("crude", "MCX", "CRUDEOIL", "FUT", date(2026, 12, 18), lot_size=100, tick_size=_D(1)),
    Contract("equity", "NSE", "RELIANCE", "EQ", tick_size=_D("0.1")),
    Contract("index", "NSE_INDEX", "NIFTY", "INDEX"),
    Contract("bse index", "BSE_INDEX", "SENSEX", "INDEX"),
)
