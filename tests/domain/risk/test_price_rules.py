import pytest

from domain.orders import ExitReason
from domain.risk import Confirm, DataState, EntryRule, Fired, PriceTrail
from tests.domain.risk.cast import CALL, ONCE, PUT, armed, at, leg, reasons, rupees, show, tick, trade


def test_a_long_leg_is_stopped_at_its_level_and_the_answer_says_everything() -> None:
    engine = armed(trade(leg(stop=rupees(90))))
    assert show(engine, 100, 90.05) == []
    fired = engine.on_ticks([tick(90, received_at=int(at(3).timestamp() * 1000))])
    assert fired == [
        Fired(
            trade_id=7,
            map_id=3,
            leg_ids=(1,),
            reason=ExitReason.STOP_LOSS,
            instrument_id=CALL,
            trigger=rupees(90),
            price=rupees(90),
            at=at(3),
        )
    ]


@pytest.mark.parametrize(
    ("quantity", "rules", "inside", "reached", "reason"),
    [
        (10, {"stop": rupees(90)}, 90.05, 90, "STOP_LOSS"),
        (10, {"target": rupees(120)}, 119.95, 120, "TARGET"),
        (-10, {"stop": rupees(110)}, 109.95, 110, "STOP_LOSS"),
        (-10, {"target": rupees(80)}, 80.05, 80, "TARGET"),
    ],
)
def test_every_level_fires_exactly_when_it_is_reached(quantity, rules, inside, reached, reason) -> None:
    engine = armed(trade(leg(quantity=quantity, **rules)))
    assert show(engine, 100, inside) == []
    assert reasons(show(engine, reached)) == [reason]


def test_a_gap_through_the_stop_fires_at_once() -> None:
    engine = armed(trade(leg(stop=rupees(90))))
    (fired,) = show(engine, 100, 42)
    assert (fired.trigger, fired.price) == (rupees(90), rupees(42))


def test_one_bad_print_is_not_a_stop() -> None:
    engine = armed(trade(leg(stop=rupees(90)), confirm=Confirm(ticks=2)))
    assert show(engine, 100, 5, 100, 89, 91, 89) == []
    assert reasons(show(engine, 88)) == ["STOP_LOSS"]


def test_a_gap_must_be_confirmed_like_any_other_breach() -> None:
    engine = armed(trade(leg(stop=rupees(90)), confirm=Confirm(ticks=3)))
    assert show(engine, 100, 40, 40.05) == []
    assert reasons(show(engine, 40.05)) == ["STOP_LOSS"]


def test_a_buffer_pushes_the_level_out_and_the_answer_names_the_level() -> None:
    engine = armed(trade(leg(stop=rupees(90)), confirm=Confirm(ticks=1, buffer_ppm=10_000)))
    assert show(engine, 100, 90, 89.15) == []
    (fired,) = show(engine, 89.10)
    assert fired.trigger == rupees(90)


def test_a_leg_may_be_confirmed_otherwise_than_its_trade() -> None:
    engine = armed(
        trade(
            leg(1, stop=rupees(90), confirm=Confirm(ticks=2)),
            leg(2, stop=rupees(90)),
        )
    )
    (fired,) = show(engine, 90)
    assert fired.leg_ids == (2,)


@pytest.mark.parametrize("state", [DataState.STALE, DataState.FROZEN])
def test_prices_that_cannot_be_believed_fire_nothing_but_the_clock_does(state) -> None:
    engine = armed(trade(leg(stop=rupees(90)), square_off_at=at(60)))
    engine.set_state(CALL, state)
    assert show(engine, 50, 50, 50) == []
    assert reasons(engine.on_clock(at(60))) == ["SQUARE_OFF"]


def test_a_price_that_is_believed_again_is_judged_by_its_next_tick() -> None:
    engine = armed(trade(leg(stop=rupees(90)), confirm=Confirm(ticks=2)))
    assert show(engine, 100, 80) == []
    engine.set_state(CALL, DataState.STALE)
    show(engine, 80, 80)
    engine.set_state(CALL, DataState.LIVE)
    assert show(engine, 80) == []
    assert reasons(show(engine, 80)) == ["STOP_LOSS"]


def test_a_state_told_before_the_instrument_is_watched_is_kept() -> None:
    engine = armed()
    engine.set_state(CALL, DataState.FROZEN)
    engine.arm(trade(leg(stop=rupees(90))))
    assert show(engine, 50, 50) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"price": 100, "exchange_at": 9_000}, {"price": 50, "exchange_at": 8_999}),
        ({"price": 100, "exchange_at": 9_000}, {"price": 0, "exchange_at": 9_001}),
        ({"price": 100, "exchange_at": 9_000}, {"price": -5, "exchange_at": 9_001}),
    ],
)
def test_late_zero_and_negative_ticks_are_dropped_and_counted(first, second) -> None:
    engine = armed(trade(leg(stop=rupees(90))))
    assert engine.on_ticks([tick(**first), tick(**second)]) == []
    assert engine.dropped == 1
    assert reasons(show(engine, 90)) == ["STOP_LOSS"]


