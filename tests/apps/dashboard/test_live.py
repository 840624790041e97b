"""The live socket, with the real hub, Redis and Postgres."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import connections

from apps.dashboard import hub as hubs
from apps.dashboard.consumers import allowed_origins
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.risk.services.halts import halt_account
from apps.trading.models import Trade
from apps.trading.services.announce import announce_trades
from apps.users.models import User
from bus.connection import redis_client
from bus.live import announce, announce_feed
from bus.ticks import publish
from domain.orders import OrderStatus
from domain.prices import to_scaled
from domain.ticks import Tick
from tests.apps.dashboard.conftest import Scene
from tests.apps.dashboard.live_rig import ORIGIN, Socket, connected, has_price, in_thread, tick
from tests.apps.dashboard.scene import make_order, make_trade
from tests.cast import make_strategy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def base_url(settings: Any) -> None:
    settings.BASE_URL = ORIGIN.decode()


@pytest.fixture
def run() -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Run a test's coroutine with a hub of its own."""

    def go(work: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            try:
                await work()
            finally:
                switchboard = hubs._hubs.pop(asyncio.get_running_loop(), None)
                if switchboard is not None:
                    await switchboard.stop()
                await database_sync_to_async(connections.close_all)()

        asyncio.run(whole())

    return go


Run = Callable[[Callable[[], Awaitable[None]]], None]


def test_the_snapshot_is_what_the_person_may_see(scene: Scene, run: Run) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.trader)) as (_, snapshot):
            assert snapshot["type"] == "snapshot"
            assert {account["id"] for account in snapshot["accounts"]} == {
                scene.cast.account.pk,
                scene.cast.paper_account.pk,
            }
            assert {trade["id"] for trade in snapshot["trades"]} == {scene.live_trade.pk, scene.paper_trade.pk}
            assert snapshot["pnl"][f"trade:{scene.live_trade.pk}"] == "1082.25"
            assert snapshot["pnl"]["day:LIVE"] == "1058.80"
            assert snapshot["pnl"]["day:PAPER"] == "122.80"
            assert has_price(scene.cast.call, "39.85")(snapshot)

    run(work)


@pytest.mark.parametrize("who", ["outsider", "other_trader"])
def test_others_get_nothing_of_the_trader(scene: Scene, run: Run, who: str) -> None:
    async def work() -> None:
        async with connected(Socket(getattr(scene.cast, who))) as (socket, snapshot):
            assert snapshot["accounts"] == snapshot["trades"] == snapshot["orders"] == []
            assert snapshot["prices"] == {}
            await in_thread(announce_trades, [scene.live_trade])
            await in_thread(tick, scene.cast.call, "50.00")
            await in_thread(announce, [getattr(scene.cast, who).pk], "notice", {"code": "END"})
            seen = []
            while not seen or seen[-1]["type"] != "notice":
                seen.append(await socket.next())
            assert [message["type"] for message in seen if message["type"] not in ("patch", "notice", "snapshot")] == []
            assert all(
                "prices" not in message and "pnl" not in message for message in seen if message["type"] == "patch"
            )

    run(work)


def test_a_price_moves_profit_and_only_what_changed_is_sent(scene: Scene, run: Run) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.trader)) as (socket, _):
            await in_thread(tick, scene.cast.put, "20.00")
            patch = await socket.until(has_price(scene.cast.put, "20.00"))
            assert patch["type"] == "patch"
            assert set(patch["prices"]) == {str(scene.cast.put.pk)}
            assert patch["pnl"][f"trade:{scene.live_trade.pk}"] == "1582.75"
            assert patch["pnl"]["open:LIVE"] == "1582.75"
            assert f"trade:{scene.paper_trade.pk}" not in patch["pnl"]  # it holds no put
            assert "day:PAPER" not in patch["pnl"]

    run(work)


def test_at_most_four_patches_a_second_carry_the_newest_price(scene: Scene, run: Run) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.trader)) as (socket, _):
            prices = [Decimal("20.00") + Decimal(step) / 20 for step in range(200)]
            stamp = int(datetime.now(tz=UTC).timestamp() * 1000)
            switchboard = await hubs.hub()
            before = switchboard.flushes
            for price in prices:
                only = Tick(instrument_id=scene.cast.put.pk, last_price=to_scaled(price), received_at=stamp)
                await in_thread(publish, redis_client(), [only])
            patches = 0
            while True:
                message = await socket.next()
                patches += "prices" in message and message["type"] == "patch"
                if has_price(scene.cast.put, str(prices[-1]))(message):
                    break
            assert patches <= switchboard.flushes - before

    run(work)


