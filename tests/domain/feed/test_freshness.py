"""A silent price is stale, a held one frozen, and one tick makes it live again."""

from hypothesis import given
from hypothesis import strategies as st

from domain.feed.freshness import Freshness, Moment, judge

SECONDS = st.floats(min_value=1, max_value=1e6)
STATES = st.sampled_from(Freshness)
OPEN = Moment(is_open=True)


def at(
    before: Freshness, now: float, *, ticked: float = 0.0, subscribed: float = 0.0, moment: Moment = OPEN
) -> Freshness:
    return judge(before, now=now, ticked_at=ticked, subscribed_at=subscribed, moment=moment, stale_after=3.0)


@given(STATES, SECONDS, st.floats(min_value=0, max_value=3))
def test_a_tick_within_the_limit_makes_it_live(before: Freshness, ticked: float, age: float) -> None:
    if (ticked + age) - ticked <= 3.0:  # floats this large round
        assert at(before, ticked + age, ticked=ticked) is Freshness.LIVE


@given(STATES, SECONDS, st.floats(min_value=3.01, max_value=1e5))
def test_silence_beyond_the_limit_is_stale_whatever_it_was(before: Freshness, ticked: float, age: float) -> None:
    assert at(before, ticked + age, ticked=ticked) is Freshness.STALE


@given(STATES, SECONDS, SECONDS)
def test_a_closed_market_changes_nothing(before: Freshness, ticked: float, now: float) -> None:
    assert at(before, now, ticked=ticked, moment=Moment(is_open=False)) is before


@given(STATES, SECONDS, SECONDS, st.booleans())
def test_the_auction_freezes_whether_it_ticks_or_not(
    before: Freshness, ticked: float, now: float, is_open: bool
) -> None:
    assert at(before, now, ticked=ticked, moment=Moment(is_open=is_open, stands_still=True)) is Freshness.FROZEN


def test_a_subscription_is_not_live_before_its_first_tick() -> None:
    assert at(Freshness.STALE, 102.0, subscribed=100.0) is Freshness.STALE
    assert at(Freshness.STALE, 103.5, subscribed=100.0) is Freshness.STALE
    assert at(Freshness.STALE, 103.5, subscribed=100.0, ticked=103.0) is Freshness.LIVE


def test_the_opening_gives_yesterdays_price_time_to_tick() -> None:
    just_open = Moment(is_open=True, opened_at=1000.0)
    assert at(Freshness.LIVE, 1002.0, ticked=10.0, moment=just_open) is Freshness.LIVE
    assert at(Freshness.LIVE, 1003.5, ticked=10.0, moment=just_open) is Freshness.STALE
