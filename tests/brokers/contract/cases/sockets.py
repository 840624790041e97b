"""7xx: market sockets, order sockets and postbacks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import cast

import pytest
from aiohttp import WSMsgType, web

from brokers.postbacks import postback_order
from domain.broker import BrokerError, BrokerUnavailable, MarketFeed, RawTick, SessionLost, Verdict
from domain.broker_spec import Capability
from domain.orders import BrokerOrder, OrderStatus
from tests.brokers.contract.bench import POLL, Bench, Site
from tests.brokers.contract.case import case
from tests.brokers.servers import serve

FEED = Capability.MARKET_FEED
TOKEN = "256265"
Talk = Callable[[web.Request, web.WebSocketResponse], Awaitable[None]]


def batches(feed: MarketFeed):  # type: ignore[no-untyped-def]
    """The feed's batches, closed with the block."""
    return aclosing(cast(AsyncIterator[Sequence[RawTick]], feed.connect()))  # type: ignore[type-var]


async def seen(feed: MarketFeed, *tokens: str) -> dict[str, RawTick]:
    """Read until every token showed its price and the exchange's time."""
    ticks: dict[str, RawTick] = {}
    async with batches(feed) as stream:
        async for batch in stream:
            ticks |= {tick.token: tick for tick in batch if tick.last_price and tick.exchange_at}
            if set(tokens) <= ticks.keys():
                return ticks
    raise AssertionError("the feed ended")


async def talking(bench: Bench, talk: Talk) -> Site:
    """An account whose broker's socket says what the case wants."""

    async def answer(http: web.Request) -> web.StreamResponse:
        socket, before = web.WebSocketResponse(), bench.member.before_socket
        if before is not None and not socket.can_prepare(http).ok:
            return await before(http)
        await socket.prepare(http)
        await bench.member.greet(socket)
        await talk(http, socket)
        return socket

    return await bench.stub(answer)


async def drained(feed: MarketFeed) -> tuple[int, str]:
    """How many ticks came before the socket ended, and the code it ended with."""
    count = 0
    try:
        async with batches(feed) as stream:
            async for batch in stream:
                count += len(batch)
    except BrokerUnavailable as error:
        return count, error.code
    raise AssertionError("the feed ended without saying why")


@case(701, "what is subscribed ticks, with prices, depth and the exchange's time", FEED)
async def _(bench: Bench) -> None:
    site = await bench.site()
    stage = bench.member.stage
    liquid, second = await site.liquid(), await site.pick(*stage.second)
    watched = await site.pick(*stage.watched)
    feed = site.feed()
    tokens = [row.token for row in (liquid, second, watched)]
    await feed.subscribe(tokens)
    ticks = await seen(feed, *tokens)
    for row in (liquid, second):
        assert 0 < ticks[row.token].bid <= ticks[row.token].ask
    assert ticks.keys() == set(tokens)


@case(702, "after a drop the next connect asks again for everything", FEED)
async def _(bench: Bench) -> None:
    site = await bench.site()
    liquid, watched = await site.liquid(), await site.pick(*bench.member.stage.watched)
    feed = site.feed()
    await feed.subscribe([liquid.token])
    async with batches(feed) as stream:
        await anext(stream)
        await feed.subscribe([watched.token])
        await site.spoil_market("dropped_socket")
        with pytest.raises(BrokerUnavailable, match=bench.member.slug):
            await _read_out(stream)
    await seen(feed, liquid.token, watched.token)


async def _read_out(stream: AsyncIterator[Sequence[RawTick]]) -> None:
    async for _ in stream:
        pass


@case(703, "more instruments than the SPEC's limit are refused before anything is sent", FEED)
async def _(bench: Bench) -> None:
    site = await bench.site()
    feed = site.feed()
    token = (await site.liquid()).token
    most = bench.member.spec.feed_symbols_per_socket
    tokens = [_numbered(token, number) for number in range(most + 1)]
    await feed.subscribe(tokens[:most])
    with pytest.raises(BrokerError, match="LIMIT"):
        await feed.subscribe(tokens[most:])
    await feed.subscribe(tokens[:1])
    await feed.unsubscribe(tokens[:1])
    await feed.subscribe(tokens[most:])


def _numbered(token: str, number: int) -> str:
    """A token of the same shape with another number."""
    digits = "".join(filter(str.isdigit, token))
    return token.replace(digits, str(10_000_000 + number)) if digits else f"{token}{number}"


@case(704, "a socket that says nothing is dead, not quiet", FEED)
async def _(bench: Bench) -> None:
    site = await bench.site()
    token = (await site.liquid()).token
    feed = site.feed(silence_seconds=2.0)
    await feed.subscribe([token])
    await site.spoil_market("silent_socket", seconds=60)
    _, ended = await drained(feed)
    assert ended == "SILENT"


@case(705, "a message in fragments is one message", FEED)
async def _(bench: Bench) -> None:
    async def talk(http: web.Request, socket: web.WebSocketResponse) -> None:
        whole = bench.member.feed.whole
        payload = whole.encode() if isinstance(whole, str) else whole
        middle = len(payload) // 2
        opcode = WSMsgType.TEXT if isinstance(whole, str) else WSMsgType.BINARY
        assert http.transport is not None
        for part in (_frame(opcode, payload[:middle], last=False), _frame(0, payload[middle:], last=True)):
            for byte_range in (part[:1], part[1:]):
                http.transport.write(byte_range)
                await asyncio.sleep(0)
        await socket.close()

    site = await talking(bench, talk)
    feed = site.feed()
    await feed.subscribe([(await _any_token(bench))])
    assert await drained(feed) == (bench.member.feed.ticks, "DROPPED")


