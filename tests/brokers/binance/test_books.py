"""Books pair by pair, page by page, by Binance's clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from brokers.binance.client import BinanceBroker
from brokers.binance.login import BinanceLogin
from brokers.binance.reads import PAGE
from domain.broker import BrokerError, BrokerUnavailable, SessionLost, Verdict
from tests.brokers.binance.cast import WISH, account
from tests.brokers.servers import serve

HOUR = 3_600_000


class Binance:
    """Answers reads from lists, by the last part of their path; keeps what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"time": {"serverTime": int(time.time() * 1000)}, "openOrders": [], "allOrders": []} | answers
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.pages: Callable[[str, dict[str, str]], Any] | None = None

    async def __call__(self, http: web.Request) -> web.StreamResponse:
        path, query = http.path.rpartition("/")[2], dict(http.query)
        query |= {str(name): str(value) for name, value in (await http.post()).items()}
        self.asked.append((path, query))
        found = self.pages(path, query) if self.pages else None
        answer = self.answers.get(path) if found is None else found
        if isinstance(answer, tuple):
            return web.json_response(answer[1], status=answer[0])
        return web.json_response(answer)

    def calls(self, path: str) -> list[dict[str, str]]:
        return [query for name, query in self.asked if name == path]


def run(binance: Binance, act: Callable[[BinanceBroker], Awaitable[Any]], **fields: str) -> Any:
    async def within() -> Any:
        async with serve(binance) as url:
            broker = BinanceBroker(account(url, **{"pairs": "BTCUSDT", **fields}))
            try:
                return await act(broker)
            finally:
                await broker.aclose()

    return asyncio.run(within())


def row(number: int, *, at: int, status: str = "CANCELED", tag: str = "", symbol: str = "BTCUSDT") -> dict[str, Any]:
    return {
        "symbol": symbol,
        "orderId": number,
        "clientOrderId": tag or f"tag{number}",
        "price": "91000.01000000",
        "origQty": "0.00250000",
        "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": status,
        "type": "LIMIT",
        "side": "BUY",
        "time": at,
        "updateTime": at,
    }


def now() -> int:
    return int(time.time() * 1000)


def test_what_rests_is_shown_whatever_its_age_and_what_is_finished_for_a_day():
    old, young = now() - 30 * HOUR, now() - HOUR
    binance = Binance(
        openOrders=[row(1, at=old, status="NEW")],
        allOrders=[row(2, at=old), row(3, at=young), row(4, at=young, status="NEW")],
    )
    book = run(binance, lambda broker: broker.order_book())
    assert [order.client_order_id for order in book] == ["tag1", "tag3", "tag4"]


def test_of_two_reads_of_an_order_the_later_counts():
    binance = Binance(openOrders=[row(1, at=now(), status="NEW")], allOrders=[row(1, at=now(), status="CANCELED")])
    (order,) = run(binance, lambda broker: broker.order_book())
    assert order.raw_status == "CANCELED"


def test_a_busy_day_is_read_page_by_page():
    rows = [row(number, at=now() - HOUR) for number in range(1, 2 * PAGE + 51)]
    binance = Binance()

    def page(path: str, query: dict[str, str]) -> Any:
        if path != "allOrders":
            return None
        first = int(query.get("orderId", 0))
        if not first and "startTime" not in query:
            return rows[-PAGE:]
        return [one for one in rows if one["orderId"] >= first][:PAGE]

    binance.pages = page
    book = run(binance, lambda broker: broker.order_book())
    assert [order.client_order_id for order in book] == [f"tag{number}" for number in range(1, 2 * PAGE + 51)]
    assert len(binance.calls("allOrders")) == 4


def test_rows_of_a_pair_nobody_asked_for_spoil_the_book():
    binance = Binance(allOrders=[row(1, at=now(), symbol="ETHUSDT")])
    with pytest.raises(BrokerUnavailable, match="binance allOrders"):
        run(binance, lambda broker: broker.order_book())


def test_a_pair_of_unknown_step_spoils_the_book_and_is_named():
    binance = Binance()
    binance.pages = lambda path, query: [row(1, at=now(), symbol="SOLUSDT")] if path == "allOrders" else None
    with pytest.raises(BrokerUnavailable, match="SOLUSDT"):
        run(binance, lambda broker: broker.order_book(), pairs="SOLUSDT")


@pytest.mark.parametrize("quantity", ["1E+999999", "0.0000000001", "NaN"])
def test_a_quantity_that_cannot_be_reckoned_with_spoils_the_book(quantity):
    trade = {"symbol": "BTCUSDT", "id": 7, "orderId": 1, "price": "90000", "qty": quantity, "commission": "0"}
    rest = {"commissionAsset": "BNB", "time": now(), "isBuyer": False}
    ordered = run_failing(Binance(allOrders=[row(1, at=now()) | {"origQty": quantity}]), BinanceBroker.order_book)
    traded = run_failing(Binance(allOrders=[row(1, at=now())], myTrades=[trade | rest]), BinanceBroker.trade_book)
    assert "order book" in ordered
    assert "trade book" in traded


