"""How a trade is left, fixed when it is entered."""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from domain.risk.levels import Offset

LevelKind = Literal["PERCENT", "POINTS"]
AmountKind = Literal["RUPEES", "PERCENT"]


class Level(msgspec.Struct, frozen=True):
    """A distance from the actual average entry price: percent of it, or points."""

    kind: LevelKind
    value: Decimal


class Amount(msgspec.Struct, frozen=True):
    """A profit or loss of the whole trade: rupees, or percent of the premium paid or received."""

    kind: AmountKind
    value: Decimal

    def rupees(self, premium: Decimal) -> Decimal:
        """Return the amount in rupees; ``premium`` is the sum of entry price x quantity x multiplier over the legs."""
        return self.value if self.kind == "RUPEES" else premium * self.value / 100


class ExitPlan(msgspec.Struct, frozen=True):
    """Every rule of a trade; ``None`` means the rule is not used. Day limits are rupees of the whole map."""

    stop: Level | None = None
    target: Level | None = None
    trail: Level | None = None
    trail_after: Level | None = None
    trade_stop: Amount | None = None
    trade_target: Amount | None = None
    day_loss: Decimal | None = None
    day_target: Decimal | None = None
    confirm_ticks: int = 2
    buffer_percent: Decimal = Decimal(0)
    keep_partial: bool = True


def to_json(plan: ExitPlan) -> dict[str, Any]:
    """Return the plan as JSON values; Decimals become strings."""
    built: dict[str, Any] = msgspec.to_builtins(plan)
    return built


def from_json(value: dict[str, Any]) -> ExitPlan:
    """Read a stored plan; raises ``msgspec.ValidationError`` for anything else."""
    return msgspec.convert(value, ExitPlan, strict=False)


def offset_of(level: Level | None) -> Offset | None:
    """Return a level as the risk engine's distance."""
    return None if level is None else Offset(value=level.value, is_percent=level.kind == "PERCENT")
