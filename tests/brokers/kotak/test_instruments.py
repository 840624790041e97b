"""Scrip masters: the recorded one of the NSE's cash segment, and lines of the others as documented."""

import csv
import io
import json
from datetime import date
from decimal import Decimal

import pytest

from brokers.kotak import instruments as masters
from domain.broker import BrokerUnavailable
from tests.brokers.kotak.cast import DOCS, V3, recorded

D = Decimal
RECORDED = "kotak/scripmaster/nse_cm.csv"
HEADER = (
    "pSymbol,pGroup,pExchSeg,pInstType,pSymbolName,pTrdSymbol,pOptionType,pScripRefKey,pISIN,pAssetCode,pSubGroup,"
    "pCombinedSymbol,pDesc,pAmcCode,pContractId,dTickSize ,lLotSize,lExpiryDate ,lMultiplier ,lPrecision,dStrikePrice;"
)
NIFTY = (
    "56526,XX,nse_fo,OPTIDX,NIFTY,NIFTY2692221000PE,PE,NIFTY22SEP2621000.00PE,,26000,,,,,,5,65,1474554600,-1,2,2.1e+06"
)
FUTURE = "61304,XX,nse_fo,FUTSTK,TCS,TCS26JULFUT,XX,TCS28JUL26,,11536,,,,,,10,225,1469701800,-1,2,-1"
SENSEX = (
    "877001,XX,bse_fo,OPTIDX,SENSEX,SENSEX26D0385000PE,PE,SENSEX03DEC2685000PE,,1,,,,,,5,20,1796292000,-1,2,8500000"
)
CRUDE = "451669,XX,mcx_fo,FUTCOM,CRUDEOIL,CRUDEOIL26DECFUT,XX,CRUDEOIL18DEC26,,1,,,,,,100,100,1797532200,1,2,-1"


def read(segment: str, *lines: str, header: str = HEADER, equities: frozenset[str] = frozenset()) -> masters.Lines:
    found = masters.Lines()
    body = "\n".join([header, *lines]).encode()
    masters.read_file(body, segment=segment, equities=equities, into=found)
    return found


def the_row(segment: str, line: str):
    found = read(segment, line)
    assert found.master.malformed == []
    (row,) = found.master.rows
    return row


def test_the_recorded_file_lists_its_indices_and_the_stocks_we_name():
    found = masters.Lines()
    wanted = frozenset({"RELIANCE", "M&M", "YESBANK"})
    masters.read_file(recorded(RECORDED), segment="nse_cm", equities=wanted, into=found)
    rows = {row.symbol: row for row in masters.whole(found).rows}
    assert set(rows) == {
        "Nifty 50",
        "Nifty Bank",
        "Nifty Fin Service",
        "NIFTY MID SELECT",
        "RELIANCE-EQ",
        "M&M-EQ",
        "YESBANK-EQ",
    }
    nifty, reliance = rows["Nifty 50"], rows["RELIANCE-EQ"]
    assert (nifty.exchange, nifty.underlying, nifty.kind, nifty.token) == (
        "NSE_INDEX",
        "NIFTY",
        "INDEX",
        "nse_cm|Nifty 50",
    )
    assert (reliance.exchange, reliance.token, reliance.lot_size, reliance.tick_size) == (
        "NSE",
        "nse_cm|2885",
        1,
        D("0.05"),
    )
    assert found.tokens["NSE"]["TCS-EQ"] == "11536"
    assert len(found.tokens["NSE"]) == len(list(csv.reader(io.StringIO(recorded(RECORDED).decode())))) - 1
    assert found.master.malformed == []


def test_the_documented_option_counts_seconds_from_1980_and_prices_in_paise():
    row = the_row("nse_fo", NIFTY)
    assert (row.exchange, row.underlying, row.kind, row.right) == ("NFO", "NIFTY", "OPT", "PE")
    assert (row.expiry, row.strike) == (date(2026, 9, 22), D(21000))
    assert (row.symbol, row.token, row.lot_size, row.tick_size) == ("NIFTY2692221000PE", "nse_fo|56526", 65, D("0.05"))
    assert (row.multiplier, row.freeze_quantity) == (1, None)