def run_failing(binance: Binance, read: Callable[[BinanceBroker], Awaitable[Any]]) -> str:
    with pytest.raises(BrokerUnavailable) as error:
        run(binance, read)
    return str(error.value)


def test_what_is_held_and_what_it_is_worth():
    balances = [
        {"asset": "USDT", "free": "900.50000000", "locked": "99.50000000"},
        {"asset": "BTC", "free": "0.00100000", "locked": "0.00150900"},
        {"asset": "ETH", "free": "0.00009000", "locked": "0.00000000"},
    ]
    trade = {
        "symbol": "BTCUSDT",
        "id": 7,
        "orderId": 1,
        "price": "90000.00000000",
        "qty": "0.00250900",
        "commission": "0.00000000",
        "commissionAsset": "BNB",
        "time": now(),
        "isBuyer": True,
    }
    prices = [{"symbol": "BTCUSDT", "price": "91000.00000000"}, {"symbol": "ETHUSDT", "price": "3000.00000000"}]
    binance = Binance(account={"uid": 1, "balances": balances}, myTrades=[trade], price=prices)
    (position,) = run(binance, lambda broker: broker.positions(), pairs="BTCUSDT ETHUSDT")
    assert (position.symbol, position.quantity, position.average_price) == ("BTCUSDT", 250, Decimal(90000))
    funds = run(binance, lambda broker: broker.funds(), pairs="BTCUSDT ETHUSDT")
    used = Decimal("99.5") + Decimal("0.002509") * 91000 + Decimal("0.00009") * 3000
    assert (funds.available, funds.used, funds.total) == (Decimal("900.5"), used, Decimal("900.5") + used)


def test_fills_are_named_as_their_orders_are():
    trade = {"symbol": "BTCUSDT", "id": 7, "orderId": 1, "price": "90000", "qty": "0.0025", "commission": "0"}
    rest = {"commissionAsset": "BNB", "time": now(), "isBuyer": False}
    old = {**trade, **rest, "id": 6, "time": now() - 30 * HOUR}
    binance = Binance(allOrders=[row(1, at=now())], myTrades=[old, {**trade, **rest}])
    (fill,) = run(binance, lambda broker: broker.trade_book())
    assert (fill.broker_order_id, fill.exchange_trade_id, fill.quantity) == ("BTCUSDT:tag1", "BTCUSDT:7", 250)


def test_binance_s_clock_is_asked_once_and_gone_by():
    ahead = 3 * HOUR
    binance = Binance(time={"serverTime": now() + ahead})

    async def twice(broker: BinanceBroker) -> None:
        await broker.order_book()
        await broker.order_book()

    run(binance, twice)
    assert len(binance.calls("time")) == 1
    stamps = [int(query["timestamp"]) for query in binance.calls("allOrders")]
    assert all(abs(stamp - now() - ahead) < 60_000 for stamp in stamps)


def test_a_doubted_timestamp_makes_it_ask_again():
    binance = Binance(order=(400, {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}))

    async def twice(broker: BinanceBroker) -> list[Verdict]:
        return [(await broker.place(WISH)).verdict for _ in range(2)]

    assert run(binance, twice) == [Verdict.REJECTED, Verdict.REJECTED]
    assert [path for path, _ in binance.asked] == ["time", "order", "time", "order"]


def test_a_clock_that_cannot_be_read_does_not_stop_an_order():
    taken = {"symbol": WISH.symbol, "orderId": 28, "orderListId": -1, "clientOrderId": WISH.client_order_id}
    binance = Binance(time=(500, {}), order=taken)

    async def twice(broker: BinanceBroker) -> list[Verdict]:
        return [(await broker.place(WISH)).verdict for _ in range(2)]

    assert run(binance, twice) == [Verdict.ACKNOWLEDGED] * 2
    assert len(binance.calls("time")) == 1


@pytest.mark.parametrize("change", [{"clientOrderId": "another"}, {"symbol": "ETHUSDT"}])
def test_an_answer_about_another_order_proves_nothing(change):
    taken = {"symbol": WISH.symbol, "orderId": 28, "clientOrderId": WISH.client_order_id} | change
    outcome = run(Binance(order=taken), lambda broker: broker.place(WISH))
    assert (outcome.verdict, outcome.broker_order_id) == (Verdict.UNKNOWN, "")


def test_the_keys_sign_in_by_themselves_and_say_whose_they_are():
    async def sign_in(uid: int) -> str:
        async with serve(Binance(account={"uid": uid, "balances": []})) as url:
            login = BinanceLogin(account(url))
            try:
                return (await login.sign_in(now=datetime.now(UTC))).access_token
            finally:
                await login.aclose()

    assert asyncio.run(sign_in(354937868)) == "key1"
    with pytest.raises(BrokerError, match="354937869") as raised:
        asyncio.run(sign_in(354937869))
    assert raised.value.code == "WRONG_CLIENT"


def test_dead_keys_are_a_lost_session():
    dead = (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."})
    with pytest.raises(SessionLost):
        run(Binance(account=dead), lambda broker: broker.funds())
