"""The live market's bars: today's are what was traded, earlier ones are made up once and join on."""

from datetime import timedelta

import pytest

from domain.clock import IST
from tests.simulator.market.live_rig import MINUTE, NIFTY, START, market, run


def test_todays_bars_are_what_was_traded() -> None:
    live = market()
    shown = [price for token, price in run(live, seconds=179) if token == NIFTY]
    bars = live.candles(NIFTY, start=START, end=START + timedelta(hours=1), width=MINUTE)
    assert [bar.start for bar in bars] == [START + n * MINUTE for n in range(3)]
    assert max(bar.high for bar in bars) == max([live.quote(NIFTY).open, *shown])
    assert min(bar.low for bar in bars) == min([live.quote(NIFTY).open, *shown])
    assert bars[-1].close == shown[-1]
    (wide,) = live.candles(NIFTY, start=START - MINUTE * 60, end=START, width=timedelta(minutes=60))
    assert (wide.open, wide.close) == (bars[0].open, bars[-1].close)


def test_the_volume_of_bars_adds_up_to_the_days_and_old_bars_are_dropped_whole() -> None:
    midnight = START.replace(hour=0)
    live = market(start=midnight)
    token = live.find("NFO", "NIFTY26NOVFUT").token
    most = 0
    for _ in range(17):
        for _ in range(60):
            live.step(live.now + MINUTE)
        bars = live.candles(token, start=midnight, end=START + timedelta(hours=20), width=MINUTE)
        if bars[0].start == midnight:
            assert sum(bar.volume for bar in bars) == live.quote(token).volume
        most = max(most, len(bars))
    assert bars[0].start > midnight
    assert 480 <= len(bars) < most <= 960
    assert max(bar.volume for bar in bars) < live.quote(token).volume / 50


def test_a_new_day_begins_at_midnight_with_yesterdays_last_price_as_the_close() -> None:
    live = market(start=START.replace(hour=23, minute=58))
    token = live.find("NFO", "NIFTY26NOV24200CE").token
    run(live, seconds=119)
    before = live.quote(token)
    last, volume, opened = before.last_price, before.volume, before.open
    assert volume > 0
    run(live, seconds=10)
    after = live.quote(token)
    assert after.close == last or after.close == pytest.approx(last, rel=0.05)
    assert after.volume < volume
    assert (after.low, after.high) != (0, 0)
    assert after.low <= after.open <= after.high
    assert after.close != opened or last == opened
    bars = live.candles(token, start=START - timedelta(days=3), end=live.now, width=MINUTE)
    assert bars[-1].start == START.replace(hour=0, minute=0) + timedelta(days=1)
    assert bars[-2].close == after.close
    assert [bar.start for bar in bars] == sorted({bar.start for bar in bars})


def test_earlier_days_are_made_up_once_and_join_on() -> None:
    live = market()
    span = {"start": START - timedelta(days=10), "end": START, "width": timedelta(minutes=15)}
    bars = live.candles(NIFTY, **span)
    assert bars[: 7 * 25] == market().candles(NIFTY, **span)[: 7 * 25]
    past = [bar for bar in bars if bar.start < START.replace(hour=0)]
    assert len(past) == 25 * len({bar.start.astimezone(IST).date() for bar in past})
    assert past[-1].close == live.quote(NIFTY).close
    assert [bar.start for bar in bars] == sorted({bar.start for bar in bars})
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


def test_day_bars_reach_back_years() -> None:
    live = market()
    bars = live.candles(NIFTY, start=START - timedelta(days=700), end=START, width=timedelta(days=1))
    assert 450 < len(bars) < 520
    assert bars[-2].close == live.quote(NIFTY).close
