"""Interactive Brokers' face: what answers nothing the first time, asks back, or is told to one session only."""

import base64
from typing import Any

import pytest

from tests.simulator.faces.ibkr_client import NAME, IbkrClient, register


@pytest.fixture
def client(site: Any) -> IbkrClient:
    return register(site).begin()


def resting(client: IbkrClient, tag: str, **changes: Any) -> dict[str, Any]:
    option = client.option()
    price = round(round(option["last"] * 0.8 / 0.05) * 0.05, 2)
    return {"conid": option["conid"], "quantity": option["lot"], "price": price, "cOID": tag, **changes}


def orders(client: IbkrClient) -> list[dict[str, Any]]:
    for _ in range(2):
        book = client.get("/iserver/account/orders")
        if book["snapshot"]:
            return list(book["orders"])
    raise AssertionError("no book")


def test_only_the_accounts_own_key_and_secret_open_a_session(site):
    client = register(site)
    assert client.agree(secret=b"a guess").status_code == 401
    stranger = IbkrClient(site, "U7654321")
    assert stranger.agree().status_code == 401
    answer = client.agree().json()
    assert answer.keys() == {
        "diffie_hellman_response",
        "live_session_token_signature",
        "live_session_token_expiration",
    }


@pytest.mark.parametrize("signs_query", [True, False])
def test_a_query_may_be_signed_or_not(site, signs_query):
    client = register(site).begin()
    client.signs_query = signs_query
    (found,) = client.get("/iserver/secdef/search", symbol="NIFTY50")
    assert found["description"] == "NSE"
    client.token = base64.b64encode(b"another").decode()
    assert client.call("GET", "/iserver/secdef/search", symbol="NIFTY50").status_code == 401


def test_trading_needs_the_brokerage_session_and_then_the_accounts(site):
    client = register(site)
    client.agree()
    assert client.call("GET", "/iserver/accounts").json() == {"error": "Bad Request: no bridge", "statusCode": 400}
    assert client.call("GET", f"/portfolio/{NAME}/summary").json()["error"] == "Please query /accounts first"
    client.post("/iserver/auth/ssodh/init", {"publish": True, "compete": True})
    assert client.call("GET", "/iserver/account/orders").json()["error"] == "Please query /accounts first"
    assert client.place(conid=1, quantity=1, price=1)["error"] == "Please query /accounts first"


def test_a_user_name_has_one_brokerage_session(site):
    first, second = register(site).begin(), IbkrClient(site)
    second.agree()
    meek = second.post("/iserver/auth/ssodh/init", {"publish": True, "compete": False})
    assert (meek["authenticated"], meek["competing"]) == (False, True)
    assert first.get("/iserver/accounts")["accounts"] == [NAME]
    assert second.post("/iserver/auth/ssodh/init", {"publish": True, "compete": True})["authenticated"]
    assert first.call("GET", "/iserver/accounts").status_code == 401
    status = first.post("/tickle")["iserver"]["authStatus"]
    assert (status["authenticated"], status["competing"]) == (False, True)


def test_the_books_first_answers_are_empty_and_so_is_a_forced_one(client):
    client.post("/iserver/questions/suppress", {"messageIds": ["o163"]})
    client.place(**resting(client, "book1"))
    assert client.get("/iserver/account/orders") == {"orders": [], "snapshot": False}
    (row,) = orders(client)
    assert (row["order_ref"], row["status"]) == ("book1", "Submitted")
    assert client.get("/iserver/account/orders", force="true") == {"orders": [], "snapshot": False}
    assert client.get("/iserver/account/orders", filters="Filled")["orders"] == []
    assert [row["order_ref"] for row in client.get("/iserver/account/orders", filters="submitted")["orders"]] == [
        "book1"
    ]
    assert client.get("/iserver/account/trades") == []


def test_a_question_places_nothing_until_it_is_confirmed_and_works_once(site, client):
    (question,) = client.place(**resting(client, "ask1"))
    assert question["messageIds"] == ["o163"]
    orders(client)
    assert orders(client) == []
    (placed,) = client.reply(question["id"]).json()
    assert [row["orderId"] for row in orders(client)] == [int(placed["order_id"])]
    assert client.reply(question["id"]).json()["error"] == "reply id not found"
    events = [line["event"] for line in site.entries(tag="ask1")]
    assert events == ["REQUEST", "REJECTED", "REQUEST", "ACCEPTED"]


def test_a_declined_question_is_over(client):
    (question,) = client.place(**resting(client, "no1"))
    declined = client.reply(question["id"], confirmed=False)
    assert (declined.status_code, declined.json()["error"]) == (400, "order not confirmed")
    assert client.reply(question["id"]).json()["error"] == "reply id not found"


