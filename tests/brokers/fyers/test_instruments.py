"""Symbol masters: real rows, made-up traps, and the topics that are our tokens."""

import json
from datetime import date
from decimal import Decimal

import pytest

from brokers.fyers.instruments import parse_file
from brokers.fyers.topics import is_topic, topic_of
from brokers.masters import Master
from brokers.rows import MalformedRow
from domain.broker import BrokerUnavailable, InstrumentRow

OPTION = {
    "fyToken": "101124073150625",
    "exSymbol": "BANKNIFTY",
    "symDetails": "BANKNIFTY 31 Jul 24 52000 CE",
    "symTicker": "NSE:BANKNIFTY24JUL52000CE",
    "exchange": 10,
    "segment": 11,
    "exToken": 50625,
    "optType": "CE",
    "underSym": "BANKNIFTY",
    "exInstType": 14,
    "minLotSize": 15,
    "tickSize": 0.05,
    "expiryDate": "1722420000",
    "strikePrice": 52000.0,
    "qtyFreeze": "900",
    "tradeStatus": 1,
}
FUTURE = OPTION | {
    "symTicker": "NSE:BANKNIFTY24JULFUT",
    "fyToken": "101124073135165",
    "optType": "XX",
    "strikePrice": -1.0,
    "exInstType": 11,
}
INDEX = OPTION | {
    "fyToken": "101000000026000",
    "exSymbol": "NIFTY",
    "symDetails": "NIFTY50-INDEX",
    "symTicker": "NSE:NIFTY50-INDEX",
    "segment": 10,
    "optType": "XX",
    "underSym": "NIFTY",
    "exInstType": 10,
    "minLotSize": 0,
    "tickSize": 0.0,
    "expiryDate": "",
    "strikePrice": -1.0,
    "qtyFreeze": "",
}
CRUDE = FUTURE | {
    "fyToken": "1120260921565899",
    "exSymbol": "CRUDEOIL",
    "symTicker": "MCX:CRUDEOIL26SEPFUT",
    "exchange": 11,
    "segment": 20,
    "underSym": "CRUDEOIL",
    "exInstType": 30,
    "minLotSize": 1,
    "tickSize": 1.0,
    "expiryDate": "1790013600",
    "qtyFreeze": "100",
}
STOCK = INDEX | {
    "fyToken": "10100000003045",
    "exSymbol": "SBIN",
    "symDetails": "STATE BANK OF INDIA",
    "symTicker": "NSE:SBIN-EQ",
    "underSym": "SBIN",
    "exInstType": 0,
    "minLotSize": 1,
    "tickSize": 0.05,
}


def parse(*rows: object, equities: frozenset[str] = frozenset()) -> Master:
    master = Master([])
    body = json.dumps({f"{number}": row for number, row in enumerate(rows)}).encode()
    parse_file(body, name="NSE_FO", equities=equities, into=master)
    return master


def only(row: object, **options: frozenset[str]) -> InstrumentRow:
    master = parse(row, **options)
    assert master.malformed == []
    (found,) = master.rows
    return found


def test_an_option_is_joined_on_its_columns():
    row = only(OPTION)
    assert (row.exchange, row.underlying, row.kind, row.right) == ("NFO", "BANKNIFTY", "OPT", "CE")
    assert (row.expiry, row.strike) == (date(2024, 7, 31), 52000)
    assert (row.symbol, row.token) == ("NSE:BANKNIFTY24JUL52000CE", "sf|nse_fo|50625")
    assert (row.lot_size, row.tick_size, row.freeze_quantity, row.multiplier) == (15, Decimal("0.05"), 900, 1)


def test_numbers_come_as_text_too():
    texts = {name: str(OPTION[name]) for name in ("segment", "minLotSize", "tickSize", "strikePrice", "tradeStatus")}
    assert only(OPTION | texts) == only(OPTION)
    assert only(OPTION | {"strikePrice": 292.5}).strike == Decimal("292.5")


def test_a_future_has_no_strike_and_no_right():
    row = only(FUTURE)
    assert (row.kind, row.expiry, row.strike, row.right) == ("FUT", date(2024, 7, 31), None, "")


def test_a_commoditys_lot_comes_from_our_table_not_from_fyers_one():
    row = only(CRUDE)
    assert (row.exchange, row.token, row.expiry) == ("MCX", "sf|mcx_fo|565899", date(2026, 9, 21))
    assert (row.lot_size, row.multiplier, row.freeze_quantity) == (100, 1, None)
    master = parse(OPTION, CRUDE | {"underSym": "CARDAMOM"})
    assert len(master.rows) == len(master.malformed) == 1


