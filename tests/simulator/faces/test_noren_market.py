"""Quotes, searches, history and masters of the Noren face."""

import json
import time
from typing import Any

import pytest
import requests

from tests.shared import shared_path
from tests.simulator.faces.noren_client import NorenClient, master, option_line, sign_in

DOCS = "flattrade/docs_marketcalls"


@pytest.fixture
def client(site: Any) -> NorenClient:
    return sign_in(site)


def recorded(name: str) -> Any:
    return json.loads(shared_path(f"{DOCS}/{name}").read_text())


def test_a_quote_has_the_recorded_fields(client: NorenClient) -> None:
    quote = client.ok("GetQuotes", exch="NSE", token="2885")
    missing = recorded("11-scrips__response__02.json").keys() - quote.keys()
    assert missing == {"isin"}
    assert quote["tsym"] == "RELIANCE-EQ"
    assert float(quote["bp1"]) < float(quote["sp1"])
    assert all(isinstance(value, str) for value in quote.values())


def test_an_index_has_its_own_token_and_no_book(client: NorenClient) -> None:
    indices = client.ok("GetIndexList", exch="NSE")["values"]
    assert {one["idxname"]: one["token"] for one in indices} == {
        one["idxname"]: one["token"] for one in recorded("06-market-info__response__01.json")["values"]
    }
    quote = client.ok("GetQuotes", exch="NSE", token="26009")
    assert quote["tsym"] == "Nifty Bank"
    assert "bp1" not in quote
    assert client.refused("GetQuotes", exch="NFO", token="26009") == "Invalid Input : Invalid Token"


def test_a_search_finds_every_word(client: NorenClient) -> None:
    values = client.ok("SearchScrip", exch="NSE", stext="RELIANCE-EQ")["values"]
    assert values[0].items() >= {"exch": "NSE", "token": "2885", "tsym": "RELIANCE-EQ"}.items()
    assert client.refused("SearchScrip", exch="NSE", stext="NOSUCH") == 'Error Occurred : 5 "no data"'


def test_masters_are_served_to_everybody(site: Any) -> None:
    lines = master(site, "Nfo_Index_Derivatives.csv")
    option = next(line for line in lines if line["Instrument"] == "OPTIDX")
    right = "C" if option["Optiontype"] == "CE" else "P"
    day, month, year = option["Expiry"].split("-")
    assert option["Tradingsymbol"] == f"{option['Symbol']}{day}{month}{year[2:]}{right}{option['Strike']}"
    future = next(line for line in lines if line["Instrument"] == "FUTIDX")
    assert (future["Tradingsymbol"][-1], future["Optiontype"], future["Strike"]) == ("F", "XX", "")
    assert requests.get(f"{site.url}/flattrade/scripmaster/Other.csv", timeout=10).status_code == 403
    assert master(site, "Currency_Derivatives.csv") == []


def test_minutes_come_newest_first(client: NorenClient) -> None:
    now = int(time.time())
    bars = client.ok("TPSeries", exch="NSE", token="26000", st=str(now - 5 * 86_400), et=str(now), intrv="5")
    assert [bar["ssboe"] for bar in bars] == sorted((bar["ssboe"] for bar in bars), reverse=True)
    assert bars[0].keys() >= recorded("06-market-info__response__04.json")[0].keys()
    assert (
        client.refused("TPSeries", exch="NSE", token="26000", st="0", intrv="7") == "Invalid Input : Invalid Interval"
    )


def test_days_come_as_strings_that_hold_json(client: NorenClient) -> None:
    now = int(time.time())
    fields = {"sym": "NSE:RELIANCE-EQ", "from": str(now - 30 * 86_400), "to": str(now)}
    bars = client.ok("EODChartData", **fields)
    assert json.loads(bars[0]).keys() == recorded("06-market-info__response__05.json")[0].keys()


def test_an_option_chain_has_both_rights_of_the_strikes_around_a_price(client: NorenClient) -> None:
    line = option_line(client)
    chain = client.ok("GetOptionChain", exch="NFO", tsym=line["Tradingsymbol"], strprc=line["Strike"], cnt="2")[
        "values"
    ]
    assert len(chain) == 8
    assert {one["optt"] for one in chain} == {"CE", "PE"}
    assert chain[0].keys() >= recorded("06-market-info__response__06.json")["values"][0].keys()
