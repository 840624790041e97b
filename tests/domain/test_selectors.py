"""Strikes from the listed ones, the parity forward, and the grammar of legs."""

import math
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import IST
from domain.expiries import ExpiryRule, Pick
from domain.instruments import Exchange, InstrumentKey, Kind, Right
from domain.orders import Side
from domain.selectors import (
    Leg,
    LegError,
    Moneyness,
    NoStrike,
    ParityPair,
    StrikeRule,
    StrikeRuleError,
    UnreliableForward,
    nearest_strike,
    parse_leg,
    parse_legs,
    parse_strike_rule,
    select_strike,
    synthetic_forward,
)
from tests.shared import shared_path

# NIFTY near the money: 50 apart, 100 further out.
LISTED = [Decimal(k) for k in (23900, 24000, 24050, 24100, 24150, 24200, 24250, 24300, 24400, 24500)]
ladders = st.sets(st.integers(1, 2000), min_size=1, max_size=60).map(
    lambda steps: [Decimal(step * 50) / 2 for step in steps]
)
levels = st.decimals(Decimal(1), Decimal(60000), places=2)


@pytest.mark.parametrize(
    ("text", "right", "reference", "expected"),
    [
        ("ATM", Right.CALL, "24210", 24200),
        ("ATM", Right.PUT, "24225", 24200),  # a tie goes to the lower strike
        ("ATM", Right.CALL, "24225.05", 24250),
        ("atm+1", Right.PUT, "24210", 24250),
        ("ATM-1", Right.CALL, "24210", 24150),
        ("OTM1", Right.CALL, "24210", 24250),
        ("OTM1", Right.PUT, "24210", 24150),
        ("ITM2", Right.CALL, "24210", 24100),
        ("ITM2", Right.PUT, "24210", 24300),
        ("OTM3", Right.CALL, "24210", 24400),  # the third listed one, though 150 points would be 24350
        ("OTM5", Right.PUT, "24210", 23900),
        ("ATM", Right.CALL, "99999", 24500),
    ],
)
def test_a_strike_is_counted_in_listed_strikes(text: str, right: Right, reference: str, expected: int) -> None:
    chosen = select_strike(parse_strike_rule(text), strikes=LISTED, reference=Decimal(reference), right=right)
    assert chosen == expected


@given(ladders, levels)
def test_the_money_is_the_nearest_listed_strike(strikes: list[Decimal], reference: Decimal) -> None:
    chosen = nearest_strike(strikes, reference)
    assert chosen in strikes
    distance = abs(chosen - reference)
    assert all(
        abs(strike - reference) > distance or (abs(strike - reference) == distance and strike >= chosen)
        for strike in strikes
    )


@given(ladders, levels, st.integers(1, 10), st.sampled_from([Right.CALL, Right.PUT]))
def test_out_of_the_money_for_one_right_is_in_the_money_for_the_other(
    strikes: list[Decimal], reference: Decimal, steps: int, right: Right
) -> None:
    other = Right.PUT if right is Right.CALL else Right.CALL
    offset = steps if right is Right.CALL else -steps
    choices = []
    for rule, of in (
        (StrikeRule(Moneyness.OTM, steps), right),
        (StrikeRule(Moneyness.ITM, steps), other),
        (StrikeRule(Moneyness.ATM, offset), right),
    ):
        try:
            choices.append(select_strike(rule, strikes=strikes, reference=reference, right=of))
        except NoStrike:
            choices.append(Decimal(-1))
    assert len(set(choices)) == 1


@pytest.mark.parametrize(("text", "right"), [("OTM5", Right.CALL), ("ATM-6", Right.PUT)])
def test_a_strike_beyond_the_chain_is_an_error(text: str, right: Right) -> None:
    with pytest.raises(NoStrike):
        select_strike(parse_strike_rule(text), strikes=LISTED, reference=Decimal(24210), right=right)


def test_an_empty_chain_has_no_money() -> None:
    with pytest.raises(NoStrike):
        nearest_strike([], Decimal(100))


