"""Asking for orders to be cancelled or changed by a program."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache

from apps.audit.models import AuditEvent
from apps.trading.models import ChangeRequest, Order
from apps.users.services.api_keys import create_key
from domain.orders import IntentKind
from tests.apps.api.conftest import Api, Scene


@pytest.fixture
def order(scene: Scene) -> Order:
    """The trader's live entry, as if it rested at 100 with the market at 110."""
    ChangeRequest.objects.all().delete()
    Order.objects.filter(account=scene.cast.account).update(status="OPEN", filled_quantity=0, price=100)
    return Order.objects.get(account=scene.cast.account)


def test_a_cancel_is_accepted_and_written_on_the_order(trader: Api, scene: Scene, order: Order) -> None:
    answer = trader.post(f"orders/{order.pk}/cancel/", {})
    assert answer.status_code == 202
    row = answer.json()
    assert (row["order"], row["kind"], row["status"]) == (order.pk, "CANCEL", "DONE")
    order.refresh_from_db()
    assert order.cancel_requested_at is not None
    assert AuditEvent.objects.get(kind="order_cancel_asked").actor == scene.cast.trader
    assert trader.get(f"order-requests/{row['id']}/").json() == row


def test_a_change_is_accepted_and_waits(trader: Api, order: Order) -> None:
    row = trader.post(f"orders/{order.pk}/change/", {"price": "99.50"}).json()
    assert (row["kind"], row["status"], row["price"], row["quantity"]) == ("CHANGE", "WAITING", "99.50", None)
    assert ChangeRequest.objects.get().price == Decimal("99.50")


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_the_same_key_is_the_same_request_even_when_the_cache_has_forgotten_it(
    trader: Api, order: Order, is_forgotten: bool
) -> None:
    first = trader.post(f"orders/{order.pk}/cancel/", {}, **{"Idempotency-Key": "press-1"})
    if is_forgotten:
        cache.clear()
    again = trader.post(f"orders/{order.pk}/cancel/", {}, **{"Idempotency-Key": "press-1"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert ChangeRequest.objects.count() == 1
    assert trader.post(f"orders/{order.pk}/cancel/", {}, **{"Idempotency-Key": "press-2"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"price": "99.52"}, 409, "TICK"),
        ({"quantity": 6500}, 409, "MORE"),
        ({}, 409, "NOTHING_NEW"),
        ({"price": "one"}, 400, "INVALID"),
        ({"prize": "99.50"}, 400, "INVALID"),
        ({"quantity": 0}, 400, "INVALID"),
    ],
)
def test_what_makes_no_sense_is_refused_by_code(
    trader: Api, order: Order, body: dict[str, Any], status: int, code: str
) -> None:
    answer = trader.post(f"orders/{order.pk}/change/", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not ChangeRequest.objects.exists()


def test_an_exit_is_not_touched(trader: Api, order: Order) -> None:
    order.intent.kind = IntentKind.EXIT
    order.intent.save()
    for what in ("cancel", "change"):
        answer = trader.post(f"orders/{order.pk}/{what}/", {})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "PROTECTS")


def test_a_key_that_may_only_read_may_not_ask(scene: Scene, trader: Api, order: Order) -> None:
    reader = Api(trader.client, create_key(user=scene.cast.trader, name="reader", can_trade=False)[1])
    for what in ("cancel", "change"):
        assert reader.post(f"orders/{order.pk}/{what}/", {"price": "99.50"}).status_code == 403
    assert not ChangeRequest.objects.exists()


def test_holdings_are_listed(trader: Api) -> None:
    (row,) = [one for one in trader.rows("holdings/") if one["symbol"] == "INFY"]
    assert (row["quantity"], row["pledged"], row["average_price"], row["currency"]) == (10, 4, "1500.00", "INR")