def test_the_same_packet_twice_does_not_confirm_itself_but_the_next_one_does() -> None:
    engine = armed(trade(leg(stop=rupees(90)), confirm=Confirm(ticks=2)))
    packet = {"price": 50, "exchange_at": 9_000, "volume": 650, "bid": 1, "ask": 2}
    assert engine.on_ticks([tick(**packet, received_at=1), tick(**packet, received_at=2)]) == []
    assert engine.dropped == 1
    packet["volume"] = 715
    assert reasons(engine.on_ticks([tick(**packet)])) == ["STOP_LOSS"]


def test_instruments_nobody_watches_are_passed_over() -> None:
    engine = armed(trade(leg(stop=rupees(90))))
    assert show(engine, 1, instrument_id=999) == []
    assert engine.dropped == 0


# -- trailing


def test_a_trail_follows_only_upwards_and_fires_behind_the_best_price() -> None:
    engine = armed(trade(leg(trail=PriceTrail(distance=rupees(10)))))
    assert show(engine, 105, 120, 112, 115) == []
    (fired,) = show(engine, 110)
    assert (fired.reason, fired.trigger) == (ExitReason.TRAIL, rupees(110))


def test_a_short_leg_is_trailed_from_below() -> None:
    engine = armed(trade(leg(quantity=-10, trail=PriceTrail(distance_ppm=100_000))))
    assert show(engine, 95, 80, 87.95) == []
    (fired,) = show(engine, 88)
    assert (fired.reason, fired.trigger) == (ExitReason.TRAIL, rupees(88))


def test_a_trail_waits_for_its_activation() -> None:
    engine = armed(trade(leg(trail=PriceTrail(distance=rupees(10), activate_at=rupees(120)))))
    assert show(engine, 119, 60, 119) == []
    assert show(engine, 120, 111) == []
    assert reasons(show(engine, 110)) == ["TRAIL"]


def test_a_trail_moves_in_steps() -> None:
    engine = armed(trade(leg(trail=PriceTrail(distance=rupees(10), step=rupees(5)))))
    assert show(engine, 104.95, 94, 90.05) == []
    assert show(engine, 105, 95.05) == []
    assert reasons(show(engine, 95)) == ["TRAIL"]


def test_after_a_move_the_stop_goes_to_cost() -> None:
    engine = armed(trade(leg(stop=rupees(75), trail=PriceTrail(cost_at=rupees(120)))))
    assert show(engine, 119, 99, 120, 101) == []
    (fired,) = show(engine, 100)
    assert (fired.reason, fired.trigger) == (ExitReason.TRAIL, rupees(100))


def test_a_bad_print_does_not_drag_the_trail_along() -> None:
    engine = armed(trade(leg(trail=PriceTrail(distance=rupees(10))), confirm=Confirm(ticks=2)))
    assert show(engine, 100, 400, 100, 101, 102, 100) == []
    assert [moved.best for moved in engine.trails_moved()] == [rupees(101)]


def test_a_trail_that_moved_is_told_once_and_survives_a_restart() -> None:
    engine = armed(trade(leg(trail=PriceTrail(distance=rupees(10)))))
    show(engine, 115, 120)
    (moved,) = engine.trails_moved()
    assert (moved.trade_id, moved.leg_id, moved.best, moved.stop) == (7, 1, rupees(120), rupees(110))
    assert engine.trails_moved() == []
    restarted = armed(trade(leg(trail=PriceTrail(distance=rupees(10), best=moved.best))))
    assert reasons(show(restarted, 110)) == ["TRAIL"]


def test_an_update_keeps_the_best_price_and_what_was_not_told_yet() -> None:
    engine = armed(trade(leg(quantity=10, trail=PriceTrail(distance=rupees(10)))))
    show(engine, 120)
    assert engine.update(trade(leg(quantity=20, trail=PriceTrail(distance=rupees(10))), version=1))
    assert [moved.best for moved in engine.trails_moved()] == [rupees(120)]
    assert reasons(show(engine, 110)) == ["TRAIL"]


def test_a_leg_that_turned_around_starts_its_trail_anew() -> None:
    engine = armed(trade(leg(quantity=10, trail=PriceTrail(distance=rupees(10)))))
    show(engine, 120)
    engine.update(trade(leg(quantity=-10, trail=PriceTrail(distance=rupees(10))), version=1))
    assert show(engine, 109) == []
    assert reasons(show(engine, 110)) == ["TRAIL"]


# -- entries


@pytest.mark.parametrize(("above", "inside", "reached"), [(True, 104.95, 105), (False, 105.05, 105)])
def test_an_entry_is_triggered_at_or_beyond_its_level(above, inside, reached) -> None:
    engine = armed(trade(entry=EntryRule(PUT, rupees(105), above=above)))
    assert show(engine, inside, instrument_id=PUT) == []
    (fired,) = show(engine, reached, instrument_id=PUT)
    assert (fired.reason, fired.leg_ids, fired.trigger) == ("ENTRY_TRIGGER", (), rupees(105))
    assert show(engine, reached, instrument_id=PUT) == []


def test_an_entry_that_takes_too_long_times_out_and_beats_its_trigger() -> None:
    rules = trade(entry=EntryRule(PUT, rupees(105), above=True), entry_expires_at=at(60), confirm=ONCE)
    engine = armed(rules)
    assert engine.on_clock(at(59)) == []
    assert reasons(engine.on_clock(at(60))) == ["ENTRY_TIMEOUT"]
    assert show(engine, 110, instrument_id=PUT) == []
    assert reasons(engine.on_clock(at(65))) == ["ENTRY_TIMEOUT"]
