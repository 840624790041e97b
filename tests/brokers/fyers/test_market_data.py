"""Quotes, depth, history and masters as they are asked for and read."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from aiohttp import web

from brokers.connect import connect_market_data
from brokers.fyers.candles import candles_of, query_of
from brokers.fyers.market_data import FILES
from brokers.fyers.quotes import completed, quotes_of
from domain.broker import BrokerError, BrokerUnavailable, InstrumentRow, MarketData, SessionLost
from tests.brokers.fyers.cast import CREDENTIALS, OPTION, endpoint, lot_size_of, said
from tests.brokers.fyers.test_instruments import CRUDE, INDEX
from tests.brokers.fyers.test_instruments import OPTION as MASTER_ROW
from tests.brokers.servers import serve

KEY = ("NFO", OPTION)
CRUDE_KEY = ("MCX", "MCX:CRUDEOIL26DECFUT")
SINCE = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=1)
ROW = {
    "n": OPTION,
    "s": "ok",
    "v": {
        "lp": 42.1,
        "bid": 42.05,
        "ask": 42.15,
        "volume": 650,
        "prev_close_price": 40.0,
        "fyToken": "101126120154452",
    },
}
CRUDE_ROW = {
    "n": CRUDE_KEY[1],
    "s": "ok",
    "v": {"lp": 5400, "bid": 5399, "ask": 5401, "volume": 7, "prev_close_price": 5390, "fyToken": "1120261218565899"},
}
DEPTH = {
    "totalbuyqty": 1,
    "bids": [{"price": 42.0, "volume": 130, "ord": 2}, {"price": 41.95, "volume": 65, "ord": 1}],
    "ask": [{"price": 42.2, "volume": 195, "ord": 3}],
    "oi": 1300,
    "lower_ckt": 20.05,
    "upper_ckt": 80.1,
}


def quotes(*rows, keys=(KEY, CRUDE_KEY)):
    return quotes_of(said(d=list(rows)), keys, lot_size_of)


def test_quotes_are_rupees_units_and_tokens_of_the_socket():
    option, crude = quotes(CRUDE_ROW, ROW)
    assert (option.exchange, option.symbol, option.token) == ("NFO", OPTION, "sf|nse_fo|54452")
    assert (option.last_price, option.bid, option.ask, option.close) == tuple(
        map(Decimal, ("42.1", "42.05", "42.15", "40.0"))
    )
    assert (option.volume, option.lower_band, option.exchange_at) == (650, None, None)
    assert (crude.token, crude.volume) == ("sf|mcx_fo|565899", 700)


def test_what_fyers_does_not_know_or_was_not_asked_is_left_out():
    unknown = {"n": OPTION, "s": "error", "v": {"code": -300, "errmsg": "invalid symbol provided"}}
    assert quotes(unknown) == []
    assert quotes(ROW, keys=[CRUDE_KEY]) == []


@pytest.mark.parametrize(
    "change", [{"lp": "NaN"}, {"lp": None}, {"fyToken": "1"}, {"fyToken": None}, {"bid": "Infinity"}, {"volume": 1.5}]
)
def test_a_quote_that_cannot_be_read_is_an_error(change):
    with pytest.raises(BrokerUnavailable, match="fyers quote"):
        quotes(ROW | {"v": ROW["v"] | change})


def test_depth_adds_sizes_interest_and_the_band():
    [quote] = quotes(ROW)
    whole = completed(quote, said(d={OPTION: DEPTH}), lot_size_of)
    assert (whole.bid, whole.bid_quantity, whole.ask, whole.ask_quantity) == (42, 130, Decimal("42.2"), 195)
    assert (whole.open_interest, whole.lower_band, whole.upper_band) == (1300, Decimal("20.05"), Decimal("80.1"))
    bare = completed(quote, said(d={OPTION: {"bids": [], "ask": [], "lower_ckt": 0, "upper_ckt": 0}}), lot_size_of)
    assert (bare.bid, bare.bid_quantity, bare.lower_band) == (0, 0, None)
    for odd in ({}, {"NSE:OTHER": DEPTH}, {OPTION: DEPTH | {"oi": "NaN"}}, {OPTION: DEPTH | {"lower_ckt": "NaN"}}):
        with pytest.raises(BrokerUnavailable, match="fyers depth"):
            completed(quote, said(d=odd), lot_size_of)


def test_a_commoditys_depth_counts_lots():
    [quote] = quotes(CRUDE_ROW)
    whole = completed(quote, said(d={CRUDE_KEY[1]: DEPTH | {"oi": 3}}), lot_size_of)
    assert (whole.bid_quantity, whole.open_interest) == (13_000, 300)


def instrument() -> InstrumentRow:
    return InstrumentRow(
        exchange="NFO",
        underlying="NIFTY",
        kind="OPT",
        expiry=date(2026, 12, 1),
        strike=Decimal(24200),
        right="CE",
        symbol=OPTION,
        token="sf|nse_fo|54452",
        lot_size=65,
        tick_size=Decimal("0.05"),
        freeze_quantity=1800,
        multiplier=Decimal(1),
    )


def test_history_is_asked_for_in_epoch_seconds():
    asked = dict(query_of(instrument(), interval=timedelta(minutes=5), since=SINCE, until=UNTIL))
    assert asked == {
        "symbol": OPTION,
        "resolution": "5",
        "date_format": "0",
        "range_from": str(int(SINCE.timestamp())),
        "range_to": str(int(UNTIL.timestamp())),
        "cont_flag": "0",
        "oi_flag": "1",
    }
    days = dict(query_of(instrument(), interval=timedelta(days=1), since=SINCE, until=UNTIL))
    assert days["resolution"] == "D"
    for interval, span in ((7, 1), (5, 24 * 101), (5, -1)):
        with pytest.raises(BrokerError, match="LIMIT"):
            query_of(
                instrument(), interval=timedelta(minutes=interval), since=SINCE, until=SINCE + timedelta(hours=span)
            )


def bars(*rows, units: int = 1):
    return candles_of(said(candles=list(rows)), units=units, since=SINCE, until=UNTIL)


def test_candles_are_sorted_and_within_the_span():
    at = int(SINCE.timestamp())
    late, early = [at + 300, 10, 12, 9.5, 11, 7, 3], [at, 10, 10, 10, 10, 1]
    first, second = bars(late, early, [at - 1, 1, 1, 1, 1, 1], [at + 3601, 1, 1, 1, 1, 1], units=100)
    assert (first.start, first.volume, first.open_interest) == (SINCE, 100, 0)
    assert (second.low, second.high, second.volume, second.open_interest) == (Decimal("9.5"), 12, 700, 300)
    assert candles_of(b'{"s":"no_data"}', units=1, since=SINCE, until=UNTIL) == []


@pytest.mark.parametrize(
    "row",
    [
        [1, 2, 3],
        [1, 10, 9, 9, 10, 1],
        [1, 10, 12, 11, 10, 1],
        [1, "NaN", 12, 9, 10, 1],
        ["x", 1, 1, 1, 1, 1],
        [10**18, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1, 1, 1],
    ],
)
def test_a_candle_that_cannot_be_is_an_error(row):
    with pytest.raises(BrokerUnavailable, match="fyers history"):
        bars(row)


def asked(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], journey: Callable[[MarketData], Awaitable[object]]
):
    async def whole():
        async with serve(answer) as base:
            market = connect_market_data("fyers", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
            try:
                return await journey(market)
            finally:
                await market.aclose()

    return asyncio.run(whole())


def test_one_quote_is_completed_and_many_are_one_call():
    seen: list[str] = []

    async def answer(http: web.Request) -> web.Response:
        seen.append(http.path)
        assert http.headers["Authorization"] == "APP1-200:token1"
        body = said(d=[ROW, CRUDE_ROW]) if http.path.endswith("/quotes") else said(d={OPTION: DEPTH})
        return web.Response(body=body, content_type="application/json")

    one = asked(answer, lambda market: market.quotes([KEY]))
    assert [quote.upper_band for quote in one] == [Decimal("80.1")]
    assert seen == ["/fyers/data/quotes", "/fyers/data/depth"]
    assert len(asked(answer, lambda market: market.quotes([KEY, CRUDE_KEY]))) == 2
    assert seen[2:] == ["/fyers/data/quotes"]
    assert asked(answer, lambda market: market.quotes([])) == []
    with pytest.raises(BrokerError, match="LIMIT"):
        asked(answer, lambda market: market.quotes([KEY] * 51))
    assert len(seen) == 3


def test_masters_are_read_without_a_token_and_all_of_them():
    seen: list[str] = []

    async def answer(http: web.Request) -> web.Response:
        assert "Authorization" not in http.headers
        seen.append(http.path.rpartition("/")[2].removesuffix("_sym_master.json"))
        rows = {"NSE_FO": [MASTER_ROW, MASTER_ROW | {"strikePrice": "NaN"}], "MCX_COM": [CRUDE]}.get(seen[-1], [INDEX])
        return web.Response(body=json.dumps(dict(enumerate(rows))).encode(), status=404 if gone == seen[-1] else 200)

    gone = ""

    async def journey(market: MarketData) -> list[str]:
        rows = await market.instruments()
        assert [line.symbol for line in market.malformed][:1] == ["1"]
        return [row.symbol for row in rows]

    symbols = asked(answer, journey)
    assert tuple(seen) == FILES
    assert {"NSE:BANKNIFTY24JUL52000CE", "MCX:CRUDEOIL26SEPFUT"} <= set(symbols)
    for gone in FILES:
        with pytest.raises(BrokerUnavailable, match=f"fyers symbol master {gone}"):
            asked(answer, journey)


def test_a_dead_token_ends_quotes_as_a_lost_session():
    async def answer(http: web.Request) -> web.Response:
        body = {"s": "error", "code": -16, "message": "Could not authenticate the user"}
        return web.json_response(body, status=401)

    with pytest.raises(SessionLost):
        asked(answer, lambda market: market.quotes([KEY]))
