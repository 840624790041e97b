"""A broker that speaks the feed's protocol, and a running feed with everything around it in sight."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.markets.models import BrokerInstrument, Instrument
from apps.markets.services.feed import Feed
from apps.markets.services.feed_host import Host, Outage, Source, Timing
from brokers.catalog import spec_of
from bus import ticks
from bus.connection import async_redis
from domain.broker import BrokerError, InstrumentRow, Quote, RawTick
from domain.clock import WALL, MarketClock
from domain.feed.subscriptions import Want
from domain.prices import PRICE_SCALE
from domain.ticks import Tick

WAIT = 20.0
SPEC = replace(spec_of("zerodha"), limits=replace(spec_of("zerodha").limits, quotes=1000))
QUICK = Timing(stale_after=30.0, flush=0.001, watch=0.005, refresh=0.02, linger=0.0, retry=0.005)


@dataclass
class Venue:
    """The broker's side: what is subscribed, what it sends, how it answers."""

    frames: "asyncio.Queue[list[RawTick] | BrokerError]" = field(default_factory=asyncio.Queue)
    subscribed: set[str] = field(default_factory=set)
    connections: int = 0
    quotes: dict[str, Quote] = field(default_factory=dict)
    quote_error: BrokerError | None = None
    asked: list[list[tuple[str, str]]] = field(default_factory=list)

    def send(self, *packets: RawTick) -> None:
        self.frames.put_nowait(list(packets))

    def fail(self, error: BrokerError) -> None:
        self.frames.put_nowait(error)


@dataclass
class Stream:
    """One socket to the venue."""

    venue: Venue
    tokens: set[str] = field(default_factory=set)

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        self.venue.connections += 1
        self.venue.subscribed |= self.tokens
        while True:
            frame = await self.venue.frames.get()
            if isinstance(frame, BrokerError):
                self.venue.subscribed -= self.tokens
                raise frame
            yield frame

    async def subscribe(self, tokens: Sequence[str]) -> None:
        self.tokens.update(tokens)
        self.venue.subscribed.update(tokens)

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        self.tokens.difference_update(tokens)
        self.venue.subscribed.difference_update(tokens)

    async def aclose(self) -> None:
        self.venue.subscribed -= self.tokens


@dataclass
class Data:
    """Polled quotes of the venue."""

    venue: Venue

    async def quotes(self, keys: Sequence[tuple[str, str]]) -> Sequence[Quote]:
        self.venue.asked.append(list(keys))
        if self.venue.quote_error is not None:
            raise self.venue.quote_error
        return [self.venue.quotes[symbol] for _, symbol in keys if symbol in self.venue.quotes]

    async def instruments(self) -> Sequence[InstrumentRow]:
        return []

    async def aclose(self) -> None:
        return None


@dataclass
class Rig:
    """A running feed with everything around it in sight."""

    feed: Feed
    venues: list[Venue]
    detail: dict[str, Any]
    states: list[str]
    outages: list[Outage]
    lost: list[str]
    wanted: dict[Want, list[int]]
    stream: Any

    @property
    def venue(self) -> Venue:
        return self.venues[0]

    async def heard(self, count: int = 1) -> list[Tick]:
        found: list[Tick] = []
        while len(found) < count:
            found += await anext(self.stream)
        return found


async def until(condition: Callable[[], bool]) -> None:
    async for _ in _turns():
        if condition():
            return


async def _turns() -> AsyncIterator[None]:
    while True:
        await asyncio.sleep(0.001)
        yield


def source(venue: Venue, number: int, spec: Any = SPEC) -> Source:
    return Source(number, f"zerodha:{number}", spec, partial(Stream, venue), Data(venue))


async def _run(
    act: Callable[[Rig], Awaitable[None]],
    *,
    wanted: dict[Want, list[int]],
    timing: Timing,
    venues: int,
    spec: Any,
    clock: MarketClock,
) -> None:
    pool = ThreadPoolExecutor(max_workers=1)
    rig = Rig(None, [Venue() for _ in range(venues)], {}, [], [], [], wanted, ticks.listen())  # type: ignore[arg-type]

    async def db(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(pool, partial(function, *args, **kwargs))

    async def pick(failed: int | None) -> Source | None:
        usable = [number for number in range(venues) if f"zerodha:{number}" not in rig.lost]
        usable.sort(key=lambda number: (number == failed, number))
        return source(rig.venues[usable[0]], usable[0], spec) if usable else None

    async def session_lost(lost: Source, message: str) -> None:
        rig.lost.append(lost.key)

    async def tell_state(state: dict[str, Any]) -> None:
        rig.states.append(state["state"])

    async def tell_outage(outage: Outage) -> None:
        rig.outages.append(outage)

    async with async_redis() as redis:
        host = Host(
            db=db,
            redis=redis,
            pick=pick,
            needs=lambda: list(rig.wanted.items()),
            session_lost=session_lost,
            tell_state=tell_state,
            tell_outage=tell_outage,
            wall=timezone.now,
            clock=clock,
        )
        rig.feed = Feed(host, timing, rig.detail)
        await rig.stream.ready()
        stopping = asyncio.Event()
        running = asyncio.create_task(rig.feed.run(stopping))
        acting = asyncio.create_task(act(rig))  # type: ignore[arg-type]
        try:
            await asyncio.wait({running, acting}, timeout=WAIT, return_when=asyncio.FIRST_COMPLETED)
            assert acting.done() or running.done(), f"nothing happened in {WAIT} s: {rig.detail}"
            if acting.done():
                acting.result()
            stopping.set()
            await asyncio.wait_for(running, WAIT)
            assert acting.done()
        finally:
            acting.cancel()
            running.cancel()
            await asyncio.gather(running, acting, return_exceptions=True)
            await rig.stream.aclose()
            pool.submit(connection.close)
            pool.shutdown(wait=True)


def run(
    act: Callable[[Rig], Awaitable[None]],
    *symbols: str,
    want: Want = Want.TRADE,
    timing: Timing = QUICK,
    venues: int = 1,
    spec: Any = SPEC,
    clock: MarketClock = WALL,
) -> None:
    wanted = {want: [pk_of(symbol) for symbol in symbols]}
    asyncio.run(_run(act, wanted=wanted, timing=timing, venues=venues, spec=spec, clock=clock))


def pk_of(symbol: str) -> int:
    return Instrument.objects.get(symbol=symbol).pk


def token_of(symbol: str) -> str:
    return BrokerInstrument.objects.get(instrument__symbol=symbol).token


def packet(
    token: str, price: float, *, bid: float = 0, ask: float = 0, exchange_at: int = 0, quantity: int = 0
) -> RawTick:
    scale = PRICE_SCALE
    return RawTick(
        token,
        int(price * scale),
        int(bid * scale),
        int(ask * scale),
        quantity,
        quantity,
        quantity,
        quantity,
        0,
        exchange_at,
    )


def quote(symbol: str, token: str, price: int, *, lower: int = 0, upper: int = 0, exchange: str = "NFO") -> Quote:
    zero = Decimal(0)
    return Quote(
        exchange, symbol, token, Decimal(price), zero, zero, 0, 0, 0, 0, zero, Decimal(lower), Decimal(upper), None
    )
