"""Cancelling and changing orders from the pages."""

import re
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerSession
from apps.trading.models import ChangeRequest, Intent, Order, TradeLeg
from domain.order_changes import RequestStatus
from domain.orders import IntentKind, OrderStatus
from tests.apps.dashboard.conftest import Scene, client_of
from tests.apps.dashboard.scene import make_order

HTMX = {"HX-Request": "true"}


@pytest.fixture
def order(scene: Scene, now: datetime) -> Order:
    """An entry of the trader that rests at 42.10, nothing of it filled; the market is at 27.70."""
    return rest(scene, now)


def rest(scene: Scene, now: datetime, *, status: OrderStatus = OrderStatus.OPEN, **fields: Any) -> Order:
    leg = scene.live_trade.legs.get(instrument=scene.cast.put)
    TradeLeg.objects.filter(pk=leg.pk).update(entry_quantity=0, entry_value=0)
    made = make_order(leg, status=status, now=now)
    Order.objects.filter(pk=made.pk).update(**fields)
    Intent.objects.filter(pk=made.intent_id).update(status="WORKING", expires_at=now + timedelta(minutes=1))
    return Order.objects.get(pk=made.pk)


def cancel_path(order: Order) -> str:
    return f"/orders/{order.pk}/cancel/"


def change_path(order: Order) -> str:
    return f"/orders/{order.pk}/change/"


def ask(client: Client, path: str, **values: Any) -> Any:
    return client.post(path, {"key": str(uuid.uuid4()), **values})


