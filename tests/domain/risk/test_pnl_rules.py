from decimal import Decimal

import pytest

from domain.risk import Confirm, DataState, DayLimits, PnlRules, PnlTrail
from tests.domain.risk.cast import CALL, ONCE, PUT, armed, leg, reasons, rupees, show, tick, trade

STRADDLE = (leg(1, -10, 100, CALL), leg(2, -10, 100, PUT))


def both(engine, call: float, put: float):
    return engine.on_ticks([tick(call, CALL), tick(put, PUT)])


def test_a_combined_stop_counts_all_legs_and_leaves_all_of_them() -> None:
    engine = armed(trade(*STRADDLE, pnl=PnlRules(stop=rupees(-200))))
    assert both(engine, 130, 89.95) == []
    (fired,) = show(engine, 90, instrument_id=PUT)
    assert (fired.reason, fired.leg_ids, fired.trigger) == ("TRADE_STOP", (1, 2), rupees(-200))


@pytest.mark.parametrize(("quantity", "price"), [(-10, 110), (10, 90)])
def test_legs_that_each_use_up_exactly_their_share_of_the_slack_are_seen(quantity, price) -> None:
    pair = (leg(1, quantity, 100, CALL), leg(2, quantity, 100, PUT))
    engine = armed(trade(*pair, pnl=PnlRules(stop=rupees(-200))))
    assert both(engine, 100, 100) == []
    assert show(engine, price, instrument_id=CALL) == []
    assert reasons(show(engine, price, instrument_id=PUT)) == ["TRADE_STOP"]


def test_a_combined_target_is_inclusive() -> None:
    engine = armed(trade(*STRADDLE, pnl=PnlRules(target=rupees(300))))
    assert both(engine, 80, 90.05) == []
    assert reasons(show(engine, 90, instrument_id=PUT)) == ["TRADE_TARGET"]


def test_nothing_combined_is_judged_before_every_leg_has_a_price() -> None:
    engine = armed(trade(*STRADDLE, pnl=PnlRules(stop=rupees(-200))))
    assert show(engine, 200) == []
    assert reasons(show(engine, 100, instrument_id=PUT)) == ["TRADE_STOP"]


def test_multipliers_and_what_closed_legs_made_count() -> None:
    gold = leg(1, 100, 70_000, multiplier=Decimal("0.1"))
    engine = armed(trade(gold, realised=rupees(-500), pnl=PnlRules(stop=rupees(-1_500))))
    assert show(engine, 70_000, 69_901) == []
    assert reasons(show(engine, 69_900)) == ["TRADE_STOP"]


def test_a_combined_stop_is_not_judged_while_one_leg_is_stale() -> None:
    engine = armed(trade(*STRADDLE, pnl=PnlRules(stop=rupees(-200))))
    both(engine, 100, 100)
    engine.set_state(PUT, DataState.STALE)
    assert show(engine, 500, 500) == []
    engine.set_state(PUT, DataState.LIVE)
    assert reasons(show(engine, 500)) == ["TRADE_STOP"]


def test_a_bad_print_in_one_leg_is_not_confirmed_by_the_next_tick_of_the_other() -> None:
    engine = armed(trade(*STRADDLE, pnl=PnlRules(stop=rupees(-200)), confirm=Confirm(ticks=2)))
    both(engine, 100, 100)
    both(engine, 100, 100)
    assert show(engine, 400) == []
    assert show(engine, 100, 101, 100, 101, instrument_id=PUT) == []
    assert show(engine, 100) == []
    assert show(engine, 400) == []
    assert reasons(show(engine, 401)) == ["TRADE_STOP"]


def test_a_combined_stop_may_be_confirmed_by_a_leg_that_hardly_moves() -> None:
    engine = armed(trade(*STRADDLE, pnl=PnlRules(stop=rupees(-255)), confirm=Confirm(ticks=2)))
    both(engine, 100, 99)
    assert show(engine, 101, instrument_id=PUT) == []
    assert show(engine, 125, 125) == []
    assert reasons(show(engine, 101, instrument_id=PUT)) == ["TRADE_STOP"]


def test_legs_that_cancel_out_leave_nothing_to_judge() -> None:
    engine = armed(trade(leg(1, 10, 100), leg(2, -10, 90), pnl=PnlRules(stop=rupees(-50))))
    assert show(engine, 1, 1, 1000) == []


