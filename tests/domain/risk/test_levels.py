from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders import Side
from domain.prices import to_decimal, to_scaled
from domain.risk import LegRules, RuleError
from domain.risk.levels import (
    LockOffsets,
    Offset,
    TrailOffsets,
    confirmation,
    leg_rules,
    pnl_rules,
    premium,
    price_trail,
    stop_price,
    target_price,
)

TICK = Decimal("0.05")
PRICES = st.integers(1, 4_000_000).map(lambda paisa: Decimal(paisa) / 100)
PERCENTS = st.integers(1, 9_900).map(lambda hundredths: Offset.percent(Decimal(hundredths) / 100))


def scaled(text: str) -> int:
    return to_scaled(Decimal(text))


@pytest.mark.parametrize(
    ("side", "entry", "offset", "stop", "target"),
    [
        (Side.BUY, "100", Offset.percent(30), "70", "130"),
        (Side.SELL, "100", Offset.percent(30), "130", "70"),
        (Side.BUY, "100", Offset.points("12.50"), "87.50", "112.50"),
        (Side.SELL, "26.15", Offset.percent(30), "34", "18.30"),  # 33.995 and 18.305, outwards
        (Side.BUY, "26.15", Offset.percent(30), "18.30", "34"),
    ],
)
def test_levels_are_taken_from_the_entry_and_rounded_outwards(side, entry, offset, stop, target) -> None:
    where = {"entry_price": Decimal(entry), "side": side, "offset": offset, "tick_size": TICK}
    assert stop_price(**where) == scaled(stop)
    assert target_price(**where) == scaled(target)


@given(entry=PRICES, side=st.sampled_from(Side), offset=PERCENTS, steps=st.integers(1, 200_000))
def test_rounding_never_changes_which_tradable_price_reaches_the_stop(entry, side, offset, steps) -> None:
    price = steps * TICK
    loss = (entry - price) * side.sign
    level = stop_price(entry_price=entry, side=side, offset=offset, tick_size=TICK)
    is_reached = level is not None and (price - to_decimal(level)) * side.sign <= 0
    assert is_reached == (loss >= offset.of(entry))


def test_a_level_below_zero_is_no_level() -> None:
    where = {"entry_price": Decimal(10), "tick_size": TICK}
    assert stop_price(side=Side.BUY, offset=Offset.points(10), **where) is None
    assert target_price(side=Side.SELL, offset=Offset.percent(120), **where) is None
    assert stop_price(side=Side.BUY, offset=None, **where) is None


@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity"])
def test_a_distance_must_be_a_positive_number(value) -> None:
    with pytest.raises(RuleError, match="distance"):
        Offset.percent(value)


def test_a_leg_is_made_from_what_people_set() -> None:
    leg = leg_rules(
        leg_id=1,
        instrument_id=5,
        quantity=-65,
        entry_price=Decimal("42.10"),
        tick_size=TICK,
        stop=Offset.percent(30),
        target=Offset.points(20),
        trail=TrailOffsets(
            distance=Offset.percent(15), activate_after=Offset.percent(20), cost_after=Offset.percent(20)
        ),
        best=Decimal("33"),
    )
    assert (leg.stop, leg.target) == (scaled("54.75"), scaled("22.10"))
    assert leg.trail is not None
    assert (leg.trail.activate_at, leg.trail.cost_at) == (scaled("33.65"), scaled("33.65"))
    assert (leg.trail.distance_ppm, leg.trail.step, leg.trail.best) == (150_000, scaled("0.05"), scaled("33"))


def test_a_trail_whose_activation_is_out_of_reach_only_moves_to_cost() -> None:
    where = {"entry_price": Decimal(10), "side": Side.SELL, "tick_size": TICK}
    far = TrailOffsets(distance=Offset.points(1), activate_after=Offset.points(11))
    assert price_trail(offsets=far, **where) is None
    both = TrailOffsets(distance=Offset.points(1), activate_after=Offset.points(11), cost_after=Offset.points(2))
    trail = price_trail(offsets=both, **where)
    assert trail is not None
    assert (trail.follows, trail.cost_at) == (False, scaled("8"))


def leg(leg_id: int, quantity: int, entry: str, multiplier: str = "1") -> LegRules:
    return LegRules(leg_id, leg_id, quantity, scaled(entry), multiplier=Decimal(multiplier))


def test_the_premium_is_net_over_the_legs_whoever_pays() -> None:
    assert premium([leg(1, -65, "42.10"), leg(2, -65, "26.15")]) == Decimal("4436.25")
    assert premium([leg(1, -65, "42.10"), leg(2, 65, "2.10")]) == Decimal("2600")
    assert premium([leg(1, 1000, "70000", "0.1")]) == Decimal(7_000_000)


def test_combined_limits_are_percent_of_the_premium_or_rupees() -> None:
    legs = [leg(1, -65, "42.10"), leg(2, -65, "26.15")]
    lock = LockOffsets(
        after=Offset.percent(30), lock=Offset.percent(10), every=Offset.percent(10), by=Offset.percent(10)
    )
    rules = pnl_rules(legs=legs, stop=Offset.percent(20), target=Offset.points(2500), lock=lock)
    assert rules is not None
    assert (rules.stop, rules.target) == (scaled("-887.25"), scaled("2500"))
    assert rules.trail is not None
    assert (rules.trail.at, rules.trail.lock) == (scaled("1330.875"), scaled("443.625"))
    assert rules.trail.every == rules.trail.by == scaled("443.625")
    assert pnl_rules(legs=legs) is None


def test_a_percentage_of_no_premium_is_refused() -> None:
    legs = [leg(1, -65, "40"), leg(2, 65, "40")]
    with pytest.raises(RuleError, match="net premium of zero"):
        pnl_rules(legs=legs, stop=Offset.percent(20))
    assert pnl_rules(legs=legs, stop=Offset.points(100)) is not None


def test_the_buffer_is_given_in_percent() -> None:
    guard = confirmation(ticks=3, buffer_percent=Decimal("0.25"))
    assert (guard.ticks, guard.buffer_ppm) == (3, 2_500)
