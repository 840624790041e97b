"""Alice Blue's face: order calls, their codes, and what the books show of them."""

from typing import Any

import pytest

from tests.simulator.faces.alice_client import API, AliceClient, contracts, near, option, order, sign_in


@pytest.fixture
def client(site: Any) -> AliceClient:
    return sign_in(site)


@pytest.fixture
def line(site: Any) -> dict[str, str]:
    return option(site)


@pytest.fixture
def resting(client: AliceClient, line: dict[str, str]) -> dict[str, Any]:
    return order(line, near(client, line, 0.8))


def test_an_order_is_filled_and_booked_in_its_own_words(client: AliceClient, line: dict[str, str]) -> None:
    order_id = client.place(order(line, near(client, line, 1.1)))
    row = client.row(order_id)
    assert (row["orderStatus"], row["product"], row["orderTag"]) == ("COMPLETE", "NORMAL", "tag1")
    assert (row["quantity"], row["filledQuantity"], row["pendingQuantity"]) == (int(line["Lot Size"]),) * 2 + (0,)
    assert isinstance(row["price"], float | int)
    states = client.ok("/orders/history", {"brokerOrderId": order_id})
    assert [state["orderStatus"] for state in states][::-1] == ["PENDING"] * 3 + ["OPEN", "COMPLETE"]
    (trade,) = client.ok("/orders/trades")
    assert (trade["brokerOrderId"], trade["filledQuantity"]) == (order_id, int(line["Lot Size"]))
    (position,) = client.ok("/positions")
    assert (position["tradingSymbol"], position["product"]) == (line["Trading Symbol"], "NRML")
    assert (position["netQuantity"], position["multiplier"], position["lotsize"]) == (
        int(line["Lot Size"]),
        1,
        int(line["Lot Size"]),
    )


def test_a_stock_lacks_its_series_in_the_book_and_has_it_in_the_history(site: Any, client: AliceClient) -> None:
    stock = next(row for row in contracts(site, "NSE") if row["Symbol"] == "RELIANCE")
    order_id = client.place(order(stock, near(client, stock, 1.05), product="LONGTERM", quantity="10", orderTag=None))
    row = client.row(order_id)
    assert (row["tradingSymbol"], row["formattedInstrumentName"]) == ("RELIANCE", "RELIANCE-EQ")
    assert client.ok("/orders/history", {"brokerOrderId": order_id})[0]["tradingSymbol"] == "RELIANCE-EQ"
    assert client.ok("/orders/trades")[0]["orderTag"] == "--"


def test_commodities_count_lots(site: Any, client: AliceClient) -> None:
    crude = min(
        (row for row in contracts(site, "MCX") if row["Symbol"] == "CRUDEOIL" and row["Option Type"] == "XX"),
        key=lambda row: row["Expiry Date"],
    )
    client.place(order(crude, near(client, crude, 1.02), quantity=2))
    (position,) = client.ok("/positions")
    assert (position["netQuantity"], position["lotsize"], position["multiplier"]) == (2, 1, 100)
    (asked,) = site.entries(event="REQUEST", endpoint="orders.place")
    assert (asked["quantity"], asked["exchange"], asked["symbol"]) == (200, "MCX", crude["Trading Symbol"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exchange": ""}, "EC900"),
        ({"exchange": "XNAS"}, "EC901"),
        ({"instrumentId": None}, "EC941"),
        ({"instrumentId": "12a"}, "EC946"),
        ({"instrumentId": "99999999"}, "EC947"),
        ({"transactionType": ""}, "EC907"),
        ({"transactionType": "HOLD"}, "EC929"),
        ({"quantity": ""}, "EC903"),
        ({"quantity": 0}, "EC949"),
        ({"quantity": 1}, "EC954"),
        ({"quantity": 65_000}, "EC088"),
        ({"product": "DELIVERY"}, "EC092"),
        ({"product": "LONGTERM"}, "EC837"),
        ({"orderComplexity": "BO"}, "EC091"),
        ({"orderType": "ICEBERG"}, "EC930"),
        ({"orderType": "MARKET", "price": ""}, "EC838"),
        ({"orderType": "SL"}, "EC951"),
        ({"validity": "GTC"}, "EC932"),
        ({"price": ""}, "EC950"),
        ({"price": "abc"}, "EC957"),
        ({"price": "0"}, "EC958"),
        ({"orderTag": "x" * 51}, "EC971"),
        ({"orderTag": "with-dash"}, "EC984"),
        ({"algoId": "1" * 13}, "EC972"),
    ],
)
def test_what_is_wrong_has_its_code(
    client: AliceClient, resting: dict[str, Any], change: dict[str, Any], code: str
) -> None:
    assert client.refused("/orders/placeorder", [resting | change]).startswith(f"{code} : ")
    assert "EC916" in client.refused("/orders/book")