def test_another_order_voids_a_question_and_nobody_else_can_answer_it(site, client):
    (first,) = client.place(**resting(client, "void1"))
    other = register(site, "U7654321").begin()
    assert other.reply(first["id"]).status_code == 400
    client.place(**resting(client, "void2"))
    assert client.reply(first["id"]).json()["error"] == "reply id not found"


def test_a_large_stop_is_asked_about_one_thing_after_the_other(client):
    option = client.option()
    above = round(round(option["last"] * 1.1 / 0.05) * 0.05, 2)
    ticket = {"conid": option["conid"], "quantity": option["lot"], "price": above, "auxPrice": above, "cOID": "stop1"}
    (first,) = client.place(**ticket, orderType="STOP_LIMIT")
    (second,) = client.reply(first["id"]).json()
    assert [first["messageIds"], second["messageIds"]] == [["o163"], ["o10331"]]
    (placed,) = client.reply(second["id"]).json()
    assert placed["order_status"] == "PreSubmitted"


def test_a_tag_works_once(client):
    client.post("/iserver/questions/suppress", {"messageIds": ["o163"]})
    ticket = resting(client, "twice1")
    client.place(**ticket)
    assert (
        client.place(**ticket)["error"] == "Order couldn't be submitted: Local order ID=twice1 is already registered."
    )
    orders(client)
    assert len(orders(client)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"conid": 7},
        {"quantity": 0},
        {"quantity": 1.5},
        {"quantity": "many"},
        {"price": None},
        {"price": -1},
        {"side": "buy"},
        {"tif": "GTX"},
        {"orderType": "MIDPRICE"},
        {"cOID": "x" * 65},
    ],
)
def test_a_ticket_that_makes_no_sense_is_an_error_with_status_200(client, change):
    assert set(client.place(**{**resting(client, "odd1"), **change})) == {"error"}


def test_a_modification_must_repeat_the_order(client):
    client.post("/iserver/questions/suppress", {"messageIds": ["o163"]})
    ticket = resting(client, "mod1")
    (placed,) = client.place(**ticket)
    path, whole = f"/iserver/account/{NAME}/order/{placed['order_id']}", {**ticket, "side": "BUY", "orderType": "LMT"}
    assert client.call("POST", path, body={"price": 1}).status_code == 400
    assert client.call("POST", path, body={**whole, "tif": "DAY", "side": "SELL"}).status_code == 400
    assert client.post(path, {**whole, "tif": "DAY"})[0]["order_id"] == placed["order_id"]
    asked = client.call("DELETE", path).json()
    assert (asked["msg"], asked["order_id"], asked["account"]) == (
        "Request was submitted",
        int(placed["order_id"]),
        NAME,
    )
    assert "can not be cancelled" in client.call("DELETE", path).json()["error"]


def test_money_may_be_kept_in_another_currency(site):
    client = register(site, currency="USD").begin()
    dollars = client.get(f"/portfolio/{NAME}/summary")["availablefunds"]
    rate = client.get("/iserver/exchangerate", target="INR", source="USD")["rate"]
    assert dollars["currency"] == "USD"
    assert dollars["amount"] * rate == pytest.approx(10_000_000)
    shown = client.get(f"/iserver/account/{NAME}/summary/available_funds")["total"]["current_available"]
    assert shown == "10,000,000 INR"


def test_a_snapshots_first_look_opens_the_stream(client):
    (found,) = client.get("/iserver/secdef/search", symbol="NIFTY50")
    asked = {"conids": f"{found['conid']},7", "fields": "31,84"}
    first = client.get("/iserver/marketdata/snapshot", **asked)
    assert [set(row) for row in first] == [{"conid", "conidEx"}] * 2
    shown, unknown = client.get("/iserver/marketdata/snapshot", **asked)
    assert shown["31"]
    assert set(unknown) == {"conid", "conidEx"}


def test_the_books_are_read_once_in_five_seconds(site, client):
    site.control("POST", "limits", {"enabled": True})
    answers = [client.call("GET", "/iserver/account/orders").status_code for _ in range(2)]
    assert answers == [200, 429]
    assert client.call("GET", "/iserver/account/trades").status_code == 200
    assert client.call("GET", f"/portfolio/{NAME}/positions/0").status_code == 200
    site.control("POST", "limits", {"enabled": False})


def test_a_token_that_dies_takes_the_brokerage_session_with_it(site, client):
    site.control("POST", "faults", {"kind": "token_death", "client": NAME, "endpoint": "accounts", "count": 1})
    assert client.call("GET", "/iserver/accounts").status_code == 401
    again = IbkrClient(site).begin()
    assert again.get("/iserver/account/orders") == {"orders": [], "snapshot": False}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_addresses_are_told_in_json(client, method):
    answer = client.call(method, "/iserver/nothing")
    assert (answer.status_code, answer.json()["statusCode"]) == (404, 404)
