"""A hedging account at the simulated terminal, over real sockets: every entry a ticket of its own, exits by ticket."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from brokers.catalog import simulated_endpoint
from brokers.connect import BridgeDesk, connect, connect_login
from brokers.mt5.facts import MAGIC
from brokers.mt5.orders import DEAL
from domain.broker import NOTHING_AT_BROKER, Broker, Credentials, Outcome, Verdict
from domain.orders import BrokerOrder, OrderRequest, OrderStatus, Side
from tests.brokers.bridge import Bridge, MemoryRoom, bridge
from tests.brokers.mt5.test_orders import WISH
from tests.simulated import simulated_exchange

PATIENCE = 60.0
HEDGING = {"margin_mode": "2"}
FAR = {Side.BUY: Decimal("9000.00"), Side.SELL: Decimal("1000.00")}
"""Prices at which an order surely trades at once."""

_logins = count(60_001)
_tags = count(1)


class Exchange:
    """The simulated exchange, which may be killed and start again on its ledger."""

    def __init__(self, state: Path, stack: ExitStack) -> None:
        self._state = state
        self._stack = stack
        self._running = ExitStack()
        self.url = ""

    def start(self) -> None:
        self._running.close()
        self._running = self._stack.enter_context(ExitStack())
        self.url = self._running.enter_context(simulated_exchange(self._state, clients=1))


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with ExitStack() as stack:
        found = Exchange(tmp_path_factory.mktemp("hedging"), stack)
        found.start()
        yield found


class Account:
    """A client's terminal with our program on a chart, and the adapter at the other side of the bridge."""

    def __init__(self, exchange: Exchange, served: Bridge) -> None:
        self.login = str(next(_logins))
        self.exchange = exchange
        self.served = served
        self.room: MemoryRoom = served.open(self.login)
        self.broker: Broker

    async def post(self, path: str, body: Any, *, method: str = "POST") -> Any:
        url = f"{self.exchange.url}/{path}"
        async with aiohttp.ClientSession() as http, http.request(method, url, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def open(self) -> None:
        client = {"client": self.login, "broker": "mt5", "api_key": f"key{self.login}", "api_secret": "password"}
        await self.post("control/clients", {"clients": [{**client, "extra": HEDGING}]})
        await self.attach()
        endpoint = simulated_endpoint("mt5", self.exchange.url)
        login = connect_login("mt5", Credentials(self.login), endpoint, desk=BridgeDesk(self.room))
        token = await login.sign_in(now=datetime.now(UTC))
        credentials = Credentials(self.login, access_token=token.access_token)
        self.broker = connect("mt5", credentials, endpoint, desk=BridgeDesk(self.room), timeout=PATIENCE / 2)

    async def attach(self) -> None:
        """Put the program on a chart, as after a restart of the terminal."""
        before = (await self.room.seen()).seen_at
        attached = {"login": self.login, "password": "password", "url": self.served.url, "token": self.room.token}
        await self.post("mt5/expert", attached)
        async with asyncio.timeout(PATIENCE):
            while (seen := await self.room.seen()).as_of is None or seen.seen_at == before:
                await self.room.changed(within=1.0)

    async def detach(self) -> None:
        await self.post("mt5/expert", {"login": self.login}, method="DELETE")

    async def ask(self, function: str, **arguments: Any) -> Any:
        body = {"login": self.login, "password": "password", "arguments": arguments}
        return (await self.post(f"mt5/terminal/{function}", body))["result"]

    async def by_hand(self, side: Side, volume: float, *, position: int = 0) -> None:
        """Trade in the terminal itself, as its owner would."""
        tick = (await self.ask("ticks", symbols=["XAUUSD"]))["XAUUSD"]
        price = tick["ask"] if side is Side.BUY else tick["bid"]
        deal = {"action": DEAL, "symbol": "XAUUSD", "volume": volume, "type": 0 if side is Side.BUY else 1}
        more = {"type_filling": 1, "type_time": 0, "price": price, "deviation": 1_000_000, "position": position}
        said = await self.ask("order_send", **deal, **more)
        assert said["retcode"] == 10009, said

    async def tickets(self) -> list[tuple[int, float, bool]]:
        """Every open position: 0 for long and 1 for short, volume, and whether it is ours."""
        rows = await self.ask("positions_get")
        return sorted((row["type"], row["volume"], row["magic"] == MAGIC) for row in rows)

    async def place(self, side: Side, quantity: int, *, reduce_only: bool = False) -> tuple[OrderRequest, Outcome]:
        tag = f"HEDGE{next(_tags)}"
        wish = replace(WISH, client_order_id=tag, side=side, quantity=quantity, price=FAR[side])
        wish = replace(wish, reduce_only=reduce_only)
        return wish, await self.broker.place(wish)

    async def enter(self, side: Side, quantity: int) -> None:
        await self._filled(*await self.place(side, quantity))

    async def leave(self, side: Side, quantity: int) -> BrokerOrder:
        return await self._filled(*await self.place(side, quantity, reduce_only=True))

    async def held(self) -> int:
        return sum(one.quantity for one in await self.broker.positions())

    async def _filled(self, wish: OrderRequest, outcome: Outcome) -> BrokerOrder:
        assert outcome.verdict is Verdict.ACKNOWLEDGED, outcome
        async with asyncio.timeout(PATIENCE):
            while True:
                for order in await self.broker.order_book():
                    if (order.client_order_id, order.status) == (wish.client_order_id, OrderStatus.FILLED):
                        return order


def play(exchange: Exchange, test: Callable[[Account], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with bridge() as served:
            account = Account(exchange, served)
            try:
                await account.open()
                await test(account)
            finally:
                await account.detach()

    asyncio.run(whole())


def test_in_partly_out_and_out(exchange: Exchange):
    async def test(account: Account) -> None:
        await account.enter(Side.BUY, 5)
        await account.leave(Side.SELL, 2)
        assert await account.tickets() == [(0, 0.03, True)]
        assert await account.held() == 3
        await account.leave(Side.SELL, 3)
        assert await account.tickets() == []
        assert await account.held() == 0

    play(exchange, test)


def test_an_entry_against_a_held_ticket_opens_its_own_and_each_is_left_by_its_own_exit(exchange: Exchange):
    async def test(account: Account) -> None:
        await account.enter(Side.BUY, 3)
        await account.enter(Side.SELL, 3)
        assert await account.tickets() == [(0, 0.03, True), (1, 0.03, True)]
        assert await account.held() == 0
        await account.leave(Side.SELL, 3)
        assert await account.tickets() == [(1, 0.03, True)]
        await account.leave(Side.BUY, 3)
        assert await account.tickets() == []

    play(exchange, test)


def test_an_exit_of_several_tickets_takes_them_one_order_after_the_other(exchange: Exchange):
    async def test(account: Account) -> None:
        await account.enter(Side.SELL, 2)
        await account.enter(Side.SELL, 3)
        first = await account.leave(Side.BUY, 5)
        assert (first.quantity, first.filled_quantity) == (3, 3)
        rest = await account.leave(Side.BUY, 2)
        assert (rest.quantity, rest.filled_quantity) == (2, 2)
        assert await account.tickets() == []
        assert sum(fill.quantity * fill.side.sign for fill in await account.broker.trade_book()) == 0

    play(exchange, test)


def test_an_exit_without_a_ticket_is_refused_unsent_and_never_touches_its_owners(exchange: Exchange):
    async def test(account: Account) -> None:
        await account.by_hand(Side.BUY, 0.04)
        assert await account.held() == 0  # another's ticket is no position of ours
        _, outcome = await account.place(Side.SELL, 3, reduce_only=True)
        assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, NOTHING_AT_BROKER)
        await account.enter(Side.SELL, 4)
        assert await account.tickets() == [(0, 0.04, False), (1, 0.04, True)]
        requests = (await account.post(f"control/ledger?client={account.login}&event=REQUEST", None, method="GET"))[
            "entries"
        ]
        assert [one["side"] for one in requests] == ["BUY", "SELL"]

    play(exchange, test)


def test_a_ticket_its_owner_closed_by_hand_is_shown_as_such_and_nothing_is_left_to_reduce(exchange: Exchange):
    async def test(account: Account) -> None:
        await account.enter(Side.BUY, 3)
        (ticket,) = [row["ticket"] for row in await account.ask("positions_get")]
        await account.by_hand(Side.SELL, 0.03, position=ticket)
        assert await account.held() == 0
        outside = [one for one in await account.broker.order_book() if not one.client_order_id]
        assert [(one.side, one.filled_quantity) for one in outside] == [(Side.SELL, 3)]
        _, outcome = await account.place(Side.SELL, 3, reduce_only=True)
        assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, NOTHING_AT_BROKER)
        assert await account.tickets() == []

    play(exchange, test)


def test_an_exit_whose_ticket_shrank_after_the_book_was_shown_sends_nothing(exchange: Exchange):
    async def test(account: Account) -> None:
        await account.enter(Side.BUY, 3)
        await account.held()
        await account.detach()
        (ticket,) = [row["ticket"] for row in await account.ask("positions_get")]
        await account.by_hand(Side.SELL, 0.02, position=ticket)
        leaving = asyncio.create_task(account.place(Side.SELL, 3, reduce_only=True))
        async with asyncio.timeout(PATIENCE):
            while not account.room.waiting():  # noqa: ASYNC110 - the room tells of the terminal's calls alone
                await asyncio.sleep(0.01)
        await account.attach()
        _, outcome = await leaving
        assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, NOTHING_AT_BROKER)
        assert await account.tickets() == [(0, 0.01, True)]
        assert (await account.leave(Side.SELL, 3)).filled_quantity == 1

    play(exchange, test)


def test_a_terminal_that_starts_again_still_knows_its_tickets(exchange: Exchange):
    async def test(account: Account) -> None:
        await account.enter(Side.BUY, 5)
        await account.detach()
        await account.attach()
        await account.leave(Side.SELL, 2)
        assert await account.tickets() == [(0, 0.03, True)]
        await account.detach()
        await asyncio.to_thread(account.exchange.start)  # the trade server, too: its books are on disk
        await account.attach()
        assert await account.tickets() == [(0, 0.03, True)]
        assert await account.held() == 3
        await account.leave(Side.SELL, 3)
        assert await account.tickets() == []

    play(exchange, test)
