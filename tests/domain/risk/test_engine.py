from dataclasses import replace

import pytest

from domain.orders import ExitReason
from domain.risk import Confirm, DataState, DayLimits, EntryRule, PnlRules, PriceTrail, RuleError
from domain.risk.book import ENTRY_SLOT
from tests.domain.risk.cast import CALL, ONCE, PUT, START, armed, at, leg, reasons, rupees, show, tick, trade

PAIR = (leg(1, 10, 100, CALL, stop=rupees(90)), leg(2, 10, 100, PUT, stop=rupees(90)))

# -- priority


def test_the_most_urgent_reason_in_a_batch_wins_whatever_came_first() -> None:
    limits = DayLimits(loss=rupees(300), confirm=ONCE)
    engine = armed(trade(*PAIR, day=limits, pnl=PnlRules(stop=rupees(-250))))
    engine.on_ticks([tick(100, CALL), tick(100, PUT)])
    fired = engine.on_ticks([tick(85, CALL), tick(90, PUT), tick(80, PUT)])
    assert [(answer.reason, answer.leg_ids) for answer in fired] == [("DAY_LOSS", (1, 2))]


def test_a_leg_stop_wins_over_the_combined_stop_which_keeps_the_other_leg() -> None:
    engine = armed(trade(leg(1, 10, 100, CALL, stop=rupees(90)), leg(2, 10, 100, PUT), pnl=PnlRules(stop=rupees(-150))))
    engine.on_ticks([tick(100, CALL), tick(100, PUT)])
    fired = engine.on_ticks([tick(85, CALL)])
    assert [(answer.reason, answer.leg_ids) for answer in fired] == [("STOP_LOSS", (1,)), ("TRADE_STOP", (2,))]


def test_reasons_are_ranked_as_written_down() -> None:
    order = ["KILL_SWITCH", "SQUARE_OFF", "DAY_LOSS", "DAY_TARGET", "STOP_LOSS", "TARGET", "TRAIL"]
    assert sorted(map(ExitReason, reversed(order)), key=lambda reason: reason.urgency) == order


# -- once, and again


def test_a_leg_fires_once_and_leaves_the_others_armed() -> None:
    engine = armed(trade(*PAIR))
    assert len(show(engine, 90, 89, 88, 91, 90)) == 1
    (fired,) = show(engine, 90, instrument_id=PUT)
    assert fired.leg_ids == (2,)


def test_a_lost_exit_is_asked_for_again_while_the_price_is_beyond() -> None:
    engine = armed(trade(*PAIR))
    assert len(show(engine, 90)) == 1
    assert engine.on_clock(at(4.9)) == []
    for seconds in (5, 10, 15):
        (fired,) = engine.on_clock(at(seconds))
        assert (fired.reason, fired.leg_ids, fired.price, fired.at) == ("STOP_LOSS", (1,), rupees(90), at(seconds))


def test_it_is_not_asked_for_again_once_the_price_is_back_but_it_is_armed() -> None:
    engine = armed(trade(*PAIR))
    show(engine, 90, 95)
    assert engine.on_clock(at(5)) == []
    assert reasons(show(engine, 90)) == ["STOP_LOSS"]


def test_it_is_not_asked_for_again_on_data_that_is_not_live() -> None:
    engine = armed(trade(*PAIR))
    show(engine, 90)
    engine.set_state(CALL, DataState.STALE)
    assert engine.on_clock(at(5)) == []
    engine.set_state(CALL, DataState.LIVE)
    assert reasons(show(engine, 90)) == ["STOP_LOSS"]


def test_a_combined_stop_is_asked_for_again_in_one_piece() -> None:
    engine = armed(trade(leg(1, 10, 100, CALL), leg(2, 10, 100, PUT), pnl=PnlRules(stop=rupees(-150))))
    engine.on_ticks([tick(100, CALL), tick(80, PUT)])
    (fired,) = engine.on_clock(at(5))
    assert (fired.reason, fired.leg_ids, fired.trigger) == ("TRADE_STOP", (1, 2), rupees(-150))


def test_a_combined_stop_that_was_not_asked_for_again_is_armed_again() -> None:
    engine = armed(trade(leg(1, 10, 100, CALL), leg(2, 10, 100, PUT), pnl=PnlRules(stop=rupees(-150))))
    engine.on_ticks([tick(100, CALL), tick(80, PUT), tick(100, PUT)])
    assert engine.on_clock(at(5)) == []
    assert reasons(show(engine, 80)) == ["TRADE_STOP"]


