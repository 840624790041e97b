"""The account every REST broker is built on: what it does before, on and after the wire."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from brokers.adapter import Account
from brokers.catalog import spec_of
from brokers.lots import LotSizeOf, unknown_lots
from brokers.rest import RestAccount, RestBroker
from brokers.transport import WireAnswer, WireRequest
from domain.broker import (
    BROKER_PROTOCOLS,
    BrokerError,
    BrokerUnavailable,
    Credentials,
    Endpoint,
    Outcome,
    SessionLost,
    Verdict,
)
from tests.brokers.servers import serve
from tests.brokers.zerodha.cast import request

SPEC = spec_of("zerodha")


def account(base: str, lots: LotSizeOf = unknown_lots) -> RestAccount[str]:
    made = Account(Credentials("AB1234"), Endpoint(base, ""), 5.0, None, lots)
    return RestAccount.of(SPEC, made, base)


def placing(access: str, wish: object) -> WireRequest:
    return WireRequest("POST", f"{access}/orders", json={"signed": "by access"})


def cancelling(access: str, order_id: str) -> WireRequest:
    return WireRequest("DELETE", f"{access}/orders/{order_id}")


def impossible(*_: object) -> WireRequest:
    raise ValueError("half a lot")


def signed_out(*_: object) -> WireRequest:
    raise SessionLost("NO_SESSION", "zerodha: nothing to sign with")


def read_as(answer: WireAnswer, *, expected_id: str) -> Outcome:
    return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=f"{answer.body.decode()} for {expected_id!r}")


def run(call: Any, *, orders: Any, status: int = 200, lots: LotSizeOf = unknown_lots) -> tuple[Any, list[str]]:
    seen: list[str] = []

    async def answer(http: web.Request) -> web.Response:
        seen.append(f"{http.method} {http.path}")
        return web.Response(status=status, text="answered")

    async def journey() -> Any:
        async with serve(answer) as base:
            broker = RestBroker(account(base, lots), orders=orders, outcome=read_as, books=SimpleNamespace())
            try:
                return await call(broker)
            finally:
                await broker.aclose()

    return asyncio.run(journey()), seen


ORDERS = SimpleNamespace(place_request=placing, modify_request=impossible, cancel_request=cancelling)


def test_an_order_call_goes_out_once_and_the_broker_reads_its_own_answer():
    outcome, seen = run(lambda broker: broker.place(request()), orders=ORDERS, status=500)
    assert (outcome.broker_order_id, seen) == ("answered for ''", ["POST /orders"])
    outcome, seen = run(lambda broker: broker.cancel("42"), orders=ORDERS)
    assert (outcome.broker_order_id, seen) == ("answered for '42'", ["DELETE /orders/42"])


def test_what_cannot_be_written_is_refused_before_the_wire():
    outcome, seen = run(lambda broker: broker.modify("42", None), orders=ORDERS)
    assert (outcome, seen) == (Outcome(Verdict.REJECTED, code="INVALID", message="half a lot"), [])


def test_the_lot_of_an_order_that_was_sent_is_known_when_its_row_comes_back():
    crude = request(exchange="MCX", symbol="CRUDEOIL26DECFUT", quantity=100, lot_size=100)

    async def call(broker: Any) -> tuple[int, int]:
        lots = broker.account.lot_size_of
        await broker.place(crude)
        return lots("MCX", "CRUDEOIL26DECFUT"), lots("MCX", "KAPAS27APRFUT")

    (sent, other), _ = run(call, orders=ORDERS, lots=lambda exchange, symbol: 1)
    assert (sent, other) == (100, 1)


def test_a_session_that_cannot_sign_is_lost_before_the_wire():
    orders = SimpleNamespace(place_request=signed_out)
    outcome, seen = run(lambda broker: broker.place(request()), orders=orders)
    lost = Outcome(Verdict.SESSION_LOST, code="NO_SESSION", message="zerodha: nothing to sign with")
    assert (outcome, seen) == (lost, [])


def test_a_read_of_an_order_no_broker_gave_is_refused_by_name():
    with pytest.raises(BrokerError, match=r"INVALID.*zerodha.*\.\./session"):
        account("http://kite.test").order_id("../session")


def test_a_read_without_an_answer_names_the_broker():
    with pytest.raises(BrokerUnavailable, match="NO_CONNECTION: zerodha"):
        asyncio.run(account("").read(WireRequest("GET", "http://127.0.0.1:1/")))


def test_an_account_has_of_itself_nothing_that_only_some_brokers_offer():
    assert not [one for one in BROKER_PROTOCOLS.values() if isinstance(RestBroker.__new__(RestBroker), one)]
