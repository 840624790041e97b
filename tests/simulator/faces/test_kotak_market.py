"""Quotes, history and masters of Kotak's face."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from domain.clock import IST
from tests.shared import shared_path
from tests.simulator.faces.kotak_client import KotakClient, sign_in

QUOTES = "/script-details/1.0/quotes/neosymbol"
HISTORY = "/market-data/1.0/historical/details"
NOBODY = {"stat": "Not_Ok", "emsg": "Invalid instrument/code", "stCode": 1009}
SAMPLE = "kotak/sdk_v3_docs/functions-market-data-quotes__sample-response-real-api-response__01.json"


@pytest.fixture
def client(site: Any) -> KotakClient:
    return sign_in(site)


def recorded(path: str) -> Any:
    return json.loads(shared_path(path).read_text())


def days(back: int) -> str:
    today = datetime.now(IST).date()
    return f"&fromdate={today - timedelta(days=back)}&todate={today}"


def kinds(row: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in row.items()}


def test_a_quote_has_the_recorded_shape(client: KotakClient) -> None:
    quote = client.quote("nse_cm|2885")
    [sample] = recorded(SAMPLE)
    assert kinds(quote) == kinds(sample)
    assert quote["display_symbol"] == "RELIANCE-EQ"
    assert [len(quote["depth"][side]) for side in ("buy", "sell")] == [5, 5]
    assert quote["depth"]["buy"][0].keys() == sample["depth"]["buy"][0].keys()
    assert float(quote["depth"]["buy"][0]["price"]) < float(quote["depth"]["sell"][0]["price"])


def test_an_index_goes_by_its_name_and_has_no_book(client: KotakClient) -> None:
    quote = client.quote("nse_cm|Nifty%20Bank")
    assert (quote["exchange_token"], quote["display_symbol"]) == ("Nifty Bank", "BANKNIFTY-IN")
    assert quote["depth"] == {"buy": [{"price": "0", "quantity": "0", "orders": "0"}]} | {
        "sell": [{"price": "0", "quantity": "0", "orders": "0"}]
    }


def test_several_are_asked_for_at_once_and_parts_by_name(client: KotakClient) -> None:
    status, rows = client.data(f"{QUOTES}/nse_cm|2885,nse_fo|1,nse_cm|Nifty%2050/ltp")
    assert (status, [row["exchange_token"] for row in rows]) == (200, ["2885", "Nifty 50"])
    assert {frozenset(row) for row in rows} == {frozenset({"exchange_token", "display_symbol", "exchange", "ltp"})}


@pytest.mark.parametrize(
    "path",
    [
        "nse_cm%7C2885/all",
        "nse_cm|2885%2Cnse_cm|Nifty%2050/all",
        "nse_cm|1/all",
        "nse_xx|2885/all",
        "nse_cm|2885/everything",
        ",".join(["nse_cm|2885"] * 51) + "/all",
    ],
)
def test_what_nobody_knows_or_is_quoted_has_no_quote(client: KotakClient, path: str) -> None:
    assert client.data(f"{QUOTES}/{path}") == (200, NOBODY)


def test_market_data_wants_a_consumer_key(site: Any) -> None:
    stranger = KotakClient(site, "", "", "DEMO01")
    for path in (f"{QUOTES}/nse_cm|2885/all", "/script-details/1.0/masterscrip/file-paths", HISTORY):
        status, answer = stranger.data(path)
        assert (status, answer["message"]) == (401, "Invalid or missing API token")


def test_a_file_per_segment_is_listed_and_served_to_everybody(client: KotakClient) -> None:
    _, listed = client.data("/script-details/1.0/masterscrip/file-paths")
    sample = recorded("kotak/docs_marketcalls/04-market-data-instruments__5-response__01.json")
    assert kinds(listed["data"]) == kinds(sample["data"])
    tails = [path.rpartition("/transformed")[2] for path in listed["data"]["filesPaths"]]
    assert tails == [path.rpartition("/transformed")[2] for path in sample["data"]["filesPaths"]]
    old = listed["data"]["filesPaths"][0].replace(datetime.now(IST).date().isoformat(), "2020-01-01")
    assert requests.get(old, timeout=10).status_code == 403
    assert client.master("cde_fo") == []


def test_the_headers_are_the_recorded_ones_marks_and_all(client: KotakClient) -> None:
    first = shared_path("kotak/scripmaster/nse_cm.csv").read_text().splitlines()[0]
    _, listed = client.data("/script-details/1.0/masterscrip/file-paths")
    [path] = [path for path in listed["data"]["filesPaths"] if "nse_cm" in path]
    shown = requests.get(path, timeout=10).text.splitlines()[0]
    assert [name.strip(" ;") for name in shown.split(",")][:21] == [name.strip(" ;") for name in first.split(",")][:21]
    assert "dStrikePrice;" in shown.split(",")
    assert "dTickSize " in shown.split(",")


def test_derivatives_count_seconds_from_where_their_segment_does(client: KotakClient) -> None:
    option, crude = client.option(), client.master("mcx_fo")[0]
    nifty = datetime.fromtimestamp(int(option["lExpiryDate"]) + 315_513_000, tz=IST)
    commodity = datetime.fromtimestamp(int(crude["lExpiryDate"]), tz=IST)
    today = datetime.now(IST).date()
    assert (nifty.hour, nifty.minute) == (14, 30)
    assert today <= nifty.date() <= today + timedelta(days=8)
    assert today <= commodity.date() <= today + timedelta(days=62)
    assert float(option["dStrikePrice"]) % 5000 == 0
    assert (option["dTickSize"], crude["pInstType"]) == ("5", "FUTCOM")


def test_history_comes_oldest_first(client: KotakClient) -> None:
    status, answer = client.data(f"{HISTORY}?neosymbol=nse_cm%7CNifty%2050&interval=5min{days(6)}")
    assert (status, answer["status"]) == (200, "success")
    starts = [bar[0] for bar in answer["data"]["candles"]]
    assert starts == sorted(starts)
    assert starts[0].endswith("+0530")
    assert {len(bar) for bar in answer["data"]["candles"]} == {7}
    status, answer = client.data(f"{HISTORY}?neosymbol=nse_cm|2885&interval=D{days(170)}")
    assert len(answer["data"]["candles"]) > 5


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("neosymbol=nse_cm|2885&interval=7min", "Invalid interval"),
        ("neosymbol=nse_cm|1&interval=1min", "Invalid neosymbol"),
        ("neosymbol=mcx_fo|1&interval=1min", "Invalid neosymbol"),
    ],
)
def test_what_has_no_history_is_a_fault(client: KotakClient, query: str, message: str) -> None:
    assert client.data(f"{HISTORY}?{query}{days(1)}") == (400, {"fault": {"message": message}})


def test_spans_have_an_end_and_may_be_empty(client: KotakClient) -> None:
    asked = f"{HISTORY}?neosymbol=nse_cm|2885&interval=1min"
    assert client.data(f"{asked}{days(31)}")[1] == {"fault": {"message": "Invalid date range"}}
    assert client.data(f"{asked}&fromdate=2026-02-30&todate=2026-03-01")[0] == 400
    assert client.data(f"{asked}&fromdate=2005-01-03&todate=2005-01-04") == (
        400,
        {"fault": {"message": "No data found"}},
    )