def test_a_day_loss_that_was_not_asked_for_again_is_armed_again() -> None:
    engine = armed(trade(leg(1, 10, 100, CALL), day=DayLimits(loss=rupees(150), confirm=ONCE)))
    show(engine, 100, 80, 100)
    assert engine.on_clock(at(5)) == []
    assert reasons(show(engine, 80)) == ["DAY_LOSS"]


def test_a_disarmed_trade_is_never_asked_for_again() -> None:
    engine = armed(trade(*PAIR, square_off_at=at(30)))
    show(engine, 90)
    assert engine.disarm(7)
    assert not engine.disarm(7)
    assert engine.on_clock(at(60)) == []
    assert show(engine, 50) == []
    assert engine.instruments() == {}


def test_rearming_a_leg_makes_it_fire_without_waiting() -> None:
    engine = armed(trade(*PAIR))
    assert len(show(engine, 90, 90)) == 1
    engine.rearm(7, 2)
    assert show(engine, 90) == []
    engine.rearm(7, 1)
    assert reasons(show(engine, 90)) == ["STOP_LOSS"]


def test_an_entry_can_be_rearmed_too() -> None:
    engine = armed(trade(entry=EntryRule(CALL, rupees(105), above=True)))
    assert len(show(engine, 105, 106)) == 1
    engine.rearm(7, ENTRY_SLOT)
    assert reasons(show(engine, 106)) == ["ENTRY_TRIGGER"]


def test_an_update_keeps_the_latch_and_arming_afresh_clears_it() -> None:
    engine = armed(trade(*PAIR))
    show(engine, 90)
    smaller = trade(leg(1, 4, 100, CALL, stop=rupees(90)), PAIR[1], version=1)
    assert engine.update(smaller)
    assert show(engine, 89) == []
    assert reasons(engine.on_clock(at(5))) == ["STOP_LOSS"]
    engine.arm(smaller)
    assert reasons(show(engine, 89)) == ["STOP_LOSS"]


def test_a_leg_that_is_gone_takes_its_latch_along() -> None:
    engine = armed(trade(*PAIR))
    show(engine, 90)
    engine.update(trade(PAIR[1], version=1))
    assert engine.on_clock(at(5)) == []
    assert engine.instruments() == {PUT: 1}


# -- updates


def test_the_same_rules_again_change_nothing_even_between_confirming_ticks() -> None:
    rules = trade(leg(stop=rupees(90)), confirm=Confirm(ticks=2))
    engine = armed(rules)
    show(engine, 100, 90)
    assert not engine.update(rules)
    assert reasons(show(engine, 90)) == ["STOP_LOSS"]


def test_the_best_price_read_back_is_no_new_rule() -> None:
    """It was this engine that had it written down; taking it for a change would break off the confirmation."""
    trail = PriceTrail(distance=rupees(10))
    engine = armed(trade(leg(trail=trail), confirm=Confirm(ticks=2)))
    show(engine, 120, 120, 110)
    assert not engine.update(trade(leg(trail=replace(trail, best=rupees(120))), confirm=Confirm(ticks=2)))
    assert reasons(show(engine, 110)) == ["TRAIL"]


def test_an_older_version_is_ignored() -> None:
    engine = armed(trade(leg(stop=rupees(90)), version=5))
    assert not engine.update(trade(leg(stop=rupees(10)), version=4))
    assert engine.versions() == {7: 5}
    assert reasons(show(engine, 90)) == ["STOP_LOSS"]


def test_a_moved_stop_holds_from_the_next_tick() -> None:
    engine = armed(trade(leg(stop=rupees(90))))
    show(engine, 95)
    assert engine.update(trade(leg(stop=rupees(96))))
    assert reasons(show(engine, 95)) == ["STOP_LOSS"]


def test_updating_an_unknown_trade_arms_it() -> None:
    engine = armed()
    assert engine.update(trade(leg(stop=rupees(90))))
    assert reasons(show(engine, 90)) == ["STOP_LOSS"]


def test_instruments_are_counted_by_use() -> None:
    engine = armed(
        trade(*PAIR),
        trade(leg(1, 10, 100, CALL), trade_id=8, entry=EntryRule(PUT, rupees(1), above=False)),
    )
    assert engine.instruments() == {CALL: 2, PUT: 2}
    engine.disarm(7)
    assert engine.instruments() == {CALL: 1, PUT: 1}


# -- the clock


def test_a_square_off_leaves_all_legs_at_its_time_and_asks_until_disarmed() -> None:
    engine = armed(trade(*PAIR, square_off_at=at(60)))
    assert engine.on_clock(at(59.999)) == []
    (fired,) = engine.on_clock(at(60))
    assert (fired.reason, fired.leg_ids, fired.trigger, fired.at) == ("SQUARE_OFF", (1, 2), 0, at(60))
    assert engine.on_clock(at(64)) == []
    assert reasons(engine.on_clock(at(65))) == ["SQUARE_OFF"]


