"""Contract files as their columns are known, whatever their order and case."""

from datetime import date
from decimal import Decimal

import pytest

from brokers.aliceblue.instruments import parse_file
from domain.broker import BrokerUnavailable

HEADER = (
    "Exch,Exchange Segment,Symbol,Token,Instrument Type,Option Type,Strike Price,Instrument Name,Formatted Ins Name,"
    "Trading Symbol,Expiry Date,Lot Size,Tick Size"
)
CALL = "NFO,nse_fo,NIFTY,54452,OPTIDX,CE,24200.0,NIFTY,NIFTY 01 DEC 24200 CE,NIFTY01DEC26C24200,2026-12-01,65,0.05"
FUTURE = "NFO,nse_fo,M&M,61,FUTSTK,XX,0,M&M,M&M 24 NOV FUT,M&M24NOV26F,2026-11-24,200,0.1"
CRUDE = "MCX,mcx_fo,CRUDEOIL,7,FUTCOM,,0,CRUDEOIL,CRUDEOIL 18 DEC FUT,CRUDEOIL18DEC26,2026-12-18,1,1"
SENSEX = "BFO,bse_fo,BSXOPT,850001,IO,PE,85000,SENSEX,SENSEX 03 DEC 85000 PE,SENSEX26D0385000PE,2026-12-03,20,0.05"
BSE_FUTURE = "BFO,bse_fo,BSXFUT,850002,IF,,,SENSEX,SENSEX 24 DEC FUT,SENSEX26DECFUT,2026-12-24,20,0.05"


def parsed(*lines, exchange="NFO", header=HEADER, wanted=frozenset()):
    body = "\n".join((header, *lines)).encode()
    return parse_file(body, exchange=exchange, wanted=lambda name: name in wanted)


def test_an_option_and_a_future_by_their_columns():
    option, future = parsed(CALL, FUTURE).rows
    assert (option.exchange, option.underlying, option.kind, option.right) == ("NFO", "NIFTY", "OPT", "CE")
    assert (option.expiry, option.strike) == (date(2026, 12, 1), 24200)
    assert (option.symbol, option.token, option.lot_size) == ("NIFTY01DEC26C24200", "NFO|54452", 65)
    assert (option.tick_size, option.multiplier, option.freeze_quantity) == (Decimal("0.05"), 1, None)
    assert (future.underlying, future.kind, future.strike, future.right) == ("M&M", "FUT", None, "")


def test_columns_are_found_in_any_order_and_case():
    order = [*range(12, -1, -1)]
    mixed = ",".join(HEADER.upper().replace(" ", "_").split(",")[number] for number in order)
    line = ",".join(CALL.split(",")[number] for number in order)
    assert parsed(line, header=mixed).rows == parsed(CALL).rows


def test_a_commoditys_terms_are_our_own():
    (crude,) = parsed(CRUDE, exchange="MCX").rows
    assert (crude.lot_size, crude.tick_size, crude.multiplier, crude.kind) == (100, 1, 1, "FUT")


def test_bse_names_its_contracts_otherwise():
    option, future = parsed(SENSEX, BSE_FUTURE, exchange="BFO").rows
    assert (option.underlying, option.kind, option.strike) == ("SENSEX", "OPT", 85000)
    assert (future.underlying, future.kind, future.strike) == ("SENSEX", "FUT", None)


def test_stocks_that_are_wanted_and_indices():
    header = "Exch,Exchange Segment,Group Name,Symbol,Token,Instrument Name,Formatted Ins Name,Trading Symbol,Lot Size"
    header = f"{header},Tick Size"
    lines = [
        f"NSE,nse_cm,{group},{name},{number},{name},{name},{name}-{group},1,0.1"
        for number, (name, group) in enumerate([("RELIANCE", "EQ"), ("RELIANCE", "BE"), ("TCS", "EQ")])
    ]
    (stock,) = parsed(*lines, exchange="NSE", header=header, wanted={"RELIANCE"}).rows
    assert (stock.symbol, stock.token, stock.kind, stock.underlying) == ("RELIANCE-EQ", "NSE|0", "EQ", "RELIANCE")
    indices = parsed(
        "NSE,NIFTY 50,26000", "BSE,SENSEX,1", "MCX,MCXBULLDEX,2", exchange="INDICES", header="exch,symbol,token"
    )
    assert [(one.exchange, one.underlying, one.symbol, one.token) for one in indices.rows] == [
        ("NSE_INDEX", "NIFTY", "NIFTY 50", "NSE|26000"),
        ("BSE_INDEX", "SENSEX", "SENSEX", "BSE|1"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("24200.0", "NaN"),
        ("24200.0", "0"),
        ("24200.0", "abc"),
        (",65,", ",0,"),
        (",65,", ",6.5,"),
        ("2026-12-01", ""),
        ("2026-12-01", "01-12-2026"),
        (",0.05", ",-0.05"),
        (",54452,", ",5445x,"),
        (",NIFTY01DEC26C24200,", ",,"),
        (",65,0.05", ""),
    ],
)
def test_a_bad_line_is_left_out_and_named(before, after):
    assert before in CALL
    master = parsed(CALL.replace(before, after, 1), FUTURE)
    assert [row.symbol for row in master.rows] == ["M&M24NOV26F"]
    assert [line.line for line in master.malformed] == [2]


@pytest.mark.parametrize("body", [b"", b"Exch,Symbol\nNFO,NIFTY", b"<html></html>", b"\xff\xfe"])
def test_what_is_no_contract_file_is_refused(body):
    with pytest.raises(BrokerUnavailable, match="aliceblue contract file NFO"):
        parse_file(body, exchange="NFO", wanted=lambda _: True)