def test_a_repeated_price_is_no_news(scene: Scene, run: Run) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.trader)) as (socket, _):
            await in_thread(tick, scene.cast.put, "27.70")
            await in_thread(tick, scene.cast.call, "41.00")
            patch = await socket.until(lambda message: message["type"] == "patch" and "prices" in message)
            assert set(patch["prices"]) == {str(scene.cast.call.pk)}

    run(work)


def test_a_trade_event_comes_at_once_and_then_a_fresh_snapshot(scene: Scene, run: Run) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.trader)) as (socket, _):
            await in_thread(Trade.objects.filter(pk=scene.live_trade.pk).update, status="EXITING")
            fresh = await in_thread(Trade.objects.select_related("account").get, pk=scene.live_trade.pk)
            await in_thread(announce_trades, [fresh])
            event = await socket.until(lambda message: message["type"] == "trade")
            assert (event["data"]["id"], event["data"]["status"]) == (scene.live_trade.pk, "EXITING")
            again = await socket.until(lambda message: message["type"] == "snapshot")
            statuses = {trade["id"]: trade["status"] for trade in again["trades"]}
            assert statuses[scene.live_trade.pk] == "EXITING"

    run(work)


@pytest.mark.parametrize("who", ["manager", "operator"])
def test_events_of_a_client_reach_the_manager_and_the_operator(scene: Scene, run: Run, who: str) -> None:
    async def work() -> None:
        async with connected(Socket(getattr(scene.cast, who))) as (socket, snapshot):
            assert len(snapshot["trades"]) == 2
            fresh = await in_thread(Trade.objects.select_related("account").get, pk=scene.live_trade.pk)
            await in_thread(announce_trades, [fresh])
            event = await socket.until(lambda message: message["type"] == "trade")
            assert event["data"]["account"] == scene.cast.account.pk

    run(work)


def test_a_trade_nobody_announced_is_found_by_the_check(scene: Scene, run: Run, now: datetime) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.trader)) as (socket, _):
            switchboard = await hubs.hub()
            await switchboard.check()
            strategy = await in_thread(make_strategy, scene.cast.tenant, name="Late", slug="late")
            late = await in_thread(
                make_trade, scene.cast.account, [scene.cast.call], strategy=strategy, now=now, key="late"
            )
            await switchboard.check()
            again = await socket.until(lambda message: message["type"] == "snapshot")
            assert late.pk in {trade["id"] for trade in again["trades"]}

    run(work)


def test_what_nobody_announced_makes_the_page_look_again(scene: Scene, run: Run, now: datetime) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.trader)) as (socket, _):
            switchboard = await hubs.hub()
            await switchboard.check()
            leg = await in_thread(scene.live_trade.legs.get, instrument=scene.cast.call)
            order = await in_thread(lambda: make_order(leg, status=OrderStatus.UNKNOWN, now=now))
            await switchboard.check()
            notice = await socket.until(lambda message: message["type"] == "notice")
            assert notice["data"] == {"code": "CHANGED"}
            again = await socket.until(lambda message: message["type"] == "snapshot")
            checking = {trade["id"]: trade["checking"] for trade in again["trades"]}
            assert checking == {scene.live_trade.pk: [order.pk], scene.paper_trade.pk: []}

    run(work)


def test_a_halt_reaches_the_pages_of_the_accounts_owner_and_operator(scene: Scene, run: Run) -> None:
    async def work() -> None:
        async with (
            connected(Socket(scene.cast.trader)) as (mine, _),
            connected(Socket(scene.cast.operator)) as (desk, _),
        ):
            await in_thread(
                lambda: halt_account(account_id=scene.cast.account.pk, reason_code="FLIP", reason="short by 65")
            )
            for socket in (mine, desk):
                await socket.until(lambda message: message["type"] == "notice" and message["data"]["code"] == "HALT")
                again = await socket.until(lambda message: message["type"] == "snapshot")
                halts = {
                    account["id"]: [halt["reason_code"] for halt in account["halts"]] for account in again["accounts"]
                }
                assert halts[scene.cast.account.pk] == ["FLIP"]
                assert halts[scene.cast.paper_account.pk] == []

    run(work)


def test_a_message_reaches_only_whom_it_is_for(scene: Scene, run: Run) -> None:
    async def work() -> None:
        async with (
            connected(Socket(scene.cast.trader)) as (mine, _),
            connected(Socket(scene.cast.outsider)) as (other, _),
        ):
            await in_thread(
                lambda: notify(
                    key="k", code="ORDER_UNKNOWN", text="Checking.", tenant_id=scene.cast.tenant.pk,
                    user_id=scene.cast.trader.pk, level=Level.PAGE,
                )
            )  # fmt: skip
            event = await mine.until(lambda message: message["type"] == "notice")
            assert (event["data"]["level"], event["data"]["text"]) == ("PAGE", "Checking.")
            await in_thread(announce_feed, {"state": "delayed"})
            heard = await other.until(lambda message: message["type"] in ("notice", "feed"))
            assert heard["type"] == "feed"

    run(work)


