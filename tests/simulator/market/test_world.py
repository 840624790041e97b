"""Coins beside the Indian market: they trade around the clock and leave its prices alone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.instruments import Kind
from domain.prices import to_decimal, to_scaled
from simulator.market.live import LiveMarket
from simulator.market.world import WorldMarket

SUNDAY_NIGHT = datetime(2026, 11, 29, 21, 30, tzinfo=UTC)
BTC, PERPETUAL = ("BINANCE", "BTCUSDT"), ("BINANCE_UM", "BTCUSDT")


@pytest.fixture
def world() -> WorldMarket:
    return WorldMarket(seed=3, start=SUNDAY_NIGHT)


def stepped(market: LiveMarket, *, seconds: float) -> None:
    end = SUNDAY_NIGHT + timedelta(seconds=seconds)
    at = SUNDAY_NIGHT
    while at <= end:
        market.step(at)
        at += timedelta(milliseconds=500)


def test_the_indian_prices_are_those_of_a_market_without_coins(world: WorldMarket):
    alone = LiveMarket(seed=3, start=SUNDAY_NIGHT)
    stepped(world, seconds=30)
    stepped(alone, seconds=30)
    assert world.listings == alone.listings
    assert {one: world.quote(one) for one in alone.listings} == {one: alone.quote(one) for one in alone.listings}


def test_coins_move_on_a_sunday_night(world: WorldMarket):
    token = world.find(*BTC).token
    first = world.quote(token).last_price
    stepped(world, seconds=60)
    assert world.quote(token).last_price != first
    assert world.quote(token).volume > 0
    assert world.next_change() is not None


@pytest.mark.parametrize("key", [BTC, PERPETUAL, ("BINANCE", "ETHUSDT"), ("BINANCE_UM", "ETHUSDT")])
def test_a_unit_is_the_quantity_step_and_prices_are_on_the_tick(world: WorldMarket, key: tuple[str, str]):
    listing = world.find(*key)
    stepped(world, seconds=5)
    quote = world.quote(listing.token)
    assert listing.lot_size == 1
    assert listing.multiplier < 1
    for price in (quote.last_price, quote.bid, quote.ask):
        assert price % to_scaled(listing.tick_size) == 0
    assert quote.bid <= quote.last_price <= quote.ask
    assert quote.lower_band == quote.upper_band == 0
    assert len(world.depth(listing.token)[0]) == 5


def test_spot_and_perpetual_of_a_coin_move_together_and_by_hand(world: WorldMarket):
    spot, perpetual = world.find(*BTC), world.find(*PERPETUAL)
    assert (spot.kind, perpetual.kind) == (Kind.SPOT, Kind.PERPETUAL)
    world.set_price(spot.token, Decimal(70_000))
    world.step(SUNDAY_NIGHT + timedelta(seconds=1))
    assert to_decimal(world.quote(perpetual.token).last_price) == 70_000
    world.shock("BTCUSDT", Decimal(10))
    world.step(SUNDAY_NIGHT + timedelta(seconds=2))
    assert to_decimal(world.quote(spot.token).last_price) == 77_000


def test_bars_of_a_coin_have_no_night(world: WorldMarket):
    token = world.find(*BTC).token
    start = datetime(2026, 11, 28, tzinfo=UTC)
    bars = world.candles(token, start=start, end=start + timedelta(hours=23), width=timedelta(hours=1))
    assert [bar.start.hour for bar in bars] == list(range(24))


def test_a_halt_stops_them_too(world: WorldMarket):
    world.halt(on=True)
    assert list(world.step(SUNDAY_NIGHT + timedelta(seconds=9))) == []
    assert world.next_change() is None
