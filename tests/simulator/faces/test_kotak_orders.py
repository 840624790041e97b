"""Orders of Kotak's face, as the documentation words them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.shared import shared_path
from tests.simulator.faces.kotak_client import KotakClient, order_fields, sign_in

V3 = "kotak/sdk_v3_docs"
EMPTY = {"stCode": 5203, "errMsg": "No Data", "desc": "data not found", "stat": "Not_Ok"}
BOOKS = ("/quick/user/orders", "/quick/user/trades", "/portfolio/v2/positions", "/quick/user/positions")
NEVER_SHOWN = {
    "algCat", "algId", "algSeqNo", "appInstlId", "brkClnt", "classification", "coPct", "cstFrm", "dclQty", "defMktProV",
    "dscQty", "dscQtyPct", "exUsrInfo", "exp", "expDtSsb", "flLeg", "it", "legOrdInd", "locId", "mfdBy", "minQty",
    "mktPro", "mktProFlg", "mktProPct", "nReqId", "noMktProFlg", "odCrt", "ordAutSt", "ordGenTp", "ordModNo", "ordSrc",
    "ordUsrMsg", "ordValDt", "posFlg", "refLmtPrc", "reqId", "rmk", "scripName", "sipInd", "strategyCode", "symOrdId",
    "tm", "uSec", "vendorCode", "updRecvTm", "boeSec", "rptTp", "ordDur",
}  # fmt: skip
"""Fields of the samples that say nothing about an order."""


@pytest.fixture
def client(site: Any) -> KotakClient:
    return sign_in(site)


@pytest.fixture
def line(client: KotakClient) -> dict[str, str]:
    return client.option()


@pytest.fixture
def buy(client: KotakClient, line: dict[str, str]) -> dict[str, str]:
    return order_fields(line, pr=client.near(line, 1.1))


@pytest.fixture
def resting(client: KotakClient, line: dict[str, str]) -> dict[str, str]:
    return order_fields(line, pr=client.near(line, 0.8), ig="rest1")


def sampled(name: str) -> dict[str, Any]:
    """The fields of a documented answer, or of the first row it lists."""
    answer = json.loads(shared_path(f"{V3}/functions-{name}__sample-response__01.json").read_text())
    while isinstance(answer.get("data"), dict):
        answer = answer["data"]
    row: dict[str, Any] = answer["data"][0] if "data" in answer else answer
    return row


def test_a_placed_order_has_the_documented_shape_in_every_book(client: KotakClient, buy: dict[str, str]) -> None:
    answer = client.place(**buy).json()
    assert answer.keys() == sampled("orders-place-order").keys()
    row = client.row(answer["nOrdNo"])
    assert (row["ordSt"], row["GuiOrdId"], str(row["fldQty"])) == ("complete", "tag1", buy["qt"])
    assert sampled("orders-order-report").keys() - row.keys() <= NEVER_SHOWN
    [trade] = client.listed("/quick/user/trades")
    assert (trade["nOrdNo"], trade["fldQty"], trade["qty"]) == (answer["nOrdNo"], row["qty"], 0)
    assert sampled("orders-trade-report").keys() - trade.keys() <= NEVER_SHOWN
    [position] = client.listed("/portfolio/v2/positions")
    assert sampled("portfolio-positions").keys() - position.keys() <= NEVER_SHOWN | {"hsUpTm"}
    assert (position["flBuyQty"], position["flSellQty"], position["cfBuyQty"]) == (buy["qt"], "0", "0")
    assert float(position["buyAmt"]) == pytest.approx(float(row["avgPrc"]) * row["qty"], abs=0.5)
    [older] = client.listed("/quick/user/positions")
    assert (older["qty"], "ltp" in older) == (buy["qt"], False)


def test_kinds_of_values_are_the_documented_ones(client: KotakClient, buy: dict[str, str]) -> None:
    row = client.row(client.placed(**buy))
    for shown, name in ((row, "orders-order-report"), (client.listed("/quick/user/trades")[0], "orders-trade-report")):
        sample = sampled(name)
        odd = {one for one in sample.keys() & shown.keys() if type(sample[one]) is not type(shown[one])}
        assert odd <= {"brdLtQty"}  # a string in one sample, a number in the others


def test_one_order_and_its_history(client: KotakClient, buy: dict[str, str], resting: dict[str, str]) -> None:
    first, second = client.placed(**buy), client.placed(**resting)
    assert [row["nOrdNo"] for row in client.listed("/quick/user/orders")] == [first, second]
    assert [row["nOrdNo"] for row in client.listed(f"/quick/user/orders/{second}")] == [second]
    states = client.ok("/quick/order/history", nOrdNo=first)["data"]
    assert (states[0]["ordSt"], states[-1]["ordSt"]) == ("complete", "put order req received")
    assert sampled("orders-order-history").keys() - states[0].keys() <= NEVER_SHOWN
    assert client.post("/quick/order/history", nOrdNo="1").json() == EMPTY


def test_modify_and_cancel_name_the_order(client: KotakClient, resting: dict[str, str], line: dict[str, str]) -> None:
    order_id, price = client.placed(**resting), client.near(line, 0.85)
    change = {"no": order_id, "pt": "L", "pr": price, "qt": resting["qt"], "tp": "0", "vd": "DAY", "am": "NO"}
    assert client.ok("/quick/order/vr/modify", **change)["nOrdNo"] == order_id
    assert client.row(order_id)["prc"] == price
    assert client.cancel(order_id).json() == {"nOrdNo": order_id, "stat": "Ok", "stCode": 200}
    row = client.row(order_id)
    assert (row["ordSt"], row["cnlQty"], row["fldQty"]) == ("cancelled", int(resting["qt"]), 0)
    assert client.cancel(order_id).json()["stCode"] == 1006
    assert client.post("/quick/order/vr/modify", **change).json()["stCode"] == 1006


def test_a_completed_order_is_told_by_its_own_code(client: KotakClient, buy: dict[str, str]) -> None:
    answer = client.cancel(client.placed(**buy))
    told = {"stCode": 1021, "errMsg": "order is completed", "stat": "please provide valid order number"}
    assert (answer.status_code, answer.json()) == (200, told)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pc": "Z"}, "Invalid pc Z"),
        ({"tt": ""}, "Missing required field 'tt'"),
        ({"rt": "GTC"}, "Invalid rt GTC"),
        ({"pr": "much"}, "Invalid pr"),
        ({"pr": "NaN"}, "Invalid pr"),
        ({"am": "MAYBE"}, "Invalid am MAYBE"),
        ({"ig": "no dashes-"}, "Invalid ig"),
        ({"pt": "SL-M"}, "Invalid pt SL-M"),
    ],
)
def test_what_the_gateway_cannot_read_is_refused(
    client: KotakClient, buy: dict[str, str], change: dict[str, str], message: str
) -> None:
    answer = client.place(**buy | change)
    assert answer.status_code == 400
    assert answer.json() == {"error": [{"code": "400", "message": message}], "stat": "Not_Ok"}
    assert client.get("/quick/user/orders").json() == EMPTY


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"es": "nse_xx"}, 1006),
        ({"ts": "NOSUCH"}, 1007),
        ({"es": "bse_fo"}, 1007),
        ({"qt": "7"}, 1009),
        ({"qt": "1.5"}, 1009),
        ({"qt": "0"}, 1009),
        ({"qt": "6500000"}, 1009),
    ],
)
def test_what_the_order_system_refuses_has_a_code(
    client: KotakClient, buy: dict[str, str], change: dict[str, str], code: int
) -> None:
    answer = client.place(**buy | change)
    assert (answer.status_code, answer.json()["stat"], answer.json()["stCode"]) == (200, "Not_Ok", code)


def test_an_account_without_money_is_refused(site: Any, resting: dict[str, str]) -> None:
    poor = sign_in(site, "XP6M5", cash=int(float(resting["pr"]) * int(resting["qt"]) * 1.5))
    order_id, lots = poor.placed(**resting), str(10 * int(resting["qt"]))
    change = {"no": order_id, "pt": "L", "pr": resting["pr"], "qt": lots, "tp": "0", "vd": "DAY", "am": "NO"}
    answer = poor.post("/quick/order/vr/modify", **change)
    assert answer.json() == {"stat": "Not_Ok", "emsg": "Insufficient balance.", "stCode": 1004}
    row = poor.row(poor.placed(**resting | {"qt": lots}))
    assert (row["ordSt"], row["rejRsn"].partition(".")[0]) == ("rejected", "Insufficient funds")


def test_a_market_order_becomes_a_limit_within_its_band(client: KotakClient, buy: dict[str, str]) -> None:
    row = client.row(client.placed(**buy | {"pt": "MKT", "pr": "0"}))
    assert (row["prcTp"], row["ordSt"]) == ("L", "complete")
    assert float(row["avgPrc"]) <= float(row["prc"]) <= float(row["avgPrc"]) * 1.15


def test_a_stop_waits_for_its_trigger(client: KotakClient, line: dict[str, str]) -> None:
    trigger = client.near(line, 1.15)
    row = client.row(client.placed(**order_fields(line, pt="SL", pr=trigger, tp=trigger)))
    assert (row["ordSt"], row["trgPrc"], row["prcTp"]) == ("trigger pending", trigger, "SL")


def test_what_is_refused_after_acceptance_is_in_the_book(client: KotakClient, buy: dict[str, str]) -> None:
    client.site.control("POST", "exchange", {"client": client.name, "reject_after_accept": "16283 : no"})
    row = client.row(client.placed(**buy))
    assert (row["ordSt"], row["rejRsn"]) == ("rejected", "16283 : no")


def test_commodities_count_lots(client: KotakClient) -> None:
    line = client.master("mcx_fo")[0]
    fields = order_fields(line, pr=client.near(line, 1.01, tick=1.0), qt="2", ig="crude1")
    row = client.row(client.placed(**fields))
    assert (row["qty"], row["fldQty"], row["lotSz"]) == (2, 2, "1")
    [position] = client.listed("/portfolio/v2/positions")
    assert (position["flBuyQty"], position["multiplier"]) == ("2", line["lLotSize"])
    [accepted] = client.site.entries(event="ACCEPTED", tag="crude1")
    assert (accepted["quantity"], accepted["broker"]) == (2 * int(line["lLotSize"]), "kotak")


def test_limits_are_a_whole_and_a_margin_is_asked_for_one_order(client: KotakClient, buy: dict[str, str]) -> None:
    before = client.ok("/quick/user/limits", seg="ALL", exch="ALL", prod="ALL")
    assert all(isinstance(before[name], str) for name in ("Net", "MarginUsed", "CollateralValue"))
    fields = {"exSeg": buy["es"], "prc": buy["pr"], "prcTp": "L", "prod": "NRML", "qty": buy["qt"], "trnsTp": "B"}
    token = next(one["pSymbol"] for one in client.master("nse_fo") if one["pTrdSymbol"] == buy["ts"])
    margin = client.ok("/quick/user/check-margin", **fields, tok=token)
    assert margin.keys() >= sampled("portfolio-margin-required").keys()
    assert float(margin["ordMrgn"]) == pytest.approx(float(buy["pr"]) * int(buy["qt"]), rel=0.01)
    client.placed(**buy)
    after = client.ok("/quick/user/limits", seg="ALL", exch="ALL", prod="ALL")
    assert float(after["Net"]) + float(after["MarginUsed"]) == pytest.approx(float(before["Net"]))
    assert float(after["Net"]) < float(before["Net"])
    assert client.post("/quick/user/limits", seg="ALL").status_code == 400


def test_an_empty_book_has_an_answer_of_its_own(client: KotakClient) -> None:
    for path in (*BOOKS, "/portfolio/v1/holdings", "/quick/user/orders/1"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (200, EMPTY)


def test_an_order_call_shows_the_consumer_key_too(client: KotakClient, buy: dict[str, str]) -> None:
    for key in ("", "demo01key"):
        answer = requests.post(
            f"{client.site.url}/kotak/quick/order/rule/ms/place",
            data={"jData": json.dumps(buy)},
            headers={**client.session, "Authorization": key},
            timeout=10,
        )
        assert (answer.status_code, answer.json()["stCode"]) == (403, 1003)
    assert client.get("/quick/user/orders").json() == EMPTY


def test_every_order_call_is_two_lines_of_the_ledger(client: KotakClient, resting: dict[str, str]) -> None:
    order_id = client.placed(**resting)
    client.cancel(order_id)
    client.cancel(order_id)
    lines = [line for line in client.site.entries(broker="kotak") if line["endpoint"].startswith("orders.")]
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "REQUEST", "CANCELLED", "REQUEST", "REFUSED"]
    first, accepted = lines[0], lines[1]
    for column in ("tag", "symbol", "exchange", "side", "quantity", "product", "order_type"):
        assert first[column] == accepted[column]
    assert lines[2]["order_id"] == order_id


def test_a_restart_finds_orders_and_the_session(
    client: KotakClient, buy: dict[str, str], make_site: Callable[..., Any]
) -> None:
    order_id = client.placed(**buy)
    client.site.stop()
    client.site = make_site(SIMULATOR_RATE_LIMITS="off", STATE_DIR=str(client.site.config.state_dir))
    row = client.row(order_id)
    assert (row["ordSt"], row["trdSym"], row["GuiOrdId"]) == ("complete", buy["ts"], "tag1")


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ({"kind": "too_many_requests"}, 429, "Too many requests"),
        ({"kind": "server_error", "status": 502}, 502, "Not able to communicate with OMS"),
        ({"kind": "token_death"}, 403, "Invalid session"),
        ({"kind": "empty_body"}, 200, ""),
        ({"kind": "html_body"}, 200, "<html>"),
        ({"kind": "bad_json"}, 200, '{"stat":"Ok","nOrd'),
        ({"kind": "placed_but_400"}, 400, "The request timed out"),
    ],
)
def test_faults_spoil_an_order_call(
    client: KotakClient, resting: dict[str, str], fault: dict[str, Any], status: int, body: str
) -> None:
    client.site.control("POST", "faults", {**fault, "endpoint": "orders.place", "count": 1})
    answer = client.place(**resting)
    assert answer.status_code == status
    assert body in answer.text


@pytest.mark.parametrize(
    ("kind", "stands"), [("accept_then_reset", True), ("never_delivered", False), ("no_order_id", True)]
)
def test_lost_answers_leave_the_truth_in_the_book(
    client: KotakClient, resting: dict[str, str], kind: str, stands: bool
) -> None:
    client.site.control("POST", "faults", {"kind": kind, "endpoint": "orders.place", "count": 1})
    if kind == "no_order_id":
        assert client.place(**resting).json() == {"stat": "Ok", "stCode": 200}
    else:
        with pytest.raises(requests.ConnectionError):
            client.place(**resting)
    if stands:
        assert [row["GuiOrdId"] for row in client.listed("/quick/user/orders")] == [resting["ig"]]
    else:
        assert client.get("/quick/user/orders").json() == EMPTY


def test_book_faults_empty_and_cut_the_book(client: KotakClient, resting: dict[str, str]) -> None:
    for number in range(4):
        client.placed(**resting | {"ig": f"rest{number}"})
    client.site.control("POST", "faults", {"kind": "truncated_book", "endpoint": "orders.book", "count": 1})
    assert [row["GuiOrdId"] for row in client.listed("/quick/user/orders")] == ["rest0", "rest1"]
    client.site.control("POST", "faults", {"kind": "empty_book", "endpoint": "orders.book", "count": 1})
    assert client.get("/quick/user/orders").json() == EMPTY
    assert len(client.listed("/quick/user/orders")) == 4


def test_all_calls_share_a_limit_a_second(make_site: Callable[..., Any]) -> None:
    client = sign_in(make_site())
    answers = [client.cancel("1") for _ in range(21)]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert limited
    assert limited[0].json()["error"][0]["code"] == "429"
