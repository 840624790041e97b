"""The instrument master and polled quotes."""

import asyncio
import gzip
from datetime import date
from decimal import Decimal

import pytest
from aiohttp import web

from brokers.connect import connect_market_data
from brokers.masters import Master
from brokers.zerodha.instruments import parse_master
from brokers.zerodha.quotes import quotes_of
from domain.broker import BrokerError, BrokerUnavailable, InstrumentRow, RateLimited
from domain.instruments import Exchange, InstrumentKey, Kind, Right
from domain.symbols import symbol_of
from tests.brokers.servers import serve
from tests.brokers.zerodha.cast import CREDENTIALS, endpoint, lot_size_of, recorded

HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
NIFTY = "256265,1001,NIFTY 50,NIFTY 50,24200.1,,0,0,0,EQ,INDICES,NSE"
OPTION = '10189826,39804,NIFTY26N2424200CE,"NIFTY",42.1,2026-11-24,24200,0.05,65,CE,NFO-OPT,NFO'
FUTURE = '8961794,35007,NIFTY26DECFUT,"NIFTY",0,2026-12-29,0,0.1,65,FUT,NFO-FUT,NFO'
CRUDE = '109570055,428008,CRUDEOIL26DECFUT,"CRUDEOIL",0,2026-12-18,0,1,1,FUT,MCX-FUT,MCX'
GOLD = '58424839,228222,GOLD26DECFUT,"GOLD",0,2026-12-04,0,1,1,FUT,MCX-FUT,MCX'
STOCK = "408065,1594,INFY,INFOSYS,0,,0,0.1,1,EQ,NSE,NSE"


def parse(*lines: str, equities: frozenset[str] = frozenset()) -> Master:
    return parse_master("\n".join((HEADER, *lines)).encode(), equities=equities)


def only(line: str, **options: frozenset[str]) -> InstrumentRow:
    master = parse(line, **options)
    assert master.malformed == []
    (row,) = master.rows
    return row


def test_an_option_joins_our_key_and_keeps_its_own_facts():
    row = only(OPTION)
    assert (row.symbol, row.token, row.lot_size, row.tick_size) == (
        "NIFTY26N2424200CE",
        "10189826",
        65,
        Decimal("0.05"),
    )
    assert (row.freeze_quantity, row.multiplier) == (None, 1)
    key = InstrumentKey(
        Exchange(row.exchange), row.underlying, Kind(row.kind), row.expiry, row.strike, Right(row.right)
    )
    assert symbol_of(key) == "NIFTY24NOV2624200CE"


def test_a_future_has_no_strike_and_no_right():
    row = only(FUTURE)
    assert (row.kind, row.expiry, row.strike, row.right) == ("FUT", date(2026, 12, 29), None, "")


def test_a_commoditys_lot_comes_from_our_table_not_from_kites_one():
    crude, gold = only(CRUDE), only(GOLD)
    assert (crude.lot_size, crude.multiplier) == (100, 1)
    assert (gold.lot_size, gold.multiplier) == (1000, Decimal("0.1"))


def test_an_index_is_listed_under_our_name_and_exchange():
    row = only(NIFTY)
    assert (row.exchange, row.underlying, row.kind, row.symbol) == ("NSE_INDEX", "NIFTY", "INDEX", "NIFTY 50")
    bank = only("260105,1016,NIFTY BANK,NIFTY BANK,0,,0,0,0,EQ,INDICES,NSE")
    sensex = only("265,1,SENSEX,BSE SENSEX,0,,0,0,0,EQ,INDICES,BSE")
    assert (bank.underlying, sensex.exchange, sensex.underlying) == ("BANKNIFTY", "BSE_INDEX", "SENSEX")


def test_stocks_are_listed_only_by_name():
    assert only(STOCK, equities=frozenset({"INFY"})).kind == "EQ"
    assert parse(STOCK, OPTION).rows == [only(OPTION)]


BAD = [
    (OPTION.replace("2026-11-24", "24-11-2026"), "expiry"),
    (OPTION.replace("2026-11-24", ""), "expiry"),
    (OPTION.replace(",24200,", ",0,"), "strike"),
    (OPTION.replace(",24200,", ",NaN,"), "strike"),
    (OPTION.replace(",65,", ",0,"), "lot_size"),
    (OPTION.replace(",65,", ",6.5,"), "lot_size"),
    (OPTION.replace(",0.05,", ",,"), "tick_size"),
    (OPTION.replace(",0.05,", ",-0.05,"), "tick_size"),
    (OPTION.replace('"NIFTY"', ""), "underlying"),
    (OPTION.replace("10189826", "x"), "instrument_token"),
    (OPTION[:40], "too few"),
    (CRUDE.replace('"CRUDEOIL"', '"UNOBTAINIUM"'), "UNOBTAINIUM"),
]


@pytest.mark.parametrize(("line", "reason"), BAD)
def test_a_bad_line_is_left_out_and_named(line, reason):
    master = parse(FUTURE, line, CRUDE)
    assert [row.symbol for row in master.rows] == ["NIFTY26DECFUT", "CRUDEOIL26DECFUT"]
    (bad,) = master.malformed
    assert bad.line == 3
    assert reason in bad.reason


