"""How a map's trade is left: the strategy's rules with the map's own numbers."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import cast

from apps.strategies.models import Strategy, StrategyMap
from domain.clock import IST
from domain.exit_plan import Amount, AmountKind, ExitPlan, Level, LevelKind


def exit_plan_of(strategy: Strategy, strategy_map: StrategyMap) -> ExitPlan:
    """Return the plan a trade of the map is entered with; the map's stop and target replace the strategy's value."""
    return ExitPlan(
        stop=_level(strategy.stop_kind, strategy_map.stop_value or strategy.stop_value),
        target=_level(strategy.target_kind, strategy_map.target_value or strategy.target_value),
        trail=_level(strategy.trail_kind, strategy.trail_value),
        trail_after=_level(strategy.trail_kind, strategy.trail_after),
        trade_stop=_amount(strategy.trade_stop_kind, strategy.trade_stop_value, strategy_map.lot_multiplier),
        trade_target=_amount(strategy.trade_target_kind, strategy.trade_target_value, strategy_map.lot_multiplier),
        day_loss=strategy_map.day_loss_limit,
        day_target=strategy_map.day_target,
        confirm_ticks=strategy.confirm_ticks,
        buffer_percent=strategy.buffer_percent,
        keep_partial=strategy.keep_partial,
    )


def square_off_at(at: time | None, *, on: date) -> datetime | None:
    """Return the instant of a strategy's IST square-off time on a trading date; ``None``: carried over."""
    return None if at is None else datetime.combine(on, at, tzinfo=IST)


def _level(kind: str, value: Decimal | None) -> Level | None:
    return None if value is None else Level(cast(LevelKind, kind), value)


def _amount(kind: str, value: Decimal | None, multiplier: Decimal) -> Amount | None:
    """Rupees are written for a lot multiplier of 1 and grow with it; a percentage does not."""
    if value is None:
        return None
    return Amount(cast(AmountKind, kind), value * multiplier if kind == "RUPEES" else value)
