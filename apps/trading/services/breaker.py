"""Accounts the platform halts by itself, each for a cause of its own, and releases once the cause is gone."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.broker_accounts.models import BrokerAccount
from apps.risk.models import Halt, HaltScope
from apps.risk.services.halts import halt_account, lift_automatic
from apps.trading.models import Order
from domain.orders import OrderStatus

UNKNOWN_HALTS_AFTER = timedelta(seconds=30)
"""How long an order's fate may be unknown before its account enters nothing more."""

BROKER_CODES = frozenset({"BROKER_DOWN", "RATE_LIMITED"})
ORDER_CODES = frozenset({"ORDER_UNKNOWN", "ORDER_PARKED"})
DAY_CODES = frozenset({"ORDERS_SPENT"})
_TEXT_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an account is to be halted: the code its owner and the operators see, and the broker's own words."""

    code: str
    text: str


def tend_halts(
    *,
    shard: int,
    down: Mapping[int, Trouble],
    healthy: Collection[int],
    spent: Collection[int],
    spared: Collection[int],
    wall: datetime,
) -> None:
    """Halt the shard's accounts that are ``down``, have an order nobody can account for, or have ``spent`` their day's
    orders; release those that are ``healthy``, have none, or are ``spared`` some. An account that is in neither of two
    lists stays as it is. Safe to repeat; whatever a person halted stays a person's to release."""
    doubtful = _doubtful_orders(shard, wall)
    in_force = _in_force(shard)
    for account_id, trouble in down.items():
        _halt(account_id, trouble, in_force)
    for account_id, order in doubtful.items():
        _halt_for_order(account_id, order, in_force)
    for account_id in spent:
        halt_account(account_id=account_id, reason_code="ORDERS_SPENT", reason="What is left is kept for exits.")
    for account_id, codes in in_force.items():
        over = {code for code in codes & BROKER_CODES if account_id in healthy}
        over |= codes & ORDER_CODES if account_id not in doubtful else set()
        over |= codes & DAY_CODES if account_id in spared else set()
        if over:
            lift_automatic(account_id=account_id, reason_codes=over, now=wall)


def _doubtful_orders(shard: int, wall: datetime) -> dict[int, Order]:
    """Return the oldest order of each account whose fate has been unknown for too long."""
    rows = Order.objects.filter(
        account__shard=shard,
        status__in=[OrderStatus.UNKNOWN, OrderStatus.PARKED],
        claimed_at__lte=wall - UNKNOWN_HALTS_AFTER,
    )
    return {order.account_id: order for order in rows.order_by("-claimed_at")}


def _in_force(shard: int) -> dict[int, set[str]]:
    halts = Halt.objects.active().filter(
        scope=HaltScope.ACCOUNT,
        account__in=BrokerAccount.objects.filter(shard=shard),
        created_by__isnull=True,
        reason_code__in=BROKER_CODES | ORDER_CODES | DAY_CODES,
    )
    return _grouped(halts.values_list("account_id", "reason_code"))


def _grouped(rows: Iterable[tuple[int | None, str]]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for account_id, code in rows:
        if account_id is not None:
            found.setdefault(account_id, set()).add(code)
    return found


def _halt(account_id: int, trouble: Trouble, in_force: Mapping[int, set[str]]) -> None:
    if not in_force.get(account_id, set()) & BROKER_CODES:
        halt_account(account_id=account_id, reason_code=trouble.code, reason=trouble.text[:_TEXT_LENGTH])


def _halt_for_order(account_id: int, order: Order, in_force: Mapping[int, set[str]]) -> None:
    """Once per order: what a person has released for the same order is not halted again."""
    code = "ORDER_PARKED" if order.status == OrderStatus.PARKED else "ORDER_UNKNOWN"
    if in_force.get(account_id, set()) & ORDER_CODES:
        return
    before = Halt.objects.filter(account_id=account_id, reason_code__in=ORDER_CODES, created_at__gte=order.claimed_at)
    if not before.exists():
        halt_account(account_id=account_id, reason_code=code, reason=f"The fate of order {order.pk} is not known.")
