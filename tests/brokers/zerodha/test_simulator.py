"""The adapter against the simulated exchange, a process of its own: sign in, look, trade, stream, fail."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Any, cast

import aiohttp
import pytest

from brokers.connect import connect, connect_feed, connect_login, connect_market_data, connect_order_stream
from brokers.zerodha.feed import ZerodhaFeed, ZerodhaOrderStream
from domain.broker import (
    Broker,
    BrokerUnavailable,
    Credentials,
    Endpoint,
    InstrumentRow,
    MarketData,
    RawTick,
    SessionLost,
    Verdict,
)
from domain.orders import FINAL, BrokerOrder, OrderChange, OrderRequest, OrderStatus, OrderType, Product, Side
from domain.prices import round_to_tick
from tests.shared import ROOT

PATIENCE = 30.0


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running simulated exchange with two clients and no call limits."""
    state = tmp_path_factory.mktemp("simulator")
    arguments = ["--port", "0", "--state-dir", str(state), "--clients", "2", "--rate-limits", "off"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}", "MARKET_CLOCK": ""}
    log = state / "simulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "simulator", *arguments], stderr=output, env=environment)
    try:
        yield announced(process, log)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def announced(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """The address the process says it serves on."""
    deadline = monotonic() + PATIENCE
    while process.poll() is None and monotonic() < deadline:
        found = re.search(r"simulated exchange on (http://[\d.:]+) ", log.read_text())
        if found:
            return found[1]
        sleep(0.02)
    raise AssertionError(f"the simulator did not start:\n{log.read_text()}")


@dataclass(frozen=True)
class Site:
    """One client of the simulated exchange, signed in."""

    base: str
    credentials: Credentials
    broker: Broker
    market: MarketData
    rows: Sequence[InstrumentRow]

    @property
    def endpoint(self) -> Endpoint:
        return endpoint(self.base)

    def pick(self, exchange: str, kind: str, underlying: str) -> InstrumentRow:
        found = [row for row in self.rows if (row.exchange, row.kind, row.underlying) == (exchange, kind, underlying)]
        return min(found, key=lambda row: (row.expiry, row.strike or 0))

    def lot_size_of(self, exchange: str, symbol: str) -> int:
        return {(row.exchange, row.symbol): row.lot_size for row in self.rows}[exchange, symbol]

    async def at_the_money(self) -> InstrumentRow:
        (index,) = await self.market.quotes([("NSE_INDEX", "NIFTY 50")])
        first = self.pick("NFO", "OPT", "NIFTY").expiry
        calls = [row for row in self.rows if (row.underlying, row.right, row.expiry) == ("NIFTY", "CE", first)]
        return min(calls, key=lambda row: abs((row.strike or 0) - index.last_price))


def endpoint(base: str) -> Endpoint:
    return Endpoint(rest_url=base, socket_url=base.replace("http", "ws", 1) + "/ws-zerodha", login_url=base)


@asynccontextmanager
async def signed_in(base: str, client: str = "DEMO01", *, timeout: float = 7.0) -> AsyncIterator[Site]:
    """Sign in without a person, read the master, and hand over the connected account."""
    fields = {"api_key": f"{client.lower()}key", "api_secret": f"{client.lower()}secret"}
    login = connect_login("zerodha", Credentials(client, fields), endpoint(base))
    token = await login.sign_in(now=datetime.now(UTC))
    credentials = Credentials(client, fields, access_token=token.access_token)
    lots: dict[tuple[str, str], int] = {}

    def lot_size_of(exchange: str, symbol: str) -> int:
        return lots[exchange, symbol]

    market = connect_market_data("zerodha", credentials, endpoint(base), lot_size_of=lot_size_of)
    rows = await market.instruments()
    lots |= {(row.exchange, row.symbol): row.lot_size for row in rows}
    broker = connect("zerodha", credentials, endpoint(base), timeout=timeout, lot_size_of=lot_size_of)
    try:
        yield Site(base, credentials, broker, market, rows)
    finally:
        for held in (login, market, broker):
            await held.aclose()


def feed_of(site: Site) -> ZerodhaFeed:
    return cast(ZerodhaFeed, connect_feed("zerodha", site.credentials, site.endpoint))


async def control(base: str, path: str, body: dict[str, Any]) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{base}/control/{path}", json=body) as answer:
        assert answer.status == 200, await answer.text()


def run(journey: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(PATIENCE):
            await journey()

    asyncio.run(whole())


def order(row: InstrumentRow, side: Side, *, price: Decimal, tag: str, lots: int = 1) -> OrderRequest:
    return OrderRequest(
        client_order_id=tag,
        exchange=row.exchange,
        symbol=row.symbol,
        token=row.token,
        side=side,
        quantity=lots * row.lot_size,
        lot_size=row.lot_size,
        product=Product.NRML,
        order_type=OrderType.LIMIT,
        price=price,
    )


async def through(market: MarketData, row: InstrumentRow, side: Side) -> Decimal:
    """A price that trades at once, within the day's band."""
    (quote,) = await market.quotes([(row.exchange, row.symbol)])
    factor = Decimal("1.2") if side is Side.BUY else Decimal("0.8")
    wanted = round_to_tick(quote.last_price * factor, row.tick_size, up=side is Side.BUY)
    limits = [limit for limit in (quote.upper_band if side is Side.BUY else quote.lower_band,) if limit]
    return min([wanted, *limits]) if side is Side.BUY else max([wanted, row.tick_size, *limits])


async def below(market: MarketData, row: InstrumentRow) -> Decimal:
    """A price at which a buy order rests."""
    (quote,) = await market.quotes([(row.exchange, row.symbol)])
    wanted = round_to_tick(quote.last_price / 2, row.tick_size, up=True)
    return max(wanted, quote.lower_band or wanted)


async def until(read: Callable[[], Awaitable[BrokerOrder | None]], status: OrderStatus) -> BrokerOrder:
    """Read on until the order stands so; the journey's time limit ends a vain wait."""
    while True:
        found = await read()
        if found is not None and found.status is status:
            return found
        assert found is None or found.status not in FINAL, f"{found.status}: {found.reason}"
        await asyncio.sleep(0.02)


def by_tag(broker: Broker, tag: str) -> Callable[[], Awaitable[BrokerOrder | None]]:
    async def read() -> BrokerOrder | None:
        return next((one for one in await broker.order_book() if one.client_order_id == tag), None)

    return read


def test_a_resting_order_is_modified_and_cancelled_and_the_book_follows(base_url):
    async def journey() -> None:
        async with signed_in(base_url) as site:
            row = await site.at_the_money()
            tag = "RESTING0000000000001"
            low = await below(site.market, row)
            placed = await site.broker.place(order(row, Side.BUY, price=low, tag=tag))
            assert placed.verdict is Verdict.ACKNOWLEDGED, placed
            shown = await until(by_tag(site.broker, tag), OrderStatus.OPEN)
            assert (shown.broker_order_id, shown.price, shown.quantity) == (placed.broker_order_id, low, row.lot_size)
            change = OrderChange(
                OrderType.LIMIT, 2 * row.lot_size, row.lot_size, row.exchange, price=low + row.tick_size
            )
            assert (await site.broker.modify(placed.broker_order_id, change)).verdict is Verdict.ACKNOWLEDGED
            shown = await until(by_tag(site.broker, tag), OrderStatus.OPEN)
            assert (shown.price, shown.quantity) == (low + row.tick_size, 2 * row.lot_size)
            assert (await site.broker.cancel(placed.broker_order_id)).verdict is Verdict.ACKNOWLEDGED
            await until(by_tag(site.broker, tag), OrderStatus.CANCELLED)
            again = await site.broker.cancel(placed.broker_order_id)
            assert again.verdict is Verdict.REJECTED, again

    run(journey)


def test_an_order_through_the_market_fills_into_trades_positions_and_funds(base_url):
    async def journey() -> None:
        async with signed_in(base_url) as site:
            row = await site.at_the_money()
            before = await site.broker.funds()
            tag = "THROUGH0000000000001"
            await site.broker.place(
                order(row, Side.BUY, price=await through(site.market, row, Side.BUY), tag=tag, lots=2)
            )
            filled = await until(by_tag(site.broker, tag), OrderStatus.FILLED)
            fills = [one for one in await site.broker.trade_book() if one.broker_order_id == filled.broker_order_id]
            assert sum(fill.quantity for fill in fills) == filled.filled_quantity == 2 * row.lot_size
            worth = sum((fill.quantity * fill.price for fill in fills), Decimal(0))
            assert abs(worth / filled.filled_quantity - filled.average_price) < Decimal("0.01")
            positions = {one.symbol: one for one in await site.broker.positions()}
            assert positions[row.symbol].quantity == 2 * row.lot_size
            assert (await site.broker.funds()).available < before.available

    run(journey)


def test_a_commodity_is_ordered_in_lots_and_comes_back_in_units(base_url):
    async def journey() -> None:
        async with signed_in(base_url, "DEMO02") as site:
            row = site.pick("MCX", "FUT", "CRUDEOIL")
            tag = "CRUDE000000000000001"
            placed = await site.broker.place(
                order(row, Side.SELL, price=await through(site.market, row, Side.SELL), tag=tag, lots=3)
            )
            assert placed.verdict is Verdict.ACKNOWLEDGED, placed
            filled = await until(by_tag(site.broker, tag), OrderStatus.FILLED)
            assert (row.lot_size, filled.quantity) == (100, 300)
            (position,) = [one for one in await site.broker.positions() if one.symbol == row.symbol]
            assert (position.quantity, position.multiplier) == (-300, 1)

    run(journey)


def test_ticks_stream_in_full_mode(base_url):
    async def journey() -> None:
        async with signed_in(base_url) as site:
            row = await site.at_the_money()
            index = next(one for one in site.rows if one.symbol == "NIFTY 50")
            ticks: dict[str, RawTick] = {}
            async with aclosing(feed_of(site)) as feed:
                await feed.subscribe([row.token, index.token])
                async with aclosing(feed.connect()) as batches:
                    async for batch in batches:
                        # the packet between "subscribe" and "mode" is a short one, without the exchange's time
                        ticks |= {tick.token: tick for tick in batch if tick.exchange_at}
                        if len(ticks) == 2:
                            break
                assert feed.malformed_packets == 0
            option = ticks[row.token]
            assert 0 < option.bid <= option.ask
            assert min(option.last_price, ticks[index.token].last_price) > 0

    run(journey)


def test_order_updates_stream(base_url):
    async def journey() -> None:
        async with signed_in(base_url) as site:
            row = await site.at_the_money()
            tag = "STREAM00000000000001"
            updates: list[BrokerOrder] = []
            heard = asyncio.Event()

            async def listen(stream: ZerodhaOrderStream) -> None:
                async with aclosing(stream.connect()) as orders:
                    async for one in orders:
                        updates.append(one)
                        heard.set()
                        if one.client_order_id == tag and one.status is OrderStatus.CANCELLED:
                            return

            made = connect_order_stream("zerodha", site.credentials, site.endpoint, lot_size_of=site.lot_size_of)
            async with aclosing(cast(ZerodhaOrderStream, made)) as stream:
                listening = asyncio.create_task(listen(stream))
                price, number = await below(site.market, row), 0
                while not heard.is_set():  # the socket has no hello: knock until it tells
                    number += 1
                    await site.broker.place(order(row, Side.BUY, price=price, tag=f"KNOCK{number:015d}"))
                    await asyncio.sleep(0.05)
                placed = await site.broker.place(order(row, Side.BUY, price=price, tag=tag))
                await site.broker.cancel(placed.broker_order_id)
                await listening
            mine = [one for one in updates if one.client_order_id == tag]
            assert {one.broker_order_id for one in mine} == {placed.broker_order_id}

    run(journey)


UNCLEAR = [
    "accept_then_reset",
    "accept_then_timeout",
    "empty_body",
    "html_body",
    "bad_json",
    "no_order_id",
    "placed_but_400",
]


@pytest.mark.parametrize("kind", UNCLEAR)
def test_an_order_behind_an_unclear_answer_is_unknown_and_found_once_by_its_tag(base_url, kind):
    async def journey() -> None:
        async with signed_in(base_url, timeout=1.0) as site:
            row = await site.at_the_money()
            fault = {"kind": kind, "client": "DEMO01", "endpoint": "orders.place", "count": 1}
            await control(base_url, "faults", fault)
            tag = f"{kind.replace('_', '').upper():0<20}"[:20]
            outcome = await site.broker.place(order(row, Side.BUY, price=await below(site.market, row), tag=tag))
            assert outcome.verdict is Verdict.UNKNOWN, outcome
            found = await until(by_tag(site.broker, tag), OrderStatus.OPEN)
            assert [one.broker_order_id for one in await site.broker.order_book() if one.client_order_id == tag] == [
                found.broker_order_id
            ]

    run(journey)


def test_what_never_stood_is_told_from_what_may_stand(base_url):
    async def journey() -> None:
        async with signed_in(base_url, "DEMO02") as site:
            row = await site.at_the_money()
            faults = {
                "too_many_requests": Verdict.RATE_LIMITED,
                "never_delivered": Verdict.UNKNOWN,
                "server_error": Verdict.UNKNOWN,
                "token_death": Verdict.SESSION_LOST,
            }
            for number, (kind, verdict) in enumerate(faults.items()):
                await control(
                    base_url, "faults", {"kind": kind, "client": "DEMO02", "endpoint": "orders.place", "count": 1}
                )
                tag = f"NEVER{number:015d}"
                outcome = await site.broker.place(order(row, Side.BUY, price=await below(site.market, row), tag=tag))
                assert outcome.verdict is verdict, (kind, outcome)
            with pytest.raises(SessionLost):
                await site.broker.order_book()
            async with aclosing(feed_of(site)) as feed:
                with pytest.raises(SessionLost):
                    await anext(aiter(feed.connect()))
        async with signed_in(base_url, "DEMO02") as again:
            tags = {one.client_order_id for one in await again.broker.order_book()}
            assert not {tag for tag in tags if tag.startswith("NEVER")}

    run(journey)


REFUSED = [
    {"price": Decimal("5.03")},
    {"symbol": "NIFTY26NOPE"},
    {"quantity": 65 * 1000},
    {"product": Product.CNC},
]


@pytest.mark.parametrize("changes", REFUSED)
def test_what_the_exchange_refuses_is_a_proved_refusal(base_url, changes):
    async def journey() -> None:
        async with signed_in(base_url) as site:
            row = await site.at_the_money()
            wish = order(row, Side.BUY, price=await below(site.market, row), tag="REFUSED0000000000001")
            outcome = await site.broker.place(type(wish)(**{**as_fields(wish), **changes}))
            assert outcome.verdict is Verdict.REJECTED, outcome
            assert outcome.message

    run(journey)


def as_fields(wish: OrderRequest) -> dict[str, Any]:
    return {name: getattr(wish, name) for name in wish.__dataclass_fields__}


def test_a_cut_off_exchange_is_unavailable(base_url):
    async def journey() -> None:
        async with signed_in(base_url) as site:
            index = next(one for one in site.rows if one.symbol == "NIFTY 50")
            async with aclosing(feed_of(site)) as feed:
                await feed.subscribe([index.token])
                await control(base_url, "faults", {"kind": "dropped_socket", "client": "DEMO01", "count": 1})
                with pytest.raises(BrokerUnavailable):
                    async for _ in feed.connect():
                        pass

    run(journey)
