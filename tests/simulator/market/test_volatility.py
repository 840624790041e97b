"""How far the live market wanders: as its volatility says, scaled, and never off its strikes."""

from datetime import timedelta
from itertools import pairwise
from math import sqrt
from statistics import mean, pstdev

import pytest

from simulator.market.live import LiveMarket
from simulator.market.path import variance_rate
from tests.simulator.market.live_rig import MINUTE, START, market


def option(live: LiveMarket, symbol: str):
    listing = live.find("NFO", symbol)
    assert listing is not None
    return live.quote(listing.token)


def test_the_index_moves_as_much_as_its_volatility_says() -> None:
    changes = []
    for seed in range(12):
        live = market(seed=seed)
        before = live.underlying_price("NIFTY")
        for _ in range(60):
            live.step(live.now + MINUTE)
            after = live.underlying_price("NIFTY")
            changes.append(after / before - 1)
            before = after
    per_minute = 0.115 / sqrt(252 * 375) * sqrt(variance_rate(START))
    assert 0.75 * per_minute < pstdev(changes) < 1.45 * per_minute


def test_the_volatility_scale_scales_it_and_zero_stops_the_spot() -> None:
    def wander(scale: float) -> float:
        live = market(scale=scale)
        prices = []
        for _ in range(200):
            live.step(live.now + timedelta(seconds=30))
            prices.append(live.underlying_price("NIFTY"))
        return pstdev(b / a - 1 for a, b in pairwise(prices))

    assert wander(0) < 1e-6
    assert 2 < wander(3) / wander(1) < 4.5


def test_even_a_wild_market_stays_near_its_listed_strikes_for_weeks() -> None:
    for seed in range(3):
        live = market(seed=seed, scale=4)
        base = live.underlying_price("NIFTY")
        for _ in range(400):
            live.step(live.now + timedelta(hours=1))
            assert abs(live.underlying_price("NIFTY") / base - 1) < 0.07


def test_a_demonstration_stop_is_hit_within_minutes() -> None:
    hit = 0
    for seed in range(10):
        live = market(seed=seed, scale=4)
        entry = option(live, "NIFTY26D0124200CE").last_price
        for _ in range(15 * 60):
            live.step(live.now + timedelta(seconds=1))
            if abs(option(live, "NIFTY26D0124200CE").last_price / entry - 1) > 0.15:
                hit += 1
                break
    assert hit >= 8


def test_variance_is_highest_at_the_open_and_flat_outside_the_session() -> None:
    day = START.replace(hour=0, minute=0)
    rates = [variance_rate(day + n * MINUTE) for n in range(9 * 60 + 15, 15 * 60 + 30)]
    assert max(rates) == rates[0] > 4
    assert rates[-40] > min(rates)
    assert mean(rates) == pytest.approx(1.0)
    assert variance_rate(day + timedelta(hours=21)) == 1.0
