"""What people see while something is not as it should be: orders checked, exits held up, halts, orders of others."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from apps.notifications.models import Level, Notification, NotificationRead
from apps.notifications.services.notify import notify
from apps.risk.services.halts import halt_account, lift_automatic, set_halt
from apps.strategies.models import StrategyMap
from apps.trading.models import AccountState, ExternalOrder, Intent, Order, Position, TradeLeg
from apps.users.models import User
from bus import live
from domain.orders import OrderStatus
from tests.apps.dashboard.conftest import Scene, client_of
from tests.apps.dashboard.scene import make_order


def page(user: User, path: str = "/", **headers: str) -> str:
    response = client_of(user).get(path, headers=headers)
    assert response.status_code == 200, path
    return response.content.decode()


def words(html: str) -> str:
    """Return the text people read."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def first_leg(scene: Scene) -> TradeLeg:
    leg = scene.live_trade.legs.first()
    assert leg is not None
    return leg


def check_order(scene: Scene, now: datetime, status: OrderStatus = OrderStatus.UNKNOWN) -> Order:
    order = make_order(first_leg(scene), status=status, now=now, code="TIMEOUT")
    Order.objects.filter(pk=order.pk).update(claimed_at=timezone.now() - timedelta(seconds=75))
    return order


def outside(scene: Scene, **fields: Any) -> ExternalOrder:
    values = {
        "symbol": "ZNIFTY23NOV2626000CE",
        "side": "BUY",
        "quantity": 65,
        "filled_quantity": 65,
        "status": "FILLED",
    }
    rest = {"average_price": Decimal("41.15"), "broker_order_id": "APP1", "account": scene.cast.account}
    return ExternalOrder.objects.create(**(values | rest | fields))


# orders being checked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/trades/", "/orders/?state=checking", "/parts/?show=trades", "trade"])
def test_an_unknown_order_is_being_checked_wherever_it_is_shown(scene: Scene, now: datetime, path: str) -> None:
    check_order(scene, now)
    shown = words(page(scene.cast.trader, path if path != "trade" else f"/trades/{scene.live_trade.pk}/"))
    assert "Checking with the broker" in shown
    assert "1 min" in shown
    assert not re.search(r"\b(failed|error)\b", shown.lower())


def test_a_parked_order_says_what_the_person_can_do(scene: Scene, now: datetime) -> None:
    order = check_order(scene, now, OrderStatus.PARKED)
    for path in ("/trades/", "/orders/", f"/trades/{scene.live_trade.pk}/"):
        shown = words(page(scene.cast.trader, path))
        assert "Still checking with the broker" in shown
        assert "tell your operator what you see" in shown
        assert order.client_order_id in shown


def test_a_resolved_order_leaves_no_trace_of_the_check(scene: Scene, now: datetime) -> None:
    order = check_order(scene, now)
    Order.objects.filter(pk=order.pk).update(status="OPEN")
    assert "hecking with the broker" not in words(page(scene.cast.trader, "/trades/"))


def test_an_exit_that_cannot_go_on_says_why(scene: Scene) -> None:
    leg, trade = first_leg(scene), scene.live_trade
    Intent.objects.create(
        tenant=trade.tenant, account=trade.account, trade=trade, leg=leg, kind="EXIT", side="BUY", quantity=65,
        mode="LIVE", status="BLOCKED", note="The broker session was lost: <sign> in again.",
    )  # fmt: skip
    for path in ("/", f"/trades/{trade.pk}/"):
        shown = page(scene.cast.trader, path)
        assert "Exit held up" in shown
        assert "lost: &lt;sign&gt; in again." in shown


# halts ----------------------------------------------------------------------------------------------------------------


