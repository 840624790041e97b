"""What must be left, and why: rules armed per trade, judged tick by tick and by the clock."""

from domain.risk.engine import RiskEngine
from domain.risk.rules import (
    Confirm,
    DataState,
    DayLimits,
    EntryEvent,
    EntryRule,
    Fired,
    LegRules,
    PnlRules,
    PnlTrail,
    PriceTrail,
    RuleError,
    TradeRules,
    TrailMoved,
)

__all__ = [
    "Confirm",
    "DataState",
    "DayLimits",
    "EntryEvent",
    "EntryRule",
    "Fired",
    "LegRules",
    "PnlRules",
    "PnlTrail",
    "PriceTrail",
    "RiskEngine",
    "RuleError",
    "TradeRules",
    "TrailMoved",
]
