"""Order calls over the wire: replies, books and ledger, in the documented shapes."""

import json

import pytest
import requests

from tests.shared import shared_path

OPTIONAL = {"terminal_id", "auction_number", "tags", "meta_raw"}


def mock(name: str):
    return json.loads(shared_path(f"zerodha/kiteconnect-mocks/{name}.json").read_text())["data"]


def test_a_placed_order_is_answered_filled_and_shown(trader, buy):
    response = trader.place(**buy)
    assert response.headers["Content-Type"].startswith("application/json")
    order_id = response.json()["data"]["order_id"]
    [order] = trader.get("/orders")
    assert (order["order_id"], order["status"], order["tag"]) == (order_id, "COMPLETE", "tag1")
    assert order["filled_quantity"] == order["quantity"] == int(buy["quantity"])
    assert [trade["order_id"] for trade in trader.get("/trades")] == [order_id]
    assert trader.get(f"/orders/{order_id}/trades") == trader.get("/trades")
    assert [row["status"] for row in trader.get(f"/orders/{order_id}")] == [
        "PUT ORDER REQ RECEIVED",
        "VALIDATION PENDING",
        "OPEN PENDING",
        "OPEN",
        "COMPLETE",
    ]


def test_the_ledger_tells_request_decision_and_fill_in_order(site, trader, buy):
    order_id = trader.place(**buy).json()["data"]["order_id"]
    lines = site.entries(tag="tag1")
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "FILL"]
    assert [line["order_id"] for line in lines] == ["", order_id, order_id]
    for line in lines:
        assert (line["broker"], line["client"], line["symbol"]) == ("zerodha", "DEMO01", buy["tradingsymbol"])
        assert (line["side"], line["quantity"]) == ("BUY", int(buy["quantity"]))
    assert lines[2]["trade_id"]
    assert lines[0]["endpoint"] == "orders.place"


def test_a_resting_order_is_modified_and_cancelled(site, trader, resting):
    order_id = trader.place(**resting).json()["data"]["order_id"]
    price = round(resting["price"] + 0.05, 2)
    reply = trader.call("PUT", f"/orders/regular/{order_id}", data={"price": price, "order_id": order_id})
    assert reply.json() == {"status": "success", "data": {"order_id": order_id}}
    [order] = trader.get("/orders")
    assert (order["status"], order["modified"], order["price"]) == ("OPEN", True, pytest.approx(price))
    reply = trader.call("DELETE", f"/orders/regular/{order_id}")
    assert reply.json()["data"] == {"order_id": order_id}
    [order] = trader.get("/orders")
    assert (order["status"], order["cancelled_quantity"]) == ("CANCELLED", order["quantity"])
    events = [(line["event"], line["endpoint"]) for line in site.entries(order_id=order_id)]
    assert events == [
        ("ACCEPTED", "orders.place"),
        ("REQUEST", "orders.modify"),
        ("MODIFIED", "orders.modify"),
        ("REQUEST", "orders.cancel"),
        ("CANCELLED", "orders.cancel"),
    ]


def test_cancelling_a_finished_order_is_refused_and_recorded(site, trader, buy):
    order_id = trader.place(**buy).json()["data"]["order_id"]
    reply = trader.call("DELETE", f"/orders/regular/{order_id}")
    assert (reply.status_code, reply.json()["error_type"]) == (400, "OrderException")
    assert [line["event"] for line in site.entries(endpoint="orders.cancel")] == ["REQUEST", "REFUSED"]


def test_an_unknown_order_is_an_order_exception(trader):
    for reply in (trader.call("DELETE", "/orders/regular/1"), trader.call("GET", "/orders/1")):
        assert (reply.status_code, reply.json()["error_type"]) == (400, "OrderException")


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 0},
        {"quantity": 1},
        {"quantity": 10**8},
        {"quantity": "65.5"},
        {"transaction_type": "buy;sell"},
        {"tradingsymbol": "NIFTY99XXX"},
        {"exchange": "NSE", "tradingsymbol": "NIFTY 50"},
        {"price": "1.03"},
        {"price": "NaN"},
        {"product": "CNC"},
        {"tag": "no spaces"},
        {"tag": "x" * 21},
        {"order_type": "MARKET", "market_protection": 0},
        {"order_type": "SL-M", "trigger_price": 100},
    ],
)
def test_a_bad_order_is_refused_before_it_has_an_id(site, trader, buy, change):
    reply = trader.place(**(buy | change))
    assert (reply.status_code, reply.json()["error_type"]) == (400, "InputException")
    assert trader.get("/orders") == []
    assert [line["event"] for line in site.entries(endpoint="orders.place")] == ["REQUEST", "REJECTED"]


def test_a_bare_market_order_gets_the_documented_message(trader, buy):
    reply = trader.place(**(buy | {"order_type": "MARKET"}))
    assert reply.json()["message"].startswith("Market orders without market protection are not allowed")


