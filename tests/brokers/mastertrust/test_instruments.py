"""The Compact master: a packed CSV, or several, joined to our keys."""

import io
import zipfile
from datetime import date
from decimal import Decimal

import pytest

from brokers.mastertrust.instruments import parse_master
from domain.broker import BrokerUnavailable, InstrumentRow

HEADER = (
    "exchange,instrument_name,trading_symbol,exchange_token,close_price,expiry,company_name,strike,option_type,"
    "lot_size,tick_size,segment"
)
FUTURE = "NFO,FUTIDX,NIFTY26DECFUT,52175,24100.5,29-Dec-2026,NIFTY,0,XX,65,0.1,NFO"
OPTION = "NFO,OPTIDX,NIFTY26D0124200CE,54452,42.1,01-DEC-2026,NIFTY,24200,CE,65,0.05,NFO"
CRUDE = "MCX,FUTCOM,CRUDEOIL26DECFUT,451669,5991,18-Dec-2026,CRUDE OIL MINI,0,XX,1,1,MCX"
INDEX = "NSE,,Nifty 50,26000,24100,,,0,,1,0.05,IDX"
STOCK = "NSE,EQ,RELIANCE-EQ,2885,1500,,RELIANCE INDUSTRIES LTD,0,,1,0.1,Equity"
LIMIT = 1_000_000


def packed(**files: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.csv", text)
    return body.getvalue()


def master(*lines: str, header: str = HEADER, equities: frozenset[str] = frozenset()):
    return parse_master(packed(all="\n".join([header, *lines])), limit=LIMIT, equities=equities)


def one(line: str) -> InstrumentRow:
    [row] = master(line).rows
    return row


def test_rows_are_joined_by_columns():
    future, option = one(FUTURE), one(OPTION)
    assert (future.token, future.kind, future.lot_size, future.tick_size) == ("NFO|52175", "FUT", 65, Decimal("0.1"))
    assert (future.expiry, future.strike, future.right) == (date(2026, 12, 29), None, "")
    assert (option.underlying, option.strike, option.right) == ("NIFTY", 24200, "CE")
    assert (option.expiry, option.symbol) == (date(2026, 12, 1), "NIFTY26D0124200CE")


def test_columns_may_stand_anywhere_and_more_may_come():
    header, line = ",".join(reversed(HEADER.split(","))), ",".join(reversed(OPTION.split(",")))
    [row] = master(f"{line},?", header=f"{header},new").rows
    assert row == one(OPTION)


def test_a_commodity_is_what_its_symbol_says_and_our_table_knows():
    crude = one(CRUDE)
    assert (crude.underlying, crude.lot_size, crude.tick_size, crude.multiplier) == ("CRUDEOIL", 100, 1, 1)
    assert one(CRUDE.replace("CRUDEOIL26", "GOLDM26")).multiplier == Decimal("0.1")
    assert "NOBODYS" in master(CRUDE.replace("CRUDEOIL26", "NOBODYS26")).malformed[0].reason


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("BFO,IF,SENSEX26DECFUT,1,1,31-Dec-2026,SENSEX,0,XX,20,0.05,BFO", "FUT"),
        ("BFO,SO,SAIL26DEC130CE,2,1,31-Dec-2026,SAIL,130,CE,4700,0.05,BFO", "OPT"),
        ("MCX,OPTFUT,CRUDEOIL26DEC6000PE,3,1,16-Dec-2026,X,6000,PE,1,0.1,MCX", "OPT"),
    ],
)
def test_the_instruments_of_every_exchange_are_known(line, kind):
    assert one(line).kind == kind


