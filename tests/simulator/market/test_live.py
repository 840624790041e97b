"""The live market: repeatable, sane at every moment, realistic on the whole, and controllable."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import exp, sqrt
from statistics import mean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.clock import IST
from domain.instruments import Kind, Right
from domain.options import RATE, YEAR_SECONDS
from domain.prices import PRICE_SCALE, to_decimal, to_scaled
from simulator.market.calendar import settles_at
from simulator.market.live import LiveMarket, MarketSettings
from simulator.market.path import variance_rate

START = datetime(2026, 11, 20, 11, 0, tzinfo=IST)
NIFTY = 256265
MINUTE = timedelta(minutes=1)


def market(*, seed: int = 3, start: datetime = START, scale: float = 1.0, freeze: bool = False) -> LiveMarket:
    return LiveMarket(seed=seed, start=start, settings=MarketSettings(volatility_scale=scale, auction_freeze=freeze))


def run(live: LiveMarket, *, seconds: float, every: float = 0.5) -> list[tuple[int, int]]:
    """Step the market and return what it showed."""
    shown = []
    until = live.now + timedelta(seconds=seconds)
    while live.now < until:
        moment = live.now + timedelta(seconds=every)
        shown += [(token, live.quote(token).last_price) for token in live.step(moment)]
    return shown


def option(live: LiveMarket, symbol: str):
    listing = live.find("NFO", symbol)
    assert listing is not None
    return live.quote(listing.token)


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


@settings(max_examples=12, deadline=None)
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


def strikes(live: LiveMarket, underlying: str, expiry) -> dict[Decimal, dict[str, object]]:
    chain: dict[Decimal, dict[str, object]] = {}
    for token, row in live.listings.items():
        if row.kind is Kind.OPTION and (row.underlying, row.expiry) == (underlying, expiry):
            chain.setdefault(row.strike, {})[row.right.value] = live.quote(token)
    return chain


def chains(live: LiveMarket):
    keys = {(row.underlying, row.expiry) for row in live.listings.values() if row.kind is Kind.OPTION}
    return [(name, expiry, strikes(live, name, expiry)) for name, expiry in sorted(keys)]


def test_put_call_parity_holds_within_the_spread() -> None:
    live = market(scale=3)
    run(live, seconds=20)
    for name in ("NIFTY", "BANKNIFTY"):
        live.shock(name, Decimal(0))
    live.step(live.now + timedelta(seconds=1))
    for name, expiry, chain in chains(live):
        years = (settles_at(expiry) - live.now).total_seconds() / YEAR_SECONDS
        forward = live.underlying_price(name) / PRICE_SCALE * exp(RATE * years)
        for strike, pair in chain.items():
            call, put = pair["CE"], pair["PE"]
            residual = (call.last_price - put.last_price) / PRICE_SCALE - exp(-RATE * years) * (forward - float(strike))
            spread = (call.ask - call.bid + put.ask - put.bid) / 2 / PRICE_SCALE
            assert abs(residual) <= max(spread, 0.10), (name, expiry, strike)


def test_calls_fall_and_puts_rise_with_the_strike() -> None:
    live = market()
    for name, expiry, chain in chains(live):
        ordered = [chain[strike] for strike in sorted(chain)]
        for lower, higher in pairwise(ordered):
            assert lower["CE"].last_price >= higher["CE"].last_price, (name, expiry)
            assert lower["PE"].last_price <= higher["PE"].last_price, (name, expiry)


def test_spreads_widen_away_from_the_money_and_with_time() -> None:
    live = market()
    spread = {}
    for name, expiry, chain in chains(live):
        if name != "NIFTY":
            continue
        for strike, pair in chain.items():
            quote = pair["CE" if strike >= 24200 else "PE"]  # the side that has room below its price
            if quote.last_price > PRICE_SCALE:
                spread.setdefault(expiry, {})[strike] = quote.ask - quote.bid
    near, middle, far = (spread[expiry] for expiry in sorted(spread))
    assert far[Decimal(24200)] > near[Decimal(24200)]
    for chain in (middle, far):
        widths = [chain[strike] for strike in sorted(chain) if strike >= 24250]
        thirds = [mean(widths[i : i + 4]) for i in (0, 6, 12)]
        assert thirds == sorted(thirds)
        assert thirds[0] < thirds[-1]


def test_implied_volatility_smiles() -> None:
    live = market()
    term = live._terms["NIFTY", min(settles for name, settles in live._terms if name == "NIFTY")]
    term.refresh(round(START.timestamp() * 1000))
    low, middle, high = (term.volatility(term.forward * share) for share in (0.96, 1.0, 1.04))
    assert low > middle < high
    assert low > high


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


def test_a_shock_moves_the_whole_family_and_nobody_else() -> None:
    live = market()
    before = {token: live.quote(token).last_price for token in live.listings}
    live.shock("NIFTY", Decimal(-2))
    live.step(live.now + timedelta(milliseconds=1))
    assert live.quote(NIFTY).last_price == pytest.approx(before[NIFTY] * 0.98, rel=0.0005)
    call, put = live.find("NFO", "NIFTY26D0124200CE"), live.find("NFO", "NIFTY26D0124200PE")
    assert live.quote(call.token).last_price < before[call.token] * 0.7
    assert live.quote(put.token).last_price > before[put.token] * 1.5
    assert live.quote(260105).last_price == pytest.approx(before[260105], rel=0.0005)
    with pytest.raises(KeyError):
        live.shock("NOTHING", Decimal(1))
    with pytest.raises(ValueError, match="100"):
        live.shock("NIFTY", Decimal(-100))


@pytest.mark.parametrize(("exchange", "symbol"), [("NSE", "NIFTY 50"), ("NFO", "NIFTY26DECFUT"), ("NSE", "RELIANCE")])
def test_a_set_price_is_shown_at_the_next_step(exchange: str, symbol: str) -> None:
    live = market()
    token = live.find(exchange, symbol).token
    wanted = to_decimal(live.quote(token).last_price) + 20
    live.set_price(token, wanted)
    assert token in live.step(live.now + timedelta(milliseconds=1))
    assert to_decimal(live.quote(token).last_price) == wanted


def test_a_pinned_option_stays_until_released() -> None:
    live = market()
    token = live.find("NFO", "NIFTY26NOV24200CE").token
    live.set_price(token, Decimal("33.35"))
    shown = {price for shown, price in run(live, seconds=20) if shown == token}
    assert shown == {to_scaled(Decimal("33.35"))}
    live.release(token)
    run(live, seconds=1)
    assert live.quote(token).last_price > to_scaled(Decimal(50))


def test_impossible_prices_are_refused() -> None:
    live = market()
    for price in (Decimal(0), Decimal(-1)):
        with pytest.raises(ValueError, match="above zero"):
            live.set_price(NIFTY, price)
    with pytest.raises(ValueError, match="cannot be set"):
        live.set_price(live.find("NSE", "INDIA VIX").token, Decimal(20))
    with pytest.raises(KeyError):
        live.set_price(1, Decimal(20))


def test_a_frozen_index_repeats_itself_while_options_move() -> None:
    live = market(scale=4)
    live.freeze("NIFTY")
    before = live.quote(NIFTY).last_price
    shown = run(live, seconds=60)
    assert {price for token, price in shown if token == NIFTY} == {before}
    call = live.find("NFO", "NIFTY26NOV24200CE").token
    assert len({price for token, price in shown if token == call}) > 10
    live.freeze("NIFTY", on=False)
    assert len({price for token, price in run(live, seconds=30) if token == NIFTY}) > 5


@pytest.mark.parametrize(("clock", "prices"), [("15:14", "many"), ("15:20", "one"), ("15:36", "many")])
def test_the_closing_auction_freezes_the_indices_where_switched_on(clock: str, prices: str) -> None:
    hour, minute = map(int, clock.split(":"))
    live = market(start=START.replace(hour=hour, minute=minute), scale=4, freeze=True)
    shown = {price for token, price in run(live, seconds=20) if token == NIFTY}
    assert (len(shown) == 1) == (prices == "one")


def test_a_halt_stops_every_price() -> None:
    live = market()
    live.halt()
    assert run(live, seconds=30) == []
    assert live.next_change() is None
    live.halt(on=False)
    assert run(live, seconds=5)


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
