"""The session's one market socket: how it is opened, who shares it, and how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, cast

import pytest
from aiohttp import web

from brokers.aliceblue import line as lines
from brokers.connect import connect_feed, connect_market_data
from domain.broker import BrokerUnavailable, MarketData, MarketFeed, Quote, RawTick, SessionLost
from tests.brokers.aliceblue.cast import CREDENTIALS, endpoint, lot_size_of
from tests.brokers.aliceblue.test_instruments import CALL, FUTURE, HEADER
from tests.brokers.servers import serve

OPTION, OTHER = "NFO|54452", "NFO|61"
KEYS = [("NFO", "NIFTY01DEC26C24200"), ("NFO", "M&M24NOV26F")]
WELCOME = {"t": "cf", "k": "OK"}
OK = {"status": "Ok", "message": "Success", "result": [{"Status": "OK"}]}
EXPIRED = {"status": "Not_ok", "message": "EC087 : Session Expired", "result": []}
Answers = Callable[[dict[str, Any]], list[dict[str, Any]]]


def shown(kind: str, key: str, **more: str) -> dict[str, Any]:
    exchange, token = key.split("|")
    return {"t": kind, "e": exchange, "tk": token, "lp": "42.10", **more}


def keys_of(message: dict[str, Any]) -> list[str]:
    return [key for key in str(message.get("k", "")).split("#") if key]


def every(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Show whatever is asked for."""
    return [shown(f"{message['t']}k", key) for key in keys_of(message)] if message["t"] in ("t", "d") else []


class Broker:
    """A server that notes what is asked of it, in order, and answers subscriptions as told."""

    def __init__(
        self, answers: Answers = every, *, welcome: Any = WELCOME, session: Any = OK, status: int = 200
    ) -> None:
        self.asked: list[Any] = []
        self.opened = 0
        self.sockets: list[web.WebSocketResponse] = []
        self.is_left = asyncio.Event()
        self._answers = answers
        self._welcome = welcome
        self._session = session
        self._status = status

    async def answer(self, http: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        if socket.can_prepare(http).ok:
            return await self._talk(http, socket)
        if http.path.endswith(".csv"):
            return web.Response(text="\n".join((HEADER, CALL, FUTURE)))
        assert http.headers["Authorization"] == "Bearer token1"
        self.asked.append((http.path.rsplit("/", 1)[1], await http.json()))
        return web.json_response(self._session, status=self._status)

    async def _talk(self, http: web.Request, socket: web.WebSocketResponse) -> web.StreamResponse:
        await socket.prepare(http)
        self.opened += 1
        self.sockets.append(socket)
        self.asked.append(("hello", await socket.receive_json()))
        await socket.send_json(self._welcome)
        async for message in socket:
            said = json.loads(message.data)
            self.asked.append((said["t"], said.get("k", "")))
            for row in self._answers(said):
                await socket.send_json(row)
        self.is_left.set()
        return socket

    def said(self, *kinds: str) -> list[Any]:
        return [one for one in self.asked if one[0] in kinds]


def journey(broker: Broker, act: Callable[[MarketFeed, MarketData], Awaitable[Any]], **options: Any) -> Any:
    """Do something with a feed and market data of one session."""

    async def run() -> Any:
        async with serve(broker.answer) as base, asyncio.timeout(20):
            feed = connect_feed("aliceblue", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of, **options)
            data = connect_market_data("aliceblue", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
            try:
                return await act(feed, data)
            finally:
                await feed.aclose()
                await data.aclose()

    return asyncio.run(run())


def batches(feed: MarketFeed):  # type: ignore[no-untyped-def]
    return aclosing(cast(AsyncIterator[Sequence[RawTick]], feed.connect()))  # type: ignore[type-var]


async def first_tick(feed: MarketFeed, data: MarketData) -> RawTick:
    await feed.subscribe([OPTION])
    async with batches(feed) as stream:
        (tick,) = await anext(stream)
    return cast(RawTick, tick)


def test_the_former_socket_is_ended_and_a_new_one_announced_before_it_opens():
    broker = Broker()
    tick = journey(broker, first_tick)
    assert (tick.token, tick.last_price) == (OPTION, 4_210_000_000)
    named = {"source": "API", "userId": "AB0001"}
    hashed = lines._hashed(lines._hashed("token1"))
    assert len(hashed) == 64
    hello = {"susertoken": hashed, "t": "c", "actid": "AB0001_API", "uid": "AB0001_API", "source": "API"}
    assert broker.asked[:4] == [
        ("invalidateWsSess", named),
        ("createWsSess", named),
        ("hello", hello),
        ("t", OPTION),
    ]


@pytest.mark.parametrize("welcome", [{"t": "ck", "s": "OK"}, {"t": "cf", "k": "OK", "extra": 1}])
def test_both_ways_of_welcome_are_understood(welcome):
    assert journey(Broker(welcome=welcome), first_tick).token == OPTION


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"welcome": {"t": "cf", "k": "failed"}}, SessionLost),
        ({"welcome": {"t": "ck", "s": "NOT_OK"}}, SessionLost),
        ({"welcome": {"t": "tk", "e": "NFO", "tk": "1"}}, BrokerUnavailable),
        ({"welcome": [1]}, BrokerUnavailable),
        ({"session": EXPIRED}, SessionLost),
        ({"session": EXPIRED, "status": 401}, SessionLost),
        ({"session": {"status": "Not_ok", "message": "EC003"}}, BrokerUnavailable),
        ({"session": "busy", "status": 503}, BrokerUnavailable),
    ],
)
def test_a_sign_in_that_is_not_ok_is_an_error(options, error):
    async def act(feed: MarketFeed, data: MarketData) -> None:
        with pytest.raises(error, match="aliceblue socket"):
            await first_tick(feed, data)
        with pytest.raises(error, match="aliceblue socket"):
            await data.quotes(KEYS[:1])

    journey(Broker(**options), act)


