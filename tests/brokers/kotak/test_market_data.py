"""Quotes, history and masters over the wire: what is asked, and what is believed of the answers."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from brokers.connect import connect_market_data
from brokers.kotak.candles import candles_of, is_empty, query_of
from brokers.kotak.quotes import quotes_of
from domain.broker import BrokerError, BrokerUnavailable, InstrumentRow, SessionLost
from tests.brokers.kotak.cast import DOCS, V3, credentials, endpoint, lot_size_of, recorded
from tests.brokers.kotak.test_instruments import CRUDE, HEADER, NIFTY, SENSEX
from tests.brokers.servers import serve

D = Decimal
STOCK = recorded(f"{V3}/functions-market-data-quotes__sample-response-real-api-response__01.json")
INDEX = recorded(f"{DOCS}/05-market-data-quotes__5-response__01.json")
UNKNOWN = recorded(f"{DOCS}/05-market-data-quotes__response-field-mapping__02.json")
OPTION = ("NFO", "NIFTY2692221000PE")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SINCE = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)  # 09:15 IST
UNTIL = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
PUT = InstrumentRow(
    exchange="NFO",
    underlying="NIFTY",
    kind="OPTION",
    expiry=date(2026, 9, 22),
    strike=D(21000),
    right="PE",
    symbol="NIFTY2692221000PE",
    token="nse_fo|56526",
    lot_size=65,
    tick_size=D("0.05"),
    freeze_quantity=None,
    multiplier=D(1),
)
FILES = {
    "nse_cm": "1333,EQ,nse_cm,,HDFCBANK,HDFCBANK-EQ,,HDFCBANK,INE040A01034,,,,,,,5,1,-1,-1,2,-1",
    "bse_cm": "1,,bse_cm,,SENSEX,SENSEX,,SENSEX,,,,,,,,5,1,-1,-1,2,-1",
    "nse_fo": NIFTY,
    "bse_fo": SENSEX,
    "mcx_fo": CRUDE,
}
PRICED = {
    "exchange": "nse_fo",
    "exchange_token": "56526",
    "ltp": "42.10",
    "lstup_time": "1790000000",
    "last_volume": "123500",
    "open_int": "98765",
    "ohlc": {"open": "41.00", "high": "43.00", "low": "39.00", "close": "40.00"},
    "depth": {"buy": [{"price": "42.05", "quantity": "650"}], "sell": [{"price": "42.15", "quantity": "1300"}]},
}


class Kotak:
    """Answers market data as told, and writes down what was asked, as it stood on the wire."""

    def __init__(self, body: object = None, *, status: int = 200, files: Mapping[str, str] | None = None) -> None:
        self.asked: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.files = FILES if files is None else files
        self.host = ""
        self._body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._status = status

    async def answer(self, http: web.Request) -> web.Response:
        self.asked.append(http.raw_path)
        self.headers.append(http.headers.copy())
        if http.path.endswith("/file-paths"):
            host = self.host or f"http://{http.host}"
            paths = [f"{host}/kotak/files/transformed/{segment}.csv" for segment in FILES]
            return web.json_response({"data": {"baseFolder": host, "filesPaths": paths}})
        if http.path.endswith(".csv"):
            segment = http.path.rpartition("/")[2].removesuffix(".csv")
            lines = self.files.get(segment)
            return web.Response(status=503) if lines is None else web.Response(text=f"{HEADER}\n{lines}\n")
        return web.Response(status=self._status, body=self._body, content_type="application/json")

    def files_read(self) -> list[str]:
        return [path.rpartition("/")[2] for path in self.asked if path.endswith(".csv")]


def asked(kotak: Kotak, *calls: Callable[[Any], Awaitable[Any]], token: str | None = None) -> list[Any]:
    async def journey() -> list[Any]:
        async with serve(kotak.answer) as base:
            known = credentials(base)
            known = known if token is None else replace(known, access_token=token)
            data = connect_market_data("kotak", known, endpoint(base), lot_size_of=lot_size_of)
            try:
                return [await call(data) for call in calls]
            finally:
                await data.aclose()

    return asyncio.run(journey())


def quotes(*keys: tuple[str, str]) -> Callable[[Any], Awaitable[Any]]:
    return lambda data: data.quotes(keys)


def candles(interval: timedelta = MINUTE, **changes: Any) -> Callable[[Any], Awaitable[Any]]:
    span = {"since": SINCE, "until": UNTIL} | changes
    return lambda data: data.candles(PUT, interval=interval, **span)


def test_quotes_are_asked_for_by_token_with_bars_and_commas_as_they_are():
    kotak = Kotak([PRICED])
    (found,) = asked(kotak, quotes(OPTION, ("BSE_INDEX", "SENSEX"), ("NSE_INDEX", "Nifty 50")))
    wanted = "nse_fo|56526,bse_cm|SENSEX,nse_cm|Nifty%2050"
    assert kotak.asked[-1] == f"/kotak/script-details/1.0/quotes/neosymbol/{wanted}/all"
    assert kotak.headers[-1]["Authorization"] == "key1"
    assert "Auth" not in kotak.headers[-1]
    (quote,) = found
    assert (quote.exchange, quote.symbol, quote.last_price, quote.close) == (*OPTION, D("42.10"), D("40.00"))
    assert (quote.bid, quote.ask, quote.bid_quantity, quote.ask_quantity) == (D("42.05"), D("42.15"), 650, 1300)
    assert (quote.volume, quote.open_interest) == (123_500, 98_765)
    assert quote.exchange_at == datetime.fromtimestamp(1_790_000_000, tz=UTC)


def test_a_segments_tokens_are_read_once():
    kotak = Kotak([PRICED])
    asked(kotak, quotes(OPTION), quotes(OPTION), quotes(("MCX", "CRUDEOIL26DECFUT"), OPTION))
    assert kotak.files_read() == ["nse_fo.csv", "mcx_fo.csv"]


def test_the_masters_tell_the_tokens_too():
    kotak = Kotak([PRICED])
    rows, found = asked(kotak, lambda data: data.instruments(), quotes(OPTION))
    assert {(one.exchange, one.symbol) for one in rows} == {
        ("BSE_INDEX", "SENSEX"),
        ("NFO", "NIFTY2692221000PE"),
        ("BFO", "SENSEX26D0385000PE"),
        ("MCX", "CRUDEOIL26DECFUT"),
    }
    assert len(kotak.files_read()) == len(FILES)
    assert len(found) == 1


def test_commodities_are_quoted_in_lots_and_shown_in_units():
    priced = PRICED | {"exchange": "mcx_fo", "exchange_token": "451669"}
    ((quote,),) = asked(Kotak([priced]), quotes(("MCX", "CRUDEOIL26DECFUT")))
    assert (quote.volume, quote.open_interest, quote.bid_quantity) == (12_350_000, 9_876_500, 65_000)


@pytest.mark.parametrize("key", [("NFO", "NOSUCH"), ("CDS", "USDINR"), ("NSE_INDEX", "Nifty 51"), ("NFO_INDEX", "X")])
def test_what_nobody_knows_has_no_quote_and_no_call(key):
    kotak = Kotak([PRICED])
    assert asked(kotak, quotes(key)) == [[]]
    assert not [path for path in kotak.asked if "/quotes/" in path]


def test_an_instrument_that_is_gone_has_no_quote():
    assert asked(Kotak(UNKNOWN), quotes(OPTION)) == [[]]


def test_more_keys_than_an_answer_shows_are_refused():
    kotak = Kotak([])
    with pytest.raises(BrokerError, match="LIMIT: kotak quotes: 51 keys"):
        asked(kotak, quotes(*[("NSE_INDEX", "Nifty 50")] * 51))
    assert kotak.asked == []


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"stat": "Not_Ok", "emsg": "Invalid session", "stCode": 1003}, 403, SessionLost),
        ({"stat": "Ok", "stCode": 200, "data": []}, 200, BrokerUnavailable),
        (b"<html>", 200, BrokerUnavailable),
        (b"", 200, BrokerUnavailable),
        ([PRICED], 502, BrokerUnavailable),
        ([PRICED | {"ltp": "NaN"}], 200, BrokerUnavailable),
        ([PRICED | {"ohlc": None}], 200, BrokerUnavailable),
        ([7], 200, BrokerUnavailable),
    ],
)
def test_an_answer_that_is_no_list_of_quotes_is_an_error(body, status, kind):
    with pytest.raises(kind, match="kotak quotes"):
        asked(Kotak(body, status=status), quotes(OPTION))


def test_a_lost_session_asks_nobody():
    kotak = Kotak([PRICED])
    with pytest.raises(SessionLost, match="kotak"):
        asked(kotak, quotes(OPTION), token="")
    assert kotak.asked == []


def test_recorded_quotes():
    (quote,) = quotes_of(STOCK, {"nse_cm|1333": ("NSE", "HDFCBANK-EQ")}, lot_size_of)
    assert (quote.last_price, quote.close, quote.bid, quote.ask) == (
        D("801.6"),
        D("793.2"),
        D("801.6"),
        D("801.65"),
    )
    assert (quote.bid_quantity, quote.ask_quantity, quote.volume) == (1733, 550, 30_043_533)
    assert (quote.lower_band, quote.upper_band) == (D("713.9"), D("872.5"))
    (index,) = quotes_of(INDEX, {"bse_cm|SENSEX": ("BSE_INDEX", "SENSEX")}, lot_size_of)
    assert (index.last_price, index.close, index.bid, index.ask_quantity) == (D("81809.34"), D("81904.7"), 0, 0)
    assert (index.lower_band, index.upper_band) == (None, None)


def test_what_was_not_asked_for_or_has_no_price_is_left_out():
    assert quotes_of(STOCK, {"nse_cm|1": ("NSE", "X")}, lot_size_of) == []
    unpriced = json.dumps([PRICED | {"ltp": "0"}]).encode()
    assert quotes_of(unpriced, {"nse_fo|56526": OPTION}, lot_size_of) == []


def test_a_master_on_a_foreign_host_is_not_asked_for():
    kotak = Kotak()
    kotak.host = "http://evil.example"
    with pytest.raises(BrokerUnavailable, match=r"MALFORMED: kotak instrument master.*host"):
        asked(kotak, lambda data: data.instruments())
    assert kotak.files_read() == []


def test_a_master_without_one_of_its_files_is_none():
    kotak = Kotak(files={name: lines for name, lines in FILES.items() if name != "bse_fo"})
    with pytest.raises(BrokerUnavailable, match="HTTP_503: kotak instrument master of BFO"):
        asked(kotak, lambda data: data.instruments())


def bar(start: str, *cells: object) -> list[object]:
    return [f"2026-11-20T{start}:00+0530", *cells]


def history(*bars: list[object]) -> dict[str, object]:
    return {"status": "success", "data": {"candles": list(bars)}}


def test_bars_are_asked_for_in_whole_days_and_come_oldest_first():
    kotak = Kotak(
        history(bar("09:16", 101, 103, 100.5, 102.05, 130, 2600), bar("09:15", "100", "102", "99.95", "101", "65", 0))
    )
    (found,) = asked(kotak, candles())
    path, _, query = kotak.asked[-1].partition("?")
    assert path == "/kotak/market-data/1.0/historical/details"
    assert query == "neosymbol=nse_fo%7C56526&interval=1min&fromdate=2026-11-20&todate=2026-11-20"
    assert [one.start for one in found] == [SINCE, SINCE + MINUTE]
    first, second = found
    assert (first.open, first.high, first.low, first.close, first.volume) == (100, 102, D("99.95"), 101, 65)
    assert (second.close, second.open_interest) == (D("102.05"), 2600)


def test_bars_outside_the_span_are_left_out():
    (found,) = asked(
        Kotak(history(*(bar(at, 1, 1, 1, 1, 1, 0) for at in ("09:14", "09:15", "15:30", "15:31")))), candles()
    )
    assert [one.start for one in found] == [SINCE, UNTIL]


def test_an_open_outside_its_bar_widens_it_and_volumes_are_never_below_nothing():
    (one,) = candles_of(json.dumps(history(bar("09:15", 105, 103, 99, 98.5, -7))).encode(), since=SINCE, until=UNTIL)
    assert (one.high, one.low, one.volume, one.open_interest) == (105, D("98.5"), 0, 0)


def test_a_span_without_bars_is_empty():
    assert asked(Kotak({"fault": {"message": "No data found"}}, status=400), candles()) == [[]]
    assert asked(Kotak(history()), candles()) == [[]]
    assert is_empty("Data not available for the requested period")
    assert not is_empty("Invalid neosymbol")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"fault": {"message": "Invalid interval"}}, 400),
        ({"status": "error", "data": {"candles": []}}, 200),
        ({"status": "success"}, 200),
        (history(bar("09:15", 1, 1, 1, 1)), 200),
        (history(bar("09:15", 1, 1, 2, 1, 1, 0)), 200),
        (history(bar("09:15", "NaN", 1, 1, 1, 1, 0)), 200),
        (history(["soon", 1, 1, 1, 1, 1, 0]), 200),
        (history(bar("09:15", 1, 1, 1, 1, 1, 0)), 502),
        (b"<html>", 200),
    ],
)
def test_an_answer_that_is_no_history_is_an_error(body, status):
    with pytest.raises(BrokerUnavailable, match="kotak history"):
        asked(Kotak(body, status=status), candles())


@pytest.mark.parametrize(
    ("instrument", "interval", "until"),
    [
        (PUT, timedelta(minutes=7), UNTIL),
        (PUT, MINUTE, SINCE + timedelta(days=31)),
        (PUT, MINUTE, SINCE - MINUTE),
        (replace(PUT, exchange="MCX"), MINUTE, UNTIL),
    ],
)
def test_what_is_not_served_is_refused_before_the_wire(instrument, interval, until):
    with pytest.raises(BrokerError, match="LIMIT: kotak history"):
        query_of(instrument, interval=interval, since=SINCE, until=until)


def test_days_have_their_own_name_and_longer_spans():
    query = dict(query_of(PUT, interval=DAY, since=SINCE - timedelta(days=170), until=UNTIL))
    assert (query["interval"], query["fromdate"], query["todate"]) == ("D", "2026-06-03", "2026-11-20")
    assert dict(query_of(PUT, interval=60 * MINUTE, since=SINCE, until=UNTIL))["interval"] == "60min"