def test_a_square_off_in_the_past_fires_at_the_first_look_at_the_clock() -> None:
    engine = armed(trade(*PAIR, square_off_at=at(-600)))
    assert reasons(engine.on_clock(at(0))) == ["SQUARE_OFF"]


def test_a_leg_already_asked_for_is_squared_off_when_its_latch_ends() -> None:
    engine = armed(trade(*PAIR, square_off_at=at(2)))
    show(engine, 90, 95)
    (fired,) = engine.on_clock(at(2))
    assert fired.leg_ids == (2,)
    (fired,) = engine.on_clock(at(5))
    assert (fired.reason, fired.leg_ids) == ("SQUARE_OFF", (1,))


def test_a_square_off_that_was_moved_does_not_fire_at_the_old_time() -> None:
    engine = armed(trade(*PAIR, square_off_at=at(60)))
    engine.update(trade(*PAIR, square_off_at=at(90), version=1))
    assert engine.on_clock(at(60)) == []
    assert reasons(engine.on_clock(at(90))) == ["SQUARE_OFF"]


def test_the_clock_never_runs_back() -> None:
    engine = armed(trade(*PAIR, square_off_at=at(60)))
    engine.on_clock(at(60))
    engine.on_clock(at(0))
    assert engine.on_clock(at(64)) == []
    assert reasons(engine.on_clock(at(65))) == ["SQUARE_OFF"]


def test_the_kill_switch_asks_for_everything_and_goes_on_asking() -> None:
    engine = armed(trade(*PAIR))
    (fired,) = engine.flatten([7, 404])
    assert (fired.reason, fired.leg_ids) == ("KILL_SWITCH", (1, 2))
    assert show(engine, 50, 50) == []
    assert engine.update(trade(*PAIR, version=1))
    assert reasons(engine.on_clock(at(5))) == ["KILL_SWITCH"]


# -- looking in


def test_a_snapshot_shows_values_levels_and_latches() -> None:
    engine = armed(trade(*PAIR, pnl=PnlRules(stop=rupees(-900)), day=DayLimits(loss=rupees(900), confirm=ONCE)))
    engine.on_ticks([tick(100, CALL), tick(90, PUT)])
    seen = engine.snapshot()
    (shown,) = seen.trades
    first, second = shown.slots
    assert (first.latched_until, second.latched_until) == (None, at(5))
    assert first.rules is not None
    assert (first.rules.value, dict(first.rules.levels)) == (rupees(100), {ExitReason.STOP_LOSS: rupees(90)})
    assert shown.pnl is not None
    assert shown.pnl.value == rupees(-100)
    assert seen.maps[0].day is not None
    assert seen.maps[0].day.value == rupees(-100)
    call, put = seen.instruments
    assert (call.last_price, call.state, call.references) == (rupees(100), DataState.LIVE, 1)
    assert call.low is not None
    assert rupees(90) <= call.low < rupees(100)
    assert put.last_price == rupees(90)


def test_heaps_stay_in_proportion_to_the_rules_however_far_the_market_drifts() -> None:
    """The legs' gains cancel out, so that the bands are set anew all the time and nothing ever fires."""
    limits = PnlRules(stop=rupees(-90), target=rupees(90))
    pair = (leg(1, 10, 100, CALL), leg(2, -10, 100, PUT))
    engine = armed(*(trade(*pair, trade_id=number, pnl=limits) for number in range(1, 21)))
    for price in range(100, 3_000):
        assert engine.on_ticks([tick(price, CALL), tick(price, PUT)]) == []
    for watch in engine._watches.values():
        assert len(watch.below) + len(watch.above) <= 4 * 20 + 128


@pytest.mark.parametrize(
    "rules",
    [
        lambda: leg(quantity=0),
        lambda: leg(entry=0),
        lambda: leg(stop=0),
        lambda: leg(leg_id=0),
        lambda: trade(leg(1), leg(1)),
        lambda: trade(square_off_at=START.replace(tzinfo=None)),
        lambda: DayLimits(loss=-1),
        lambda: PnlRules(stop=rupees(10), target=rupees(5)),
        lambda: Confirm(ticks=0),
        lambda: Confirm(ticks=21),
        lambda: EntryRule(CALL, 0, above=True),
    ],
)
def test_rules_that_cannot_mean_anything_are_refused(rules) -> None:
    with pytest.raises(RuleError):
        rules()
