"""Orders of the Noren face, as the documentation words them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.shared import shared_path
from tests.simulator.faces.noren_client import NorenClient, master, near, option_line, order_fields, sign_in

DOCS = "flattrade/docs_marketcalls"


@pytest.fixture
def client(site: Any) -> NorenClient:
    return sign_in(site)


@pytest.fixture
def line(client: NorenClient) -> dict[str, str]:
    return option_line(client)


@pytest.fixture
def quote(client: NorenClient, line: dict[str, str]) -> dict[str, str]:
    answer: dict[str, str] = client.ok("GetQuotes", exch="NFO", token=line["Token"])
    return answer


@pytest.fixture
def buy(line: dict[str, str], quote: dict[str, str]) -> dict[str, Any]:
    return order_fields(line, prc=near(quote, 1.1))


@pytest.fixture
def resting(line: dict[str, str], quote: dict[str, str]) -> dict[str, Any]:
    return order_fields(line, prc=near(quote, 0.8), remarks="rest1")


def test_a_placed_order_has_the_recorded_shape_in_every_book(client: NorenClient, buy: dict[str, Any]) -> None:
    placed = client.ok("PlaceOrder", **buy)
    recorded = _keys("03-orders__response__01.json")
    assert placed.keys() == recorded
    row = client.row(placed["norenordno"])
    assert row["status"] == "COMPLETE"
    assert row["rpt"] == "Fill"
    assert row["remarks"] == "tag1"
    assert row.keys() >= _keys("03-orders__response__04.json")
    [trade] = client.ok("TradeBook")
    assert (trade["flqty"], trade["norenordno"]) == (row["qty"], row["norenordno"])
    [position] = client.ok("PositionBook")
    assert position.keys() | {"prarr"} >= _keys("03-orders__response__05.json")
    assert position["netqty"] == row["qty"]
    assert client.ok("Limits").keys() >= {"cash", "marginused", "payin", "payout"}


def test_a_history_lists_the_newest_state_first_and_early_ones_without_a_price(
    client: NorenClient, buy: dict[str, Any]
) -> None:
    order_id = client.ok("PlaceOrder", **buy)["norenordno"]
    states = client.ok("SingleOrdHist", norenordno=order_id)
    assert [state["rpt"] for state in states] == ["Fill", "New", "PendingNew", "PendingNew", "NewAck"]
    assert "avgprc" not in states[-1]
    assert states[0]["avgprc"]


def test_modify_and_cancel_name_the_order_again(client: NorenClient, resting: dict[str, Any], quote: Any) -> None:
    order_id = client.ok("PlaceOrder", **resting)["norenordno"]
    price = near(quote, 0.85)
    change = {"norenordno": order_id, "exch": "NFO", "tsym": resting["tsym"], "prctyp": "LMT", "ret": "DAY"}
    changed = client.ok("ModifyOrder", **change, prc=price, qty=resting["qty"])
    assert changed["result"] == order_id
    assert client.row(order_id)["prc"] == price
    assert client.ok("CancelOrder", norenordno=order_id)["result"] == order_id
    row = client.row(order_id)
    assert (row["status"], row["cancelqty"], row["fillshares"]) == ("CANCELED", resting["qty"], "0")
    assert client.refused("CancelOrder", norenordno=order_id) == "Rejected : ORA:Order not found to Cancel"
    assert client.refused("ModifyOrder", **change, prc=price) == "Rejected : ORA:Order not found"


def test_what_the_gateway_cannot_read_is_refused_with_400(client: NorenClient, buy: dict[str, Any]) -> None:
    for change in ({"qty": "1.5"}, {"prd": "Z"}, {"tsym": "NOSUCH"}, {"trantype": ""}, {"remarks": "no-dashes"}):
        response = client.place(**buy | change)
        assert response.status_code == 400
        assert response.json()["emsg"].startswith("Invalid Input :")
    raw = requests.post(f"{client.site.url}/flattrade/PiConnectAPI/PlaceOrder", data="jData={", timeout=10)
    assert raw.json()["emsg"] == "Invalid Input : jData is not valid json object"


def test_market_orders_are_blocked_and_odd_prices_refused(client: NorenClient, buy: dict[str, Any]) -> None:
    assert "Market orders" in client.refused("PlaceOrder", **buy | {"prctyp": "MKT", "prc": "0"})
    assert "multiple of" in client.refused("PlaceOrder", **buy | {"prc": "10.01"})
    assert "multiple of" in client.refused("PlaceOrder", **buy | {"qty": "1"})


def test_what_is_refused_after_acceptance_is_in_the_book(client: NorenClient, buy: dict[str, Any]) -> None:
    client.site.control("POST", "exchange", {"client": client.name, "reject_after_accept": "16283 : no"})
    row = client.row(client.ok("PlaceOrder", **buy)["norenordno"])
    assert (row["status"], row["rejreason"]) == ("REJECTED", "16283 : no")


def test_a_partial_fill_is_open_with_fillshares(client: NorenClient, buy: dict[str, Any]) -> None:
    client.site.control("POST", "exchange", {"client": client.name, "partial_fill_ratio": 1.0})
    lots = 4 * int(buy["qty"])
    row = client.row(client.ok("PlaceOrder", **buy | {"qty": str(lots)})["norenordno"])
    assert row["rpt"] == "Fill"
    assert 0 < int(row["fillshares"]) <= lots


def test_a_stop_waits_for_its_trigger(client: NorenClient, line: dict[str, str], quote: Any) -> None:
    trigger = near(quote, 1.15)
    fields = order_fields(line, prctyp="SL-LMT", prc=trigger, trgprc=trigger)
    row = client.row(client.ok("PlaceOrder", **fields)["norenordno"])
    assert row["status"] == "TRIGGER_PENDING"
    assert row["trgprc"] == trigger


def test_commodities_count_lots(client: NorenClient) -> None:
    line = master(client.site, "Commodity.csv")[0]
    assert (line["Symbol"], line["Lotsize"]) == ("CRUDEOIL", "1")
    assert not line["Tradingsymbol"].endswith("F")
    quote = client.ok("GetQuotes", exch="MCX", token=line["Token"])
    fields = order_fields(line, prc=near(quote, 1.01, tick=1.0), qty="2", remarks="crude1")
    order_id = client.ok("PlaceOrder", **fields)["norenordno"]
    row = client.row(order_id)
    assert (row["qty"], row["fillshares"], row["ls"]) == ("2", "2", "1")
    [position] = client.ok("PositionBook")
    assert (position["netqty"], position["prcftr"]) == ("2", "100.000000")
    [accepted] = client.site.entries(event="ACCEPTED", tag="crude1")
    assert (accepted["quantity"], accepted["broker"]) == (200, "flattrade")


def test_every_order_call_is_two_lines_of_the_ledger(client: NorenClient, resting: dict[str, Any]) -> None:
    order_id = client.ok("PlaceOrder", **resting)["norenordno"]
    client.ok("CancelOrder", norenordno=order_id)
    client.refused("CancelOrder", norenordno=order_id)
    lines = [line for line in client.site.entries(broker="flattrade") if line["endpoint"].startswith("orders.")]
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "REQUEST", "CANCELLED", "REQUEST", "REFUSED"]
    first, accepted = lines[0], lines[1]
    for column in ("tag", "symbol", "exchange", "side", "quantity", "product", "order_type"):
        assert first[column] == accepted[column]
    assert lines[2]["order_id"] == order_id
    assert {line["symbol"] for line in lines} == {resting["tsym"]}


def test_a_restart_finds_orders_by_the_brokers_names(
    client: NorenClient, buy: dict[str, Any], make_site: Callable[..., Any]
) -> None:
    order_id = client.ok("PlaceOrder", **buy)["norenordno"]
    client.site.stop()
    client.site = make_site(SIMULATOR_RATE_LIMITS="off", STATE_DIR=str(client.site.config.state_dir))
    row = client.row(order_id)
    assert (row["status"], row["tsym"], row["remarks"]) == ("COMPLETE", buy["tsym"], "tag1")
    [position] = client.ok("PositionBook")
    assert position["netqty"] == row["qty"]


def test_an_empty_book_is_an_error(client: NorenClient) -> None:
    for call in ("OrderBook", "TradeBook", "PositionBook"):
        assert client.refused(call) == 'Error Occurred : 5 "no data"'
    assert client.refused("Holdings", prd="C") == 'Error Occurred : 5 "no data"'


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ({"kind": "too_many_requests"}, 200, "exceeds Limit 10"),
        ({"kind": "server_error", "status": 502}, 502, "Server Timeout"),
        ({"kind": "token_death"}, 200, "Session Expired : Invalid Session Key"),
        ({"kind": "empty_body"}, 200, ""),
        ({"kind": "html_body"}, 200, "<html>"),
        ({"kind": "bad_json"}, 200, '{"stat":"Ok","noren'),
        ({"kind": "placed_but_400"}, 400, "Server Timeout"),
    ],
)
def test_faults_spoil_an_order_call(
    client: NorenClient, resting: dict[str, Any], fault: dict[str, Any], status: int, body: str
) -> None:
    client.site.control("POST", "faults", {**fault, "endpoint": "orders.place", "count": 1})
    response = client.place(**resting)
    assert response.status_code == status
    assert body in response.text


@pytest.mark.parametrize(
    ("kind", "stands"), [("accept_then_reset", True), ("never_delivered", False), ("no_order_id", True)]
)
def test_lost_answers_leave_the_truth_in_the_book(
    client: NorenClient, resting: dict[str, Any], kind: str, stands: bool
) -> None:
    client.site.control("POST", "faults", {"kind": kind, "endpoint": "orders.place", "count": 1})
    if kind == "no_order_id":
        assert client.place(**resting).json().keys() == {"stat", "request_time"}
    else:
        with pytest.raises(requests.ConnectionError):
            client.place(**resting)
    if stands:
        assert [row["remarks"] for row in client.ok("OrderBook")] == [resting["remarks"]]
    else:
        assert client.refused("OrderBook") == 'Error Occurred : 5 "no data"'


def test_book_faults_empty_and_cut_the_book(client: NorenClient, resting: dict[str, Any]) -> None:
    for number in range(4):
        client.ok("PlaceOrder", **resting | {"remarks": f"rest{number}"})
    client.site.control("POST", "faults", {"kind": "truncated_book", "endpoint": "orders.book", "count": 1})
    assert [row["remarks"] for row in client.ok("OrderBook")] == ["rest1", "rest0"]
    client.site.control("POST", "faults", {"kind": "empty_book", "endpoint": "orders.book", "count": 1})
    assert client.refused("OrderBook") == 'Error Occurred : 5 "no data"'
    assert len(client.ok("OrderBook")) == 4


def test_orders_have_a_limit_a_second(make_site: Callable[..., Any]) -> None:
    client = sign_in(make_site())
    answers = [client.post("CancelOrder", norenordno="1").json()["emsg"] for _ in range(41)]
    assert any("in a current second exceeds Limit 10 for user" in text or "minute" in text for text in answers)


def _keys(name: str) -> set[str]:
    text = json.loads(shared_path(f"{DOCS}/{name}").read_text())
    return set(text[0] if isinstance(text, list) else text)
