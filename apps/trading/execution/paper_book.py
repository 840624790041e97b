"""The paper broker's book in Postgres."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Q
from django.db.utils import InterfaceError, OperationalError

from apps.broker_accounts.models import BrokerAccount
from apps.trading.models import PaperAccount, PaperFill, PaperOrder, PaperPosition
from bus import failpoints
from domain.orders import WORKING

KEPT = timedelta(hours=30)
"""How far back the broker's books show what is over, as a real broker shows the day's."""


class Database(Protocol):
    """Runs blocking ORM code off the event loop."""

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Awaitable[Any]: ...


def head_of(account_id: int) -> PaperAccount:
    """Return the head of an account's book, opened with the account's paper cash the first time."""
    cash = BrokerAccount.objects.values_list("paper_cash", flat=True).get(pk=account_id)
    head, _ = PaperAccount.objects.get_or_create(account_id=account_id, defaults={"cash": cash})
    return head


def rows_of(account_id: int, *, now: datetime) -> tuple[list[PaperOrder], list[PaperFill], list[PaperPosition]]:
    """Return what a book holds: orders at work or recent, recent fills, every position."""
    since = now - KEPT
    orders = PaperOrder.objects.filter(account_id=account_id)
    return (
        list(orders.filter(Q(placed_at__gte=since) | Q(status__in=WORKING))),
        list(PaperFill.objects.filter(account_id=account_id, filled_at__gte=since)),
        list(PaperPosition.objects.filter(account_id=account_id)),
    )


ORDER_FIELDS = [
    "order_id",
    "client_order_id",
    "exchange",
    "symbol",
    "side",
    "quantity",
    "product",
    "order_type",
    "validity",
    "price",
    "trigger_price",
    "status",
    "placed_at",
    "updated_at",
    "filled_quantity",
    "filled_value",
    "is_triggered",
    "matched_at",
    "modifications",
    "reason",
]
FILL_FIELDS = ["trade_id", "order_id", "exchange", "symbol", "side", "quantity", "price", "filled_at"]
POSITION_FIELDS = ["exchange", "symbol", "product", "quantity", "average_price", "last_price", "multiplier", "realized"]


def save_change(
    account_id: int,
    *,
    base_version: int,
    cash: Decimal,
    orders: list[dict[str, Any]],
    fills: list[dict[str, Any]],
    positions: list[dict[str, Any]],
) -> bool:
    """Save one change whole; ``False`` when the book has moved on from ``base_version``: nothing is saved then."""
    with transaction.atomic():
        moved = PaperAccount.objects.filter(account_id=account_id, version=base_version).update(
            version=base_version + 1, cash=cash
        )
        if not moved:
            return False
        failpoints.reach("paper.version_moved")
        _upsert(PaperOrder, account_id, orders, key="order_id", fields=ORDER_FIELDS)
        PaperFill.objects.bulk_create([PaperFill(account_id=account_id, **fill) for fill in fills])
        _upsert_positions(account_id, positions)
    failpoints.reach("paper.saved")
    return True


def _upsert(
    model: type[PaperOrder], account_id: int, rows: list[dict[str, Any]], *, key: str, fields: list[str]
) -> None:
    model.objects.bulk_create(
        [model(account_id=account_id, **row) for row in rows],
        update_conflicts=True,
        unique_fields=["account", key],
        update_fields=[field for field in fields if field != key],
    )


def _upsert_positions(account_id: int, rows: list[dict[str, Any]]) -> None:
    PaperPosition.objects.bulk_create(
        [PaperPosition(account_id=account_id, **row) for row in rows],
        update_conflicts=True,
        unique_fields=["account", "exchange", "symbol", "product"],
        update_fields=["quantity", "average_price", "last_price", "multiplier", "realized"],
    )


DatabaseDown = (OperationalError, InterfaceError)
