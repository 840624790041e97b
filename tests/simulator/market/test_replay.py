"""Playing recorded prices, made-up ones and the real expiry day."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from domain.clock import IST, MarketClock
from domain.instruments import Right
from domain.orders import OrderType, Product, Side
from domain.prices import to_decimal, to_scaled
from simulator.exchange.core import Exchange
from simulator.exchange.types import NewOrder, OrderState
from simulator.market.contracts import FAMILIES, SPOTS, option_listing, spot_listing, with_tokens
from simulator.market.recording import RecordingError, read_chain
from simulator.market.replay import RecordedRow, ReplayMarket
from tests.shared import shared_path

D = Decimal
OPEN = datetime(2026, 8, 18, 10, 45, tzinfo=IST)
EXPIRY = date(2026, 8, 18)
CALL, PUT = with_tokens(option_listing(FAMILIES["NIFTY"], EXPIRY, D(24200), right) for right in (Right.CALL, Right.PUT))
INDEX = spot_listing(SPOTS[0])
FILE = "market_data/NIFTY_option_chain_snapshots_20260818.parquet"


def minute(number: int) -> datetime:
    return OPEN + timedelta(minutes=number)


def row(number: int, listing, price: str, *, volume: int = 0, interest: int = 0) -> RecordedRow:
    return RecordedRow(minute(number), listing, to_scaled(D(price)), volume, interest)


def put_day() -> ReplayMarket:
    prices = ["26.15", "30.00", "34.05", "28.00", "13.00"]
    rows = [row(n, PUT, price, volume=100 * n, interest=65 * n) for n, price in enumerate(prices)]
    return ReplayMarket([*rows, row(0, CALL, "42.10"), row(0, INDEX, "24214.85"), row(2, INDEX, "24180")])


def last(market: ReplayMarket, listing) -> Decimal:
    return to_decimal(market.quote(listing.token).last_price)


def test_nothing_has_a_price_before_its_minute() -> None:
    market = put_day()
    assert market.step(OPEN - timedelta(seconds=1)) == []
    assert last(market, PUT) == 0
    assert market.next_change() == OPEN
    assert set(market.step(OPEN)) == {PUT.token, CALL.token, INDEX.token}
    assert last(market, PUT) == D("26.15")
    assert market.next_change() == minute(1)


def test_each_step_plays_one_minute_however_far_the_clock_is() -> None:
    market, seen = put_day(), []
    while market.step(minute(60)):
        seen.append(last(market, PUT))
    assert seen == [D("26.15"), D("30.00"), D("34.05"), D("28.00"), D("13.00")]
    assert market.next_change() is None
    assert market.now == market.ends_at == minute(4)


def test_a_clock_of_any_speed_gives_the_same_prices() -> None:
    wall = datetime(2026, 11, 20, 12, tzinfo=UTC)
    for speed in (1.0, 60.0, 600.0):
        market = put_day()
        clock = MarketClock(market=OPEN, wall=wall, speed=speed)
        moment = clock.at(wall + timedelta(seconds=150 / speed))
        while market.step(moment):
            pass
        assert last(market, PUT) == D("34.05")
        assert clock.wall_of(market.next_change()) == wall + timedelta(seconds=180 / speed)


def test_there_is_no_book_and_volume_and_interest_are_the_recorded_ones() -> None:
    market = put_day()
    while market.step(minute(3)):
        pass
    quote = market.quote(PUT.token)
    assert (quote.bid, quote.ask, market.depth(PUT.token)) == (0, 0, ((), ()))
    assert (quote.volume, quote.last_quantity, quote.open_interest) == (300, 100, 195)
    assert (quote.open, quote.high, quote.low) == tuple(to_scaled(D(p)) for p in ("26.15", "34.05", "26.15"))
    assert to_decimal(market.underlying_price("NIFTY")) == 24180
    bars = market.candles(PUT.token, start=OPEN, end=minute(9), width=timedelta(minutes=1))
    assert [to_decimal(bar.close) for bar in bars] == [D("26.15"), D("30.00"), D("34.05"), D("28.00")]
    assert [bar.volume for bar in bars] == [0, 100, 100, 100]


def test_a_stop_leaves_at_the_first_recorded_price_beyond_it_even_when_minutes_are_skipped() -> None:
    market = put_day()
    exchange = Exchange(market=market, seed=1)
    exchange.open_account("A", cash=D(1_000_000))
    exchange.step(OPEN)
    order_id = exchange.place(
        "A",
        NewOrder(
            exchange="NFO",
            symbol=PUT.symbol,
            side=Side.BUY,
            quantity=65,
            product=Product.NRML,
            order_type=OrderType.SL,
            trigger_price=D("34.00"),
            price=D("40.00"),
        ),
        now=OPEN,
    )
    exchange.step(minute(60))
    (trade,) = exchange.trades("A", order_id)
    assert (trade.price, trade.filled_at) == (D("34.05"), minute(2))


def test_a_halt_stops_the_recording() -> None:
    market = put_day()
    market.halted = True
    assert market.step(minute(60)) == []
    assert market.next_change() is None


def test_recordings_that_cannot_be_played_are_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        ReplayMarket([])
    with pytest.raises(ValueError, match="usable"):
        ReplayMarket([row(0, PUT, "0")])
    with pytest.raises(ValueError, match="usable"):
        ReplayMarket([row(0, PUT, "1")._replace(at=datetime(2026, 8, 18))])  # noqa: DTZ001


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="not a file"):
        read_chain(tmp_path / "absent.parquet", expiry=EXPIRY)
    broken = tmp_path / "broken.parquet"
    broken.write_text("no parquet")
    with pytest.raises(RecordingError, match="broken"):
        read_chain(broken, expiry=EXPIRY)


@pytest.fixture(scope="module")
def recorded() -> list[RecordedRow]:
    return read_chain(shared_path(FILE), expiry=EXPIRY)


def test_the_recorded_expiry_is_listed_with_its_lot_and_the_index(recorded: list[RecordedRow]) -> None:
    market = ReplayMarket(recorded)
    options = [listing for listing in market.listings.values() if listing.strike is not None]
    assert market.find("NSE", "NIFTY 50").token == 256265
    assert {listing.lot_size for listing in options} == {65}
    assert {listing.expiry for listing in options} == {EXPIRY}
    assert market.find("NFO", "NIFTY2681824200CE") is not None
    assert (market.starts_at.astimezone(IST).hour, market.ends_at.astimezone(IST).minute) == (10, 30)


def test_recorded_open_interest_is_turned_from_lots_into_units(recorded: list[RecordedRow]) -> None:
    market = ReplayMarket(recorded)
    while market.step(OPEN):
        pass
    assert market.quote(market.find("NFO", "NIFTY2681824200CE").token).open_interest == 358_651 * 65


def test_the_recorded_straddle_earns_what_it_did(recorded: list[RecordedRow]) -> None:
    exchange = Exchange(market=ReplayMarket(recorded), seed=1)
    exchange.open_account("A", cash=D(1_000_000))
    for side, moment in ((Side.SELL, OPEN), (Side.BUY, OPEN.replace(hour=15, minute=10))):
        exchange.step(moment)
        for right in ("CE", "PE"):
            order = NewOrder(
                exchange="NFO",
                symbol=f"NIFTY2681824200{right}",
                side=side,
                quantity=65,
                product=Product.NRML,
                order_type=OrderType.MARKET,
                market_protection=D(-1),
            )
            placed = exchange.place("A", order, now=moment)
            assert exchange.order("A", placed).state is OrderState.COMPLETE
    prices = [trade.price for trade in exchange.trades("A")]
    assert prices == [D("42.10"), D("26.15"), D("27.70"), D("13.00")]
    assert sum(position.realised for position in exchange.positions("A")) == D("1790.75")
