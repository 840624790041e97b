"""Contracts, quotes and ticks of the futures exchange."""

import json
from decimal import Decimal

import pytest

from brokers.binance.futures.instruments import parse_master
from brokers.binance.futures.quotes import quote_of
from brokers.binance.futures.ticker import FuturesTickers
from domain.broker import BrokerUnavailable
from domain.prices import to_decimal
from tests.brokers.binance.cast import futures_sample, step_of
from tests.brokers.contract.members.binance_um import BITCOIN, BOOK, MEMBER, TICKER

_D = Decimal


def said(data: object) -> bytes:
    return json.dumps({"stream": "any", "data": data}).encode()


def traded(price: str, at: int = 1764442800500) -> bytes:
    return said({"e": "aggTrade", "E": at, "s": "BTCUSDT", "p": price, "q": "0.001", "T": at})


def bnb(exchange: str, symbol: str) -> Decimal:
    return _D("0.01")


def test_a_contract_s_unit_is_its_step_and_its_token_tells_the_market():
    found = parse_master(MEMBER.master([BITCOIN])["/fapi/v1/exchangeInfo"].body)
    (row,) = found.rows
    assert (row.exchange, row.kind, row.symbol, row.token) == ("BINANCE_UM", "PERP", "BTCUSDT", "UM:BTCUSDT")
    assert (row.multiplier, row.lot_size, row.tick_size) == (_D("0.001"), 1, _D("0.1"))
    assert row.freeze_quantity == 1_000_000
    assert {line.symbol for line in found.malformed} == {"FINEUSDT", "BAREUSDT", "\u5e01\u5b89USDT"}


def test_the_sdk_s_exchange_info_has_its_filters_in_one_and_is_left_out_by_name():
    body = json.dumps(futures_sample("test_market_data_api", "exchange_information_success")).encode()
    found = parse_master(body)
    assert (found.rows, [line.symbol for line in found.malformed]) == ([], ["BLZUSDT"])


def test_the_sdk_s_day_and_book_are_a_quote():
    day = futures_sample("test_market_data_api", "ticker24hr_price_change_statistics_success")
    touch = futures_sample("test_market_data_api", "symbol_order_book_ticker_success")
    day, touch = json.dumps(day).encode(), json.dumps(touch).encode()
    quote = quote_of("BTCUSDT", day, touch, step_of)
    assert (quote.exchange, quote.token) == ("BINANCE_UM", "UM:BTCUSDT")
    assert (quote.last_price, quote.bid, quote.ask, quote.close) == (_D("4.000002"), 4, _D("4.000002"), 99)
    assert (quote.bid_quantity, quote.ask_quantity, quote.volume) == (431_000, 9_000, 8_913_300)
    for symbol, one, other in (("ETHUSDT", day, touch), ("BTCUSDT", day, b"[]"), ("BTCUSDT", b"{}", touch)):
        with pytest.raises(BrokerUnavailable, match="binance futures quotes"):
            quote_of(symbol, one, other, step_of)


def test_a_tick_needs_the_day_of_one_socket_and_the_book_of_the_other():
    tickers = FuturesTickers(step_of)
    assert tickers.read(traded("91000.1")) is None
    assert tickers.read(said(TICKER)) is None
    tick = tickers.read(said(BOOK))
    assert tick is not None
    assert tick.token == "UM:BTCUSDT"
    prices = [to_decimal(price) for price in (tick.last_price, tick.bid, tick.ask, tick.close)]
    assert prices == [_D("91000.1"), _D(91000), _D("91000.1"), _D(90900)]
    assert (tick.bid_quantity, tick.ask_quantity, tick.volume) == (1500, 25, 12_345_678)
    assert tick.exchange_at == 1764442800500


def test_a_trade_moves_the_last_price_and_a_book_its_sides():
    tickers = FuturesTickers(step_of)
    tickers.read(said(TICKER))
    whole = tickers.read(said(BOOK))
    moved = tickers.read(traded("90999.9"))
    assert whole is not None
    assert moved is not None
    assert to_decimal(moved.last_price) == _D("90999.9")
    assert (moved.bid, moved.ask, moved.volume) == (whole.bid, whole.ask, whole.volume)
    empty = tickers.read(said({**BOOK, "b": []}))
    assert empty is not None
    assert (empty.bid, empty.bid_quantity, empty.ask) == (0, 0, whole.ask)
    assert empty.exchange_at == 1764442800500


def test_the_sdk_s_events_are_read():
    ticker = futures_sample("test_market_api_ws_streams", "individual_symbol_ticker_streams_success")
    book = futures_sample("test_public_api_ws_streams", "partial_book_depth_streams_success")
    # Of each list in a sample only the first is there.
    depth = {**book, "b": [[*book["b"][0], "2"]], "a": [[*book["a"][0], "3"]]}
    trade = futures_sample("test_market_api_ws_streams", "aggregate_trade_streams_success")
    tickers = FuturesTickers(bnb)
    assert tickers.read(said(ticker)) is None
    tick = tickers.read(said({**depth, "s": "BNBUSDT"}))
    assert tick is not None
    assert (to_decimal(tick.bid), to_decimal(tick.ask)) == (_D("7403.89"), _D("7405.96"))
    assert (tick.bid_quantity, tick.ask_quantity, to_decimal(tick.last_price)) == (200, 300, _D("0.0025"))
    moved = tickers.read(said(trade))
    assert moved is not None
    assert to_decimal(moved.last_price) == _D("0.001")


@pytest.mark.parametrize("text", ["", "NaN", "-1.00", "1e5x", "Infinity", "1.2.3", "\u0663.00"])
def test_what_is_no_price_is_no_tick_and_changes_nothing(text):
    tickers = FuturesTickers(step_of)
    tickers.read(said(TICKER))
    for broken in ({**TICKER, "c": text}, {**BOOK, "a": [[text, "1"]]}, {**BOOK, "b": [["1", text]]}):
        with pytest.raises(ValueError):
            tickers.read(said(broken))
    tick = tickers.read(said(BOOK))
    assert tick is not None
    assert to_decimal(tick.last_price) == _D("91000.1")


def test_a_contract_of_unknown_step_is_no_tick():
    with pytest.raises(LookupError):
        FuturesTickers(step_of).read(said({**TICKER, "s": "SOLUSDT"}))
