"""Order calls on the wire: what is sent, once, and that nothing ever raises."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from aiohttp import web

from brokers.connect import connect
from domain.broker import Broker, Outcome, Verdict
from domain.orders import OrderChange, OrderType, Side, Validity
from tests.brokers.servers import serve
from tests.brokers.zerodha.cast import CREDENTIALS, endpoint, lot_size_of, request

Call = Callable[[Broker], Awaitable[Outcome]]
CHANGE = OrderChange(OrderType.LIMIT, quantity=65, lot_size=65, exchange="NFO", price=Decimal("41.95"))
CALLS: dict[str, Call] = {
    "place": lambda broker: broker.place(request()),
    "modify": lambda broker: broker.modify("151220000000000", CHANGE),
    "cancel": lambda broker: broker.cancel("151220000000000"),
}


class Kite:
    """Records what arrives and answers every call alike."""

    def __init__(
        self, *, status: int = 200, body: bytes = b'{"status":"success","data":{"order_id":"151220000000000"}}'
    ):
        self.status, self.body = status, body
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []

    async def answer(self, http: web.Request) -> web.Response:
        form = dict(await http.post()) if http.method == "POST" else await self._form(http)
        self.seen.append((http.method, http.path, form))
        self.headers.append(dict(http.headers))
        return web.Response(status=self.status, body=self.body, content_type="application/json")

    async def _form(self, http: web.Request) -> dict[str, str]:
        return dict(await http.post())


def run(kite: Kite, call: Call, *, timeout: float = 5.0) -> Outcome:
    async def journey() -> Outcome:
        async with serve(kite.answer) as base:
            broker = connect("zerodha", CREDENTIALS, endpoint(base), timeout=timeout, lot_size_of=lot_size_of)
            try:
                return await call(broker)
            finally:
                await broker.aclose()

    return asyncio.run(journey())


def test_a_limit_order_goes_out_in_kites_words_with_our_tag():
    kite = Kite()
    assert run(kite, CALLS["place"]) == Outcome(Verdict.ACKNOWLEDGED, broker_order_id="151220000000000")
    assert kite.seen == [
        (
            "POST",
            "/zerodha/orders/regular",
            {
                "exchange": "NFO",
                "tradingsymbol": "NIFTY26NOV24200CE",
                "transaction_type": "SELL",
                "quantity": "130",
                "product": "MIS",
                "order_type": "LIMIT",
                "validity": "DAY",
                "price": "42.10",
                "tag": "VAYDA000000000000001",
            },
        )
    ]
    assert kite.headers[0]["Authorization"] == "token key1:token1"
    assert kite.headers[0]["X-Kite-Version"] == "3"


PRICED = [
    (OrderType.LIMIT, {"price": "42.10"}),
    (OrderType.SL, {"price": "42.10", "trigger_price": "43"}),
    (OrderType.SL_M, {"trigger_price": "43", "market_protection": "-1"}),
    (OrderType.MARKET, {"market_protection": "-1"}),
]


@pytest.mark.parametrize(("order_type", "expected"), PRICED)
def test_each_type_carries_its_prices_and_market_orders_their_protection(order_type, expected):
    kite = Kite()
    run(kite, lambda broker: broker.place(request(order_type=order_type, trigger_price=Decimal(43))))
    form = kite.seen[0][2]
    named = {"price", "trigger_price", "market_protection", "autoslice"}
    assert {name: form[name] for name in named & set(form)} == expected


def test_mcx_goes_out_in_lots_and_an_algo_id_where_there_is_one():
    kite = Kite()
    crude = request(
        exchange="MCX", symbol="CRUDEOIL26DECFUT", quantity=300, lot_size=100, algo_id="ALGO1", side=Side.BUY
    )
    assert run(kite, lambda broker: broker.place(crude)).verdict is Verdict.ACKNOWLEDGED
    form = kite.seen[0][2]
    assert (form["quantity"], form["algo_id"], form["transaction_type"]) == ("3", "ALGO1", "BUY")


def test_a_price_is_written_plainly():
    kite = Kite()
    run(kite, lambda broker: broker.place(request(price=Decimal("1E+2"))))
    assert kite.seen[0][2]["price"] == "100"


def test_a_modification_names_only_what_changes():
    kite = Kite()
    assert run(kite, CALLS["modify"]).verdict is Verdict.ACKNOWLEDGED
    method, path, form = kite.seen[0]
    assert (method, path) == ("PUT", "/zerodha/orders/regular/151220000000000")
    assert form == {"order_type": "LIMIT", "quantity": "65", "validity": "DAY", "price": "41.95"}


def test_a_cancellation_is_one_delete():
    kite = Kite()
    assert run(kite, CALLS["cancel"]).verdict is Verdict.ACKNOWLEDGED
    assert [(method, path) for method, path, _ in kite.seen] == [("DELETE", "/zerodha/orders/regular/151220000000000")]


REFUSED = [
    {"quantity": 100},
    {"quantity": 0},
    {"quantity": -65},
    {"client_order_id": ""},
    {"client_order_id": "has space"},
    {"client_order_id": "A" * 21},
    {"client_order_id": "ÄÖÜ"},
    {"exchange": "NYSE"},
    {"symbol": ""},
    {"price": Decimal(0)},
    {"price": Decimal(-1)},
    {"price": Decimal("NaN")},
    {"order_type": OrderType.SL, "trigger_price": Decimal(0)},
    {"exchange": "MCX", "validity": Validity.IOC},
]


@pytest.mark.parametrize("changes", REFUSED)
def test_what_kite_could_not_read_is_refused_before_the_wire(changes):
    kite = Kite()
    outcome = run(kite, lambda broker: broker.place(request(**changes)))
    assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "INVALID")
    assert outcome.message
    assert kite.seen == []


@pytest.mark.parametrize("order_id", ["", "../session/token", "1/2", "1?x=1", "a b", "1" * 65])
def test_an_order_id_kite_cannot_have_given_never_reaches_a_path(order_id):
    kite = Kite()
    for call in (lambda broker: broker.cancel(order_id), lambda broker: broker.modify(order_id, CHANGE)):
        assert run(kite, call).code == "INVALID"
    assert kite.seen == []


def test_an_answer_about_another_order_is_unknown():
    assert run(Kite(), lambda broker: broker.cancel("42")).code == "OTHER_ORDER"


BODIES = [
    (200, b""),
    (200, b"<html>maintenance</html>"),
    (200, b'{"status":"success","data":{"order_id":""}}'),
    (200, b"{" * 2_000_000),
    (302, b""),
    (500, b'{"status":"error","error_type":"OrderException","message":"Insufficient funds"}'),
    (503, b""),
    (429, b"slow down"),
]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("status", "body"), BODIES)
def test_an_unclear_answer_is_unknown_and_sent_once(name, status, body):
    kite = Kite(status=status, body=body)
    assert run(kite, CALLS[name]).verdict is Verdict.UNKNOWN
    assert len(kite.seen) == 1


@pytest.mark.parametrize("name", CALLS)
def test_a_timeout_is_unknown_though_the_broker_has_the_order(name):
    kite = Kite()

    async def slow(http: web.Request) -> web.Response:
        await kite.answer(http)
        await asyncio.Event().wait()
        raise AssertionError

    async def journey() -> Outcome:
        async with serve(slow) as base:
            broker = connect("zerodha", CREDENTIALS, endpoint(base), timeout=0.3)
            try:
                return await CALLS[name](broker)
            finally:
                await broker.aclose()

    outcome = asyncio.run(journey())
    assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "TIMEOUT")
    assert len(kite.seen) == 1


@pytest.mark.parametrize("name", CALLS)
def test_a_dead_session_and_a_rate_limit_are_told_apart(name):
    dead = Kite(status=403, body=b'{"status":"error","error_type":"TokenException","message":"Incorrect token"}')
    busy = Kite(status=429, body=b'{"status":"error","error_type":"NetworkException","message":"Too many requests"}')
    assert run(dead, CALLS[name]).verdict is Verdict.SESSION_LOST
    assert run(busy, CALLS[name]).verdict is Verdict.RATE_LIMITED


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://", "ftp://nowhere", "http://[::bad", "not a url"])
def test_a_wrong_address_never_raises_from_an_order_call(url):
    async def journey() -> Outcome:
        broker = connect("zerodha", CREDENTIALS, endpoint(url), timeout=1.0)
        try:
            return await broker.place(request())
        finally:
            await broker.aclose()

    assert asyncio.run(journey()).verdict is Verdict.UNKNOWN
