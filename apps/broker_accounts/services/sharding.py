"""Moving accounts between execution shards while everything trades.

A claim holds its shard's lease row shared until it commits, and a move takes it exclusively: either the claim is in and
the account has an order under way, so it stays, or the move is in and the claim no longer finds the account. What waits
unsent goes along; positions, stops and trades never notice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Count

from apps.audit.services.record import Entry, record_all
from apps.broker_accounts.models import BrokerAccount
from apps.users.models import User
from bus import commands
from bus.models import Lease
from domain import sharding
from domain.orders import UNRESOLVED, OrderStatus

UNDER_WAY = UNRESOLVED - {OrderStatus.PENDING}
"""States in which the old shard may still be talking to the broker about an order."""


class NoSuchShard(ValueError):
    """The platform has no execution shard of this number."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Accounts that changed their shard, and those that could not now because an order of theirs is under way."""

    moved: tuple[int, ...]
    busy: tuple[int, ...]


def emptiest_shard() -> int:
    """Return the shard a new account belongs to."""
    counts = BrokerAccount.objects.order_by().values_list("shard").annotate(accounts=Count("pk"))
    return sharding.emptiest(dict(counts), shards=settings.SHARDS)


def planned_moves() -> dict[int, int]:
    """Return account to shard for every account that must move until all shards are as full as each other."""
    return sharding.spread(dict(BrokerAccount.objects.values_list("pk", "shard")), shards=settings.SHARDS)


def move_all(wanted: Mapping[int, int], *, actor: User | None = None) -> Moved:
    """Move each account to its wanted shard; raises `NoSuchShard` before anything moved."""
    targets = sorted(set(wanted.values()))
    for shard in targets:
        _check(shard)
    parts = [move([pk for pk in wanted if wanted[pk] == shard], to=shard, actor=actor) for shard in targets]
    return Moved(tuple(pk for part in parts for pk in part.moved), tuple(pk for part in parts for pk in part.busy))


def move(account_ids: Collection[int], *, to: int, actor: User | None = None) -> Moved:
    """Move accounts to a shard, all that can at this moment; raises `NoSuchShard`."""
    _check(to)
    with transaction.atomic():
        _keep_claims_out(account_ids)
        rows = BrokerAccount.objects.select_for_update(of=("self",)).filter(pk__in=account_ids).exclude(shard=to)
        accounts = list(rows.order_by("pk"))
        busy = _under_way(accounts)
        free = [account for account in accounts if account.pk not in busy]
        _change(free, to=to, actor=actor)
        commands.wake_execution({to} if free else ())
    return Moved(tuple(account.pk for account in free), tuple(sorted(busy)))


def _check(shard: int) -> None:
    if not 0 <= shard < settings.SHARDS:
        raise NoSuchShard(f"There are shards 0 to {settings.SHARDS - 1}, no {shard}.")


def _keep_claims_out(account_ids: Collection[int]) -> None:
    """Lock the leases of the shards the accounts are in now; no claim of theirs runs until this commit."""
    shards = BrokerAccount.objects.filter(pk__in=account_ids).order_by().values_list("shard", flat=True).distinct()
    names = [f"execution.{shard}" for shard in shards]
    list(Lease.objects.select_for_update().filter(name__in=names).order_by("name"))


def is_under_way(account: BrokerAccount) -> bool:
    """Say whether an order of the account may still be at the broker, which keeps it in its shard."""
    return bool(_under_way([account]))


def _under_way(accounts: Collection[BrokerAccount]) -> set[int]:
    rows = BrokerAccount.objects.filter(pk__in=[account.pk for account in accounts], orders__status__in=UNDER_WAY)
    return set(rows.values_list("pk", flat=True))


def _change(accounts: Collection[BrokerAccount], *, to: int, actor: User | None) -> None:
    """Write the new shard; the new one must read an account's books before it enters anything there."""
    entries = [
        Entry(
            "account_moved", account._meta.label_lower, account.pk, account.tenant_id, {"from": account.shard, "to": to}
        )
        for account in accounts
    ]
    for account in accounts:
        account.states.update(reconciled_epoch=0)
    BrokerAccount.objects.filter(pk__in=[account.pk for account in accounts]).update(shard=to)
    record_all(entries, actor=actor)
