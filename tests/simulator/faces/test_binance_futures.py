"""Binance's futures face, spoken to as the documentation says: what neither its SDK nor the contract asks of it."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import requests

NAME, KEY, SECRET = "9301", "key9301", "secret9301"
PATIENCE = 20.0


@dataclass
class FuturesClient:
    """One client; ``site`` is the simulator under test."""

    site: Any

    def send(self, method: str, path: str, *, in_body: bool = False, **given: str) -> requests.Response:
        """Send a signed call, its parameters in the query or as a form."""
        text = urlencode({**given, "timestamp": str(int(time.time() * 1000))})
        signed = f"{text}&signature={hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()}"
        url, headers = f"{self.site.url}/binance{path}", {"X-MBX-APIKEY": KEY}
        if in_body:
            form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
            return requests.request(method, url, headers=form, data=signed, timeout=10)
        return requests.request(method, f"{url}?{signed}", headers=headers, timeout=10)

    def ok(self, method: str, path: str, **given: str) -> Any:
        reply = self.send(method, path, **given)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def refused(self, method: str, path: str, **given: str) -> int:
        reply = self.send(method, path, **given)
        assert reply.status_code == 400, reply.text
        return int(reply.json()["code"])

    def keyed(self, method: str) -> requests.Response:
        url = f"{self.site.url}/binance/fapi/v1/listenKey"
        return requests.request(method, url, headers={"X-MBX-APIKEY": KEY}, timeout=10)

    def price(self, by: str) -> str:
        url = f"{self.site.url}/binance/fapi/v2/ticker/price"
        last = Decimal(requests.get(url, params={"symbol": "BTCUSDT"}, timeout=10).json()["price"])
        return str((last * Decimal(by)).quantize(Decimal("0.1")))

    def order(self, tag: str, **change: str) -> Any:
        return self.ok("POST", "/fapi/v1/order", **self.form(tag, **change))

    def form(self, tag: str, **change: str) -> dict[str, str]:
        base = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010"}
        return {**base, "price": self.price("0.7"), "newClientOrderId": tag, **change}


@pytest.fixture
def futures(site: Any) -> FuturesClient:
    client = {"client": NAME, "broker": "binance", "api_key": KEY, "api_secret": SECRET}
    site.control("POST", "clients", {"clients": [client]})
    return FuturesClient(site)


def test_parameters_are_taken_from_the_body_as_from_the_query(futures: FuturesClient):
    reply = futures.send("POST", "/fapi/v1/order", in_body=True, **futures.form("body"))
    assert (reply.status_code, reply.json()["clientOrderId"]) == (200, "body")
    assert {"X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1M", "X-MBX-USED-WEIGHT-1M"} <= set(reply.headers)


def test_a_new_order_s_answer_tells_of_trades_only_when_asked(futures: FuturesClient):
    brief = futures.order("brief", price=futures.price("1.01"))
    assert (brief["status"], brief["executedQty"], brief["avgPrice"]) == ("NEW", "0.000", "0.00")
    row = futures.ok("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="brief")
    assert (row["status"], row["executedQty"]) == ("FILLED", "0.010")
    whole = futures.order("whole", price=futures.price("1.01"), newOrderRespType="RESULT")
    assert (whole["status"], whole["executedQty"]) == ("FILLED", "0.010")


def test_a_change_to_less_than_is_filled_cancels_what_is_left(futures: FuturesClient, site: Any):
    site.control("POST", "exchange", {"client": NAME, "partial_fill_ratio": 1.0, "fill_delay_seconds": 0})

    def changed(tag: str) -> requests.Response:
        price = futures.price("1.2")
        futures.order(tag, price=price, quantity="0.500")
        change = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.001", "price": price}
        return futures.send("PUT", "/fapi/v1/order", origClientOrderId=tag, **change)

    # One that is filled whole before the change comes is no order to change any more: another is tried.
    replies = (changed(f"partly{number}") for number in range(20))
    reply = next(one for one in replies if one.json().get("code") != -2013)
    assert (reply.status_code, reply.json()["status"]) == (200, "CANCELED")
    assert Decimal(reply.json()["executedQty"]) > Decimal("0.001")


def test_a_change_must_name_the_order_its_side_and_both_terms(futures: FuturesClient):
    futures.order("rests")
    whole = {
        "symbol": "BTCUSDT",
        "origClientOrderId": "rests",
        "side": "BUY",
        "quantity": "0.020",
        "price": futures.price("0.7"),
    }
    for name, code in (("origClientOrderId", -1102), ("side", -1102), ("quantity", -1102), ("price", -1102)):
        given = {one: text for one, text in whole.items() if one != name}
        assert futures.refused("PUT", "/fapi/v1/order", **given) == code, name
    assert futures.refused("PUT", "/fapi/v1/order", **{**whole, "side": "SELL"}) == -1117
    assert futures.ok("PUT", "/fapi/v1/order", **whole)["origQty"] == "0.020"


def test_the_spot_market_knows_nothing_of_the_futures_and_the_other_way_round(futures: FuturesClient):
    futures.order("future")
    assert futures.ok("GET", "/api/v3/openOrders") == []
    spot = {**futures.form("pair"), "quantity": "0.00010"}
    futures.ok("POST", "/api/v3/order", **spot)
    assert [row["clientOrderId"] for row in futures.ok("GET", "/fapi/v1/openOrders")] == ["future"]
    assert futures.refused("DELETE", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="pair") == -2011
    assert futures.refused("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="future") == -2011
    futures.ok("POST", "/api/v3/order", **{**spot, "newClientOrderId": "future"})
    assert futures.ok("GET", "/fapi/v3/positionRisk") == []


def test_a_key_that_died_is_dead_at_both_markets(futures: FuturesClient, site: Any):
    fault = {"kind": "token_death", "client": NAME, "endpoint": "positions", "count": 1}
    site.control("POST", "faults", fault)
    for path in ("/fapi/v3/positionRisk", "/fapi/v3/account", "/api/v3/account"):
        reply = futures.send("GET", path)
        assert (reply.status_code, reply.json()["code"]) == (401, -2015), path
    assert futures.keyed("POST").status_code == 401


def test_the_limits_are_those_of_the_futures(futures: FuturesClient, site: Any):
    site.control("POST", "limits", {"enabled": True})
    try:
        replies = (futures.send("GET", "/fapi/v1/positionSide/dual") for _ in range(100))
        refused = next(reply for reply in replies if reply.status_code == 429)
    finally:
        site.control("POST", "limits", {"enabled": False})
    assert (refused.json()["code"], "2400" in refused.json()["msg"]) == (-1003, True)
    assert refused.headers["Retry-After"]


async def _connected(futures: FuturesClient, path: str, act: Callable[[Any], Awaitable[Any]]) -> Any:
    url = f"{futures.site.url.replace('http', 'ws')}/binance{path}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket, asyncio.timeout(PATIENCE):
        return await act(socket)


def socket(futures: FuturesClient, path: str, act: Callable[[Any], Awaitable[Any]]) -> Any:
    return asyncio.run(_connected(futures, path, act))


def test_what_is_asked_for_on_the_wrong_route_is_taken_and_stays_silent(futures: FuturesClient):
    async def act(socket: Any) -> list[str]:
        # The ticker comes of the other route: only the books may be heard.
        params = ["btcusdt@ticker", "ethusdt@aggTrade", "btcusdt@bookTicker"]
        await socket.send_json({"method": "SUBSCRIBE", "params": params, "id": 7})
        assert await socket.receive_json() == {"result": None, "id": 7}
        return [(await socket.receive_json())["stream"] for _ in range(5)]

    assert set(socket(futures, "/public/stream", act)) == {"btcusdt@bookTicker"}


def test_streams_may_be_named_in_the_address(futures: FuturesClient):
    async def act(socket: Any) -> Any:
        return await socket.receive_json()

    raw = socket(futures, "/market/ws/btcusdt@ticker", act)
    assert (raw["e"], raw["s"], "b" in raw) == ("24hrTicker", "BTCUSDT", False)
    wrapped = socket(futures, "/public/stream?streams=btcusdt@depth5@100ms", act)
    assert (wrapped["stream"], len(wrapped["data"]["b"])) == ("btcusdt@depth5@100ms", 5)


@pytest.mark.parametrize(
    "path", ["/private/ws?listenKey={key}", "/private/ws/{key}", "/private/stream?listenKey={key}"]
)
def test_a_listen_key_in_the_address_tells_of_orders(futures: FuturesClient, path: str):
    key = futures.keyed("POST").json()["listenKey"]

    async def act(socket: Any) -> Any:
        await asyncio.to_thread(futures.order, f"told{len(path)}")
        return await socket.receive_json()

    event = socket(futures, path.format(key=key), act)
    if "stream" in path:
        assert event["stream"] == key
        event = event["data"]
    assert (event["e"], event["o"]["X"], event["o"]["R"]) == ("ORDER_TRADE_UPDATE", "NEW", False)


def test_a_socket_of_a_key_that_was_closed_says_nothing(futures: FuturesClient):
    key = futures.keyed("POST").json()["listenKey"]
    assert futures.keyed("PUT").json() == {"listenKey": key}
    assert futures.keyed("DELETE").status_code == 200
    assert futures.keyed("PUT").json()["code"] == -1125

    async def act(socket: Any) -> Any:
        await socket.send_json({"method": "SUBSCRIBE", "params": [key], "id": 1})
        await asyncio.to_thread(futures.order, "untold")
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 2})
        return [json.loads((await socket.receive()).data) for _ in range(2)]

    assert socket(futures, "/private/ws", act) == [{"result": None, "id": 1}, {"result": None, "id": 2}]
