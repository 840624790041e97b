"""Upstox's master: the documentation's objects, what is left out of it, and downloads that are none."""

import asyncio
import gzip
import json
from datetime import date
from decimal import Decimal

import pytest
from aiohttp import web

from brokers.connect import connect_market_data
from brokers.upstox.instruments import parse_master
from domain.broker import BrokerError, BrokerUnavailable
from tests.brokers.servers import serve
from tests.brokers.upstox.cast import CREDENTIALS, endpoint, instrument, lot_size_of

FUTURE, OPTION, INDEX, STOCK = 2, 3, 4, 6


def parsed(*rows: object, equities: frozenset[str] = frozenset()):
    return parse_master(json.dumps(rows).encode(), equities=equities)


def test_an_option_of_the_documentation():
    (row,) = parsed(instrument(OPTION)).rows
    assert (row.exchange, row.underlying, row.kind, row.right) == ("NFO", "IDEA", "OPT", "CE")
    assert (row.expiry, row.strike) == (date(2024, 1, 25), 22)
    assert (row.symbol, row.token, row.name) == ("NSE_FO|36708", "NSE_FO|36708", "IDEA 22 CE 25 JAN 24")
    assert (row.lot_size, row.tick_size, row.freeze_quantity) == (80000, Decimal("0.05"), 1600000)


def test_a_future_is_the_same_without_a_strike_and_test_contracts_are_nobodys():
    assert parsed(instrument(FUTURE), instrument(INDEX)).rows == parsed(instrument(INDEX)).rows
    future = {**instrument(FUTURE), "trading_symbol": "IDEA FUT 27 NOV 36", "underlying_symbol": "IDEA"}
    (row,) = parsed(future).rows
    assert (row.kind, row.strike, row.right, row.expiry) == ("FUT", None, "", date(2036, 11, 27))


def test_an_index_is_known_by_its_trading_symbol():
    nifty = {
        **instrument(INDEX),
        "segment": "NSE_INDEX",
        "instrument_key": "NSE_INDEX|Nifty 50",
        "trading_symbol": "NIFTY",
    }
    vix = {**nifty, "instrument_key": "NSE_INDEX|India VIX", "trading_symbol": "INDIA VIX"}
    rows = parsed(instrument(INDEX), nifty, vix).rows
    assert [(row.exchange, row.underlying, row.token) for row in rows] == [
        ("BSE_INDEX", "AUTO", "BSE_INDEX|AUTO"),
        ("NSE_INDEX", "NIFTY", "NSE_INDEX|Nifty 50"),
        ("NSE_INDEX", "INDIAVIX", "NSE_INDEX|India VIX"),
    ]


def test_only_the_stocks_that_are_asked_for_are_listed():
    rows = [instrument(number) for number in (1, STOCK)]
    (row,) = parsed(*rows, equities=frozenset({"RELIANCE"})).rows
    assert (row.exchange, row.kind, row.token, row.lot_size) == ("NSE", "EQ", "NSE_EQ|INE002A01018", 1)
    assert parsed(*rows, instrument(INDEX)).rows == parsed(instrument(INDEX)).rows


def test_a_commoditys_size_is_our_own_tables():
    crude = {
        **instrument(FUTURE),
        "segment": "MCX_FO",
        "exchange": "MCX",
        "instrument_key": "MCX_FO|440001",
        "trading_symbol": "CRUDEOIL FUT 18 DEC 26",
        "underlying_symbol": "CRUDEOIL",
        "expiry": 1797618599000,
        "lot_size": 1,
        "tick_size": 100.0,
    }
    (row,) = parsed(crude).rows
    assert (row.exchange, row.lot_size, row.multiplier, row.tick_size) == ("MCX", 100, 1, 1)
    assert row.freeze_quantity is None
    unknown = parsed({**crude, "underlying_symbol": "MOONDUST"}, instrument(INDEX))
    assert [line.symbol for line in unknown.malformed] == ["CRUDEOIL FUT 18 DEC 26"]


@pytest.mark.parametrize(
    "changes",
    [
        {"lot_size": 0},
        {"lot_size": 1.5},
        {"lot_size": None},
        {"tick_size": 0},
        {"strike_price": 0},
        {"expiry": None},
        {"expiry": -1},
        {"expiry": 1 << 62},
        {"underlying_symbol": ""},
        {"instrument_key": "36708"},
        {"instrument_key": "BSE_FO|36708"},
        {"trading_symbol": 7},
    ],
)
def test_a_bad_row_is_left_out_and_named(changes):
    master = parsed(instrument(INDEX), {**instrument(OPTION), **changes})
    assert [row.kind for row in master.rows] == ["INDEX"]
    assert [line.line for line in master.malformed] == [2]


def download(handler):
    async def journey():
        async with serve(handler) as base:
            data = connect_market_data("upstox", CREDENTIALS, endpoint(base), timeout=1, lot_size_of=lot_size_of)
            try:
                return await data.instruments()
            finally:
                await data.aclose()

    return asyncio.run(journey())


def serving(status: int, body: bytes, **headers: str):
    async def answer(http: web.Request) -> web.StreamResponse:
        assert http.path == "/upstox/market-quote/instruments/exchange/complete.json.gz"
        assert "Authorization" not in http.headers
        return web.Response(status=status, body=body, headers=headers)

    return answer


def test_the_file_is_read_packed_or_unpacked_by_the_way_and_gets_no_token():
    body = json.dumps([instrument(OPTION)]).encode()
    packed = gzip.compress(body)
    for handler in (
        serving(200, packed, **{"Content-Type": "application/gzip"}),
        serving(200, packed, **{"Content-Encoding": "gzip"}),
        serving(200, body),
    ):
        assert [row.underlying for row in download(handler)] == ["IDEA"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>maintenance</html>"),
        (200, b"[]"),
        (200, b'{"status":"success"}'),
        (200, gzip.compress(b"[{}]" * 100, mtime=0)[:-8]),
        (200, b"\x1f\x8b broken"),
        (200, b'[{"segment":"NSE_FO"'),
        (403, b"<Error><Code>AccessDenied</Code></Error>"),
        (404, b""),
        (503, b'{"status":"error","errors":[]}'),
        (302, b""),
    ],
)
def test_a_download_that_is_no_master_is_an_error_never_a_short_master(status, body):
    with pytest.raises(BrokerUnavailable, match="upstox instrument master"):
        download(serving(status, body))


def test_a_download_that_ends_early_or_never_is_an_error():
    async def cut(http: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 1000
        await response.prepare(http)
        await response.write(b"[")
        assert http.transport is not None
        http.transport.abort()
        return response

    async def silent(http: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    for handler in (cut, silent):
        with pytest.raises(BrokerError, match="upstox"):
            download(handler)
