"""Books, money and the sign of life: which calls are made, and what is not believed."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from brokers.ibkr import portfolio
from brokers.ibkr.access import Access
from brokers.ibkr.client import IbkrBroker
from brokers.ibkr.pulse import EVERY_SECONDS, Pulse
from brokers.rest import RestAccount
from domain.broker import BrokerUnavailable, SessionLost
from tests.brokers.ibkr.cast import NAME, Script, account, documented
from tests.brokers.ibkr.test_mapping import ORDER, POSITION, TRADE
from tests.brokers.servers import serve

_T = TypeVar("_T")
ORDERS, TRADES = "/iserver/account/orders", "/iserver/account/trades"
POSITIONS, SUMMARY = f"/portfolio/{NAME}/positions", f"/portfolio/{NAME}/summary"
ALIVE = {"session": "x", "iserver": {"authStatus": {"authenticated": True, "competing": False, "connected": True}}}


def asked(script: Script, read: Callable[[RestAccount[Access]], Awaitable[_T]]) -> _T:
    async def go() -> _T:
        async with serve(script.answer) as base:
            held = account(base)
            try:
                return await read(held)
            finally:
                await held.wire.aclose()

    return asyncio.run(go())


def money(amount: float, currency: str | None = "INR") -> dict[str, Any]:
    return {"amount": amount, "currency": currency, "isNull": False}


def test_executions_are_joined_to_what_the_order_book_showed():
    script = Script({ORDERS: [(200, {"orders": [ORDER], "snapshot": True})], TRADES: [(200, [TRADE])]})

    async def read(held: RestAccount[Access]) -> list[str]:
        before = await portfolio.trade_book(held)
        await portfolio.order_book(held)
        after = await portfolio.trade_book(held)
        return [fill.broker_order_id for fill in (*before, *after)]

    assert asked(script, read) == ["", "1370093238"]
    assert script.paths() == [TRADES, ORDERS, TRADES]


def test_positions_are_read_past_the_cache_and_page_by_page():
    rows = [{**POSITION, "conid": 5_000 + number} for number in range(portfolio.PAGE + 1)]
    script = Script(
        {
            f"{POSITIONS}/invalidate": [(200, {"message": "success"})],
            f"{POSITIONS}/0": [(200, rows[: portfolio.PAGE])],
            f"{POSITIONS}/1": [(200, rows[portfolio.PAGE :])],
        }
    )
    found = asked(script, portfolio.positions)
    assert [one.symbol for one in found] == [str(row["conid"]) for row in rows]
    assert script.paths() == [f"{POSITIONS}/invalidate", f"{POSITIONS}/0", f"{POSITIONS}/1"]


def test_a_page_is_full_of_what_is_held_elsewhere_too():
    elsewhere = {**POSITION, "currency": "USD", "position": 0.5}
    script = Script(
        {
            f"{POSITIONS}/invalidate": [(200, {"message": "success"})],
            f"{POSITIONS}/0": [(200, [elsewhere] * portfolio.PAGE)],
            f"{POSITIONS}/1": [(200, [POSITION])],
        }
    )
    assert len(asked(script, portfolio.positions)) == 1


def test_a_missing_page_or_a_cache_that_stays_is_no_empty_book():
    for answers in (
        {f"{POSITIONS}/invalidate": [(503, {"error": "Service Unavailable"})]},
        {f"{POSITIONS}/invalidate": [(200, {"message": "success"})], f"{POSITIONS}/0": [(200, {"error": "later"})]},
    ):
        with pytest.raises(BrokerUnavailable, match="ibkr"):
            asked(Script(answers), portfolio.positions)


def test_the_documented_summary_is_money_in_the_accounts_currency_turned_into_rupees():
    script = Script(
        {
            SUMMARY: [(200, documented("trading-portfolio", "/portfolio/{accountId}/summary"))],
            "/iserver/exchangerate": [(200, {"rate": 84.5})],
        }
    )
    funds = asked(script, portfolio.funds)
    assert funds.available == Decimal(205266944) * Decimal("84.5")
    assert funds.total == funds.available + funds.used


def test_rupees_need_no_rate():
    script = Script({SUMMARY: [(200, {"availablefunds": money(825208.5), "initmarginreq": money(1000)})]})
    funds = asked(script, portfolio.funds)
    assert (funds.available, funds.used, funds.total) == (Decimal("825208.5"), 1000, Decimal("826208.5"))
    assert script.paths() == [SUMMARY]


@pytest.mark.parametrize("rate", [{"rate": 0}, {"rate": -1}, {}, {"error": "no such currency"}])
def test_money_without_a_rate_is_no_money(rate):
    summary = {"availablefunds": money(1, "USD"), "initmarginreq": money(1, "USD")}
    with pytest.raises(BrokerUnavailable, match="ibkr"):
        asked(Script({SUMMARY: [(200, summary)], "/iserver/exchangerate": [(200, rate)]}), portfolio.funds)


def beaten(status: object, *, after: float = EVERY_SECONDS) -> list[str]:
    now = [100.0]
    script = Script({"/tickle": [(200, status)]})

    async def read(held: RestAccount[Access]) -> None:
        pulse = Pulse(clock=lambda: now[0])
        await pulse.beat(held)
        now[0] += after
        await pulse.beat(held)
        await pulse.beat(held)

    asked(script, read)
    return script.paths()


def test_a_session_is_tickled_once_in_a_while_and_not_more():
    assert beaten(ALIVE) == ["/tickle"]
    assert beaten(ALIVE, after=EVERY_SECONDS - 1) == []
    assert beaten({"session": "x"}) == ["/tickle"]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"authenticated": False, "competing": True, "connected": True}, "another sign-in"),
        ({"authenticated": False, "competing": False, "connected": True}, "ended"),
        ({"authenticated": True, "competing": False, "connected": False}, "ended"),
    ],
)
def test_a_brokerage_session_that_is_gone_is_a_lost_one(status, why):
    with pytest.raises(SessionLost, match=why):
        beaten({"iserver": {"authStatus": status}})


def test_a_read_of_the_orders_keeps_the_session_alive_first():
    script = Script({"/tickle": [(200, ALIVE)], ORDERS: [(200, {"orders": [ORDER], "snapshot": True})]})

    async def read(held: RestAccount[Access]) -> int:
        broker = IbkrBroker(held)
        broker._pulse = Pulse(clock=iter([0.0, 60.0, 60.0, 61.0]).__next__)
        return len(await broker.order_book()) + len(await broker.order_book())

    assert asked(script, read) == 2
    assert script.paths() == ["/tickle", ORDERS, ORDERS]