def test_quotes_are_asked_on_the_socket_the_feed_has_and_the_feed_goes_on():
    broker = Broker()

    async def act(feed: MarketFeed, data: MarketData) -> tuple[Sequence[Quote], list[str]]:
        await feed.subscribe([OPTION])
        async with batches(feed) as stream:
            await anext(stream)
            quotes = await data.quotes(KEYS)
            (again,) = await anext(stream)  # what the quote may have ended was asked for again
            await broker.sockets[0].send_json(shown("tf", OPTION, lp="43.00"))
            (last,) = await anext(stream)
        return quotes, [again.token, last.token, str(last.last_price)]

    quotes, told = journey(broker, act)
    assert [(quote.exchange, quote.symbol, quote.token) for quote in quotes] == [
        (*KEYS[0], OPTION),
        (*KEYS[1], OTHER),
    ]
    assert told == [OPTION, OPTION, "4300000000"]
    both = f"{OPTION}#{OTHER}"
    assert broker.said("t", "u", "d", "ud") == [("t", OPTION), ("d", both), ("ud", both), ("t", OPTION)]
    assert broker.opened == 1


def test_without_a_feed_a_question_opens_a_socket_and_closes_it():
    broker = Broker()

    async def act(feed: MarketFeed, data: MarketData) -> None:
        for _ in range(2):
            (quote,) = await data.quotes(KEYS[:1])
            assert quote.last_price > 0
        assert await data.quotes([]) == []
        assert await data.quotes([("NFO", "NOBODYS"), ("CDS", "USDINR")]) == []

    journey(broker, act)
    assert broker.opened == 2
    assert len(broker.said("createWsSess")) == 2


def test_questions_at_once_share_a_socket():
    asked: list[str] = []

    def once_both_asked(message: dict[str, Any]) -> list[dict[str, Any]]:
        if message["t"] == "d":
            asked.extend(keys_of(message))
        return [shown("dk", key) for key in asked] if len(asked) == 3 else []

    broker = Broker(once_both_asked)

    async def act(feed: MarketFeed, data: MarketData) -> list[int]:
        answers = await asyncio.gather(data.quotes(KEYS), data.quotes(KEYS[:1]))
        return [len(quotes) for quotes in answers]

    assert journey(broker, act) == [2, 1]
    assert broker.opened == 1