def test_everybody_hears_of_the_feed(scene: Scene, run: Run) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.outsider)) as (socket, _):
            await in_thread(announce_feed, {"state": "delayed"})
            event = await socket.until(lambda message: message["type"] == "feed")
            assert event["data"] == {"state": "delayed"}

    run(work)


@pytest.mark.parametrize(
    "origin", [None, b"https://evil.example", b"http://127.0.0.1:9999", b"null", b"http://127.0.0.1:8800.evil.example"]
)
def test_pages_from_elsewhere_are_refused_in_the_handshake(scene: Scene, run: Run, origin: bytes | None) -> None:
    async def work() -> None:
        socket = Socket(scene.cast.trader, origin=origin)
        assert await socket.open() == "websocket.close"  # before the accept: HTTP 403

    run(work)


def test_own_names_are_allowed_on_the_own_port_only(settings: Any) -> None:
    settings.BASE_URL, settings.ALLOWED_HOSTS = "https://trade.example", ["trade.example", "*", ".brand.example"]
    assert allowed_origins() == {"https://trade.example", "https://brand.example"}


def test_a_stranger_is_told_and_closed(scene: Scene, run: Run) -> None:
    async def work() -> None:
        socket = Socket(None)
        await socket.open()
        assert await socket.closed_with() == 4401

    run(work)


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}])
def test_who_is_switched_off_or_gets_another_password_is_put_out(
    scene: Scene, run: Run, change: dict[str, Any]
) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.trader)) as (socket, _):
            await in_thread(User.objects.filter(pk=scene.cast.trader.pk).update, **change)
            await (await hubs.hub()).check()
            assert await socket.closed_with() == 4401

    run(work)


def test_another_role_ends_the_socket_so_that_it_starts_anew(scene: Scene, run: Run) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.operator)) as (socket, _):
            await in_thread(User.objects.filter(pk=scene.cast.operator.pk).update, role="trader")
            await (await hubs.hub()).check()
            assert await socket.closed_with() == 4403

    run(work)


def test_signing_out_ends_the_socket_at_once(scene: Scene, run: Run) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.trader)) as (socket, _):
            await in_thread(socket.client.post, "/logout/")
            assert await socket.closed_with() == 4401

    run(work)


@pytest.mark.parametrize("said", ['{"type":"subscribe","user":1}', "not json", "[]", '{"type":["ping"]}', '"ping"'])
def test_nothing_can_be_subscribed_to(scene: Scene, run: Run, said: str) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.outsider)) as (socket, _):
            await socket.say(said)
            answer = await socket.until(lambda message: message["type"] == "error")
            assert answer["code"] == "NOT_UNDERSTOOD"
            await socket.say('{"type":"ping"}')
            await socket.until(lambda message: message["type"] == "pong")

    run(work)


@pytest.mark.parametrize(("text", "times", "code"), [("x" * 1_000_000, 1, 1009), ('{"type":"ping"}', 1000, 1008)])
def test_too_much_said_ends_the_socket(scene: Scene, run: Run, text: str, times: int, code: int) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.trader)) as (socket, _):
            for _ in range(times):
                await socket.say(text)
            assert await socket.closed_with() == code

    run(work)


def test_a_hub_that_fails_is_replaced_and_nobody_stays_on_it(
    scene: Scene, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with connected(Socket(scene.cast.trader)) as (socket, _):
            broken = await hubs.hub()
            with monkeypatch.context() as patch:
                patch.setattr(hubs.Market, "drain", None)
                assert await socket.closed_with() == 1011
        async with connected(Socket(scene.cast.trader)) as (socket, _):
            assert await hubs.hub() is not broken
            await in_thread(tick, scene.cast.put, "20.00")
            await socket.until(has_price(scene.cast.put, "20.00"))

    run(work)


def test_a_person_with_several_windows_is_read_once_and_forgotten_with_the_last(scene: Scene, run: Run) -> None:
    async def work() -> None:
        sockets = [Socket(scene.cast.trader) for _ in range(3)]
        switchboard = await hubs.hub()
        async with connected(sockets[0]), connected(sockets[1]), connected(sockets[2]):
            assert len(switchboard.views) == 1
            assert len(switchboard.seats) == 3
        assert (switchboard.views, switchboard.seats) == ({}, set())

    run(work)
