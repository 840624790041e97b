"""What the broker showed of accounts beside their orders: when it was read, positions, funds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q, QuerySet

from apps.broker_accounts.models import BrokerAccount
from apps.trading.models import AccountState, Position
from apps.trading.services.names import instrument_ids, serving_broker
from domain.orders import BrokerPosition, Funds

Lane = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """One lane's facts; ``positions`` and ``funds`` are ``None`` where they were not read."""

    lane: Lane
    read_at: datetime
    positions: Sequence[BrokerPosition] | None = None
    funds: Funds | None = None
    fills_applied_at: datetime | None = None


@dataclass(slots=True)
class _Columns:
    """The states to write, grouped by which columns they set: an unset column must keep its value."""

    rows: dict[tuple[str, ...], list[AccountState]] = field(default_factory=lambda: defaultdict(list))

    def add(self, facts: Facts, epoch: int) -> None:
        values: dict[str, object] = {"orders_read_at": facts.read_at, "reconciled_epoch": epoch}
        if facts.positions is not None:
            values["positions_read_at"] = facts.read_at
        if facts.fills_applied_at is not None:
            values["fills_applied_at"] = facts.fills_applied_at
        if facts.funds is not None:
            values |= funds_values(facts.funds, facts.read_at)
        account_id, mode = facts.lane
        self.rows[tuple(sorted(values))].append(AccountState(account_id=account_id, mode=mode, **values))


def funds_values(funds: Funds, read_at: datetime) -> dict[str, object]:
    """Return an account state's columns about money."""
    return {
        "funds_read_at": read_at,
        "available_funds": funds.available,
        "used_funds": funds.used,
        "total_funds": funds.total,
    }


def save_facts(facts: Sequence[Facts], *, epoch: int) -> None:
    """Write what was read, in a fixed number of statements however many accounts there are."""
    columns = _Columns()
    for one in facts:
        columns.add(one, epoch)
    for names, rows in columns.rows.items():
        AccountState.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account", "mode"],
            update_fields=[*names, "error_code", "error"],
        )
    save_positions([one for one in facts if one.positions is not None])


def save_snapshots(facts: Sequence[Facts]) -> None:
    """Write positions that were read without the orders: enough to size an exit by, not to call the lane reconciled."""
    rows = [AccountState(account_id=f.lane[0], mode=f.lane[1], positions_read_at=f.read_at) for f in facts]
    AccountState.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["account", "mode"], update_fields=["positions_read_at"]
    )
    save_positions(facts)


def note_error(lane: Lane, *, code: str, text: str) -> None:
    """Note why a lane's books could not be read; the next good read clears it."""
    row = AccountState(account_id=lane[0], mode=lane[1], error_code=code[:40], error=text[:200])
    AccountState.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["account", "mode"], update_fields=["error_code", "error"]
    )


def note_reads(facts: Sequence[Facts], *, epoch: int) -> None:
    """Note reads that brought nothing new, all under the oldest of their times."""
    read_at = min(one.read_at for one in facts)
    _states_of([one.lane for one in facts]).update(
        orders_read_at=read_at, reconciled_epoch=epoch, error_code="", error=""
    )
    _states_of([one.lane for one in facts if one.positions is not None]).update(positions_read_at=read_at)


def _states_of(lanes: Sequence[Lane]) -> QuerySet[AccountState]:
    return AccountState.objects.filter(_in_lanes(lanes))


def _in_lanes(lanes: Sequence[Lane]) -> Q:
    by_mode: dict[str, list[int]] = defaultdict(list)
    for account_id, mode in lanes:
        by_mode[mode].append(account_id)
    wanted = Q(pk__in=[])
    for mode, accounts in by_mode.items():
        wanted |= Q(mode=mode, account_id__in=accounts)
    return wanted


def save_positions(facts: Sequence[Facts]) -> None:
    """Replace the accounts' position snapshots; contracts we do not know are left out."""
    if not facts:
        return
    ids = _known_instruments(facts)
    rows = [row for one in facts for row in _rows(one, ids)]
    kept = {(row.account_id, row.mode, row.instrument_id, row.product) for row in rows}
    stored = Position.objects.filter(_in_lanes([one.lane for one in facts]))
    listed = stored.values_list("pk", "account_id", "mode", "instrument_id", "product")
    gone = [pk for pk, *key in listed if tuple(key) not in kept]
    if gone:
        Position.objects.filter(pk__in=gone).delete()
    Position.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["account", "mode", "instrument", "product"],
        update_fields=["quantity", "average_price", "last_price", "read_at"],
    )


def _rows(facts: Facts, ids: Mapping[tuple[Lane, str, str], int]) -> list[Position]:
    account_id, mode = facts.lane
    return [
        Position(
            account_id=account_id,
            mode=mode,
            instrument_id=ids[(facts.lane, row.exchange, row.symbol)],
            product=row.product,
            quantity=row.quantity,
            average_price=row.average_price,
            last_price=row.last_price,
            read_at=facts.read_at,
        )
        for row in facts.positions or ()
        if (facts.lane, row.exchange, row.symbol) in ids
    ]


def _known_instruments(facts: Sequence[Facts]) -> dict[tuple[Lane, str, str], int]:
    brokers = dict(BrokerAccount.objects.filter(pk__in=[one.lane[0] for one in facts]).values_list("pk", "broker"))
    keys: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in facts:
        server = serving_broker(brokers[one.lane[0]], one.lane[1])
        keys[server] |= {(row.exchange, row.symbol) for row in one.positions or ()}
    ids = {server: instrument_ids(server, list(wanted)) for server, wanted in keys.items()}
    return {
        (one.lane, row.exchange, row.symbol): pk
        for one in facts
        for row in one.positions or ()
        if (pk := ids[serving_broker(brokers[one.lane[0]], one.lane[1])].get((row.exchange, row.symbol))) is not None
    }