def test_what_is_not_shown_is_left_out_and_nothing_at_all_is_an_error(monkeypatch):
    monkeypatch.setattr(lines, "_QUIET_SECONDS", 0.2)

    def only_the_option(message: dict[str, Any]) -> list[dict[str, Any]]:
        return [row for row in every(message) if row["tk"] == "54452"]

    async def act(feed: MarketFeed, data: MarketData) -> None:
        (quote,) = await data.quotes(KEYS)
        assert quote.token == OPTION
        with pytest.raises(BrokerUnavailable, match="TIMEOUT"):
            await data.quotes(KEYS[1:])

    journey(Broker(only_the_option), act)


def test_a_socket_that_drops_ends_everybody_who_listens():
    asked = asyncio.Event()

    def no_depth(message: dict[str, Any]) -> list[dict[str, Any]]:
        if message["t"] == "d":
            asked.set()
        return every(message) if message["t"] == "t" else []

    broker = Broker(no_depth)

    async def act(feed: MarketFeed, data: MarketData) -> list[str]:
        await feed.subscribe([OPTION])
        async with batches(feed) as stream:
            await anext(stream)
            question = asyncio.create_task(data.quotes(KEYS[:1]))
            await asked.wait()
            await broker.sockets[0].close()
            return [await ended(question), await ended(anext(stream))]

    assert journey(broker, act) == ["DROPPED", "DROPPED"]


@pytest.mark.parametrize(("kept", "read"), [(10, ["a", "b", "c"]), (3, ["b", "c"])])
def test_what_was_heard_before_the_end_is_read_first_and_the_end_always_fits(monkeypatch, kept, read):
    monkeypatch.setattr(lines, "_KEPT", kept)

    async def run() -> list[str]:
        tap = lines.Tap(cast(lines.Line, None))
        for text in ("a", "b", "c"):
            await tap.hear(text)
        tap.end(BrokerUnavailable("DROPPED", "gone"))
        return [*[await tap.receive() for _ in read], await ended(tap.receive())]

    assert asyncio.run(run()) == [*read, "DROPPED"]


async def ended(waiting: Awaitable[object]) -> str:
    """The code with which something ends."""
    with pytest.raises(BrokerUnavailable) as raised:
        await waiting
    return str(raised.value.code)


def test_a_quiet_socket_is_asked_for_what_it_shows_and_a_dead_one_found_out():
    nudges: list[str] = []

    def answers_twice(message: dict[str, Any]) -> list[dict[str, Any]]:
        nudges.append(message["k"])
        return every(message) if len(nudges) < 3 else []

    async def act(feed: MarketFeed, data: MarketData) -> tuple[int, str]:
        await feed.subscribe([OPTION])
        ticks: list[RawTick] = []
        async with batches(feed) as stream:
            code = await ended(_read_out(stream, into=ticks))
        await broker.is_left.wait()
        return len(ticks), code

    broker = Broker(answers_twice)
    assert journey(broker, act, silence_seconds=0.4) == (2, "SILENT")
    assert nudges == [OPTION] * 3


def test_what_nobody_wants_any_more_is_unsubscribed_and_closing_ends_a_running_feed():
    broker = Broker()

    async def act(feed: MarketFeed, data: MarketData) -> str:
        await feed.subscribe([OPTION, OTHER])
        async with batches(feed) as stream:
            await anext(stream)
            await feed.unsubscribe([OTHER])
            running = asyncio.create_task(_read_out(stream, into=[]))
            await feed.aclose()
            return await ended(running)

    assert journey(broker, act) == "DROPPED"
    assert broker.said("u") == [("u", OTHER)]


async def _read_out(stream: AsyncIterator[Sequence[RawTick]], *, into: list[RawTick]) -> None:
    async for batch in stream:
        into.extend(batch)