# -- lock and trail


def test_profit_is_locked_and_the_lock_is_raised_in_steps() -> None:
    lock = PnlTrail(at=rupees(300), lock=rupees(100), every=rupees(100), by=rupees(50))
    engine = armed(trade(leg(), pnl=PnlRules(trail=lock)))
    assert show(engine, 129.95, 80, 130, 110.05) == []
    assert show(engine, 150, 120.05) == []
    (fired,) = show(engine, 120)
    assert (fired.reason, fired.trigger) == ("TRAIL", rupees(200))


def test_a_locked_profit_is_told_and_survives_a_restart() -> None:
    lock = PnlTrail(at=rupees(300), lock=rupees(100))
    engine = armed(trade(leg(), pnl=PnlRules(trail=lock)))
    show(engine, 135)
    (moved,) = engine.trails_moved()
    assert (moved.leg_id, moved.best, moved.stop) == (0, rupees(350), rupees(100))
    restarted = armed(trade(leg(), pnl=PnlRules(trail=PnlTrail(at=rupees(300), lock=rupees(100), best=moved.best))))
    assert reasons(show(restarted, 110)) == ["TRAIL"]


# -- day limits

LIMITS = DayLimits(loss=rupees(500), target=rupees(400), confirm=ONCE)


def two_trades_and_a_stranger():
    return armed(
        trade(leg(1, 10, 100, CALL), trade_id=1, day=LIMITS),
        trade(leg(2, 10, 100, PUT), trade_id=2),
        trade(leg(3, 10, 100, CALL), trade_id=3, map_id=9),
    )


def test_a_day_loss_leaves_every_trade_of_the_map_and_no_other() -> None:
    engine = two_trades_and_a_stranger()
    assert both(engine, 70, 80.05) == []
    fired = show(engine, 80, instrument_id=PUT)
    assert [(answer.trade_id, answer.leg_ids, answer.reason) for answer in fired] == [
        (1, (1,), "DAY_LOSS"),
        (2, (2,), "DAY_LOSS"),
    ]
    assert {answer.trigger for answer in fired} == {rupees(-500)}


def test_a_day_target_is_inclusive() -> None:
    engine = two_trades_and_a_stranger()
    assert both(engine, 120, 119.95) == []
    assert reasons(show(engine, 120, instrument_id=PUT)) == ["DAY_TARGET", "DAY_TARGET"]


@pytest.mark.parametrize(("realised", "price"), [(-450, 95), (450, 95), (-500, 100)])
def test_what_was_realised_counts(realised, price) -> None:
    engine = armed(trade(leg(), day=LIMITS))
    show(engine, 100)
    engine.realised(3, rupees(realised))
    assert reasons(show(engine, price)) == ["DAY_LOSS" if realised < 0 else "DAY_TARGET"]


def test_realised_is_a_sum_not_a_difference() -> None:
    engine = armed(trade(leg(), day=LIMITS))
    show(engine, 100)
    engine.realised(3, rupees(-300))
    engine.realised(3, rupees(-300))
    assert show(engine, 80.05) == []
    assert reasons(show(engine, 80)) == ["DAY_LOSS"]


def test_a_trade_opened_after_the_limit_is_left_too() -> None:
    engine = armed(trade(leg(), day=LIMITS))
    assert reasons(show(engine, 100, 50)) == ["DAY_LOSS"]
    engine.arm(trade(leg(5), trade_id=8))
    (fired,) = show(engine, 50)
    assert (fired.trade_id, fired.reason) == (8, "DAY_LOSS")


def test_a_closed_trade_stops_counting_once_it_is_disarmed() -> None:
    engine = two_trades_and_a_stranger()
    both(engine, 70, 100)
    engine.disarm(1)
    engine.realised(3, rupees(-300))
    assert show(engine, 80.05, instrument_id=PUT) == []
    assert reasons(show(engine, 80, instrument_id=PUT)) == ["DAY_LOSS"]


def test_the_newest_limits_of_a_map_hold() -> None:
    engine = two_trades_and_a_stranger()
    engine.update(trade(leg(2, 10, 100, PUT), trade_id=2, version=1, day=DayLimits(loss=rupees(100), confirm=ONCE)))
    assert reasons(both(engine, 100, 90)) == ["DAY_LOSS", "DAY_LOSS"]
