"""Orders at Fyers' face: fields, answers, books, and what is refused how."""

import json
from typing import Any

import pytest
import requests

from tests.shared import shared_path
from tests.simulator.faces.fyers_client import (
    FyersClient,
    lines,
    master,
    near,
    option_row,
    order_form,
    sign_in,
)

BUY, SELL = 1, -1
REFUSED = (
    ({"symbol": "NSE:NOSUCH-EQ"}, -50),
    ({"symbol": 7}, -50),
    ({"qty": 0}, -50),
    ({"qty": "65"}, -50),
    ({"qty": 1}, -50),
    ({"qty": True}, -50),
    ({"side": 0}, -50),
    ({"side": True}, -50),
    ({"type": 5}, -50),
    ({"productType": "BO"}, -50),
    ({"productType": "CNC"}, -50),
    ({"validity": "GTC"}, -50),
    ({"limitPrice": "1e999"}, -50),
    ({"limitPrice": -1}, -50),
    ({"limitPrice": 1.01}, -50),
    ({"offlineOrder": "maybe"}, -50),
    ({"orderTag": "with space"}, -50),
    ({"orderTag": "x" * 31}, -50),
    ({"orderTag": "Untagged"}, -50),
    ({"orderTag": "FY0001"}, -50),
    ({"qty": 65 * 1000}, -99),
)


@pytest.fixture
def client(site: Any) -> FyersClient:
    return sign_in(site)


@pytest.fixture
def option(client: FyersClient) -> dict[str, Any]:
    return option_row(client)


def recorded(name: str) -> Any:
    return json.loads(shared_path(f"fyers/docs_marketcalls/fyers-api-v3__{name}").read_bytes())


def test_an_order_is_placed_filled_and_booked(client: FyersClient, option: dict[str, Any]) -> None:
    answer = client.place(**order_form(client, option, limitPrice=near(client, option, 1.2))).json()
    assert answer == {
        "s": "ok",
        "code": 1101,
        "message": f"Order submitted successfully. Your Order Ref. No.{answer['id']}",
        "id": answer["id"],
    }
    row = client.row(answer["id"])
    assert (row["status"], row["filledQty"], row["remainingQuantity"]) == (2, option["minLotSize"], 0)
    assert (row["orderTag"], row["exchange"], row["segment"]) == ("1:tag1", 10, 11)
    [trade] = client.ok("GET", "/api/v3/tradebook")["tradeBook"]
    assert (trade["orderNumber"], trade["orderTag"]) == (answer["id"], "1:tag1")
    [position] = client.ok("GET", "/api/v3/positions")["netPositions"]
    assert position["netQty"] == position["side"] * position["qty"] == option["minLotSize"]


def test_rows_have_the_recorded_fields(client: FyersClient, option: dict[str, Any]) -> None:
    client.place(**order_form(client, option, limitPrice=near(client, option, 1.2)))
    for path, name, sample in (
        ("orders", "orderBook", "order-filter-by-order-id__09.json"),
        ("tradebook", "tradeBook", "response-attributes-for-each-trade__07.json"),
        ("positions", "netPositions", "response-attributes-overall-positions__11.norm.json"),
    ):
        expected = recorded(sample)[name][0]
        shown = client.ok("GET", f"/api/v3/{path}")[name][0]
        assert shown.keys() >= expected.keys() - {"takeProfit", "stopLoss", "legType"}, expected.keys() - shown.keys()


def test_books_are_filtered_by_id_and_by_tag(client: FyersClient, option: dict[str, Any]) -> None:
    first, second = (client.place(**order_form(client, option, orderTag=tag)).json()["id"] for tag in ("one", "two"))
    assert [row["id"] for row in client.ok("GET", "/api/v3/orders")["orderBook"]] == [first, second]
    tagged = client.ok("GET", "/api/v3/orders", params={"order_tag": "1:two"})["orderBook"]
    assert [row["id"] for row in tagged] == [second]
    assert client.ok("GET", "/api/v3/orders", params={"order_tag": "1:three"})["orderBook"] == []
    assert client.refused("GET", "/api/v3/orders", params={"id": "1"})[0] == -51


def test_an_order_is_modified_and_cancelled_by_either_address(client: FyersClient, option: dict[str, Any]) -> None:
    first, second = (client.place(**order_form(client, option)).json()["id"] for _ in range(2))
    higher = near(client, option, 0.85)
    changed = client.ok("PATCH", "/api/v3/orders/sync", json={"id": first, "type": 1, "limitPrice": higher})
    assert changed["id"] == first
    assert (client.row(first)["limitPrice"], client.row(first)["qty"]) == (higher, option["minLotSize"])
    assert client.ok("DELETE", "/api/v3/orders/sync", json={"id": first})["code"] == 1103
    assert client.ok("DELETE", f"/api/v3/orders/{second}/sync")["id"] == second
    assert {row["status"] for row in client.ok("GET", "/api/v3/orders")["orderBook"]} == {1}
    assert client.refused("DELETE", "/api/v3/orders/sync", json={"id": first}) == (-52, "Not a pending order")
    assert client.refused("PATCH", "/api/v3/orders/sync", json={"id": "1", "type": 1})[0] == -51


