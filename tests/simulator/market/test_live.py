"""The live market: repeatable, and sane at every moment."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.clock import IST
from domain.instruments import Kind, Right
from domain.prices import to_scaled
from simulator.market.live import LiveMarket
from tests.simulator.market.live_rig import NIFTY, START, market, run


def test_the_same_seed_and_steps_show_the_same_prices() -> None:
    first, second = run(market(), seconds=60), run(market(), seconds=60)
    assert first == second
    assert len(first) > 5000


def test_another_seed_shows_others() -> None:
    assert run(market(), seconds=5) != run(market(seed=4), seconds=5)


def test_every_instrument_has_a_price_from_the_start_and_changes_within_seconds() -> None:
    live = market()
    assert all(live.quote(token).last_price > 0 for token in live.listings)
    changed = {token for token, _ in run(live, seconds=15)}
    assert changed == set(live.listings)


def assert_sane(live: LiveMarket) -> None:
    for token, listing in live.listings.items():
        quote = live.quote(token)
        tick = to_scaled(listing.tick_size)
        assert quote.last_price > 0
        assert quote.last_price % tick == 0, listing.symbol
        assert quote.low <= quote.last_price <= quote.high
        assert quote.lower_band <= quote.last_price <= quote.upper_band, listing.symbol
        if listing.kind is Kind.INDEX:
            assert quote.bid == quote.ask == quote.volume == 0
            continue
        assert 0 < quote.bid < quote.ask
        assert quote.bid <= quote.last_price <= quote.ask, listing.symbol
        assert quote.bid % tick == quote.ask % tick == 0
        assert quote.bid_quantity % listing.lot_size == quote.ask_quantity % listing.lot_size == 0
        assert quote.bid_quantity > 0 < quote.ask_quantity


@settings(max_examples=12)
@given(
    st.integers(min_value=0, max_value=2**32),
    st.floats(min_value=0, max_value=8),
    st.datetimes(min_value=datetime(2026, 9, 1), max_value=datetime(2026, 12, 28)),  # noqa: DTZ001
    st.sampled_from([0.3, 2.0, 60.0]),
)
def test_every_quote_is_sane_whatever_the_seed_hour_and_volatility(seed, scale, start, every) -> None:
    live = market(seed=seed, start=start.replace(tzinfo=IST), scale=scale)
    run(live, seconds=every * 40, every=every)
    assert_sane(live)


def test_time_never_runs_back() -> None:
    live = market()
    run(live, seconds=5)
    assert live.step(START) == []
    assert live.now > START


def test_the_next_change_is_when_something_changes() -> None:
    live = market()
    for _ in range(50):
        due = live.next_change()
        assert due is not None
        assert due > live.now
        assert live.step(due - timedelta(milliseconds=1)) == [] or due - live.now <= timedelta(milliseconds=1)
        assert live.step(due)


def test_depth_starts_at_the_touch_and_gets_worse() -> None:
    live = market()
    token = live.find("NFO", "NIFTY26NOV24200CE").token
    quote = live.quote(token)
    bids, asks = live.depth(token)
    assert (len(bids), len(asks)) == (5, 5)
    assert (bids[0].price, bids[0].quantity) == (quote.bid, quote.bid_quantity)
    assert (asks[0].price, asks[0].quantity) == (quote.ask, quote.ask_quantity)
    assert [level.price for level in bids] == sorted({level.price for level in bids}, reverse=True)
    assert [level.price for level in asks] == sorted({level.price for level in asks})
    assert all(level.quantity % 65 == 0 and level.orders > 0 for level in (*bids, *asks))
    assert live.depth(token) == (bids, asks)
    assert live.depth(NIFTY) == ([], [])


def test_a_start_without_a_zone_and_a_negative_scale_are_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        market(start=datetime(2026, 11, 20))  # noqa: DTZ001
    with pytest.raises(ValueError, match="negative"):
        market(scale=-1)


def test_listings_are_found_by_symbol() -> None:
    live = market()
    listing = live.find("NFO", "NIFTY26NOV24200CE")
    assert listing is not None
    assert (listing.strike, listing.right) == (Decimal(24200), Right.CALL)
    assert live.find("NSE", "NIFTY26NOV24200CE") is None
    with pytest.raises(KeyError):
        live.quote(1)