@pytest.mark.parametrize("body", [{}, [], [1], [{}, {}], "x"])
def test_a_body_that_is_no_order_is_refused(client: AliceClient, body: Any) -> None:
    assert client.refused("/orders/placeorder", body).startswith(("EC914", "EC900"))


def test_a_price_off_tick_has_an_id_and_is_rejected_in_the_book(client: AliceClient, resting: dict[str, Any]) -> None:
    order_id = client.place(resting | {"price": f"{float(resting['price']) + 0.01:.2f}", "orderTag": "off1"})
    row = client.row(order_id)
    assert (row["orderStatus"], row["orderTag"], row["filledQuantity"]) == ("REJECTED", "off1", 0)
    assert row["rejectionReason"].startswith("ORA:Price")
    events = [entry["event"] for entry in client.site.entries(tag="off1")]
    assert events == ["REQUEST", "ACCEPTED", "REJECTED"]


def test_an_order_is_changed_and_cancelled_once(client: AliceClient, line: dict[str, str]) -> None:
    order_id = client.place(order(line, near(client, line, 0.8)))
    price = near(client, line, 0.85)
    body = {"brokerOrderId": order_id, "quantity": 2 * int(line["Lot Size"]), "price": price, "validity": "", "x": None}
    assert client.ok("/orders/modify", body)[0]["brokerOrderId"] == order_id
    row = client.row(order_id)
    assert (row["price"], row["quantity"]) == (float(price), 2 * int(line["Lot Size"]))
    assert client.ok("/orders/cancel", {"brokerOrderId": order_id})[0]["brokerOrderId"] == order_id
    assert client.row(order_id)["orderStatus"] == "CANCELLED"
    assert "EC997" in client.refused("/orders/cancel", {"brokerOrderId": order_id})
    assert "EC993" in client.refused("/orders/modify", body)
    assert "EC999" in client.refused("/orders/modify", body | {"brokerOrderId": "1"})
    assert "EC945" in client.refused("/orders/cancel", {"brokerOrderId": ""})
    assert "EC914" in client.refused("/orders/cancel", [order_id])


def test_a_fault_spoils_the_answer_and_not_the_order(site: Any, client: AliceClient, resting: dict[str, Any]) -> None:
    for kind, status in (("placed_but_400", 400), ("no_order_id", 200), ("bad_json", 200), ("html_body", 200)):
        site.control("POST", "faults", {"kind": kind, "client": client.name, "endpoint": "orders.place", "count": 1})
        tag = kind.replace("_", "")
        answer = client.call("POST", f"{API}/orders/placeorder", [resting | {"orderTag": tag}])
        assert answer.status_code == status
        assert "brokerOrderId" not in answer.text
        assert [row["orderStatus"] for row in client.ok("/orders/book") if row["orderTag"] == tag] == ["OPEN"]


def test_margins_and_conversions(client: AliceClient, line: dict[str, str]) -> None:
    wish = order(line, near(client, line, 1.1))
    (single,) = client.ok("/orders/checkMargin", wish)
    basket = {
        "exchange": "NFO",
        "tradingSymbol": line["Trading Symbol"],
        "price": wish["price"],
        "qty": line["Lot Size"],
        "product": "NRML",
        "priceType": "L",
        "triggerPrice": "",
        "transType": "B",
    }
    (both,) = client.ok("/orders/basket/margin", [basket, basket])
    assert float(both["currentOrderMargin"]) == pytest.approx(2 * float(single["currentOrderMargin"]))
    client.place(wish)
    convert = {"exchange": "NFO", "tradingSymbol": line["Trading Symbol"], "quantity": line["Lot Size"]}
    client.ok("/conversion", convert | {"transactionType": "BUY", "prevProduct": "NRML", "product": "MIS"})
    assert {row["product"] for row in client.ok("/positions") if row["netQuantity"]} == {"MIS"}
    again = convert | {"transactionType": "BUY", "prevProduct": "NRML", "product": "MIS"}
    assert "EC869" in client.refused("/conversion", again)