def test_the_recorded_master_gives_its_indexless_derivatives_a_reason():
    master = parse_master(recorded("instruments_all.csv"))
    assert len(master.malformed) == 25
    assert {line.reason for line in master.malformed} == {"no name, so no underlying"}


def test_the_recorded_equity_master_lists_the_stocks_asked_for():
    rows = parse_master(recorded("instruments_nse.csv"), equities=frozenset({"CENTRALBK-BE"})).rows
    assert [(row.symbol, row.token) for row in rows if row.kind == "EQ"] == [("CENTRALBK-BE", "3813889")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "columns are missing"),
        (b"<html>maintenance</html>", "columns are missing"),
        (HEADER.replace("lot_size,", "").encode(), "columns are missing: lot_size"),
        (HEADER.encode(), "no instruments"),
        (b"\xff\xfe\x00", "UTF-8"),
        (f'{HEADER}\n1,2,"x'.encode(), "line"),
    ],
)
def test_what_is_no_master_is_refused_whole(body, reason):
    with pytest.raises(BrokerUnavailable, match=reason):
        parse_master(body)


def market(handler, call):
    async def journey():
        async with serve(handler) as base:
            data = connect_market_data("zerodha", CREDENTIALS, endpoint(base), timeout=5, lot_size_of=lot_size_of)
            try:
                return await call(data)
            finally:
                await data.aclose()

    return asyncio.run(journey())


@pytest.mark.parametrize("encoded", [False, True])
def test_the_master_is_downloaded_packed_by_file_or_by_header(encoded):
    body = gzip.compress("\n".join((HEADER, OPTION, CRUDE, NIFTY)).encode())

    async def answer(http: web.Request) -> web.Response:
        assert http.path == "/zerodha/instruments"
        headers = {"Content-Encoding": "gzip"} if encoded else {}
        return web.Response(body=body, content_type="text/csv", headers=headers)

    assert len(market(answer, lambda data: data.instruments())) == 3


def test_a_refused_master_says_why():
    async def answer(http: web.Request) -> web.Response:
        return web.Response(status=429, body=b"slow down")

    with pytest.raises(RateLimited):
        market(answer, lambda data: data.instruments())


def test_quotes_are_asked_by_kites_names_and_answered_by_ours():
    body = recorded("quote.json")

    async def answer(http: web.Request) -> web.Response:
        assert http.query.getall("i") == ["NSE:INFY", "NSE:NIFTY 50"]
        return web.Response(body=body, content_type="application/json")

    (quote,) = market(answer, lambda data: data.quotes([("NSE", "INFY"), ("NSE_INDEX", "NIFTY 50")]))
    assert (quote.exchange, quote.symbol, quote.token) == ("NSE", "INFY", "408065")
    assert (quote.last_price, quote.ask, quote.ask_quantity) == (Decimal("1412.95"), Decimal("1412.95"), 5191)
    assert (quote.lower_band, quote.upper_band) == (Decimal("1250.7"), Decimal("1528.6"))


def test_too_many_quotes_at_once_are_refused_and_none_are_free():
    async def answer(http: web.Request) -> web.Response:
        raise AssertionError("nothing was to be sent")

    assert market(answer, lambda data: data.quotes([])) == []
    with pytest.raises(BrokerError, match="501"):
        market(answer, lambda data: data.quotes([("NSE", str(number)) for number in range(501)]))


def test_an_index_quote_without_a_book_and_a_commodity_in_lots():
    body = (
        b'{"NSE:NIFTY 50":{"instrument_token":256265,"last_price":24200.1,"ohlc":{"close":24190}},'
        b'"MCX:CRUDEOIL26DECFUT":{"instrument_token":109570055,"last_price":5800,"ohlc":{"close":5790},"volume":7,"oi":2,'
        b'"depth":{"buy":[{"price":5799,"quantity":3,"orders":1}],"sell":[]}}}'
    )
    keys = [("NSE_INDEX", "NIFTY 50"), ("MCX", "CRUDEOIL26DECFUT")]
    index, crude = quotes_of(body, keys, lot_size_of)
    assert (index.exchange, index.bid, index.lower_band, index.exchange_at) == ("NSE_INDEX", 0, None, None)
    assert (crude.bid, crude.bid_quantity, crude.volume, crude.open_interest, crude.ask) == (5799, 300, 700, 200, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b'{"NSE:INFY":{}}',
        b'{"NSE:INFY":{"instrument_token":1,"last_price":"x","ohlc":{"close":1}}}',
        b'{"NSE:INFY":{"instrument_token":1,"last_price":1,"ohlc":{"close":1},"timestamp":"now"}}',
    ],
)
def test_a_malformed_quote_is_unavailable(body):
    with pytest.raises(BrokerUnavailable, match="quotes"):
        quotes_of(body, [("NSE", "INFY")], lot_size_of)
