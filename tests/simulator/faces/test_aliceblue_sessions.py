"""Alice Blue's face: sign-in by a checksum that names nobody, tokens, contract files and history."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.simulator.faces.alice_client import (
    API,
    KEY,
    NAME,
    AliceClient,
    checksum,
    contracts,
    exchanged,
    history,
    option,
    register,
    sign_in,
)


@pytest.fixture
def client(site: Any) -> AliceClient:
    return sign_in(site)


def test_the_page_sends_back_a_code_and_who_it_is_for(site: Any) -> None:
    register(site)
    url = f"{site.url}/aliceblue/?appcode={KEY}"
    assert "Alice Blue" in requests.get(url, timeout=10).text
    form = {"appcode": KEY, "client": NAME, "state": "ours"}
    sent_back = requests.post(url, data=form, allow_redirects=False, timeout=10)
    query = parse_qs(urlsplit(sent_back.headers["Location"]).query)
    assert query.keys() == {"authCode", "userId"}
    assert query["userId"] == [NAME]
    answer = exchanged(site, checksum(query["authCode"][0]))
    assert (answer["stat"], answer["clientId"]) == ("Ok", NAME)
    assert exchanged(site, checksum(query["authCode"][0])) == {"stat": "Not_ok", "emsg": "Invalid auth code"}
    assert requests.get(f"{site.url}/aliceblue/?appcode=nobody", timeout=10).status_code == 400


def test_a_checksum_that_is_not_the_clients_opens_nothing(site: Any) -> None:
    register(site)
    code = site.control("POST", "request-token", {"client": NAME})["request_token"]
    for wrong in (checksum(code, secret="guess"), checksum(code, name="AB0002"), checksum("guess"), ""):
        assert exchanged(site, wrong)["emsg"] == "Invalid auth code"
    assert exchanged(site, checksum(code))["userSession"]


def test_a_token_is_all_that_says_who_calls(site: Any, client: AliceClient) -> None:
    assert client.ok("/profile/")[0]["clientId"] == NAME
    assert sign_in(site, "AB0002").ok("/profile/")[0]["clientId"] == "AB0002"
    dead = AliceClient(site, "deadbeef")
    assert "EC087" in dead.refused("/orders/book", status=401)
    assert "EC087" in dead.refused("/orders/placeorder", [{}], status=401)
    assert requests.get(f"{site.url}{API}/limits/", timeout=10).status_code == 401


def test_empty_books_are_documented_errors(client: AliceClient) -> None:
    reads = {"/orders/book": "EC916", "/orders/trades": "EC926", "/positions": "EC920", "/holdings/CNC": "EC922"}
    for path, code in reads.items():
        assert client.refused(path).startswith(f"{code} : ")
    assert "EC998" in client.refused("/orders/history", {"brokerOrderId": "1"})
    assert client.ok("/limits/")[0]["openingCashLimit"] == 10_000_000


def test_contract_files_are_public_and_dated_by_columns(site: Any) -> None:
    line = option(site)
    day = datetime.strptime(line["Expiry Date"], "%Y-%m-%d")  # noqa: DTZ007 -- a day has no zone
    assert line["Trading Symbol"].startswith(f"NIFTY{day.strftime('%d%b%y').upper()}C")
    crude = next(row for row in contracts(site, "MCX", folder="") if row["Symbol"] == "CRUDEOIL")
    assert (crude["Lot Size"], crude["Option Type"], crude["Instrument Type"]) == ("1", "XX", "FUTCOM")
    stock = next(row for row in contracts(site, "NSE") if row["Symbol"] == "RELIANCE")
    assert (stock["Trading Symbol"], stock["Group Name"]) == ("RELIANCE-EQ", "EQ")
    index = next(row for row in contracts(site, "INDICES") if row["symbol"] == "NIFTY 50")
    assert (index["exch"], index["token"]) == ("NSE", "26000")
    for odd in ("NFO", "nfo.csv", "XYZ.csv"):
        url = f"{site.url}/aliceblue/restpy/static/contract_master/V2/{odd}"
        assert requests.get(url, timeout=10).status_code == 404


def test_history_has_minutes_and_days_oldest_first(site: Any, client: AliceClient) -> None:
    line = option(site)
    minutes, days = history(client, line), history(client, line, resolution="D", days=30)
    assert (minutes["stat"], days["stat"]) == ("Ok", "Ok")
    assert minutes["result"][0].keys() == {"open", "high", "low", "close", "volume", "time"}
    times = [bar["time"] for bar in minutes["result"]]
    assert times == sorted(times)
    assert len(minutes["result"]) > len(days["result"]) > 0
    for odd in ({**line, "Token": "1"}, {**line, "Exch": "BFO"}):
        assert history(client, odd)["stat"] == "Not_Ok"
    assert history(client, line, resolution="5")["stat"] == "Not_Ok"
