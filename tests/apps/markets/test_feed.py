"""The feed, against a broker that speaks the protocol: what is believed is published, what is silent is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.markets.models import BrokerInstrument, Instrument
from apps.markets.services import feed as feed_module
from apps.markets.services.calendar import ensure_demo_sessions, forget_calendar, seed_calendar
from apps.markets.services.feed import Feed, Host, Outage, Source, Timing
from apps.markets.services.instruments import sync_instruments
from brokers.catalog import spec_of
from bus import ticks
from bus.connection import BusClient, async_redis
from domain.broker import BrokerError, BrokerUnavailable, InstrumentRow, Quote, RawTick, SessionLost
from domain.clock import IST, WALL, MarketClock
from domain.feed.freshness import Freshness
from domain.feed.subscriptions import Want
from domain.prices import PRICE_SCALE
from domain.ticks import Tick
from tests.apps.markets.conftest import NOW, master

pytestmark = pytest.mark.django_db(transaction=True)

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


@pytest.fixture(autouse=True)
def _market(bus: BusClient, settings: Any) -> None:
    settings.DEMO = True
    sync_instruments(broker="zerodha", rows=master(), now=NOW)
    ensure_demo_sessions(timezone.now())


FUTURE, CRUDE, CALL, INDEX = "NIFTY29DEC26FUT", "CRUDEOIL18DEC26FUT", "NIFTY23NOV2624500CE", "NIFTY"


def test_a_packet_becomes_a_tick_of_our_instrument() -> None:
    pk, token = pk_of(FUTURE), token_of(FUTURE)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {token})
        rig.venue.send(packet(token, 24600.05, bid=24600, ask=24600.1, quantity=65))
        [tick] = await rig.heard()
        assert (tick.instrument_id, tick.last_price, tick.bid_quantity) == (pk, 2460005000000, 65)
        assert abs(tick.received_at - timezone.now().timestamp() * 1000) < 60_000

    run(act, FUTURE)
    assert ticks.last_ticks([pk])[pk].last_price == 2460005000000


def test_quantities_are_units_where_the_broker_counts_lots() -> None:
    token = token_of(CRUDE)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {token})
        rig.venue.send(packet(token, 5200, quantity=3))
        [tick] = await rig.heard()
        assert (tick.bid_quantity, tick.ask_quantity, tick.volume, tick.open_interest) == (300, 300, 300, 300)

    run(act, CRUDE)


def test_the_impossible_is_dropped_and_counted_by_reason() -> None:
    token = token_of(FUTURE)
    stamp = int(timezone.now().timestamp() * 1000)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {token})
        rig.venue.send(packet("999", 10.0), packet(token, 0), packet(token, 10, bid=12, ask=11))
        rig.venue.send(packet(token, 24600, exchange_at=stamp), packet(token, 24500, exchange_at=stamp - 1000))
        rig.venue.send(packet(token, 24700, exchange_at=stamp + 3_600_000), packet(token, 24601, exchange_at=stamp))
        found = await rig.heard(2)
        assert [tick.last_price // PRICE_SCALE for tick in found] == [24600, 24601]
        await until(lambda: sum(rig.detail.get("dropped", {}).values()) == 5)
        assert rig.detail["dropped"] == {"UNKNOWN_TOKEN": 1, "ZERO": 1, "CROSSED": 1, "OUT_OF_ORDER": 1, "FUTURE": 1}

    run(act, FUTURE)


def test_prices_beyond_the_band_are_dropped_and_the_band_is_asked_for_again() -> None:
    token = token_of(FUTURE)

    async def act(rig: Rig) -> None:
        rig.venue.quotes["NIFTY26DECFUT"] = quote("NIFTY26DECFUT", token, 24600, lower=24000, upper=25000)
        await rig.heard()
        rig.venue.quotes["NIFTY26DECFUT"] = quote("NIFTY26DECFUT", token, 24999, lower=24000, upper=26000)
        rig.venue.send(packet(token, 25500))
        assert (await rig.heard())[0].last_price == 24999 * PRICE_SCALE  # polled: the wider band is known now
        rig.venue.send(packet(token, 25500))
        assert (await rig.heard())[0].last_price == 25500 * PRICE_SCALE
        await until(lambda: rig.detail.get("dropped") == {"OFF_BAND": 1})

    run(act, FUTURE)


def test_subscriptions_follow_the_needs() -> None:
    future, call = token_of(FUTURE), token_of(CALL)
    pk = pk_of(CALL)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {future})
        rig.wanted[Want.WATCHLIST] = [pk]
        await until(lambda: rig.venue.subscribed == {future, call})
        rig.wanted[Want.TRADE] = []
        await until(lambda: rig.venue.subscribed == {call})

    run(act, FUTURE)


def test_a_wake_up_is_not_kept_waiting() -> None:
    future, call = token_of(FUTURE), token_of(CALL)
    pk = pk_of(CALL)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {future})
        rig.wanted[Want.WATCHLIST] = [pk]
        rig.feed.refresh()
        await until(lambda: rig.venue.subscribed == {future, call})

    run(act, FUTURE, timing=replace(QUICK, refresh=3600.0))


def test_beyond_the_limit_the_least_important_is_polled() -> None:
    future, call = token_of(FUTURE), token_of(CALL)
    pk = pk_of(CALL)
    narrow = replace(SPEC, feed_symbols_per_socket=1, feed_sockets=1)

    async def act(rig: Rig) -> None:
        rig.venue.quotes["NIFTY26112324500CE"] = quote("NIFTY26112324500CE", call, 120)
        rig.wanted[Want.WATCHLIST] = [pk]
        await until(lambda: rig.venue.subscribed == {future} and rig.detail.get("polled_only") == 1)
        assert [tick.instrument_id for tick in await rig.heard()] == [pk]
        assert rig.detail["refused"] == 1
        rig.wanted[Want.TRADE] = []
        await until(lambda: rig.venue.subscribed == {call} and rig.detail.get("polled_only") == 0)

    run(act, FUTURE, spec=narrow)


def test_a_second_socket_is_opened_when_the_first_is_full() -> None:
    tokens = {token_of(FUTURE), token_of(CALL)}
    narrow = replace(SPEC, feed_symbols_per_socket=1, feed_sockets=2)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.connections == 2 and rig.venue.subscribed == tokens)

    run(act, FUTURE, CALL, spec=narrow)


def test_a_dropped_socket_is_opened_again_with_its_subscriptions() -> None:
    token = token_of(FUTURE)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {token})
        rig.venue.fail(BrokerUnavailable("DROPPED", "reset"))
        await until(lambda: rig.venue.connections == 2 and rig.venue.subscribed == {token})
        rig.venue.send(packet(token, 24600))
        assert len(await rig.heard()) == 1

    run(act, FUTURE)


def test_a_dead_session_is_reported_and_the_next_account_feeds() -> None:
    token = token_of(FUTURE)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venues[0].subscribed == {token})
        rig.venues[0].fail(SessionLost("TokenException", "expired"))
        await until(lambda: rig.venues[1].subscribed == {token})
        assert rig.lost == ["zerodha:0"]
        rig.venues[1].send(packet(token, 24600))
        assert len(await rig.heard()) == 1

    run(act, FUTURE, venues=2)


def test_an_account_whose_sockets_keep_failing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.markets.services.feed_sockets.delay", lambda failures, *, chance: 0.0)
    token = token_of(FUTURE)

    async def act(rig: Rig) -> None:
        for _ in range(4):
            rig.venues[0].fail(BrokerUnavailable("NO_CONNECTION", "refused"))
        await until(lambda: rig.venues[1].subscribed == {token})
        assert (rig.lost, rig.venues[0].connections) == ([], 4)

    run(act, FUTURE, venues=2)


def test_silence_is_stale_polled_and_over_with_the_first_tick() -> None:
    pk, token = pk_of(FUTURE), token_of(FUTURE)

    async def act(rig: Rig) -> None:
        states = ticks.listen_states()
        await states.ready()
        await until(lambda: rig.venue.subscribed == {token})
        rig.venue.send(packet(token, 24600))
        await rig.heard()
        await until_state(states, pk, Freshness.LIVE)
        rig.venue.quotes["NIFTY26DECFUT"] = quote("NIFTY26DECFUT", token, 24610)
        await until_state(states, pk, Freshness.STALE)
        assert (await rig.heard())[-1].last_price == 24610 * PRICE_SCALE
        rig.venue.send(packet(token, 24620))
        await until_state(states, pk, Freshness.LIVE)
        await states.aclose()

    run(act, FUTURE, timing=replace(QUICK, stale_after=0.2))
    assert ticks.last_states([pk])[pk].instrument_id == pk


async def until_state(states: Any, pk: int, wanted: Freshness) -> None:
    async for changes in states:
        if any(change.instrument_id == pk and change.state is wanted for change in changes):
            return


def test_a_subscription_is_not_live_before_its_first_tick() -> None:
    pk, token = pk_of(FUTURE), token_of(FUTURE)

    async def act(rig: Rig) -> None:
        rig.venue.quotes["NIFTY26DECFUT"] = quote("NIFTY26DECFUT", token, 24600)
        await rig.heard()  # the polled price
        await until(lambda: rig.detail.get("states") == {"STALE": 1})
        rig.venue.send(packet(token, 24600))
        await until(lambda: rig.detail.get("states") == {"LIVE": 1})

    run(act, FUTURE)
    assert ticks.last_states([pk])[pk].state is Freshness.LIVE


def test_polling_goes_on_after_a_refused_call() -> None:
    token = token_of(FUTURE)

    async def act(rig: Rig) -> None:
        rig.venue.quote_error = BrokerUnavailable("TIMEOUT", "no answer")
        await until(lambda: rig.detail.get("poll_failures", 0) >= 1)
        rig.venue.quotes["NIFTY26DECFUT"] = quote("NIFTY26DECFUT", token, 24600)
        rig.venue.quote_error = None
        assert (await rig.heard())[0].last_price == 24600 * PRICE_SCALE

    run(act, FUTURE)


def test_an_outage_is_told_once_and_ends_with_the_first_tick() -> None:
    token = token_of(FUTURE)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {token})
        rig.venue.send(packet(token, 24600))
        await until(lambda: rig.states[-1:] == ["live"])
        await until(lambda: rig.states[-1:] == ["offline"] and len(rig.outages) == 1)
        rig.venue.send(packet(token, 24601))
        await until(lambda: rig.states[-1:] == ["live"] and len(rig.outages) == 2)
        assert [outage.is_over for outage in rig.outages] == [False, True]
        assert rig.states == ["live", "delayed", "offline", "live"]

    run(act, FUTURE, timing=replace(QUICK, stale_after=0.15))


def test_without_an_account_the_silence_is_told_all_the_same() -> None:
    async def act(rig: Rig) -> None:
        await until(lambda: len(rig.outages) == 1)
        assert rig.outages[0].reason == "no feed account is signed in"
        assert rig.states[-1] == "offline"

    run(act, FUTURE, timing=replace(QUICK, stale_after=0.05), venues=0)


def test_a_closed_market_is_neither_stale_nor_an_outage(settings: Any) -> None:
    settings.DEMO = False
    forget_calendar()
    token = token_of(FUTURE)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {token})
        rig.venue.send(packet(token, 24600))
        await until(lambda: rig.detail.get("states") == {"LIVE": 1})
        seen = len(rig.venue.asked)
        judged: list[object] = []
        original = rig.feed._board.judge_all

        def judge_all(*args: Any, **kwargs: Any) -> Any:
            judged.append(1)
            return original(*args, **kwargs)

        rig.feed._board.judge_all = judge_all  # type: ignore[method-assign]
        await until(lambda: len(judged) > 20)
        assert (rig.states, rig.outages) == (["closed"], [])
        assert rig.detail["states"] == {"LIVE": 1}
        assert len(rig.venue.asked) <= seen + 1

    run(act, FUTURE, timing=replace(QUICK, stale_after=0.01))


def test_the_index_is_frozen_in_the_closing_auction_while_the_future_is_live(settings: Any) -> None:
    settings.DEMO = False
    seed_calendar(date_from=date(2026, 11, 2), date_to=date(2026, 11, 30))
    auction = MarketClock(datetime(2026, 11, 18, 15, 20, tzinfo=IST).astimezone(UTC), timezone.now(), 1.0)
    index, future = token_of(INDEX), token_of("NIFTY23NOV26FUT")

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {index, future})
        rig.venue.send(packet(index, 24500), packet(future, 24520))
        await until(lambda: rig.detail.get("states") == {"FROZEN": 1, "LIVE": 1})
        assert rig.outages == []

    run(act, INDEX, "NIFTY23NOV26FUT", clock=auction)
    assert ticks.last_states([pk_of(INDEX)])[pk_of(INDEX)].state is Freshness.FROZEN


def test_states_are_told_again_to_a_redis_that_forgot(bus: BusClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "RETELL_SECONDS", 0.05)
    pk, token = pk_of(FUTURE), token_of(FUTURE)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {token})
        rig.venue.send(packet(token, 24600))
        await until(lambda: rig.detail.get("states") == {"LIVE": 1})
        await asyncio.to_thread(bus.delete, ticks.STATE)
        await until(lambda: bus.hexists(ticks.STATE, str(pk)))

    run(act, FUTURE)


def test_a_defect_in_the_adapter_is_not_swallowed() -> None:
    token = token_of(FUTURE)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {token})
        rig.venue.frames.put_nowait("not a frame")  # type: ignore[arg-type]
        await asyncio.Event().wait()

    with pytest.raises(AttributeError):
        run(act, FUTURE)


def test_the_detail_says_what_a_page_needs() -> None:
    token = token_of(FUTURE)

    async def act(rig: Rig) -> None:
        await until(lambda: rig.venue.subscribed == {token})
        rig.venue.send(packet(token, 24600))
        await until(lambda: rig.detail.get("published") == 1)
        assert (rig.detail["account"], rig.detail["broker"]) == (0, "zerodha")
        assert rig.detail["connected"] is True
        assert (rig.detail["subscribed"], rig.detail["needs"]) == (1, {"TRADE": 1})
        assert isinstance(rig.detail["newest_tick_ms"], int)

    run(act, FUTURE)
