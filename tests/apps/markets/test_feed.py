"""The feed, against a broker that speaks the protocol: what is believed is published, what is silent is told."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.utils import timezone

from apps.markets.services import feed as feed_module
from apps.markets.services.calendar import ensure_demo_sessions, forget_calendar, seed_calendar
from apps.markets.services.instruments import sync_instruments
from bus import ticks
from bus.connection import BusClient
from domain.broker import BrokerUnavailable, SessionLost
from domain.clock import IST, MarketClock
from domain.feed.freshness import Freshness
from domain.feed.subscriptions import Want
from domain.prices import PRICE_SCALE
from tests.apps.markets.conftest import NOW, master
from tests.apps.markets.feed_rig import QUICK, SPEC, Rig, packet, pk_of, quote, run, token_of, until

pytestmark = pytest.mark.django_db(transaction=True)


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