def test_a_halted_account_says_why_and_offers_the_sign_in(scene: Scene) -> None:
    halt_account(account_id=scene.cast.account.pk, reason_code="SESSION_LOST", reason="token refused by 10.0.0.1")
    for path in ("/", "/settings/", "/parts/?show=accounts"):
        shown = page(scene.cast.trader, path)
        assert "Account halted" in shown
        assert "The broker session was lost" in shown
        assert "SESSION_LOST" in shown
        assert f"/hooks/zerodha/connect/{scene.cast.account.pk}/" in shown
        assert "10.0.0.1" not in shown
        assert shown.count("Account halted") == 1
    assert "Account halted" not in page(scene.cast.other_trader)
    lift_automatic(account_id=scene.cast.account.pk, reason_codes=["SESSION_LOST"], now=timezone.now())
    assert "Account halted" not in page(scene.cast.trader)


def test_an_operators_halt_is_quoted_and_names_whom_to_ask(scene: Scene) -> None:
    tenant = scene.cast.tenant
    set_halt(scope="TENANT", reason="expiry <drill>", actor=scene.cast.operator, tenant_id=tenant.pk)
    shown = page(scene.cast.trader)
    assert shown.count("All accounts are halted") == 2
    assert "“expiry &lt;drill&gt;”" in shown
    assert "Contact your operator" in shown
    assert "All accounts are halted" not in page(scene.cast.outsider)


def test_a_halted_strategy_is_shown_where_it_is_subscribed(scene: Scene) -> None:
    strategy = scene.live_trade.strategy
    set_halt(scope="STRATEGY", reason="a bug", actor=scene.cast.operator, strategy_id=strategy.pk)
    assert "Short straddle halted" not in page(scene.cast.trader)
    StrategyMap.objects.create(strategy=strategy, account=scene.cast.account)
    assert page(scene.cast.trader).count("Short straddle halted") == 1


# orders of others -----------------------------------------------------------------------------------------------------


def test_orders_placed_outside_are_marked_in_words(scene: Scene) -> None:
    outside(scene)
    outside(scene, broker_order_id="APP2", symbol="SOMETHING-ELSE", seen_at=timezone.now() - timedelta(days=2))
    shown = words(page(scene.cast.trader, "/orders/"))
    assert "Placed outside the platform Filled Buy NIFTY23NOV2626000CE" in shown
    assert "SOMETHING-ELSE" not in shown
    assert "APP1" in words(page(scene.cast.trader, "/orders/?state=outside"))
    assert "APP1" not in words(page(scene.cast.trader, "/orders/?state=filled"))
    for stranger in (scene.cast.outsider, scene.cast.other_trader):
        assert "APP1" not in page(stranger, "/orders/")


def test_a_trades_story_tells_of_orders_placed_outside_in_its_contracts(scene: Scene) -> None:
    outside(scene)
    outside(scene, broker_order_id="APP2", symbol="OTHER")
    shown = words(page(scene.cast.trader, f"/trades/{scene.live_trade.pk}/"))
    assert "Placed outside the platform: Buy 65 NIFTY23NOV2626000CE, 65 filled at 41.15. Filled, APP1" in shown
    assert "APP2" not in shown
    assert "APP1" not in words(page(scene.cast.trader, f"/trades/{scene.paper_trade.pk}/"))


def read_books(scene: Scene) -> None:
    AccountState.objects.update_or_create(
        account=scene.cast.account, mode="LIVE", defaults={"positions_read_at": timezone.now()}
    )


def test_a_position_names_what_was_placed_outside(scene: Scene) -> None:
    read_books(scene)
    outside(scene)
    Position.objects.filter(account=scene.cast.account, instrument=scene.cast.call).update(quantity=0)
    shown = words(page(scene.cast.trader, "/positions/"))
    assert "hold \u221265, orders placed outside it make 65." in shown
    assert "Differs" not in shown


def test_a_position_nobody_can_explain_is_shown_as_such(scene: Scene) -> None:
    read_books(scene)
    Position.objects.filter(account=scene.cast.account, instrument=scene.cast.call).update(quantity=65)
    shown = words(page(scene.cast.trader, "/positions/"))
    assert shown.count("Differs from the platform") == 2  # the table and the cards
    assert "hold \u221265, 130 cannot be explained" in shown