def test_a_protected_market_order_fills_as_a_limit(trader, buy):
    trader.place(**(buy | {"order_type": "MARKET", "market_protection": -1, "price": 0}))
    [order] = trader.get("/orders")
    assert (order["status"], order["order_type"]) == ("COMPLETE", "LIMIT")
    assert order["tags"] == ["tag1", "mktp", "mktp:-1.00"]


def test_commodities_are_traded_in_lots(site, trader):
    rows = [line.split(",") for line in trader.call("GET", "/instruments/MCX").text.splitlines()[1:]]
    symbol, lot = rows[0][2], rows[0][8]
    assert lot == "1"
    key = f"MCX:{symbol}"
    price = trader.get("/quote", params={"i": key})[key]["upper_circuit_limit"]
    form = {"exchange": "MCX", "tradingsymbol": symbol, "transaction_type": "BUY", "quantity": 1}
    trader.place(**form, product="NRML", order_type="LIMIT", price=price)
    [position] = trader.get("/portfolio/positions")["net"]
    assert (position["quantity"], position["multiplier"]) == (1, 100)
    assert position["value"] == pytest.approx(-position["buy_price"] * 100)
    assert [line["quantity"] for line in site.entries(event="FILL")] == [100]


def test_positions_follow_trades_and_can_be_converted(trader, buy):
    trader.place(**buy)
    [net] = trader.get("/portfolio/positions")["net"]
    assert (net["quantity"], net["product"], net["multiplier"]) == (int(buy["quantity"]), "NRML", 1)
    names = ("exchange", "tradingsymbol", "transaction_type", "quantity")
    form = {name: buy[name] for name in names}
    form |= {"position_type": "day", "old_product": "NRML", "new_product": "MIS"}
    assert trader.call("PUT", "/portfolio/positions", data=form).json()["data"] is True
    products = {row["product"]: row["quantity"] for row in trader.get("/portfolio/positions")["net"]}
    assert products["MIS"] == int(buy["quantity"])


def test_rows_have_the_keys_of_the_recorded_ones(trader, buy):
    trader.place(**buy)
    order_id = trader.get("/orders")[0]["order_id"]
    assert set(mock("orders")[-1]) - OPTIONAL == set(trader.get("/orders")[0]) - OPTIONAL
    assert set(mock("order_info")[0]) <= set(trader.get(f"/orders/{order_id}")[0])
    assert set(mock("trades")[0]) == set(trader.get("/trades")[0])
    positions, recorded = trader.get("/portfolio/positions"), mock("positions")
    assert set(recorded["net"][0]) == set(positions["net"][0])
    assert set(recorded["day"][0]) == set(positions["day"][0])


def test_nobody_sees_anothers_orders(site, trader, buy):
    order_id = trader.place(**buy).json()["data"]["order_id"]
    other = site.login("DEMO02")
    assert other.get("/orders") == []
    assert other.call("GET", f"/orders/{order_id}").status_code == 400
    assert other.call("DELETE", f"/orders/regular/{order_id}").status_code == 400


def test_ten_orders_a_second_then_429(make_site, monkeypatch):
    site = make_site()
    monkeypatch.setattr("simulator.faces.calls.time", lambda: 1_790_000_000.5)
    trader = site.login()
    codes = [trader.place(exchange="NFO").status_code for _ in range(12)]
    assert codes == [400] * 10 + [429] * 2
    assert trader.place().json()["error_type"] == "NetworkException"


def test_a_dead_token_is_a_token_exception(site, trader, buy):
    trader.call("DELETE", "/session/token", params={"api_key": trader.api_key, "access_token": trader.token})
    for reply in (trader.call("GET", "/orders"), trader.place(**buy)):
        assert (reply.status_code, reply.json()["error_type"]) == (403, "TokenException")
    assert [line["event"] for line in site.entries(tag="tag1")] == ["REQUEST", "REJECTED"]


def test_unknown_addresses_and_methods_speak_kite(site):
    reply = requests.get(f"{site.url}/zerodha/nope", timeout=10)
    assert (reply.status_code, reply.json()["status"]) == (404, "error")
    assert requests.patch(f"{site.url}/zerodha/orders", timeout=10).status_code == 405


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "application/x-www-form-urlencoded", "application/json"]
)
def test_an_unreadable_form_is_an_order_without_fields(site, trader, content_type):
    headers = {"Content-Type": content_type, "Authorization": f"token {trader.api_key}:{trader.token}"}
    reply = requests.post(f"{site.url}/zerodha/orders/regular", data=b"tag=\xff\xfe", headers=headers, timeout=10)
    assert (reply.status_code, reply.json()["error_type"]) == (400, "InputException")
    assert [line["event"] for line in site.entries(endpoint="orders.place")] == ["REQUEST", "REJECTED"]