def test_out_of_the_money_needs_a_right() -> None:
    with pytest.raises(StrikeRuleError):
        select_strike(StrikeRule(Moneyness.OTM, 1), strikes=LISTED, reference=Decimal(24210), right=Right.NONE)


@pytest.mark.parametrize("text", ["", "OTM", "OTM0", "ATM1", "ATM+", "OTM-1", "ITM+1", "ATM+1.5", "24200"])
def test_what_is_no_strike_rule_is_refused(text: str) -> None:
    with pytest.raises(StrikeRuleError, match="ATM"):
        parse_strike_rule(text)


@pytest.mark.parametrize("text", ["ATM", "ATM+2", "ATM-10", "OTM1", "ITM12"])
def test_a_written_strike_rule_reads_back(text: str) -> None:
    assert str(parse_strike_rule(text)) == text


def _pairs(forward: float, *, noise: list[float], years: float, rate: float) -> list[ParityPair]:
    """Prices that obey parity on the forward but for the noise, in points, at each strike."""
    discount = math.exp(-rate * years)
    made = []
    for index, error in enumerate(noise):
        strike = 24000.0 + 50 * index
        gap = discount * (forward + error - strike)
        made.append(ParityPair(strike, call=500 + gap, put=500.0))
    return made


@given(
    st.floats(24000, 24300),
    st.lists(st.floats(-2.4, 2.4), min_size=7, max_size=7),
    st.floats(0.0001, 1),
)
def test_the_forward_of_consistent_prices_is_found(forward: float, noise: list[float], years: float) -> None:
    found = synthetic_forward(_pairs(forward, noise=noise, years=years, rate=0.065), near=24150, years=years)
    assert found == pytest.approx(forward, abs=2.5)


def test_without_noise_it_is_exact() -> None:
    pairs = _pairs(24133.25, noise=[0.0] * 7, years=0.02, rate=0.065)
    assert synthetic_forward(pairs, near=24140, years=0.02) == pytest.approx(24133.25, abs=1e-9)


def test_only_strikes_within_three_steps_count() -> None:
    pairs = _pairs(24000.0, noise=[0, 0, 0, 0, 900], years=0.02, rate=0.065)
    assert synthetic_forward(pairs, near=24000, years=0.02) == pytest.approx(24000, abs=1e-9)


def test_estimates_too_far_apart_are_refused() -> None:
    assert synthetic_forward(
        _pairs(24100.0, noise=[0, 0, 4.9, 0], years=0.02, rate=0.065), near=24075, years=0.02
    ) == pytest.approx(24100)
    with pytest.raises(UnreliableForward, match="spread"):
        synthetic_forward(_pairs(24100.0, noise=[0, 0, 5.1, 0], years=0.02, rate=0.065), near=24075, years=0.02)


def test_too_few_priced_strikes_are_refused() -> None:
    pairs = _pairs(24100.0, noise=[0, 0, 0], years=0.02, rate=0.065)
    dead = [*pairs[:2], ParityPair(pairs[2].strike, call=pairs[2].call, put=0.0)]
    with pytest.raises(UnreliableForward, match="2 strikes"):
        synthetic_forward(dead, near=24050, years=0.02)
    with pytest.raises(UnreliableForward):
        synthetic_forward([], near=24050, years=0.02)


CHAIN = """
    select timestamp, strike, max(spot),
           max(case when option_type = 'CE' then ltp end) as call,
           max(case when option_type = 'PE' then ltp end) as put
    from read_parquet(?) where expiry = '18-Aug-2026' group by all
    having call is not null and put is not null order by timestamp, strike
"""


def _minutes() -> Iterator[tuple[str, float, list[ParityPair]]]:
    """Yield each recorded minute of the expiry day: stamp, spot and the chain's pairs."""
    path = str(shared_path("market_data/NIFTY_option_chain_snapshots_20260818.parquet"))
    rows = duckdb.execute(CHAIN, [path]).fetchall()
    for stamp, group in groupby(rows, key=itemgetter(0)):
        minute = list(group)
        yield stamp, minute[0][2], [ParityPair(row[1], row[3], row[4]) for row in minute]


