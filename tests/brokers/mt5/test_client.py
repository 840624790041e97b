"""The adapter at a room whose terminal is the test itself: what it leaves there, and what silence proves."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from brokers.connect import BridgeDesk, connect, connect_feed, connect_login, connect_market_data
from brokers.mt5.counter import Visit, serve
from brokers.mt5.facts import MAGIC
from brokers.mt5.protocol import written
from brokers.mt5.room import RoomUnavailable
from brokers.mt5.spec import ENDPOINT, SPEC
from domain.broker import NOTHING_AT_BROKER, BrokerError, BrokerUnavailable, Credentials, RawTick, SessionLost, Verdict
from domain.orders import OrderChange, OrderStatus, OrderType, Side
from tests.brokers.bridge import MemoryRoom
from tests.brokers.mt5 import words
from tests.brokers.mt5.test_orders import WISH

QUICK = 0.3
Answer = Callable[[dict[str, Any]], bytes | None]


class Terminal:
    """Polls the room as fast as it can; commands are answered as the test says."""

    def __init__(self, room: MemoryRoom, *, answer: Answer = lambda command: None, **hello: Any) -> None:
        self.room = room
        self.answer = answer
        self.book = words.sync()
        self.ticks: list[dict[str, Any]] = []
        self.commands: list[dict[str, Any]] = []
        self.is_silent = False
        self._seq = 0
        self._books = 0
        self.said = self.call("hello", words.hello(**hello))

    def call(self, name: str, body: bytes) -> dict[str, Any]:
        self._seq += 1
        visit = Visit(self.room, self.room.client_id, self._seq, datetime.now(UTC))
        said: dict[str, Any] = orjson.loads(written(serve(name, body, visit).body))
        return said

    def show(self, *orders: Any, deals: Any = (), positions: Any = ()) -> None:
        """Have another book from the next poll on."""
        self._books += 1
        marks = {"orders_hash": f"orders {self._books}", "positions_hash": f"positions {self._books}"}
        self.book = words.sync(list(orders), list(deals), list(positions)) | marks

    async def run(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            if not self.is_silent:
                self._poll()

    def _poll(self) -> None:
        marks = {name: self.book[name] for name in ("orders_hash", "positions_hash")}
        sync = {"sync": self.book} if self.said["resync"] else {}
        body = words.poll(self.said["session"], self.said["mark"], ticks=self.ticks, **marks, **sync)
        self.said = self.call("poll", body)
        for command in self.said["commands"]:
            self.commands.append(command)
            answer = self.answer(command)
            if answer is not None:
                self.call("bars" if command["type"] == "copy_rates" else "result", answer)


class Scene:
    """An account and its terminal."""

    def __init__(self, *, timeout: float = QUICK, step_of: Any = None, **terminal: Any) -> None:
        self.room = MemoryRoom("5001")
        self.terminal = Terminal(self.room, **terminal)
        self.desk = BridgeDesk(self.room)
        self.credentials = Credentials("5001", access_token=self.room.link_name())
        options = {"step_of": step_of} if step_of else {}
        self.broker = connect("mt5", self.credentials, ENDPOINT, timeout=timeout, desk=self.desk, **options)
        self.market = connect_market_data("mt5", self.credentials, ENDPOINT, timeout=timeout, desk=self.desk)

    def result(self, cmd_id: str, **changes: Any) -> bytes:
        return words.result(self.terminal.said["session"], cmd_id, **changes)


def play(test: Callable[[Scene], Awaitable[None]], **options: Any) -> None:
    async def whole() -> None:
        scene = Scene(**options)
        polling = asyncio.create_task(scene.terminal.run())
        try:
            async with asyncio.timeout(30):
                await test(scene)
        finally:
            polling.cancel()
            outcome = (await asyncio.gather(polling, return_exceptions=True))[0]
            assert isinstance(outcome, asyncio.CancelledError), outcome

    asyncio.run(whole())


def test_an_order_without_an_answer_is_unknown_once_the_terminal_was_told():
    async def test(scene: Scene) -> None:
        outcome = await scene.broker.place(WISH)
        assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "NO_ANSWER")
        assert {one["cmd_id"] for one in scene.terminal.commands} == {"TAG1"}
        again = await scene.broker.place(WISH)
        assert (again.verdict, again.code) == (Verdict.UNKNOWN, "POSTED")

    play(test)


def test_an_order_nobody_came_for_is_provably_not_accepted_and_never_told_later():
    async def test(scene: Scene) -> None:
        scene.terminal.is_silent = True
        outcome = await scene.broker.place(WISH)
        assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "NOT_FETCHED")
        scene.terminal.is_silent = False
        await scene.broker.order_book()
        assert scene.terminal.commands == []

    play(test)


def test_a_room_that_breaks_down_after_the_order_was_left_proves_nothing():
    async def test(scene: Scene) -> None:
        async def broken(cmd_id: str) -> None:
            raise RoomUnavailable("the database went away")

        scene.room.answer = broken  # type: ignore[method-assign]
        outcome = await scene.broker.place(WISH)
        assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "ROOM")

    play(test)


def test_a_room_that_cannot_be_asked_before_takes_no_order():
    async def test(scene: Scene) -> None:
        async def broken() -> None:
            raise RoomUnavailable("the database went away")

        scene.room.seen = broken  # type: ignore[method-assign,assignment]
        assert (await scene.broker.place(WISH)).verdict is Verdict.REJECTED
        with pytest.raises(BrokerUnavailable, match="mt5"):
            await scene.broker.order_book()
        assert scene.room.waiting() == []

    play(test)


def test_a_token_that_ended_is_a_lost_session_to_everything_and_leaves_nothing():
    async def test(scene: Scene) -> None:
        scene.room.name = "another"
        change = OrderChange(OrderType.LIMIT, 3, 1, "MT5", price=Decimal(1), symbol="XAUUSD")
        calls = (scene.broker.place(WISH), scene.broker.modify("11", change), scene.broker.cancel("11"))
        assert {outcome.verdict for outcome in await asyncio.gather(*calls)} == {Verdict.SESSION_LOST}
        broker, market = scene.broker, scene.market
        reads = (broker.order_book, broker.trade_book, broker.positions, broker.funds, market.instruments)
        for read in reads:
            with pytest.raises(SessionLost):
                await read()
        assert scene.room.waiting() == []

    play(test)


def test_a_book_older_than_the_question_is_never_shown():
    async def test(scene: Scene) -> None:
        assert list(await scene.broker.order_book()) == []
        scene.terminal.is_silent = True
        for read in (scene.broker.order_book, scene.broker.trade_book, scene.broker.positions, scene.broker.funds):
            with pytest.raises(BrokerUnavailable, match=r"mt5.* s old"):
                await read()
        scene.terminal.is_silent = False
        scene.terminal.show(words.ORDER)
        (order,) = await scene.broker.order_book()
        assert order.client_order_id == "TAG1"

    play(test)


def test_a_book_that_begins_anew_is_waited_for():
    async def test(scene: Scene) -> None:
        scene.terminal.show(words.ORDER)
        await scene.broker.order_book()
        scene.terminal.is_silent = True
        scene.terminal.said = scene.terminal.call("hello", words.hello())
        with pytest.raises(BrokerUnavailable, match="mt5"):
            await scene.broker.positions()
        scene.terminal.is_silent = False
        assert [one.broker_order_id for one in await scene.broker.order_book()] == ["11"]

    play(test)


def test_a_pending_order_fills_in_parts_that_add_up_at_every_read():
    async def test(scene: Scene) -> None:
        parts = [words.DEAL | {"ticket": 21 + number, "volume": 0.01} for number in range(3)]
        seen = []
        for count in range(4):
            left, done = round(0.03 - count * 0.01, 2), count == 3
            order = words.ORDER | {"volume_current": left, "state": 4 if done else 1}
            scene.terminal.show(order, deals=parts[:count])
            (shown,) = await scene.broker.order_book()
            fills = await scene.broker.trade_book()
            assert sum(fill.quantity for fill in fills) == shown.filled_quantity == count
            seen.append(shown.status)
        partly = OrderStatus.PARTIALLY_FILLED
        assert seen == [OrderStatus.OPEN, partly, partly, OrderStatus.FILLED]

    play(test)


def test_a_price_is_changed_and_a_volume_is_not():
    def answer(command: dict[str, Any]) -> bytes | None:
        return words.result(play_said["session"], command["cmd_id"], order=command["request"]["order"])

    play_said: dict[str, Any] = {}

    async def test(scene: Scene) -> None:
        play_said.update(scene.terminal.said)
        scene.terminal.show(words.ORDER)
        await scene.broker.order_book()
        change = OrderChange(OrderType.LIMIT, 3, 1, "MT5", price=Decimal("4001.5"), symbol="XAUUSD")
        changed = await scene.broker.modify("11", change)
        assert (changed.verdict, changed.broker_order_id) == (Verdict.ACKNOWLEDGED, "11")
        assert scene.terminal.commands[-1]["request"]["price"] == 4001.5
        refused = await scene.broker.modify("11", replace(change, quantity=4))
        assert (refused.verdict, refused.code) == (Verdict.REJECTED, "INVALID")

    play(test, answer=answer)


LEAVE = replace(WISH, side=Side.SELL, reduce_only=True)
OURS = words.POSITION | {"magic": MAGIC, "ticket": 77, "volume": 0.03}


def last_request(scene: Scene) -> tuple[int, float, bool]:
    request = scene.terminal.commands[-1]["request"]
    return request["position"], request["volume"], request["reduce_only"]


def test_on_a_hedging_account_an_exit_names_its_ticket_and_an_entry_never_does():
    async def test(scene: Scene) -> None:
        scene.terminal.show(positions=[OURS, OURS | {"ticket": 78, "magic": 0, "volume": 0.09}])
        await scene.broker.positions()
        await scene.broker.place(LEAVE)
        assert last_request(scene) == (77, 0.03, True)
        await scene.broker.place(replace(LEAVE, client_order_id="TAG2", quantity=5))
        assert last_request(scene) == (77, 0.03, True)
        await scene.broker.place(replace(WISH, client_order_id="TAG3", side=Side.SELL))
        assert last_request(scene) == (0, 0.03, False)

    play(test, margin_mode=2)


def test_an_exit_of_a_hedging_account_without_a_ticket_looks_again_before_it_is_refused():
    async def test(scene: Scene) -> None:
        await scene.broker.positions()
        scene.terminal.show(positions=[OURS])
        assert (await scene.broker.place(LEAVE)).verdict is Verdict.UNKNOWN
        assert last_request(scene) == (77, 0.03, True)
        scene.terminal.show(positions=[OURS | {"magic": 0}])
        await scene.broker.positions()
        nothing = await scene.broker.place(replace(LEAVE, client_order_id="TAG2"))
        assert (nothing.verdict, nothing.code) == (Verdict.REJECTED, NOTHING_AT_BROKER)
        assert "mt5" in nothing.message
        assert {one["cmd_id"] for one in scene.terminal.commands} == {"TAG1"}
        assert [one.cmd_id for one in scene.room.waiting()] == ["TAG1"]

    play(test, margin_mode=2, timeout=1.0)


def test_an_exit_whose_book_is_not_shown_in_time_is_refused_unsent_for_that():
    async def test(scene: Scene) -> None:
        await scene.broker.positions()
        scene.terminal.is_silent = True
        outcome = await scene.broker.place(LEAVE)
        assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "STALE")
        assert scene.room.waiting() == []

    play(test, margin_mode=2)


def test_on_a_netting_account_an_exit_names_no_ticket_but_says_what_it_is():
    async def test(scene: Scene) -> None:
        await scene.broker.place(LEAVE)
        assert last_request(scene) == (0, 0.03, True)

    play(test)


def test_a_symbol_that_means_another_unit_than_our_master_is_neither_traded_nor_read():
    async def test(scene: Scene) -> None:
        outcome = await scene.broker.place(WISH)
        assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "INVALID")
        scene.terminal.show(words.ORDER)
        with pytest.raises(BrokerUnavailable, match="mt5"):
            await scene.broker.order_book()
        assert scene.terminal.commands == []

    play(test, step_of=lambda exchange, symbol: Decimal(10))


def test_a_sign_in_finds_out_why_the_terminal_does_not_serve():
    async def signed_in(room: MemoryRoom) -> str:
        login = connect_login("mt5", Credentials("5001"), ENDPOINT, desk=BridgeDesk(room))
        try:
            token = await login.sign_in(now=datetime.now(UTC))
        except BrokerError as error:
            return error.code if "mt5" in error.message else error.message
        return "" if token.access_token == room.link_name() else "another token"

    async def whole() -> None:
        room = MemoryRoom("5001")
        assert await signed_in(room) == "OFFLINE"
        terminal = Terminal(room)
        assert await signed_in(room) == ""
        room._link.seen_at = datetime(2026, 1, 1, tzinfo=UTC)
        assert await signed_in(room) == "OFFLINE"
        terminal.call("hello", words.hello(trade_allowed=False))
        assert await signed_in(room) == "TRADING_OFF"
        room.token = ""
        assert await signed_in(room) == "NO_TOKEN"

    asyncio.run(whole())


def test_without_a_desk_nothing_is_connected():
    for make in (connect, connect_login, connect_feed, connect_market_data):
        with pytest.raises(BrokerError, match="DESK"):
            make("mt5", Credentials("5001"), ENDPOINT)


def test_bars_that_contradict_themselves_and_a_terminal_without_any_are_errors():
    bar = {"time": 1764442800, "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "tick_volume": 5}
    rows: list[dict[str, Any]] = [bar]
    holder: list[Scene] = []

    def answer(command: dict[str, Any]) -> bytes | None:
        return words.bars(holder[0].terminal.said["session"], command["cmd_id"], *rows)

    async def test(scene: Scene) -> None:
        holder.append(scene)
        (gold,) = await scene.market.instruments()
        rule = SPEC.candles[0]
        start = datetime.fromtimestamp(1764442800, tz=UTC)
        asked = {"interval": rule.interval, "since": start, "until": start + rule.longest}
        (candle,) = await scene.market.candles(gold, **asked)  # type: ignore[attr-defined]
        assert (candle.start, candle.high, candle.volume) == (start, 11, 5)
        rows[0] = bar | {"high": 10.0}
        with pytest.raises(BrokerUnavailable, match="mt5"):
            await scene.market.candles(gold, **asked)  # type: ignore[attr-defined]
        scene.terminal.is_silent = True
        with pytest.raises(BrokerUnavailable, match="NO_ANSWER"):
            await scene.market.candles(gold, **asked)  # type: ignore[attr-defined]

    play(test, answer=answer)


def tick(price: float, at: int, symbol: str = "XAUUSD") -> dict[str, Any]:
    return {"symbol": symbol, "time_msc": at, "bid": price, "ask": price + 0.1, "last": 0.0}


def test_the_feed_shows_each_tick_once_and_says_when_the_terminal_fell_silent():
    async def test(scene: Scene) -> None:
        feed = connect_feed("mt5", scene.credentials, ENDPOINT, desk=scene.desk, silence_seconds=0.3)
        await feed.subscribe(["XAUUSD"])
        scene.terminal.ticks = [tick(4000.1, 1), tick(1.1, 1, "EURUSD")]
        shown: list[RawTick] = []

        async def watched() -> None:
            async for batch in feed.connect():
                shown.extend(batch)
                scene.terminal.ticks = [tick(4000.2, 2)]
                scene.terminal.is_silent = len(shown) > 1

        with pytest.raises(BrokerUnavailable, match="SILENT"):
            await watched()
        assert [(one.token, one.bid, one.last_price, one.exchange_at) for one in shown] == [
            ("XAUUSD", 400_010_000_000, 400_010_000_000, 1),
            ("XAUUSD", 400_020_000_000, 400_020_000_000, 2),
        ]

    play(test)