def test_a_stop_waits_and_a_market_order_fills_and_shows_as_one(client: FyersClient, option: dict[str, Any]) -> None:
    high = near(client, option, 1.1)
    stop = client.place(**order_form(client, option, type=4, stopPrice=high, limitPrice=high)).json()["id"]
    assert (client.row(stop)["status"], client.row(stop)["type"]) == (6, 4)
    market = client.place(**order_form(client, option, type=2, limitPrice=0)).json()["id"]
    assert client.row(market)["status"] == 2


def test_what_cannot_be_is_refused(client: FyersClient, option: dict[str, Any]) -> None:
    for change, code in REFUSED:
        answer = client.place(**order_form(client, option, **change))
        assert (answer.status_code, answer.json()["s"]) == (400, "error"), change
        assert answer.json()["code"] == code, (change, answer.text)
    assert client.ok("GET", "/api/v3/orders")["orderBook"] == []


def test_a_body_that_is_no_json_is_recorded_and_refused(client: FyersClient) -> None:
    for body in (b"", b"[]", b"\xff", b"{"):
        reply = client.call("POST", "/api/v3/orders/sync", data=body)
        assert (reply.status_code, reply.json()["code"]) == (400, -50)
    assert len(client.site.entries(client=client.name, event="REQUEST")) == 4


def test_an_order_beyond_the_money_is_rejected_in_the_book(client: FyersClient, option: dict[str, Any]) -> None:
    form = order_form(client, option, side=SELL, qty=option["minLotSize"] * 20, limitPrice=near(client, option, 1.1))
    shown = [client.row(client.place(**form).json()["id"]) for _ in range(8)]
    assert [row["status"] for row in shown][:1] == [6]
    assert shown[-1]["status"] == 5
    assert "Insufficient funds" in shown[-1]["message"]


def test_commodities_count_lots(client: FyersClient, site: Any) -> None:
    rows = [row for row in master(site, "MCX_COM").values() if row["underSym"] == "CRUDEOIL" and row["optType"] == "XX"]
    crude = min(rows, key=lambda row: int(row["expiryDate"]))
    assert (crude["minLotSize"], crude["qtyMultiplier"]) == (1, 100)
    order_id = client.place(**order_form(client, crude, qty=2, limitPrice=near(client, crude, 1.02))).json()["id"]
    assert (client.row(order_id)["qty"], client.row(order_id)["filledQty"]) == (2, 2)
    [line] = site.entries(order_id=order_id, event="ACCEPTED")
    assert (line["quantity"], line["exchange"], line["symbol"]) == (200, "MCX", crude["symTicker"])
    [position] = client.ok("GET", "/api/v3/positions")["netPositions"]
    assert (position["netQty"], position["qtyMulti_com"]) == (2, 100)


def test_the_masters_agree(site: Any) -> None:
    for segment in ("NSE_CM", "NSE_FO", "NSE_CD", "NSE_COM", "BSE_CM", "BSE_FO", "MCX_COM"):
        rows, cells = master(site, segment), lines(site, segment)
        assert [row["symTicker"] for row in rows.values()] == list(rows) == [line[9] for line in cells]
        assert [row["fyToken"] for row in rows.values()] == [line[0] for line in cells]
        assert any(row["tradeStatus"] == 0 for row in rows.values())
    assert requests.get(f"{site.url}/fyers/sym_details/NSE_XX.csv", timeout=10).status_code == 404


def test_a_lagging_answer_leaves_the_order_once(client: FyersClient, site: Any, option: dict[str, Any]) -> None:
    fault = {"kind": "placed_but_400", "client": client.name, "endpoint": "orders.place", "count": 1}
    site.control("POST", "faults", fault)
    reply = client.place(**order_form(client, option, orderTag="late1"))
    assert (reply.status_code, reply.json()["code"]) == (400, -99)
    [row] = client.ok("GET", "/api/v3/orders", params={"order_tag": "1:late1"})["orderBook"]
    assert row["status"] == 6


def test_the_margin_of_orders_adds_up(client: FyersClient, option: dict[str, Any]) -> None:
    leg = order_form(client, option, side=SELL, limitPrice=near(client, option, 1.0))
    one, two = (
        client.ok("POST", "/api/v3/multiorder/margin", json={"data": [leg] * count})["data"] for count in (1, 2)
    )
    assert two["margin_total"] == pytest.approx(2 * one["margin_total"], rel=0.05)
    assert one.keys() == recorded("response-attributes__40.json")["data"].keys()
    assert client.refused("POST", "/api/v3/multiorder/margin", json={"data": 7})[0] == -50