def test_on_a_real_expiry_day_the_forward_moves_while_the_index_stands_still() -> None:
    forwards, refused, spots = {}, [], {}
    for stamp, spot, pairs in _minutes():
        left = datetime(2026, 8, 18, 15, 30, tzinfo=IST) - datetime.strptime(stamp + "+0530", "%Y%m%d%H%M%z")
        years = max(left.total_seconds(), 60) / (365 * 86400)
        spots[stamp[-4:]] = spot
        try:
            forwards[stamp[-4:]] = synthetic_forward(pairs, near=spot, years=years)
        except UnreliableForward:
            refused.append(stamp[-4:])
    assert refused == ["1501"]  # 6.6 points apart: one of 288 minutes
    assert len(forwards) == 287
    assert {spots[f"15{minute}"] for minute in range(16, 30)} == {24166.349609375}
    assert forwards["1515"] == pytest.approx(24225, abs=1)
    assert forwards["1529"] == pytest.approx(24156, abs=1)


@pytest.mark.parametrize(
    ("text", "leg"),
    [
        (
            "sell 1 week0 atm ce",
            Leg(
                Side.SELL,
                1,
                expiry=ExpiryRule(Pick.WEEK, 0),
                strike=StrikeRule(Moneyness.ATM, 0),
                right=Right.CALL,
            ),
        ),
        (
            "BUY 2 MONTH1 OTM4 PE",
            Leg(
                Side.BUY,
                2,
                expiry=ExpiryRule(Pick.MONTH, 1),
                strike=StrikeRule(Moneyness.OTM, 4),
                right=Right.PUT,
            ),
        ),
        ("BUY 1 FRONT FUT", Leg(Side.BUY, 1, expiry=ExpiryRule(Pick.FUTURE, 0))),
        (
            "SELL 3 MCX:CRUDEOIL18DEC26FUT",
            Leg(
                Side.SELL,
                3,
                key=InstrumentKey(Exchange.MCX, "CRUDEOIL", Kind.FUTURE, date(2026, 12, 18)),
            ),
        ),
        (
            "SELL 1 NIFTY18AUG2624200PE",
            Leg(
                Side.SELL,
                1,
                key=InstrumentKey(Exchange.NFO, "NIFTY", Kind.OPTION, date(2026, 8, 18), Decimal(24200), Right.PUT),
            ),
        ),
    ],
)
def test_a_leg_reads_as_written(text: str, leg: Leg) -> None:
    assert parse_leg(text) == leg


def test_a_straddle_is_two_lines() -> None:
    legs = parse_legs("SELL 1 WEEK0 ATM CE\n\n SELL 1 WEEK0 ATM PE ;")
    assert [leg.right for leg in legs] == [Right.CALL, Right.PUT]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ; ",
        "SELL",
        "SELL 1",
        "HOLD 1 WEEK0 ATM CE",
        "SELL 0 WEEK0 ATM CE",
        "SELL -1 WEEK0 ATM CE",
        "SELL 1.5 WEEK0 ATM CE",
        "SELL 99999 WEEK0 ATM CE",
        "SELL 1 WEEK0 ATM XX",
        "SELL 1 WEEK0 CE",
        "SELL 1 SOON ATM CE",
        "SELL 1 WEEK0 NEAR CE",
        "SELL 1 FRONT ATM CE",
        "SELL 1 WEEK0 ATM CE EXTRA",
        "SELL 1 NYSE:IBM",
        "SELL 1 NIFTY",
        "SELL ١ WEEK0 ATM CE",
        "\n".join(["SELL 1 WEEK0 ATM CE"] * 11),
    ],
)
def test_a_wrong_leg_is_refused(text: str) -> None:
    with pytest.raises(LegError):
        parse_legs(text)