def test_indices_and_asked_for_stocks_are_listed():
    index, stock = master(INDEX, STOCK, equities=frozenset({"RELIANCE"})).rows
    assert (index.exchange, index.underlying, index.token, index.kind) == ("NSE_INDEX", "NIFTY", "NSE|26000", "INDEX")
    assert (stock.exchange, stock.underlying, stock.symbol) == ("NSE", "RELIANCE", "RELIANCE-EQ")
    assert [row.kind for row in master(INDEX, STOCK).rows] == ["INDEX"]
    assert one(INDEX.replace("NSE,,Nifty 50", "BSE,,SENSEX")).exchange == "BSE_INDEX"
    assert one(INDEX.replace("Nifty 50", "NIFTY FIN SERVICE")).underlying == "FINNIFTY"


def test_what_nobody_trades_here_is_passed_over():
    rest = (
        "CDS,FUTCUR,USDINR26DECFUT,1,1,29-Dec-2026,USDINR,0,XX,1000,0.0025,CDS",
        "NFO,FUTIDX,011NSETEST26DECFUT,2,1,29-Dec-2026,NSETEST,0,XX,65,0.05,NFO",
        "MCX,FUTIDX,MCXBULLDEX26DECFUT,3,1,29-Dec-2026,X,0,XX,1,1,MCX",
        "NSE,BE,OTHER-BE,4,1,,OTHER,0,,1,0.05,Equity",
    )
    assert [row.symbol for row in master(*rest, OPTION, equities=frozenset({"OTHER"})).rows] == ["NIFTY26D0124200CE"]


@pytest.mark.parametrize(
    "line",
    [
        OPTION.replace("24200,CE", "0,CE"),
        OPTION.replace("24200,CE", "NaN,CE"),
        OPTION.replace("24200,CE", "24200,XX"),
        OPTION.replace(",65,", ",0,"),
        OPTION.replace(",65,", ",1.5,"),
        OPTION.replace("01-DEC-2026", "2026-12-01"),
        OPTION.replace("01-DEC-2026", ""),
        OPTION.replace(",0.05,", ",,"),
        OPTION.replace("54452", "5x"),
        OPTION.replace("NIFTY,24200", ",24200"),
        "NFO,OPTIDX,SHORT",
    ],
)
def test_a_bad_line_is_left_out_and_named(line):
    found = master(FUTURE, line)
    assert [row.symbol for row in found.rows] == ["NIFTY26DECFUT"]
    assert [bad.line for bad in found.malformed] == [3]
    assert found.malformed[0].reason


def test_contracts_of_one_key_are_both_left_out():
    found = master(FUTURE, OPTION, OPTION.replace("54452", "54453"))
    assert [row.symbol for row in found.rows] == ["NIFTY26DECFUT"]


def test_a_file_for_each_exchange_is_one_master():
    body = packed(NFO=f"{HEADER}\n{OPTION}", MCX=f"\ufeff{HEADER}\n{CRUDE}")
    assert [row.exchange for row in parse_master(body, limit=LIMIT).rows] == ["NFO", "MCX"]


WHOLE = packed(all=f"{HEADER}\n{OPTION}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        f"{HEADER}\n{OPTION}".encode(),
        b"<html>",
        WHOLE[:-30],
        packed(),
        packed(all=""),
        packed(all=HEADER),
        packed(all=f"exchange,trading_symbol\n{OPTION}"),
        packed(all=f"{HEADER}\n{OPTION}").replace(b"all.csv", b"all.exe"),
        packed(NFO=f"{HEADER}\n{OPTION}", MCX="<html>"),
        packed(all=f'{HEADER}\n"{OPTION}'),
    ],
)
def test_a_file_that_is_no_master_is_an_error(body):
    with pytest.raises(BrokerUnavailable, match="mastertrust instrument master"):
        parse_master(body, limit=LIMIT)


def test_a_small_file_that_unpacks_to_a_flood_is_refused():
    bomb = packed(all=f"{HEADER}\n{OPTION}\n" + " " * (2 * LIMIT))
    assert len(bomb) < LIMIT
    with pytest.raises(BrokerUnavailable, match="too long"):
        parse_master(bomb, limit=LIMIT)
