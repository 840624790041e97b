"""Bands, heaps and latches answer exactly what evaluating everything on every tick answers."""

import os
from datetime import timedelta

from hypothesis import HealthCheck, given, settings

from domain.risk import RiskEngine, TradeRules
from tests.domain.risk.reference import NaiveEngine
from tests.domain.risk.scenarios import START, Call, days

EXAMPLES = int(os.environ.get("RISK_EXAMPLES", "300"))
REFIRE_AFTER = timedelta(seconds=7)


def trails_of(engine: RiskEngine) -> dict[tuple[int, int], tuple[int, int | None]]:
    found = {}
    for trade in engine._trades.values():
        for leg_id, form in [(0, trade.form), *((leg.leg_id, leg.form) for leg in trade.legs.values())]:
            if form and form.trailing:
                floor = form.trailing.floor
                stop = None if floor is None else form.show(floor)
                found[(trade.rules.trade_id, leg_id)] = (form.show(form.trailing.best), stop)
    return found


def compare(rules: list[TradeRules], calls: list[Call]) -> None:
    engine = RiskEngine(now=START, refire_after=REFIRE_AFTER)
    naive = NaiveEngine(now=START, refire_after=REFIRE_AFTER)
    for trade in rules:
        engine.arm(trade)
        naive.arm(trade)
    for call in calls:
        answer = getattr(engine, call.name)(*call.arguments)
        assert answer == getattr(naive, call.name)(*call.arguments), call
        assert trails_of(engine) == naive.trails(), call
        assert engine.dropped == naive.dropped


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(day=days(least=1))
def test_short_days_fire_what_the_naive_engine_fires(day: tuple[list[TradeRules], list[Call]]) -> None:
    compare(*day)


@settings(max_examples=EXAMPLES // 3, suppress_health_check=list(HealthCheck))
@given(day=days(least=20))
def test_long_days_fire_what_the_naive_engine_fires(day: tuple[list[TradeRules], list[Call]]) -> None:
    compare(*day)
