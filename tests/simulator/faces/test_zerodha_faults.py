"""Every fault of the plan, as a client meets it, and what the books and the ledger say of it."""

import time

import pytest
import requests

DELIVERED = [
    ("server_error", {"accepted": True}, 502, "json"),
    ("empty_body", {}, 200, "json"),
    ("html_body", {}, 200, "html"),
    ("bad_json", {}, 200, "json"),
    ("no_order_id", {}, 200, "json"),
    ("placed_but_400", {}, 400, "json"),
]


def fault(site, kind: str, **fields) -> None:
    site.control("POST", "faults", {"kind": kind, **fields})


def wait_for(condition, seconds: float = 10.0):
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize(("kind", "more", "status", "content"), DELIVERED)
def test_the_order_stands_though_the_reply_is_spoilt(site, trader, buy, kind, more, status, content):
    fault(site, kind, endpoint="orders.place", count=1, **more)
    reply = trader.place(**buy)
    assert (reply.status_code, content in reply.headers["Content-Type"]) == (status, True)
    assert "order_id" not in reply.text or kind == "bad_json"
    assert [order["tag"] for order in trader.get("/orders")] == ["tag1"]
    events = [(line["event"], line["fault"]) for line in site.entries(tag="tag1")]
    assert events == [("REQUEST", ""), ("ACCEPTED", ""), ("FILL", ""), ("FAULT", kind)]
    assert trader.place(**(buy | {"tag": "tag2"})).status_code == 200


def test_the_400_speaks_of_a_time_out(site, trader, buy):
    fault(site, "placed_but_400")
    assert "timed out" in trader.place(**buy).json()["message"]


def test_accept_then_timeout_is_never_answered(site, trader, buy):
    fault(site, "accept_then_timeout", endpoint="orders.place", count=1)
    with pytest.raises(requests.ReadTimeout):
        trader.place(timeout=0.5, **buy)
    assert [order["status"] for order in trader.get("/orders")] == ["COMPLETE"]


def test_accept_then_reset_drops_the_connection_after_acceptance(site, trader, buy):
    fault(site, "accept_then_reset", endpoint="orders.place", count=1)
    with pytest.raises(requests.ConnectionError):
        trader.place(**buy)
    assert [order["status"] for order in trader.get("/orders")] == ["COMPLETE"]


def test_a_request_that_is_never_delivered_leaves_no_order(site, trader, buy):
    fault(site, "never_delivered", endpoint="orders.place", count=1)
    with pytest.raises(requests.ConnectionError):
        trader.place(**buy)
    assert trader.get("/orders") == []
    assert [line["event"] for line in site.entries(tag="tag1")] == ["REQUEST", "DROPPED"]


def test_a_late_acceptance_appears_after_its_time(site, trader, buy):
    fault(site, "late_accept", endpoint="orders.place", count=1, seconds=0.5)
    with pytest.raises(requests.ConnectionError):
        trader.place(**buy)
    assert trader.get("/orders") == []
    [order] = wait_for(lambda: trader.get("/orders"))
    assert order["status"] == "COMPLETE"
    wait_for(lambda: [line["event"] for line in site.entries(tag="tag1")][1:] == ["DROPPED", "ACCEPTED", "FILL"])


@pytest.mark.parametrize(
    ("kind", "status", "error_type"),
    [
        ("server_error", 502, "NetworkException"),
        ("too_many_requests", 429, "NetworkException"),
        ("token_death", 403, "TokenException"),
    ],
)
def test_faults_before_acceptance_leave_no_order(site, trader, buy, kind, status, error_type):
    fault(site, kind, endpoint="orders.place", count=1)
    reply = trader.place(**buy)
    assert (reply.status_code, reply.json()["error_type"]) == (status, error_type)
    assert site.login().get("/orders") == []
    assert [line["event"] for line in site.entries(tag="tag1")] == ["REQUEST", "REJECTED"]


def test_a_dead_token_stays_dead(site, trader, buy):
    fault(site, "token_death", count=1)
    assert trader.call("GET", "/user/profile").status_code == 403
    assert trader.place(**buy).status_code == 403
    assert site.login().place(**buy).status_code == 200


def test_placed_then_rejected_has_an_id_and_a_reason(site, trader, buy):
    fault(site, "placed_then_rejected", count=1)
    order_id = trader.place(**buy).json()["data"]["order_id"]
    [order] = trader.get("/orders")
    assert (order["order_id"], order["status"], order["filled_quantity"]) == (order_id, "REJECTED", 0)
    assert order["status_message"]
    assert [line["event"] for line in site.entries(order_id=order_id)] == ["ACCEPTED", "REJECTED", "FAULT"]
    trader.place(**buy)
    assert [order["status"] for order in trader.get("/orders")] == ["REJECTED", "COMPLETE"]


def test_a_lagging_book_shows_the_past(site, trader, buy):
    trader.place(**buy)
    fault(site, "book_lag", seconds=3600, endpoint="orders.book")
    fault(site, "book_lag", seconds=3600, endpoint="trades.book")
    fault(site, "book_lag", seconds=3600, endpoint="positions")
    assert trader.get("/orders") == []
    assert trader.get("/trades") == []
    assert trader.get("/portfolio/positions")["net"] == []
    site.control("DELETE", "faults")
    assert len(trader.get("/orders")) == len(trader.get("/trades")) == 1
    assert [row["quantity"] for row in trader.get("/portfolio/positions")["net"]] == [int(buy["quantity"])]


