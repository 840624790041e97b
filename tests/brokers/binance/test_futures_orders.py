"""Order calls of the futures exchange as they go on the wire, and what the answers prove."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from aiohttp import web

from brokers.binance.answers import order_outcome
from brokers.binance.client import BinanceBroker
from brokers.binance.futures.orders import cancel_request, modify_request, place_request
from brokers.binance.ids import FUTURES_MARK, Named, named, order_id
from brokers.transport import WireAnswer
from domain.broker import Outcome, Verdict
from domain.orders import OrderType, Product, Validity
from tests.brokers.binance.cast import (
    FUTURES_CHANGE,
    FUTURES_WISH,
    TAG,
    WISH,
    account,
    futures_access,
    futures_sample,
)
from tests.brokers.binance.test_orders import said
from tests.brokers.servers import serve

NAME = f"UM:BTCUSDT:{TAG}"


def answer(name: str, **change: object) -> WireAnswer:
    body = futures_sample("test_trade_api", name) | change
    return WireAnswer(200, json.dumps(body).encode())


def test_an_order_goes_to_the_futures_exchange_in_one_way_mode():
    request = place_request(futures_access(), FUTURES_WISH)
    sent = said(request)
    assert (request.method, request.url) == ("POST", "http://binance.invalid/fapi/v1/order")
    assert sent.pop("timestamp").isdigit()
    assert sent == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.025",
        "price": "91000.1",
        "newClientOrderId": TAG,
        "newOrderRespType": "ACK",
        "recvWindow": "5000",
    }


def test_an_exit_may_only_reduce():
    sent = said(place_request(futures_access(), replace(FUTURES_WISH, reduce_only=True)))
    assert sent["reduceOnly"] == "true"


def test_an_immediate_order():
    sent = said(place_request(futures_access(), replace(FUTURES_WISH, validity=Validity.IOC)))
    assert sent["timeInForce"] == "IOC"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"symbol": "SOLUSDT"}, "not among the account's symbols"),
        ({"order_type": OrderType.SL}, "takes no"),
        ({"order_type": OrderType.MARKET}, "takes no"),
        ({"product": Product.CNC}, "takes no"),
        ({"quantity": 0}, "lot size"),
        ({"price": Decimal(0)}, "price"),
        ({"client_order_id": "with space"}, "client_order_id"),
    ],
)
def test_what_could_not_be_read_back_or_taken_is_not_sent(change, message):
    with pytest.raises(ValueError, match=message):
        place_request(futures_access(), replace(FUTURES_WISH, **change))


def test_a_change_says_side_price_and_total():
    request = modify_request(futures_access(), NAME, FUTURES_CHANGE)
    sent = said(request)
    assert (request.method, request.url) == ("PUT", "http://binance.invalid/fapi/v1/order")
    assert sent.pop("timestamp").isdigit()
    assert sent == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "quantity": "0.030",
        "price": "90999.9",
        "origClientOrderId": TAG,
        "recvWindow": "5000",
    }


def test_an_order_of_somebody_else_is_changed_by_its_number():
    assert said(modify_request(futures_access(), "UM:BTCUSDT:#28", FUTURES_CHANGE))["orderId"] == "28"


@pytest.mark.parametrize("change", [{"side": None}, {"price": None}, {"order_type": OrderType.SL}, {"quantity": 0}])
def test_a_change_that_leaves_something_open_is_not_sent(change):
    with pytest.raises(ValueError):
        modify_request(futures_access(), NAME, replace(FUTURES_CHANGE, **change))


def test_a_cancellation_names_the_order_as_we_do():
    request = cancel_request(futures_access(), NAME)
    sent = said(request)
    assert request.method == "DELETE"
    assert request.url.startswith("http://binance.invalid/fapi/v1/order?")
    assert (sent["symbol"], sent["origClientOrderId"]) == ("BTCUSDT", TAG)
    assert said(cancel_request(futures_access(), "UM:BTCUSDT:#28"))["orderId"] == "28"


@pytest.mark.parametrize("odd", ["", "28", "UM:BTCUSDT", "CM:BTCUSDT:x y", "UM:BTCUSDT:"])
def test_an_order_nobody_here_named_is_not_cancelled(odd):
    with pytest.raises(ValueError):
        cancel_request(futures_access(), odd)


def test_names_tell_the_markets_apart():
    assert named(order_id("BTCUSDT", TAG, 1)) == Named("BTCUSDT", client_order_id=TAG)
    assert named(order_id("UM:BTCUSDT", TAG, 1)) == Named("BTCUSDT", client_order_id=TAG, mark=FUTURES_MARK)
    assert named("UM:BTCUSDT:#28") == Named("BTCUSDT", number="28", mark=FUTURES_MARK)
    assert order_id("UM:1000000MOGUSDT", "x" * 36, 28) == "UM:1000000MOGUSDT:#28"


def test_the_documentation_s_answers_name_their_orders():
    for name, tag in (("new_order_success", "testOrder"), ("cancel_order_success", "myOrder1")):
        outcome = order_outcome(answer(name), mark=FUTURES_MARK)
        assert (outcome.verdict, outcome.broker_order_id) == (Verdict.ACKNOWLEDGED, f"UM:BTCUSDT:{tag}")
    changed = answer("modify_order_success")
    for expected, verdict in (
        ("UM:BTCUSDT:LJ9R4QZDihCaS8UAOOLpgW", Verdict.ACKNOWLEDGED),
        ("UM:BTCUSDT:#20072994037", Verdict.ACKNOWLEDGED),
        ("BTCUSDT:LJ9R4QZDihCaS8UAOOLpgW", Verdict.UNKNOWN),
        ("UM:BTCUSDT:another", Verdict.UNKNOWN),
    ):
        assert order_outcome(changed, expected_id=expected, mark=FUTURES_MARK).verdict is verdict


def test_half_a_replacement_and_a_trigger_passed_are_told_apart_though_they_share_a_code():
    half = WireAnswer(409, b'{"code":-2021,"msg":"Order cancel-replace partially failed."}')
    passed = WireAnswer(400, b'{"code":-2021,"msg":"Order would immediately trigger."}')
    worded = WireAnswer(400, b'{"code":-2021,"msg":"Order cancel-replace partially failed."}')
    assert order_outcome(half).verdict is Verdict.UNKNOWN
    assert order_outcome(worded).verdict is Verdict.UNKNOWN
    assert order_outcome(passed, mark=FUTURES_MARK).verdict is Verdict.REJECTED


def paths_of(*orders: str) -> tuple[list[str], list[Outcome]]:
    """What is asked for when orders of these names are cancelled at an account that names nothing of them."""
    asked: list[str] = []

    async def listen(http: web.Request) -> web.StreamResponse:
        asked.append(http.path)
        return web.json_response({"code": -2011, "msg": "Unknown order sent."}, status=400)

    async def act() -> list[Outcome]:
        async with serve(listen) as url:
            broker = BinanceBroker(account(url, pairs="ETHUSDT"))
            try:
                return [await broker.cancel(one) for one in orders]
            finally:
                await broker.aclose()

    outcomes = asyncio.run(act())
    return [path for path in asked if not path.endswith("/time")], outcomes


def test_an_order_is_cancelled_at_its_market_whatever_the_account_names_now():
    asked, outcomes = paths_of("BTCUSDT:a", "UM:BTCUSDT:a")
    assert asked == ["/api/v3/order", "/fapi/v1/order"]
    assert {outcome.code for outcome in outcomes} == {"-2011"}


def test_an_order_for_a_market_the_account_names_nothing_of_is_not_sent():
    async def act() -> Outcome:
        broker = BinanceBroker(account("http://127.0.0.1:1", pairs="BTCUSDT"))
        try:
            return await broker.place(FUTURES_WISH)
        finally:
            await broker.aclose()

    outcome = asyncio.run(act())
    assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "INVALID")
    assert "symbols (none)" in outcome.message


def test_the_spot_market_takes_no_order_of_the_futures_product():
    async def act() -> Outcome:
        broker = BinanceBroker(account("http://127.0.0.1:1", contracts="BTCUSDT", pairs="BTCUSDT"))
        try:
            return await broker.place(replace(WISH, product=Product.NRML))
        finally:
            await broker.aclose()

    assert asyncio.run(act()).verdict is Verdict.REJECTED
