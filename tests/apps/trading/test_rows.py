"""Many rows in one statement."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.db import DataError

from apps.trading.models import ExternalOrder, Order
from apps.trading.services.rows import insert_columns, insert_rows, update_rows
from tests.apps.trading.conftest import enter
from tests.cast import Cast


@pytest.fixture
def orders(cast: Cast, now: datetime) -> list[Order]:
    enter(cast, now, accounts=[cast.account, cast.paper_account])
    return list(Order.objects.order_by("pk"))


def test_shared_and_own_values_are_written(orders: list[Order]) -> None:
    for number, order in enumerate(orders):
        order.reason, order.broker_order_id, order.finished_at = "100 % of 5%s", f"B{number}", None
    assert update_rows(orders, ["reason", "broker_order_id", "finished_at"]) == 2
    stored = list(Order.objects.order_by("pk").values_list("reason", "broker_order_id", "finished_at"))
    assert stored == [("100 % of 5%s", "B0", None), ("100 % of 5%s", "B1", None)]


def test_a_single_row_is_written(orders: list[Order]) -> None:
    orders[0].price = Decimal("12.35")
    update_rows(orders[:1], ["price"])
    assert Order.objects.get(pk=orders[0].pk).price == Decimal("12.35")
    assert Order.objects.get(pk=orders[1].pk).price == Decimal("103")


def outside(cast: Cast, broker_order_id: str) -> ExternalOrder:
    return ExternalOrder(
        account=cast.account, broker_order_id=broker_order_id, symbol="X", side="BUY", quantity=1, status="OPEN"
    )


def test_rows_get_the_ids_of_their_places(cast: Cast) -> None:
    made = insert_rows([outside(cast, name) for name in ("C", "A", "B")])
    assert [ExternalOrder.objects.get(pk=row.pk).broker_order_id for row in made] == ["C", "A", "B"]


def test_columns_nobody_names_get_their_defaults(cast: Cast) -> None:
    shared = {"account_id": cast.account.pk, "symbol": "X", "side": "BUY", "status": "OPEN"}
    ids = insert_columns(ExternalOrder, each={"broker_order_id": ["B", "A"], "quantity": [2, 1]}, shared=shared)
    stored = ExternalOrder.objects.in_bulk(ids)
    found = [(stored[pk].broker_order_id, stored[pk].quantity, stored[pk].filled_quantity) for pk in ids]
    assert found == [("B", 2, 0), ("A", 1, 0)]
    assert insert_columns(ExternalOrder, each={"quantity": []}, shared=shared) == []


def test_what_does_not_fit_is_refused_not_cut(cast: Cast) -> None:
    with pytest.raises(DataError):
        insert_rows([outside(cast, "A"), outside(cast, "B" * 101)])
