"""Open trades come first, the limit holds, and a price around a strike does not flap."""

from hypothesis import given
from hypothesis import strategies as st

from domain.feed.subscriptions import Want, collect, plan

REFERENCES = st.lists(st.tuples(st.sampled_from(Want), st.lists(st.integers(1, 40), max_size=20)), max_size=8)
SUBSCRIBED = st.dictionaries(st.integers(1, 60), st.floats(0, 1000))
LINGER = 60.0


@given(REFERENCES)
def test_references_are_counted(references: list[tuple[Want, list[int]]]) -> None:
    needs = collect(references)
    assert sum(sum(need.counts.values()) for need in needs) == sum(len(ids) for _, ids in references)
    assert len({need.instrument_id for need in needs}) == len(needs)


@given(REFERENCES, SUBSCRIBED, st.integers(0, 50), st.floats(0, 2000))
def test_the_limit_holds_and_nothing_needed_is_forgotten(
    references: list[tuple[Want, list[int]]], subscribed: dict[int, float], limit: int, now: float
) -> None:
    needs = collect(references)
    change = plan(needs, subscribed=subscribed, limit=limit, now=now, linger=LINGER)
    after = (set(subscribed) - set(change.unsubscribe)) | set(change.subscribe)
    needed = {need.instrument_id for need in needs}
    assert len(after) <= limit
    assert needed == (needed & after) | set(change.refused)
    assert not set(change.refused) & after
    assert not set(change.subscribe) & set(subscribed)


@given(REFERENCES, st.integers(0, 50))
def test_what_is_refused_is_never_more_important_than_what_is_kept(
    references: list[tuple[Want, list[int]]], limit: int
) -> None:
    needs = {need.instrument_id: need for need in collect(references)}
    change = plan(needs.values(), subscribed={}, limit=limit, now=0.0, linger=LINGER)
    kept = [needs[one].rank for one in change.subscribe]
    assert all(needs[one].rank > rank for one in change.refused for rank in kept)


@given(REFERENCES, st.integers(0, 50))
def test_a_second_plan_finds_nothing_to_do(references: list[tuple[Want, list[int]]], limit: int) -> None:
    needs = collect(references)
    first = plan(needs, subscribed={}, limit=limit, now=5.0, linger=LINGER)
    second = plan(needs, subscribed=dict.fromkeys(first.subscribe, 5.0), limit=limit, now=6.0, linger=LINGER)
    assert (second.subscribe, second.unsubscribe) == ([], [])


def test_an_unneeded_instrument_lingers_and_then_goes() -> None:
    subscribed = {1: 100.0}
    assert plan([], subscribed=subscribed, limit=10, now=150.0, linger=LINGER).unsubscribe == []
    assert plan([], subscribed=subscribed, limit=10, now=161.0, linger=LINGER).unsubscribe == [1]


def test_a_lingering_one_gives_its_place_to_a_needed_one() -> None:
    needs = collect([(Want.WATCHLIST, [2])])
    change = plan(needs, subscribed={1: 100.0}, limit=1, now=101.0, linger=LINGER)
    assert (change.subscribe, change.unsubscribe) == ([2], [1])