def page(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_resting_entry_offers_both_and_a_filled_one_neither(scene: Scene, order: Order) -> None:
    shown = page(client_of(scene.cast.trader), "/orders/")
    assert f'data-dialog="{cancel_path(order)}"' in shown
    assert f'data-dialog="{change_path(order)}"' in shown
    assert shown.count('data-dialog="/orders/') == 2  # the scene's filled orders offer nothing


def test_an_exit_says_why_it_offers_nothing(scene: Scene, order: Order) -> None:
    Intent.objects.filter(pk=order.intent_id).update(kind=IntentKind.EXIT)
    client = client_of(scene.cast.trader)
    shown = page(client, "/orders/")
    assert "It takes you out of a position" in shown
    assert 'data-dialog="/orders/' not in shown
    for path in (cancel_path(order), change_path(order)):
        dialog = page(client, path, **HTMX)
        assert "until the position is left" in dialog
        assert "data-confirm" not in dialog
        assert ask(client, path, price="41").status_code == 200
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize(
    ("status", "filled", "means"),
    [
        (OrderStatus.PENDING, 0, "given up at once"),
        (OrderStatus.OPEN, 0, "Until it has, the order may still fill."),
        (OrderStatus.UNKNOWN, 0, "as soon as the broker&#x27;s book shows it"),
        (OrderStatus.PARTIALLY_FILLED, 30, "The 30 units that are filled stay, and so do their stop and target."),
        (OrderStatus.OPEN, 0, "no leg stays alone"),
    ],
)
def test_the_dialog_says_what_a_cancel_means(
    scene: Scene, now: datetime, status: OrderStatus, filled: int, means: str
) -> None:
    order = rest(scene, now, status=status, filled_quantity=filled)
    shown = page(client_of(scene.cast.trader), cancel_path(order), **HTMX)
    assert means in shown
    assert re.search(r"<button[^>]*data-focus[^>]*>Keep it<", shown)
    assert "<html" not in shown
    assert not ChangeRequest.objects.exists()


def test_a_strategy_that_keeps_no_part_says_so(scene: Scene, now: datetime) -> None:
    order = rest(scene, now, status=OrderStatus.PARTIALLY_FILLED, filled_quantity=30)
    scene.live_trade.exit_plan = {"keep_partial": False}
    scene.live_trade.save()
    assert "are left at the market" in page(client_of(scene.cast.trader), cancel_path(order))


def test_without_a_session_the_dialog_sends_to_the_brokers_app(scene: Scene, order: Order) -> None:
    BrokerSession.objects.all().delete()
    assert "Nobody is signed in at Zerodha" in page(client_of(scene.cast.trader), cancel_path(order))


def test_a_cancel_is_asked_for_and_followed(scene: Scene, order: Order) -> None:
    client = client_of(scene.cast.trader)
    answer = ask(client, cancel_path(order))
    assert answer.status_code == 302
    order.refresh_from_db()
    assert order.cancel_requested_at is not None
    assert order.status == OrderStatus.OPEN
    shown = page(client, answer["Location"], **HTMX)
    assert "Cancel asked" in shown
    assert "every 1s" in shown
    assert "Being cancelled" in page(client, "/orders/")
    Order.objects.filter(pk=order.pk).update(status=OrderStatus.CANCELLED, finished_at=timezone.now())
    shown = page(client, answer["Location"], **HTMX)
    assert "Cancelled" in shown
    assert "every 1s" not in shown
    assert AuditEvent.objects.get(kind="order_cancel_asked").actor == scene.cast.trader


def test_a_double_click_is_one_request(scene: Scene, order: Order) -> None:
    client, key = client_of(scene.cast.trader), str(uuid.uuid4())
    for path, values in ((cancel_path(order), {}), (cancel_path(order), {})):
        assert client.post(path, {"key": key, **values}).status_code == 302
    assert ChangeRequest.objects.count() == 1
    assert AuditEvent.objects.filter(kind="order_cancel_asked").count() == 1


def test_a_change_is_asked_for_and_followed(scene: Scene, order: Order) -> None:
    client = client_of(scene.cast.trader)
    shown = page(client, change_path(order), **HTMX)
    assert 'value="42.10"' in shown
    assert 'value="65"' in shown
    answer = ask(client, change_path(order), price="41.50", quantity="65")
    assert answer.status_code == 302
    made = ChangeRequest.objects.get()
    assert (made.price, made.quantity, made.status) == (Decimal("41.50"), None, RequestStatus.WAITING)
    assert "Change queued" in page(client, answer["Location"], **HTMX)
    ChangeRequest.objects.update(status=RequestStatus.UNKNOWN)
    assert "It is not sent again" in page(client, answer["Location"], **HTMX)
    ChangeRequest.objects.update(status=RequestStatus.REFUSED, note="Price <b>too</b> far")
    shown = page(client, answer["Location"], **HTMX)
    assert "every 1s" not in shown
    assert "Price &lt;b&gt;too&lt;/b&gt; far" in shown
    assert "Not changed" in page(client, "/orders/")
    (audit,) = AuditEvent.objects.filter(kind="order_change_asked")
    assert audit.data["price"] == "41.50"


@pytest.mark.parametrize(
    ("values", "means"),
    [
        ({"price": "41.52"}, "tick"),
        ({"price": "42.10", "quantity": "65"}, "these values already"),
        ({"quantity": "130"}, "only made smaller"),
        ({"quantity": "0"}, "greater than or equal to 1"),
        ({"price": "a lot"}, "Enter a number"),
        ({"price": "1.00"}, "far through the market"),
        ({}, "these values already"),
    ],
)
def test_a_change_that_makes_no_sense_says_why_and_keeps_what_was_typed(
    scene: Scene, order: Order, values: dict[str, str], means: str
) -> None:
    answer = ask(client_of(scene.cast.trader), change_path(order), **values)
    assert answer.status_code == 200
    shown = answer.content.decode()
    assert means in shown
    assert all(f'value="{typed}"' in shown for typed in values.values())
    assert not ChangeRequest.objects.exists()


def test_without_scripts_the_dialogs_are_pages(scene: Scene, order: Order) -> None:
    client = client_of(scene.cast.trader)
    for path in (cancel_path(order), change_path(order)):
        assert "<html" in page(client, path)
    assert "<html" in page(client, ask(client, cancel_path(order))["Location"])


@pytest.mark.parametrize("who", ["outsider", "other_trader"])
def test_nobody_finds_the_orders_of_others(scene: Scene, order: Order, who: str) -> None:
    made = ask(client_of(scene.cast.trader), change_path(order), price="41.50")["Location"]
    client = client_of(getattr(scene.cast, who))
    assert client.get(made).status_code == 404
    for path in (cancel_path(order), change_path(order)):
        assert client.get(path).status_code == 404
        assert ask(client, path, price="41.00").status_code == 404
    assert ChangeRequest.objects.count() == 1
    order.refresh_from_db()
    assert order.cancel_requested_at is None


def test_a_manager_may_cancel_a_clients_entry(scene: Scene, order: Order) -> None:
    assert ask(client_of(scene.cast.manager), cancel_path(order)).status_code == 302
    assert AuditEvent.objects.get(kind="order_cancel_asked").actor == scene.cast.manager


def test_strangers_are_sent_to_the_sign_in(scene: Scene, order: Order) -> None:
    for path in (cancel_path(order), change_path(order)):
        assert Client().post(path, {"key": str(uuid.uuid4())})["Location"].startswith("/login/?next=")
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize("key", ["", "not-a-key", "1 OR 1=1"])
def test_a_press_without_its_key_does_nothing(scene: Scene, order: Order, key: str) -> None:
    for path in (cancel_path(order), change_path(order)):
        assert client_of(scene.cast.trader).post(path, {"key": key, "price": "41.50"}).status_code == 200
    assert not ChangeRequest.objects.exists()


def test_a_press_from_another_site_is_refused(scene: Scene, order: Order) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(scene.cast.trader)
    for path in (cancel_path(order), change_path(order)):
        assert ask(client, path, price="41.50").status_code == 403
    assert not ChangeRequest.objects.exists()


def test_a_trade_tells_who_asked_for_what(scene: Scene, order: Order) -> None:
    client = client_of(scene.cast.trader)
    ask(client, change_path(order), price="41.50")
    ChangeRequest.objects.update(status=RequestStatus.REFUSED, note="too far.", finished_at=timezone.now())
    ask(client_of(scene.cast.manager), cancel_path(order))
    shown = page(client, f"/trades/{scene.live_trade.pk}/")
    for text in (
        f"price 41.50 asked for by {scene.cast.trader.email}",
        "not changed. too far",
        f"cancel asked for by {scene.cast.manager.email}",
    ):
        assert text in shown