def test_what_the_broker_does_not_show_at_all_is_shown_all_the_same(scene: Scene) -> None:
    read_books(scene)
    Position.objects.filter(account=scene.cast.account, instrument=scene.cast.put).delete()
    shown = words(page(scene.cast.trader, "/positions/"))
    assert shown.count("Differs from the platform") == 2
    assert "NIFTY23NOV2626000PE" in shown
    assert "Differs" not in page(scene.cast.outsider, "/positions/")


def test_books_read_before_the_last_fill_accuse_nobody(scene: Scene) -> None:
    read_books(scene)
    AccountState.objects.update(fills_applied_at=timezone.now() + timedelta(seconds=1))
    Position.objects.filter(account=scene.cast.account).delete()
    assert "Differs" not in page(scene.cast.trader, "/positions/")


# messages -------------------------------------------------------------------------------------------------------------


def say(scene: Scene, key: str, level: Level = Level.PAGE, user: User | None = None) -> Notification:
    owner = user or scene.cast.trader
    notify(key=key, code="X", text=f"<{key}>", tenant_id=owner.tenant_id, user_id=owner.pk, level=level)
    return Notification.objects.get(key=key)


def test_the_bell_counts_what_was_not_read_and_says_what_is_urgent(scene: Scene) -> None:
    assert 'aria-label="Messages"' in page(scene.cast.trader)
    say(scene, "urgent")
    say(scene, "calm", Level.WARNING)
    shown = page(scene.cast.trader, "/parts/?show=bell")
    assert 'aria-label="Messages: 2 unread, 1 urgent"' in shown
    assert "is-urgent" in shown
    assert 'aria-label="Messages"' in page(scene.cast.other_trader)


def test_messages_are_listed_read_and_stay_in_the_list(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    note, other = say(scene, "urgent"), say(scene, "calm", Level.WARNING)
    monkeypatch.setattr(live, "announce", lambda users, kind, data: told.append(data))
    client = client_of(scene.cast.trader)
    shown = page(scene.cast.trader, "/notifications/", **{"HX-Request": "true"})
    assert "<html" not in shown
    assert "&lt;urgent&gt;" in shown
    assert words(shown).count("Mark read") == 2
    for _ in range(2):
        assert client.post("/notifications/read/", {"id": note.pk}, headers={"HX-Request": "true"}).status_code == 204
    assert told == [{"code": "READ", "id": str(note.pk)}]
    assert "1 unread" in words(page(scene.cast.trader, "/notifications/"))
    assert client.post("/notifications/read/")["Location"] == "/notifications/"
    assert set(NotificationRead.objects.values_list("notification", flat=True)) == {note.pk, other.pk}
    assert "&lt;urgent&gt;" in page(scene.cast.trader, "/notifications/")


@pytest.mark.parametrize("number", ["x", "-1", "1" * 19, "\u0665", "1;drop"])
def test_nonsense_is_no_message(scene: Scene, number: str) -> None:
    say(scene, "urgent")
    assert client_of(scene.cast.trader).post("/notifications/read/", {"id": number}).status_code == 400
    assert not NotificationRead.objects.exists()


def test_nobody_reads_or_marks_what_is_told_to_others(scene: Scene) -> None:
    note = say(scene, "urgent")
    for stranger in (scene.cast.outsider, scene.cast.other_trader, scene.cast.manager):
        assert "&lt;urgent&gt;" not in page(stranger, "/notifications/")
        client_of(stranger).post("/notifications/read/", {"id": note.pk})
        client_of(stranger).post("/notifications/read/")
    assert not NotificationRead.objects.exists()
    assert client_of(scene.cast.trader).get("/notifications/read/").status_code == 405
