"""Quotes and history, on the documentation's samples."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from aiohttp import web

from brokers.connect import connect_market_data
from brokers.lots import unknown_lots
from brokers.upstox.candles import candles_of, paths_of, within
from brokers.upstox.quotes import asked, quotes_of
from domain.broker import BrokerError, BrokerUnavailable, CandleSource, InstrumentRow
from domain.clock import IST
from tests.brokers.servers import serve
from tests.brokers.upstox.cast import CREDENTIALS, CRUDE, OPTION, endpoint, lot_size_of, sample, success

KEY = ("NSE", "NSE_EQ|INE848E01016")
QUOTE = {
    "ohlc": {"open": 53.4, "high": 53.8, "low": 51.75, "close": 52.05},
    "depth": {"buy": [{"quantity": 6917, "price": 52.05, "orders": 20}], "sell": [{"quantity": 0, "price": 0}]},
    "timestamp": "2023-10-19T05:21:51.099+05:30",
    "instrument_token": KEY[1],
    "symbol": "NHPC",
    "last_price": 52.04999923706055,
    "volume": 24123697,
    "oi": 0,
    "net_change": -1.0500000000000043,
    "lower_circuit_limit": 42.5,
    "upper_circuit_limit": 63.7,
}
INDEX = InstrumentRow(
    exchange="NSE_INDEX",
    underlying="NIFTY",
    kind="INDEX",
    expiry=None,
    strike=None,
    right="",
    symbol="NSE_INDEX|Nifty 50",
    token="NSE_INDEX|Nifty 50",
    lot_size=1,
    tick_size=Decimal("0.05"),
    freeze_quantity=None,
    multiplier=Decimal(1),
)
HISTORY = "17a-historical-candle-v3__response__01.norm.json"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=IST)


def quotes(row: object, *keys: tuple[str, str]):
    return quotes_of(json.dumps({"NSE_EQ:NHPC": row}).encode(), keys or (KEY,), lot_size_of)


def test_the_documented_quote_in_rupees_without_the_binary_dust():
    (quote,) = quotes(QUOTE)
    assert (quote.exchange, quote.symbol, quote.token) == ("NSE", KEY[1], KEY[1])
    assert (quote.last_price, quote.close) == (Decimal("52.05"), Decimal("53.1"))
    assert (quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity) == (Decimal("52.05"), 6917, 0, 0)
    assert (quote.lower_band, quote.upper_band, quote.volume) == (Decimal("42.5"), Decimal("63.7"), 24123697)
    assert quote.exchange_at == datetime(2023, 10, 18, 23, 51, 51, 99000, tzinfo=UTC)


def test_a_commoditys_quantities_are_units():
    (quote,) = quotes({**QUOTE, "instrument_token": CRUDE, "oi": 12.0}, ("MCX", CRUDE))
    assert (quote.bid_quantity, quote.open_interest) == (691700, 1200)


def test_what_an_index_does_not_have_is_nothing():
    bare = {"instrument_token": KEY[1], "last_price": 100, "lower_circuit_limit": 0, "volume": None, "oi": None}
    (quote,) = quotes(bare)
    assert (quote.close, quote.lower_band, quote.exchange_at, quote.volume) == (100, None, None, 0)


def test_a_key_that_is_none_is_not_asked_for_and_a_row_nobody_asked_for_not_shown():
    assert asked([KEY, ("NFO", "NOSUCHTHING"), ("NFO", OPTION), KEY]) == f"{KEY[1]},{OPTION}"
    assert quotes(QUOTE, ("NFO", OPTION)) == []


@pytest.mark.parametrize("changes", [{"instrument_token": 7}, {"last_price": "x"}, {"timestamp": "now"}, {"depth": []}])
def test_a_quote_that_is_not_what_is_documented_is_refused(changes):
    with pytest.raises(BrokerUnavailable, match="upstox quotes"):
        quotes({**QUOTE, **changes})


def test_the_documented_candle():
    (bar,) = candles_of(json.dumps(sample(HISTORY)["data"]).encode(), units=1)
    assert bar.start == datetime(2024, 12, 31, 18, 30, tzinfo=UTC)
    assert (bar.open, bar.high, bar.low, bar.close) == tuple(map(Decimal, ("53.1", "53.95", "51.6", "52.05")))
    assert (bar.volume, bar.open_interest) == (235519861, 0)


@pytest.mark.parametrize(
    "cells",
    [
        [],
        ["2025-01-01T00:00:00+05:30", 2, 3, 1],
        ["2025-01-01T00:00:00+05:30", 2, 1, 3, 2, 0, 0],
        ["today", 2, 3, 1, 2, 0, 0],
        ["2025-01-01T00:00:00+05:30", "2", 3, 1, 2, 0, None],
    ],
)
def test_a_candle_that_is_none_spoils_the_history(cells):
    with pytest.raises(BrokerUnavailable, match="upstox history"):
        candles_of(json.dumps({"candles": [cells]}).encode(), units=1)


def test_a_span_that_holds_today_is_asked_for_in_two_parts():
    def paths(since: datetime, until: datetime, interval: timedelta = MINUTE) -> list[str]:
        return paths_of(INDEX, interval=interval, since=since, until=until, now=NOON)

    key = "/v3/historical-candle/NSE_INDEX%7CNifty%2050"
    today = "/v3/historical-candle/intraday/NSE_INDEX%7CNifty%2050"
    week = NOON - timedelta(days=7)
    assert paths(week, NOON - DAY) == [f"{key}/minutes/1/2026-11-19/2026-11-13"]
    assert paths(week, NOON) == [f"{key}/minutes/1/2026-11-20/2026-11-13", f"{today}/minutes/1"]
    assert paths(week, NOON + DAY, DAY) == [f"{key}/days/1/2026-11-20/2026-11-13", f"{today}/days/1"]


def test_bars_are_each_there_once_oldest_first_within_the_span():
    rows = [[f"2026-11-20T{hour:02}:00:00+05:30", 2, 3, 1, 2, 5, 0] for hour in (11, 10, 9)]
    bars = candles_of(json.dumps({"candles": rows + rows[:1]}).encode(), units=1)
    kept = within(bars, since=NOON - timedelta(hours=2), until=NOON)
    assert [bar.start.astimezone(IST).hour for bar in kept] == [10, 11]


def test_history_is_read_from_both_addresses_with_the_key_in_the_path():
    now = datetime.now(IST)
    visited: list[str] = []

    async def answer(http: web.Request) -> web.Response:
        visited.append(http.raw_path)
        start = now if "/intraday/" in http.path else now - DAY
        row = [start.replace(microsecond=0).isoformat(), 2, 3, 1, 2, 5, 0]
        return web.Response(body=success({"candles": [row]}), content_type="application/json")

    async def journey():
        async with serve(answer) as base:
            data = connect_market_data("upstox", CREDENTIALS, endpoint(base), timeout=5, lot_size_of=unknown_lots)
            assert isinstance(data, CandleSource)
            try:
                with pytest.raises(BrokerError, match="LIMIT"):
                    await data.candles(INDEX, interval=timedelta(seconds=7), since=now - DAY, until=now)
                return await data.candles(INDEX, interval=MINUTE, since=now - 2 * DAY, until=now)
            finally:
                await data.aclose()

    assert len(asyncio.run(journey())) == 2
    assert len(visited) == 2
    assert all("NSE_INDEX%7CNifty%2050" in path for path in visited)