def _frame(opcode: int, payload: bytes, *, last: bool) -> bytes:
    """One unmasked WebSocket frame (RFC 6455 section 5.2)."""
    first = int(opcode) | (0x80 if last else 0)
    size = len(payload)
    length = bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2, "big")
    return bytes([first]) + length + payload


async def _any_token(bench: Bench) -> str:
    return (await (await bench.site()).liquid()).token


@case(706, "a broken packet is left out, and the next one read", FEED)
async def _(bench: Bench) -> None:
    sample = bench.member.feed

    async def talk(http: web.Request, socket: web.WebSocketResponse) -> None:
        for message in (*sample.broken, sample.whole):
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
        await socket.close()

    site = await talking(bench, talk)
    feed = site.feed()
    await feed.subscribe([await _any_token(bench)])
    assert await drained(feed) == (sample.ticks, "DROPPED")


@case(707, "what is unsubscribed goes quiet and the rest ticks on", FEED)
async def _(bench: Bench) -> None:
    site = await bench.site()
    liquid, watched = await site.liquid(), await site.pick(*bench.member.stage.watched)
    feed = site.feed()
    await feed.subscribe([liquid.token, watched.token])
    async with batches(feed) as stream:
        await anext(stream)
        await feed.unsubscribe([liquid.token])
        await feed.unsubscribe([liquid.token])
        quiet = 0
        async for batch in stream:
            # What was on its way when we asked still comes; then it stays quiet.
            quiet = 0 if liquid.token in {tick.token for tick in batch} else quiet + 1
            if quiet == 5:
                return


@case(711, "orders placed and cancelled are told on the order socket", Capability.ORDER_STREAM)
async def _(bench: Bench) -> None:
    site = await bench.site()
    wish = await site.resting(await site.liquid())
    told = asyncio.create_task(heard(site, wish.client_order_id))
    bench.stack.callback(told.cancel)
    await listening(site, told)
    placed = await site.broker.place(wish)
    await site.broker.cancel(placed.broker_order_id)
    order = await told
    assert (order.broker_order_id, order.status) == (placed.broker_order_id, OrderStatus.CANCELLED)


HEARD: dict[str, asyncio.Event] = {}


async def heard(site: Site, tag: str) -> BrokerOrder:
    """Listen until the order with this tag is told cancelled."""
    HEARD[site.name] = asyncio.Event()
    stream = cast(AsyncIterator[BrokerOrder], site.orders_pushed().connect())
    async with aclosing(stream) as orders:  # type: ignore[type-var]
        async for order in orders:
            HEARD[site.name].set()
            if order.client_order_id == tag and order.status is OrderStatus.CANCELLED:
                return order
    raise AssertionError("the order socket ended")


async def listening(site: Site, told: "asyncio.Task[BrokerOrder]") -> None:
    """A socket without a hello: place and cancel until it tells."""
    row = await site.liquid()
    while site.name not in HEARD or not HEARD[site.name].is_set():
        assert not told.done(), told.result()
        knock = await site.broker.place(await site.resting(row))
        assert knock.verdict is Verdict.ACKNOWLEDGED, knock
        await site.broker.cancel(knock.broker_order_id)
        await asyncio.sleep(POLL)


@case(713, "an order socket that drops says so, and refuses a dead token as a lost session", Capability.ORDER_STREAM)
async def _(bench: Bench) -> None:
    site = await bench.site()
    await site.rows()
    told = asyncio.create_task(heard(site, "no order bears this"))
    bench.stack.callback(told.cancel)
    await listening(site, told)
    await site.fault("dropped_socket")
    with pytest.raises(BrokerUnavailable, match=bench.member.slug):
        await told
    dead = bench.opened(replace(site.credentials, access_token="deadbeef"), site.endpoint)
    with pytest.raises(SessionLost):
        await heard(dead, "")


@case(712, "a postback is believed only with its proof", Capability.POSTBACK)
async def _(bench: Bench) -> None:
    got: asyncio.Queue[tuple[bytes, dict[str, str]]] = asyncio.Queue()

    async def receive(http: web.Request) -> web.StreamResponse:
        await got.put((await http.read(), dict(http.headers)))
        return web.Response()

    hook = await bench.stack.enter_async_context(serve(receive))
    site = await bench.site(postback_url=f"{hook}/hook")
    wish = await site.crossing(await site.liquid())
    await site.fault("forged_postback")
    placed = await site.broker.place(wish)
    believed, doubted = [], 0
    while not doubted or not believed or believed[-1].status is not OrderStatus.FILLED:
        body, headers = await got.get()
        try:
            order = postback_order(
                bench.member.slug, body, headers, bench.member.secret(site.name), lot_size_of=site.lot_size_of
            )
        except ValueError:
            doubted += 1
            continue
        believed.append(order)
        with pytest.raises(ValueError):
            postback_order(bench.member.slug, body, headers, "guessed", lot_size_of=site.lot_size_of)
    assert {order.broker_order_id for order in believed} == {placed.broker_order_id}
    assert {order.client_order_id for order in believed} == {wish.client_order_id}
    for odd in (b"", b"{}", b"null", b"\xff", b"[" * 50_000):
        with pytest.raises(ValueError):
            postback_order(bench.member.slug, odd, {}, bench.member.secret(site.name))