def test_an_index_is_listed_under_our_name_and_has_a_topic_of_its_own():
    row = only(INDEX)
    assert (row.exchange, row.underlying, row.kind) == ("NSE_INDEX", "NIFTY", "INDEX")
    assert (row.symbol, row.token, row.lot_size) == ("NSE:NIFTY50-INDEX", "if|nse_cm|Nifty 50", 1)
    assert only(INDEX | {"symTicker": "NSE:INDIAVIX-INDEX", "underSym": "INDIA VIX"}).underlying == "INDIAVIX"
    bse = INDEX | {"symTicker": "BSE:SENSEX-INDEX", "fyToken": "12100000001", "underSym": "SENSEX"}
    assert (only(bse).exchange, only(bse).token) == ("BSE_INDEX", "if|bse_cm|SENSEX")
    assert parse(OPTION, INDEX | {"symTicker": "MCX:MCXBULLDEX-INDEX", "segment": 20}).rows == [only(OPTION)]


def test_stocks_are_listed_only_by_name_and_only_as_stocks():
    named = frozenset({"SBIN"})
    row = only(STOCK, equities=named)
    assert (row.kind, row.symbol, row.token, row.lot_size) == ("EQ", "NSE:SBIN-EQ", "sf|nse_cm|3045", 1)
    bond = STOCK | {"symTicker": "NSE:SBIN-N5", "exInstType": 6}
    assert parse(bond, STOCK, equities=named).rows == [row]
    assert parse(STOCK, OPTION).rows == [only(OPTION)]


def test_what_may_not_be_traded_is_not_listed_and_no_mistake():
    master = parse(OPTION | {"tradeStatus": 0, "minLotSize": "?"}, FUTURE)
    assert (master.rows, master.malformed) == ([only(FUTURE)], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"strikePrice": "NaN"},
        {"strikePrice": -1.0},
        {"strikePrice": None},
        {"expiryDate": ""},
        {"expiryDate": "-1"},
        {"expiryDate": "9" * 30},
        {"minLotSize": 0},
        {"minLotSize": 1.5},
        {"minLotSize": None},
        {"tickSize": 0},
        {"qtyFreeze": "many"},
        {"optType": "XE"},
        {"underSym": ""},
        {"fyToken": "99112407315062"},
        {"fyToken": "1011240731"},
        {"symTicker": None},
        {"segment": "equity"},
    ],
)
def test_a_bad_row_is_left_out_and_named(changes):
    master = parse(OPTION | changes, FUTURE)
    assert master.rows == [only(FUTURE)]
    assert [(line.line, line.symbol) for line in master.malformed] == [(1, "0")]


def test_a_freeze_of_none_is_no_limit():
    assert [only(OPTION | {"qtyFreeze": value}).freeze_quantity for value in ("", None, "0", "1800")] == [
        None,
        None,
        None,
        1800,
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"7",
        b"<html>",
        b'{"s":"error","code":-99,"message":"internal server error"}',
        json.dumps({"0": OPTION}).encode()[:-9],
        json.dumps({"0": OPTION}).encode().replace(b"BANK", b"BA\xff\xfe"),
    ],
)
def test_a_file_that_is_no_master_is_an_error(body):
    with pytest.raises(BrokerUnavailable, match="fyers symbol master NSE_FO"):
        parse_file(body, name="NSE_FO", equities=frozenset(), into=Master([]))


def test_topics():
    assert topic_of("BSE:SENSEX26D0385000PE", "1211261203850001") == "sf|bse_fo|850001"
    assert topic_of("NSE:SOMENEWINDEX-INDEX", "101000000026999") == "if|nse_cm|SOMENEWINDEX"
    for symbol, fy_token in (
        ("MCX:X-INDEX", "1120000000001"),
        ("NSE:X-EQ", "1010000000"),
        ("NSE:X-EQ", "101000000000x"),
    ):
        with pytest.raises(MalformedRow):
            topic_of(symbol, fy_token)
    assert all(map(is_topic, ("sf|nse_fo|54452", "if|nse_cm|Nifty 50")))
    for odd in (
        "",
        "54452",
        "dp|nse_fo|1",
        "sf|nse_xx|1",
        "sf|nse_fo|",
        "sf|nse_fo|\n",
        "sf|nse_fo|é",
        "sf|nse_fo|" + "1" * 300,
    ):
        assert not is_topic(odd)
