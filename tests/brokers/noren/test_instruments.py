"""Masters, index lists, quotes and candles on documented and made-up payloads."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from brokers.noren import instruments as masters
from brokers.noren.quotes import candles_of, quote_of, span_fields, tick_size_of
from domain.broker import BrokerError, BrokerUnavailable
from tests.brokers.noren.cast import SPEC, lot_size_of, recorded

HEADER = "Exchange,Token,Lotsize,Symbol,Tradingsymbol,Instrument,Expiry,Strike,Optiontype"
FUTURE = "NFO,52175,65,NIFTY,NIFTY29DEC26F,FUTIDX,29-DEC-2026,,XX"
OPTION = "NFO,54452,65,NIFTY,NIFTY01DEC26C24200,OPTIDX,01-DEC-2026,24200,CE"
CRUDE = "MCX,451669,1,CRUDEOIL,CRUDEOIL18DEC26,FUTCOM,18-DEC-2026,,XX"
TICKS = {("NFO", "NIFTY"): Decimal("0.10")}


def lines(*rows: str, header: str = HEADER) -> masters.Lines:
    found = masters.Lines()
    masters.read_lines(SPEC, "\n".join([header, *rows]).encode(), name="x.csv", into=found)
    return found


def rows(*text: str, ticks=TICKS):
    return masters.rows_of(lines(*text), ticks)


def test_rows_are_joined_by_columns():
    future, option, crude = rows(FUTURE, OPTION, CRUDE).rows
    assert (future.token, future.lot_size, future.tick_size, future.strike) == ("NFO|52175", 65, Decimal("0.10"), None)
    assert (option.right, option.strike, option.tick_size) == ("CE", 24200, Decimal("0.05"))
    assert option.expiry == date(2026, 12, 1)
    assert (crude.lot_size, crude.multiplier, crude.tick_size) == (100, 1, 1)


def test_columns_may_stand_anywhere_in_any_case():
    header = "TOKEN,exchange,Lotsize,Symbol,Tradingsymbol,Instrument,Expiry,Strike,Optiontype,New"
    [row] = masters.rows_of(lines("52175,NFO,65,NIFTY,X,FUTIDX,29-Dec-2026,-0.01,XX,?", header=header), TICKS).rows
    assert (row.symbol, row.token) == ("X", "NFO|52175")


def test_other_names_of_an_underlying_and_tests_are_known():
    [row] = rows("BFO,1,20,BSXOPT,SENSEX26D0385000PE,OPTIDX,03-DEC-2026,85000,PE").rows
    assert row.underlying == "SENSEX"
    assert rows("NFO,1,20,NIFTY,011NSETEST29DEC26F,FUTIDX,29-DEC-2026,,XX").rows == []
    assert rows("CDS,1,1,USDINR,USDINR29DEC26F,FUTCUR,29-DEC-2026,,XX").rows == []


@pytest.mark.parametrize(
    "line",
    [
        OPTION.replace("24200,CE", "0,CE"),
        OPTION.replace("24200,CE", "NaN,CE"),
        OPTION.replace("24200,CE", "24200,XX"),
        OPTION.replace("65", "0"),
        OPTION.replace("65", "1.5"),
        OPTION.replace("01-DEC-2026", "2026-12-01"),
        OPTION.replace("01-DEC-2026", "31-NOV-2026"),
        OPTION.replace("54452", ""),
        "NFO,1,65",
        "MCX,1,1,NOSUCH,NOSUCH18DEC26,FUTCOM,18-DEC-2026,,XX",
        "NFO,2,65,OTHER,OTHER29DEC26F,FUTSTK,29-DEC-2026,,XX",
    ],
)
def test_a_bad_line_is_left_out_and_named(line):
    master = rows(line, FUTURE, ",,,,,,,,")
    assert [row.symbol for row in master.rows] == ["NIFTY29DEC26F"]
    assert len(master.malformed) == 1
    assert master.malformed[0].reason


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", HEADER.replace("Token,", "").encode(), b'"', b"a\n\x00"])
def test_a_file_that_is_no_master_is_refused_by_name(body):
    with pytest.raises(BrokerUnavailable, match=r"flattrade instrument master Commodity\.csv"):
        masters.read_lines(SPEC, body, name="Commodity.csv", into=masters.Lines())


def test_steps_are_asked_of_the_nearest_future_only():
    far = FUTURE.replace("29-DEC-2026", "27-JAN-2027").replace("52175", "1")
    asked = masters.stepped_futures(lines(far, FUTURE, OPTION, CRUDE))
    assert {name: one.token for name, one in asked.items()} == {("NFO", "NIFTY"): "52175"}


def test_the_recorded_index_list():
    found = masters.indices_of(SPEC, recorded("06-market-info__response__01.json"), "NSE")
    assert {row.underlying: (row.token, row.symbol) for row in found} == {
        "NIFTY": ("NSE|26000", "Nifty 50"),
        "BANKNIFTY": ("NSE|26009", "Nifty Bank"),
        "INDIAVIX": ("NSE|26017", "India VIX"),
    }
    assert {row.exchange for row in found} == {"NSE_INDEX"}
    assert masters.indices_of(SPEC, recorded("06-market-info__response__01.json"), "BSE") == []


def test_the_recorded_search():
    found = recorded("11-scrips__response__01.json")
    assert masters.found_token(SPEC, found, "RELIANCE-EQ") == "2885"
    assert masters.found_token(SPEC, found, "REL") == ""


def test_the_recorded_quote():
    body = recorded("11-scrips__response__02.json")
    assert quote_of(SPEC, body, ("NSE", "ACC-EQ"), lot_size_of) is None  # its last price is nought
    assert tick_size_of(SPEC, body) == Decimal("0.05")
    quote = quote_of(SPEC, json.dumps(json.loads(body) | {"lp": "1900.05"}).encode(), ("NSE", "ACC-EQ"), lot_size_of)
    assert (quote.token, quote.last_price, quote.bid, quote.bid_quantity) == ("NSE|22", Decimal("1900.05"), 2000, 2)
    assert (quote.lower_band, quote.upper_band) == (Decimal("1713.25"), Decimal("2093.95"))
    with pytest.raises(BrokerUnavailable, match="ti"):
        tick_size_of(SPEC, json.dumps(json.loads(body) | {"ti": "0"}).encode())


def test_day_bars_are_strings_that_hold_json():
    [bar] = json.loads(recorded("06-market-info__response__05.json"))
    body = json.dumps([json.dumps(bar)]).encode()
    row = masters.equity_row("ACC", symbol="ACC-EQ", token="22", tick_size=Decimal("0.05"))
    since, until = datetime(2022, 9, 1, tzinfo=UTC), datetime(2022, 10, 1, tzinfo=UTC)
    [candle] = candles_of(SPEC, body, row, since=since, until=until)
    assert (candle.open, candle.close, candle.volume) == (Decimal("2496.75"), Decimal("2509.75"), 4_249_172)
    assert candle.start == datetime(2022, 9, 20, 18, 30, tzinfo=UTC)
    assert candles_of(SPEC, b"[]", row, since=since, until=until) == []
    for odd in (b"{}", b'["x"]', b"[1]", json.dumps([bar | {"intl": "9999"}]).encode()):
        with pytest.raises(BrokerUnavailable, match="history"):
            candles_of(SPEC, odd, row, since=since, until=until)


def test_a_span_is_epoch_seconds_and_only_what_the_spec_has():
    until = datetime(2026, 11, 20, tzinfo=UTC)
    five = span_fields(SPEC, interval=timedelta(minutes=5), since=until - timedelta(days=1), until=until)
    assert five == {"st": "1795046400", "et": "1795132800", "intrv": "5"}
    assert span_fields(SPEC, interval=timedelta(days=1), since=until, until=until).keys() == {"from", "to"}
    for interval, span in ((timedelta(minutes=7), 1), (timedelta(minutes=5), 61), (timedelta(minutes=5), -1)):
        with pytest.raises(BrokerError, match="LIMIT"):
            span_fields(SPEC, interval=interval, since=until - timedelta(days=span), until=until)
