"""Impossible ticks are refused by reason; possible ones never are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.feed.validation import LARGEST, Band, LastSeen, Refusal, refusal

NOW = 1_800_000_000_000


def judged(
    seen: LastSeen | None = None,
    *,
    last_price: int = 100,
    bid: int = 99,
    ask: int = 101,
    smallest: int = 0,
    largest: int = 101,
    exchange_at: int = 0,
) -> Refusal | None:
    return refusal(
        seen or LastSeen(),
        last_price=last_price,
        bid=bid,
        ask=ask,
        smallest=smallest,
        largest=largest,
        exchange_at=exchange_at,
        latest=NOW,
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"last_price": 0}, Refusal.ZERO),
        ({"last_price": -5}, Refusal.NEGATIVE),
        ({"bid": -1}, Refusal.NEGATIVE),
        ({"ask": -1}, Refusal.NEGATIVE),
        ({"smallest": -1}, Refusal.NEGATIVE),
        ({"bid": 102, "ask": 101}, Refusal.CROSSED),
        ({"exchange_at": NOW + 1}, Refusal.FUTURE),
        ({"largest": 2**63}, Refusal.TOO_LARGE),
    ],
)
def test_the_impossible_is_named(fields: dict[str, int], reason: Refusal) -> None:
    assert judged(**fields) is reason


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"bid": 0, "ask": 0},
        {"bid": 102, "ask": 0},
        {"bid": 101, "ask": 101},
        {"exchange_at": NOW},
        {"largest": LARGEST},
    ],
)
def test_the_unusual_is_accepted(fields: dict[str, int]) -> None:
    assert judged(**fields) is None


@given(st.integers(min_value=1, max_value=NOW), st.integers(min_value=0, max_value=NOW))
def test_only_an_older_stamp_is_out_of_order(seen_at: int, stamp: int) -> None:
    expected = Refusal.OUT_OF_ORDER if 0 < stamp < seen_at else None
    assert judged(LastSeen(exchange_at=seen_at), exchange_at=stamp) is expected


@given(
    st.integers(min_value=1, max_value=10**6),
    st.integers(min_value=0, max_value=10**6),
    st.integers(1, 2 * 10**6),
)
def test_both_ends_of_the_band_are_tradable(lower: int, width: int, price: int) -> None:
    seen = LastSeen(band=Band(lower, lower + width))
    outside = price < lower or price > lower + width
    assert judged(seen, last_price=price, bid=0, ask=0) is (Refusal.OFF_BAND if outside else None)


def test_judging_changes_nothing() -> None:
    seen = LastSeen(exchange_at=5)
    judged(seen, exchange_at=9)
    assert seen == LastSeen(exchange_at=5)
