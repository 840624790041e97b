"""Market reads over the wire, against the recorded shapes."""

import json

import pytest

from tests.shared import shared_path

OPTIONAL_QUOTE = {"lower_circuit_limit", "upper_circuit_limit"}


def mock(name: str):
    return json.loads(shared_path(f"zerodha/kiteconnect-mocks/{name}.json").read_text())["data"]


def test_quotes_have_the_recorded_keys(trader, option):
    key = f"NFO:{option['tradingsymbol']}"
    [recorded] = mock("quote").values()
    assert set(recorded) == set(option["quote"])
    assert set(recorded["depth"]["buy"][0]) == set(option["quote"]["depth"]["buy"][0])
    for path, name in (("/quote/ohlc", "ohlc"), ("/quote/ltp", "ltp")):
        [short] = mock(name).values()
        assert set(short) == set(trader.get(path, params={"i": key})[key])


def test_margins_have_the_recorded_keys(trader):
    recorded, funds = mock("margins"), trader.get("/user/margins")
    assert set(recorded) == set(funds)
    for part in ("available", "utilised"):
        assert set(recorded["equity"][part]) == set(funds["equity"][part])


def test_the_calculators_have_the_recorded_keys(trader, buy):
    reply = trader.call("POST", "/margins/orders", json=[buy]).json()["data"]
    assert set(mock("order_margins")[0]) == set(reply[0])
    basket = trader.call("POST", "/margins/basket", json=[buy]).json()["data"]
    assert set(mock("basket_margins")) == set(basket)
    notes = trader.call("POST", "/charges/orders", json=[buy | {"average_price": 10}]).json()["data"]
    recorded = mock("virtual_contract_note")[0]
    assert set(recorded) == set(notes[0])
    assert set(recorded["charges"]) == set(notes[0]["charges"])


@pytest.mark.parametrize("body", ["{", "{}", "[1]", '[{"exchange":"NFO"}]'])
def test_a_malformed_calculation_is_refused(trader, body):
    reply = trader.call("POST", "/margins/orders", data=body)
    assert (reply.status_code, reply.json()["error_type"]) == (400, "InputException")


def test_the_master_has_the_recorded_columns_and_is_compressed(trader):
    header = shared_path("zerodha/kiteconnect-mocks/instruments_all.csv").read_text().splitlines()[0]
    reply = trader.call("GET", "/instruments")
    assert reply.text.splitlines()[0] == header
    assert reply.headers["Content-Encoding"] == "gzip"
    assert reply.headers["Content-Type"].startswith("text/csv")
    everywhere = len(reply.text.splitlines()) - 1
    parts = [trader.call("GET", f"/instruments/{name}").text.splitlines()[1:] for name in ("NSE", "NFO", "MCX")]
    assert sum(map(len, parts)) == everywhere


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/quote", {}),
        ("/quote", {"i": [f"NSE:X{number}" for number in range(501)]}),
        ("/instruments/historical/1/minute", {"from": "2026-08-17 09:15:00", "to": "2026-08-17 10:15:00"}),
        ("/instruments/historical/256265/week", {"from": "2026-08-17", "to": "2026-08-18"}),
        ("/instruments/historical/256265/minute", {"from": "yesterday", "to": "2026-08-18"}),
        ("/instruments/historical/256265/minute", {"from": "2026-08-18", "to": "2026-08-17"}),
        ("/instruments/historical/256265/minute", {"from": "2026-01-01", "to": "2026-08-17"}),
        ("/instruments/historical/256265/minute", {"from": "2026-08-17"}),
    ],
)
def test_a_malformed_read_is_an_input_exception(trader, path, query):
    reply = trader.call("GET", path, params=query)
    assert (reply.status_code, reply.json()["error_type"]) == (400, "InputException")


def test_candles_have_the_recorded_form(trader):
    query = {"from": "2026-08-17 09:15:00", "to": "2026-08-17 09:20:00"}
    path = "/instruments/historical/256265/minute"
    plain = trader.get(path, params=query)["candles"]
    with_interest = trader.get(path, params=query | {"oi": "1"})["candles"]
    assert [len(row) for row in plain[:1] + with_interest[:1]] == [6, 7]
    assert plain[0][0] == "2026-08-17T09:15:00+0530"
    assert plain == trader.get(path, params=query)["candles"]
