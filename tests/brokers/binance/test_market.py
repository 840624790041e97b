"""Pairs, quotes, candles and ticks."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brokers.binance.instruments import parse_master
from brokers.binance.quotes import candles_of, klines_query, quotes_of
from brokers.binance.ticker import Tickers
from domain.broker import BrokerError, BrokerUnavailable
from domain.prices import to_decimal
from tests.brokers.binance.cast import samples, step_of
from tests.brokers.contract.members.binance import BITCOIN, MEMBER, TICKER

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def frame(**change: object) -> bytes:
    return json.dumps({"stream": "btcusdt@ticker", "data": {**TICKER, **change}}).encode()


def traded(price: str, at: int = 1764442800500) -> bytes:
    data = {"e": "aggTrade", "s": "BTCUSDT", "p": price, "q": "0.00100000", "T": at}
    return json.dumps({"stream": "btcusdt@aggTrade", "data": data}).encode()


def test_a_pair_s_unit_is_its_step_and_its_lot_the_smallest_order():
    found = parse_master(MEMBER.master([BITCOIN])["/api/v3/exchangeInfo"].body)
    (row,) = found.rows
    assert (row.multiplier, row.lot_size, row.tick_size) == (Decimal("0.00001"), 1, Decimal("0.01"))
    assert row.freeze_quantity == 900_000_000
    assert {line.symbol for line in found.malformed} == {"FINEUSDT", "BAREUSDT"}


def test_the_documentation_s_exchange_info_lists_nothing_we_trade():
    body = json.dumps(samples("spot_rest-api", "Exchange information")[0]).encode()
    assert parse_master(body).rows == []


def test_the_documentation_s_ticker_is_a_quote():
    rows = json.dumps(samples("spot_rest-api", "24hr ticker price change statistics")[1]).encode()
    (quote,) = quotes_of(rows, lambda exchange, symbol: Decimal("0.01"))
    assert (quote.last_price, quote.bid, quote.ask) == (Decimal("4.000002"), Decimal(4), Decimal("4.000002"))
    assert (quote.bid_quantity, quote.volume) == (10_000, 891_330)


def test_a_quote_of_a_pair_of_unknown_step_is_refused():
    rows = json.dumps(samples("spot_rest-api", "24hr ticker price change statistics")[1]).encode()
    with pytest.raises(BrokerUnavailable, match="BNBBTC"):
        quotes_of(rows, step_of)


def test_the_documentation_s_candle():
    body = json.dumps(samples("spot_rest-api", "Kline/Candlestick data")[0]).encode()
    start = EPOCH + timedelta(milliseconds=1499040000000)
    (bar,) = candles_of(body, step=Decimal("0.01"), since=start, until=start)
    assert (bar.start, bar.open, bar.close) == (start, Decimal("0.01634790"), Decimal("0.01577100"))
    assert bar.volume == 14_897_611


def test_a_span_of_more_bars_than_an_answer_has_is_not_asked_for():
    until = datetime(2026, 11, 29, tzinfo=UTC)
    minute = timedelta(minutes=1)
    assert ("limit", "1000") in klines_query("BTCUSDT", interval=minute, since=until - 999 * minute, until=until)
    for interval, span in ((minute, 1000 * minute), (timedelta(seconds=1), minute), (minute, -minute)):
        with pytest.raises(BrokerError, match="LIMIT"):
            klines_query("BTCUSDT", interval=interval, since=until - span, until=until)


def test_a_ticker_is_a_tick_in_steps():
    tick = Tickers(step_of).read(frame())
    assert tick is not None
    assert [to_decimal(price) for price in (tick.last_price, tick.bid, tick.ask, tick.close)] == [
        Decimal("91000.01"),
        Decimal("91000.00"),
        Decimal("91000.01"),
        Decimal("90900.00"),
    ]
    assert (tick.bid_quantity, tick.ask_quantity, tick.volume) == (150_000, 25_000, 1_234_567_890)
    assert tick.exchange_at == 1764442800123


def test_the_documentation_s_ticker_of_fewer_decimals():
    (event,) = samples("spot_web-socket-streams", "Individual Symbol Ticker Streams")
    tick = Tickers(lambda exchange, symbol: Decimal(1)).read(json.dumps({"stream": "x", "data": event}).encode())
    assert tick is not None
    assert (to_decimal(tick.last_price), tick.ask_quantity) == (Decimal("0.0025"), 100)


def test_a_trade_moves_the_last_price_and_nothing_else():
    tickers = Tickers(step_of)
    assert tickers.read(traded("91000.00000000")) is None
    whole = tickers.read(frame())
    moved = tickers.read(traded("90999.99000000"))
    assert whole is not None
    assert moved is not None
    assert to_decimal(moved.last_price) == Decimal("90999.99")
    assert (moved.bid, moved.ask, moved.volume, moved.exchange_at) == (
        whole.bid,
        whole.ask,
        whole.volume,
        1764442800500,
    )


@pytest.mark.parametrize("text", ["", "NaN", "-1.00000000", "1e5x", "Infinity", "1.2.3", "٣.00000000"])
def test_what_is_no_price_is_no_tick(text):
    with pytest.raises(ValueError):
        Tickers(step_of).read(frame(c=text))


def test_a_pair_of_unknown_step_is_no_tick():
    with pytest.raises(LookupError):
        Tickers(step_of).read(frame(s="SOLUSDT"))