def test_a_future_has_no_strike():
    row = the_row("nse_fo", FUTURE)
    assert (row.kind, row.strike, row.right, row.expiry, row.tick_size) == (
        "FUT",
        None,
        "",
        date(2026, 7, 28),
        D("0.1"),
    )


def test_other_segments_count_from_1970():
    sensex, crude = the_row("bse_fo", SENSEX), the_row("mcx_fo", CRUDE)
    assert (sensex.exchange, sensex.expiry, sensex.strike) == ("BFO", date(2026, 12, 3), D(85000))
    assert (crude.exchange, crude.expiry) == ("MCX", date(2026, 12, 18))
    assert the_row("bse_fo", SENSEX.replace("OPTIDX,SENSEX", "IO,BSX")).underlying == "SENSEX"


def test_commodities_are_as_our_table_has_them_whatever_the_file_counts():
    row = the_row("mcx_fo", CRUDE.replace(",100,100,", ",1,1,"))
    assert (row.lot_size, row.tick_size, row.multiplier) == (100, 1, 1)
    found = read("mcx_fo", CRUDE.replace("FUTCOM,CRUDEOIL", "FUTCOM,UNOBTAINIUM"))
    assert (found.master.rows, len(found.master.malformed)) == ([], 1)


def test_a_decimal_strike_stays_exact():
    assert the_row("nse_fo", NIFTY.replace("2.1e+06", "29250")).strike == D("292.5")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2.1e+06", "-1"),
        ("2.1e+06", "NaN"),
        ("2.1e+06", ""),
        (",65,1474554600", ",0,1474554600"),
        (",65,1474554600", ",1.5,1474554600"),
        ("1474554600", "-1"),
        ("1474554600", "soon"),
        ("1474554600", "1e+30"),
        ("OPTIDX,NIFTY,", "OPTIDX,,"),
        (",PE,", ",XX,"),
        (",PE,", ",CA,"),
        (",5,65,", ",-1,65,"),
        ("56526", "abc"),
        ("NIFTY2692221000PE,", ","),
    ],
)
def test_a_bad_line_is_left_out_and_named(old, new):
    found = read("nse_fo", NIFTY.replace(old, new, 1), FUTURE)
    assert [row.symbol for row in found.master.rows] == ["TCS26JULFUT"]
    (bad,) = found.master.malformed
    assert (bad.line, bool(bad.reason)) == (2, True)


def test_lines_nobody_trades_here_are_passed_over():
    spot = CRUDE.replace("FUTCOM", "COM").replace(",XX,CRUDEOIL18", ",,CRUDEOIL18")
    found = read("mcx_fo", spot, "", CRUDE.replace("CRUDEOIL26DECFUT", "011NSETEST26DECFUT"))
    assert (found.master.rows, found.master.malformed) == ([], [])


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"<html><body>502</body></html>", NIFTY.encode(), b"\xff\xfe" + HEADER.encode()]
)
def test_what_is_no_master_is_refused(body):
    with pytest.raises(BrokerUnavailable, match="kotak instrument master nse_fo"):
        masters.read_file(body, segment="nse_fo", equities=frozenset(), into=masters.Lines())


def test_files_that_hold_nothing_are_no_master():
    with pytest.raises(BrokerUnavailable, match="kotak instrument master"):
        masters.whole(read("nse_fo"))


def test_the_documented_listing_names_a_file_per_segment():
    files = masters.files_of(recorded(f"{DOCS}/04-market-data-instruments__5-response__01.json"))
    assert set(files) == {"nse_cm", "bse_cm", "nse_fo", "bse_fo", "mcx_fo"}
    assert files["nse_cm"].endswith("/transformed-v1/nse_cm-v1.csv")
    assert files["nse_fo"].endswith("/transformed/nse_fo.csv")
    inner = json.loads(recorded(f"{V3}/functions-market-data-scrip-master__sample-response__01.json"))
    assert masters.files_of(json.dumps({"data": inner}).encode())["mcx_fo"].endswith("mcx_fo.csv")


@pytest.mark.parametrize("missing", ["nse_fo", "bse_cm"])
def test_a_listing_without_one_of_the_segments_is_refused(missing):
    body = recorded(f"{DOCS}/04-market-data-instruments__5-response__01.json").replace(missing.encode(), b"xxx_xx")
    with pytest.raises(BrokerUnavailable, match=missing):
        masters.files_of(body)
