"""Alarms of trades that are gone do not pile up until the evening."""

import gc

from domain.risk import RiskEngine
from domain.risk.alarms import SPARE
from domain.risk.book import ArmedTrade
from tests.domain.risk.cast import armed, at, leg, reasons, trade


def kept(engine: RiskEngine) -> int:
    """Return how many descriptions of trades something of this engine still holds."""
    gc.collect()
    mine = {id(armed_map) for armed_map in engine._maps.values()}
    # Not isinstance: that would ask lazy objects of anybody what they are.
    return sum(id(one.map) in mine for one in gc.get_objects() if type(one) is ArmedTrade)


def test_trades_that_came_and_went_are_forgotten_before_their_square_off() -> None:
    engine = armed()
    for trade_id in range(1000):
        engine.arm(trade(leg(), trade_id=trade_id, square_off_at=at(3600)))
        engine.disarm(trade_id)
    assert kept(engine) <= SPARE + 1


def test_descriptions_that_were_replaced_are_forgotten_before_their_square_off() -> None:
    engine = armed()
    for version in range(1000):
        engine.update(trade(leg(entry=100 + version), version=version, square_off_at=at(3600)))
    assert kept(engine) <= SPARE + 3


def test_however_many_are_armed_each_is_left_at_its_time() -> None:
    engine = armed()
    for trade_id in range(1, 501):
        engine.arm(trade(leg(leg_id=trade_id), trade_id=trade_id, square_off_at=at(600 - trade_id % 7)))
        if trade_id % 3:
            engine.disarm(trade_id)
    assert engine.on_clock(at(593)) == []
    fired = engine.on_clock(at(600))
    assert {one.trade_id for one in fired} == set(range(3, 501, 3))
    assert set(reasons(fired)) == {"SQUARE_OFF"}
