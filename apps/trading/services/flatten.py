"""Flattening by hand: everything of a target goes, for the most urgent of all reasons. See ``flatten_request``."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.audit.services.record import record
from apps.risk.models import HaltScope
from apps.risk.services.halts import set_halt
from apps.trading.models import Trade, TradeLeg
from apps.trading.querysets import TradeQuerySet
from apps.trading.services.exit import request_exit
from apps.users.models import User
from domain.orders import ExitReason


@dataclass(frozen=True, slots=True)
class Target:
    """What is flattened: an account, a strategy in every account, a tenant, or with ``pk`` 0 the whole platform."""

    scope: HaltScope
    pk: int
    tenant_id: int | None
    name: str


def live_trades(user: User, target: Target) -> TradeQuerySet:
    """Return the live trades a flattening asks to go."""
    trades = Trade.objects.for_user(user).live()
    if target.scope == HaltScope.PLATFORM:
        return trades
    column = {HaltScope.ACCOUNT: "account", HaltScope.STRATEGY: "strategy", HaltScope.TENANT: "tenant"}[target.scope]
    return trades.filter(**{f"{column}_id": target.pk})


def flatten(*, target: Target, user: User, reason: str, halt: bool, now: datetime) -> int:
    """Ask every live trade of the target to go flat, its entries halted first when asked for; returns the trades.

    Without the halt the next signal may enter again. Safe to repeat.
    """
    with transaction.atomic():
        if halt:
            _halt(target, user, reason)
        trades = list(live_trades(user, target).order_by("pk"))
        for trade in trades:
            record("flatten_asked", trade, tenant_id=trade.tenant_id, actor=user, reason=reason, target=target.name)
    legs = list(TradeLeg.objects.filter(trade__in=trades).order_by("pk").values_list("pk", flat=True))
    request_exit(leg_ids=legs, reason=ExitReason.KILL_SWITCH, actor=user, now=now)
    return len(trades)


def _halt(target: Target, user: User, reason: str) -> None:
    set_halt(
        scope=target.scope,
        reason=reason,
        reason_code="FLATTEN",
        actor=user,
        tenant_id=target.tenant_id,
        account_id=target.pk if target.scope == HaltScope.ACCOUNT else None,
        strategy_id=target.pk if target.scope == HaltScope.STRATEGY else None,
    )