def test_a_lagging_book_shows_a_known_order_in_its_earlier_state(site, trader, resting):
    order_id = trader.place(**resting).json()["data"]["order_id"]
    trader.get("/orders")
    placed = time.monotonic()
    wait_for(lambda: time.monotonic() - placed > 0.3)
    trader.call("DELETE", f"/orders/regular/{order_id}")
    cancelled = time.monotonic()
    fault(site, "book_lag", seconds=0.2)
    assert [order["status"] for order in trader.get("/orders")] == ["OPEN"] or time.monotonic() - cancelled > 0.2
    wait_for(lambda: [order["status"] for order in trader.get("/orders")] == ["CANCELLED"])


def test_empty_and_truncated_books(site, trader, resting):
    for number in range(4):
        trader.place(**(resting | {"tag": f"rest{number}"}))
    fault(site, "truncated_book", endpoint="orders.book", count=1)
    fault(site, "empty_book", endpoint="orders.book", count=1)
    assert [order["tag"] for order in trader.get("/orders")] == ["rest0", "rest1"]
    assert trader.get("/orders") == []
    assert len(trader.get("/orders")) == 4


def test_a_fault_of_one_client_spares_the_others(site, trader, buy):
    fault(site, "too_many_requests", client="DEMO02", endpoint="orders.*")
    assert trader.place(**buy).status_code == 200
    assert site.login("DEMO02").place(**buy).status_code == 429


def test_latency_delays_acceptance_too(site, trader, buy):
    site.control("POST", "latency", {"ms": 200})
    began = time.monotonic()
    trader.place(**buy)
    assert time.monotonic() - began >= 0.2
    request, accepted = site.entries(tag="tag1")[:2]
    assert accepted["at"] > request["at"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "meteor"}),
        ("faults", {"kind": "delay", "probability": 0}),
        ("latency", {"ms": -1}),
        ("latency", {}),
        ("market", {"action": "explode"}),
        ("market", {"action": "shock", "underlying": "NOSUCH", "percent": "1"}),
        ("market", {"action": "set_price", "exchange": "NFO", "symbol": "NOSUCH", "price": "1"}),
        ("clients", {"clients": [{"client": "DEMO01", "api_key": "other", "api_secret": "x"}]}),
        ("request-token", {"client": "NOBODY"}),
        ("manual-order", {"client": "DEMO01", "exchange": "NFO"}),
        ("manual-order", []),
    ],
)
def test_a_wrong_control_request_is_refused_with_a_reason(site, path, body):
    reply = requests.post(f"{site.url}/control/{path}", json=body, timeout=10)
    assert reply.status_code == 400
    assert reply.json()["error"]


def test_a_web_page_cannot_reach_the_controls(site):
    reply = requests.get(f"{site.url}/control/state", headers={"Origin": "http://evil.example"}, timeout=10)
    assert reply.status_code == 403


def test_more_clients_trade_at_once(site, buy):
    made = site.control("POST", "clients", {"count": 2, "postback_url": "http://127.0.0.1:1/hook"})["clients"]
    assert [client["client"] for client in made] == ["DEMO04", "DEMO05"]
    assert made[0]["postback_url"] == "http://127.0.0.1:1/hook"
    assert site.login("DEMO05").place(**buy).status_code == 200


def test_a_manual_exit_in_the_brokers_app_closes_the_position(site, trader, buy):
    trader.place(**buy)
    form = {"client": "DEMO01", "exchange": "NFO", "symbol": buy["tradingsymbol"]}
    form |= {"side": "SELL", "quantity": int(buy["quantity"]), "product": "NRML", "order_type": "MARKET"}
    order_id = site.control("POST", "manual-order", form)["order_id"]
    [order] = [row for row in trader.get("/orders") if row["order_id"] == order_id]
    assert (order["status"], order["tag"]) == ("COMPLETE", None)
    assert [row["quantity"] for row in trader.get("/portfolio/positions")["net"]] == [0]
    assert site.entries(order_id=order_id, endpoint="manual")[0]["event"] == "ACCEPTED"


def test_a_shock_moves_the_index(site, trader):
    key = "NSE:NIFTY 50"
    before = trader.get("/quote/ltp", params={"i": key})[key]["last_price"]
    site.control("POST", "market", {"action": "shock", "underlying": "NIFTY", "percent": "3"})
    wait_for(lambda: trader.get("/quote/ltp", params={"i": key})[key]["last_price"] > before * 1.02)


def test_the_state_counts_what_there_is(site, trader, buy):
    trader.place(**buy)
    state = site.control("GET", "state")
    [client] = [row for row in state["clients"] if row["client"] == "DEMO01"]
    assert (client["orders"], client["trades"]) == (1, 1)
    [position] = client["positions"]
    assert (position["symbol"], position["product"]) == (buy["tradingsymbol"], "NRML")
    assert position["quantity"] == position["lot_size"] == int(buy["quantity"])
    assert state["ledger"]["entries"] >= 3
