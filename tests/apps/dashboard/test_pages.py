"""What each page shows, and to whom."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from apps.broker_accounts.models import BrokerAccount
from apps.dashboard.urls import urlpatterns
from apps.markets.models import WatchlistItem
from apps.risk.models import DayStop
from apps.strategies.models import StrategyMap
from apps.trading.models import Order, Trade
from apps.users.models import User
from bus.models import Heartbeat
from domain.orders import OrderStatus
from tests.apps.dashboard.conftest import Scene, client_of
from tests.apps.dashboard.scene import make_order
from tests.cast import publish_price

PAGES = [
    "/",
    "/trades/",
    "/orders/",
    "/positions/",
    "/holdings/",
    "/funds/",
    "/history/",
    "/settings/",
    "/notifications/",
]
ALL_PARTS = "/parts/?show=totals,accounts,trades,orders,watchlist,closed,bell"


def page(user: User, path: str = "/") -> str:
    response = client_of(user).get(path)
    assert response.status_code == 200, path
    return response.content.decode()


@pytest.mark.parametrize("path", [*PAGES, ALL_PARTS, "/square-off/"])
def test_strangers_are_sent_to_the_sign_in(scene: Scene, path: str) -> None:
    assert Client().get(path)["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("path", [*PAGES, ALL_PARTS, "/square-off/"])
def test_an_outsider_and_a_colleague_see_nothing_of_the_trader(scene: Scene, path: str) -> None:
    for stranger in (scene.cast.outsider, scene.cast.other_trader):
        shown = page(stranger, path)
        for secret in ("AB1234", "PAPER1", "Short straddle", "V7Q0"):
            assert secret not in shown


def test_every_address_with_a_foreign_id_is_not_found(scene: Scene) -> None:
    item = WatchlistItem.objects.create(user=scene.cast.trader, instrument=scene.cast.call)
    order = Order.objects.filter(account=scene.cast.account).latest("pk")
    foreign = [
        ("get", f"/trades/{scene.live_trade.pk}/"),
        ("get", f"/trades/{scene.live_trade.pk}/square-off/"),
        ("post", f"/trades/{scene.live_trade.pk}/square-off/"),
        ("get", f"/square-off/{uuid.uuid4()}/"),
        ("post", f"/watchlist/{item.pk}/remove/"),
        ("get", f"/orders/{order.pk}/cancel/"),
        ("post", f"/orders/{order.pk}/cancel/"),
        ("get", f"/orders/{order.pk}/change/"),
        ("post", f"/orders/{order.pk}/change/"),
        ("get", f"/orders/requests/{uuid.uuid4()}/"),
    ]
    with_ids = [str(entry.pattern) for entry in urlpatterns if "<" in str(entry.pattern)]
    open_to_all = ("legal/", "brand/", "watchlist/add/")  # instruments belong to nobody
    assert len([one for one in with_ids if not one.startswith(open_to_all)]) == 7
    for stranger in (scene.cast.outsider, scene.cast.other_trader):
        client = client_of(stranger)
        for method, path in foreign:
            assert getattr(client, method)(path).status_code == 404, (stranger, method, path)


def test_managers_see_their_clients_and_operators_their_tenant(scene: Scene) -> None:
    for person in (scene.cast.manager, scene.cast.operator):
        shown = page(person)
        assert "Short straddle" in shown
        assert scene.cast.trader.email in shown
    assert "/admin/" in page(scene.cast.operator)
    assert "/admin/" not in page(scene.cast.manager)
    User.objects.filter(pk=scene.cast.trader.pk).update(manager=None)
    assert "Short straddle" not in page(scene.cast.manager)


def test_paper_and_live_are_shown_apart(scene: Scene) -> None:
    shown = page(scene.cast.trader)
    assert "+1,058.80" in shown  # live: 1082.25 less 23.45 charges
    assert "+122.80" in shown  # paper: 146.25 less 23.45
    assert "1,181.60" not in shown  # their sum
    assert shown.count("badge-LIVE") >= 2
    assert shown.count("badge-PAPER") >= 2


def test_an_open_trade_shows_its_legs_levels_and_profit(scene: Scene) -> None:
    shown = page(scene.cast.trader, "/trades/")
    for text in ("NIFTY23NOV2626000CE", "42.10", "39.85", "54.73", "21.05", "+146.25", "+936.00", "+1,082.25", "1 lot"):
        assert text in shown


def test_yesterdays_trade_counts_from_yesterdays_close(scene: Scene, now: datetime) -> None:
    Trade.objects.filter(pk=scene.live_trade.pk).update(trading_date=(now - timedelta(days=1)).date(), charges=0)
    shown = page(scene.cast.trader)
    assert "+1,082.25" in shown  # no close is known: from the entry
    publish_price(scene.cast.put, "30.00")
    assert "+932.75" in page(scene.cast.trader)


def test_prices_are_stale_when_the_feed_is_silent(scene: Scene) -> None:
    assert 'data-feed="offline"' in page(scene.cast.trader)
    beat = Heartbeat.objects.create(
        process="feed", holder="x", build="x", started_at=timezone.now(), beat_at=timezone.now()
    )
    beat.detail = {"state": "live", "newest_tick_ms": int(timezone.now().timestamp() * 1000)}
    beat.save()
    fresh = page(scene.cast.trader)
    assert 'data-feed="live"' in fresh
    assert "is-stale" not in fresh
    beat.beat_at -= timedelta(minutes=1)
    beat.save()
    assert "is-stale" in page(scene.cast.trader)


def test_a_forced_account_says_why_and_where_to_reconnect(scene: Scene) -> None:
    BrokerAccount.objects.filter(pk=scene.cast.account.pk).update(mode="PAPER", mode_reason="NO_SESSION")
    shown = page(scene.cast.trader)
    assert "no broker session today" in shown
    assert "NO_SESSION" in shown
    assert f'/hooks/zerodha/connect/{scene.cast.account.pk}/">Reconnect<' in shown


@pytest.mark.parametrize(
    ("status", "text", "state", "means"),
    [
        (OrderStatus.UNKNOWN, "Checking with the broker", "checking", "It is not sent again meanwhile"),
        (OrderStatus.REJECTED, "Rejected by the broker", "refused", "Not enough funds"),
        (OrderStatus.PARTIALLY_FILLED, "Partly filled", "working", "Not enough funds"),
    ],
)
def test_an_order_says_its_state_in_words(
    scene: Scene, now: datetime, status: OrderStatus, text: str, state: str, means: str
) -> None:
    leg = scene.live_trade.legs.first()
    assert leg is not None
    make_order(leg, status=status, now=now, code="MarginException", reason="Insufficient <b>funds</b>")
    shown = page(scene.cast.trader, f"/orders/?state={state}")
    assert text in shown
    assert means in shown
    assert "MarginException Insufficient &lt;b&gt;funds&lt;/b&gt;" in shown
    assert "Filled" not in shown.replace(">Filled</a>", "")


@pytest.mark.parametrize(
    ("query", "live", "paper"),
    [
        ("", True, True),
        ("mode=LIVE", True, False),
        ("find=26000pe", True, False),
        ("find=PAPER1+straddle", False, True),
        ("mode=PAPER&find=ab1234", False, False),
        ("mode=nonsense", True, True),
    ],
)
def test_trades_are_filtered_by_the_address_and_totals_are_not(
    scene: Scene, query: str, live: bool, paper: bool
) -> None:
    for path in (f"/trades/?{query}", f"/parts/?show=totals,trades&{query}"):
        shown = page(scene.cast.trader, path)
        assert (f'id="trade-{scene.live_trade.pk}"' in shown) is live
        assert (f'id="trade-{scene.paper_trade.pk}"' in shown) is paper
        assert "+1,058.80" in shown
        assert "+122.80" in shown


def test_the_day_stop_shows_how_much_of_it_is_lost(scene: Scene, now: datetime) -> None:
    own = StrategyMap.objects.create(
        strategy=scene.live_trade.strategy, account=scene.cast.account, day_loss_limit=Decimal(5000)
    )
    Trade.objects.filter(pk=scene.live_trade.pk).update(strategy_map=own)
    publish_price(scene.cast.put, "88.10")
    shown = page(scene.cast.trader)
    assert 'max="5000.00" value="2867.20"' in shown  # 65 x (2.25 - 46.00) and 23.45 of charges
    DayStop.objects.create(strategy_map=own, trading_date=now.date(), reason="DAY_LOSS", net_pnl=Decimal(-5001))
    assert "no entry until tomorrow</span>" in page(scene.cast.trader)


def test_a_trade_tells_its_story_in_order(scene: Scene, now: datetime) -> None:
    leg = scene.live_trade.legs.first()
    assert leg is not None
    refused = make_order(leg, status=OrderStatus.REJECTED, now=now + timedelta(seconds=1), reason="No <i>margin</i>")
    refused.finished_at = now + timedelta(seconds=2)
    refused.save()
    shown = page(scene.cast.trader, f"/trades/{scene.live_trade.pk}/")
    steps = [
        "Signal to enter (tradingview)",
        "Sell 65 NIFTY23NOV2626000CE at 42.10 sent",
        "Sell 65 NIFTY23NOV2626000CE accepted",
        "No &lt;i&gt;margin&lt;/i&gt;",
    ]
    places = [shown.index(step) for step in steps]
    assert places == sorted(places)
    assert "65 NIFTY23NOV2626000PE sold at 42.10" in shown
    assert "10:30:00.012" in shown
    assert "+84 ms" in shown
    part = client_of(scene.cast.trader).get(f"/trades/{scene.live_trade.pk}/", headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/orders/?state=nonsense",
        "/orders/?before=-1",
        "/orders/?before=x",
        "/history/?since=2026-13-45",
        "/history/?since=2026-11-20&until=2026-11-01",
        "/history/?mode=' OR 1=1",
    ],
)
def test_nonsense_in_the_address_is_a_page_not_a_crash(scene: Scene, path: str) -> None:
    page(scene.cast.trader, path)


@pytest.mark.parametrize("path", ["/parts/", "/parts/?show=secrets", "/parts/?show=../login", "/nothing/"])
def test_unknown_addresses_are_not_found(scene: Scene, path: str) -> None:
    assert client_of(scene.cast.trader).get(path).status_code == 404


def test_history_adds_up_per_mode(scene: Scene) -> None:
    for trade in (scene.live_trade, scene.paper_trade):
        trade.status, trade.close_reason, trade.gross_pnl, trade.charges = (
            "CLOSED",
            "TARGET",
            Decimal("1790.75"),
            Decimal("104.11"),
        )
        trade.save()
    shown = page(scene.cast.trader, "/history/")
    assert shown.count("+1,686.64") >= 4
    assert "+3,373.28" not in shown
    assert page(scene.cast.trader, "/history/?mode=LIVE").count("+1,686.64") < shown.count("+1,686.64")
    assert "No closed trade" in page(scene.cast.trader, "/history/?until=2020-01-01")


def test_history_is_paged(scene: Scene) -> None:
    Trade.objects.update(status="CLOSED")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("apps.dashboard.views.pages.PAGE", 1)
        first = page(scene.cast.trader, "/history/?mode=")
        older = max(scene.live_trade.pk, scene.paper_trade.pk)
        assert f"before={older}" in first
        assert "Older" not in page(scene.cast.trader, f"/history/?before={older}")


def test_the_theme_is_saved_with_the_person(scene: Scene) -> None:
    client = client_of(scene.cast.trader)
    assert "data-theme" not in client.get("/").content.decode()[:400]
    client.post("/settings/", {"theme": "dark"})
    assert 'data-theme="dark"' in client.get("/").content.decode()
    assert client.post("/settings/", {"theme": "pink"}).status_code == 200
    assert User.objects.get(pk=scene.cast.trader.pk).theme == "dark"


def test_pages_carry_no_inline_code_and_are_never_cached(scene: Scene) -> None:
    response = client_of(scene.cast.trader).get("/")
    shown = response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert "<script>" not in shown
    assert " style=" not in shown
    assert "hx-on" not in shown
    assert "script-src 'self'" in response["Content-Security-Policy"]


def test_a_board_costs_the_same_queries_however_many_trades(
    scene: Scene, now: datetime, django_assert_max_num_queries
) -> None:  # type: ignore[no-untyped-def]
    client = client_of(scene.cast.operator)
    client.get("/")
    with django_assert_max_num_queries(24):
        client.get("/")


@pytest.mark.parametrize(
    ("asked", "known", "expected"),
    [
        ("127.0.0.1:8800", "ws://127.0.0.1:8801", "ws://127.0.0.1:8801/ws/live/"),
        ("localhost:8800", "ws://127.0.0.1:8801", "ws://localhost:8801/ws/live/"),
        ("localhost:8800", "wss://live.example", "wss://live.example/ws/live/"),
        ("localhost:8800", "https://live.example/socket/", "wss://live.example/socket/"),
        ("localhost:8800", "", ""),
    ],
)
def test_the_socket_is_sought_where_the_browser_can_reach_it(
    scene: Scene, settings: object, asked: str, known: str, expected: str
) -> None:
    settings.LIVE_URL = known  # type: ignore[attr-defined]
    answer = client_of(scene.cast.trader).get("/", headers={"Host": asked})
    assert f'data-live-url="{expected}"' in answer.content.decode()
    policy = next(part for part in answer["Content-Security-Policy"].split("; ") if part.startswith("connect-src"))
    allowed = policy.split()[1:]
    assert expected in (*allowed, "")
