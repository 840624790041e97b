"""Whether the ledger and the brokers' books agree on what every account holds."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Max

from apps.broker_accounts.models import BrokerAccount
from apps.markets.clock import market_clock
from apps.markets.models import Instrument
from apps.trading.models import AccountState, ExternalOrder, Fill, Order, Position, TradeLeg
from apps.trading.services.names import instrument_ids
from bus import commands
from domain.orders import Mode, Side

Lane = tuple[int, str]
Key = tuple[int, str, int]
"""An account, a mode and an instrument."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One contract of one account: signed units by the broker's book, and by ours plus what others traded there."""

    account: BrokerAccount
    mode: str
    instrument: Instrument
    theirs: int
    ours: int


def disagreements(*, exchange: str, since: datetime, resting_only: bool = False) -> list[Disagreement]:
    """Return where the last position snapshot and the ledger differ.

    Only snapshots read after the account's last fill are believed; ``since`` bounds the look for it. Orders placed
    outside the platform count as declared. ``resting_only`` leaves out lanes with an order that may still gain fills,
    as any may while its market trades.
    """
    believed = _books(since)[0] - (_moving() if resting_only else set())
    theirs, ours = _theirs(exchange), _ours(exchange)
    keys = [
        key for key in theirs.keys() | ours.keys() if key[:2] in believed and theirs.get(key, 0) != ours.get(key, 0)
    ]
    if not keys:
        return []
    outside = _declared({key[0] for key in keys})
    accounts = BrokerAccount.objects.in_bulk({key[0] for key in keys})
    instruments = Instrument.objects.in_bulk({key[2] for key in keys})
    return [
        Disagreement(accounts[key[0]], key[1], instruments[key[2]], theirs.get(key, 0), expected)
        for key in sorted(keys)
        if (expected := ours.get(key, 0) + outside.get(key, 0)) != theirs.get(key, 0)
    ]


def is_held(exchange: str) -> bool:
    """Whether anything of an exchange is held, by our books or by a broker's."""
    legs = TradeLeg.objects.filter(instrument__exchange=exchange, entry_quantity__gt=F("exit_quantity"))
    return legs.exists() or Position.objects.filter(instrument__exchange=exchange).exclude(quantity=0).exists()


def ask_for_unread(*, since: datetime) -> int:
    """Ask the shards to read the books of accounts whose snapshot is older than their last fill; returns how many."""
    unread = {account_id for account_id, _ in _books(since)[1]}
    for account in BrokerAccount.objects.filter(pk__in=unread):
        commands.reconcile_account(account.pk, shard=account.shard)
    return len(unread)


def _books(since: datetime) -> tuple[set[Lane], set[Lane]]:
    """Return the lanes whose snapshot shows every fill, and those whose does not.

    A read takes the positions after the orders: one that began after a fill shows it.
    """
    fills = Fill.objects.filter(filled_at__gte=since, account__is_active=True).order_by()
    lasts = fills.values_list("account_id", "order__intent__mode").annotate(last=Max("filled_at"))
    clock = market_clock()  # books are read by the wall clock, executions are stamped in market time
    last_fill = {(account_id, mode): clock.wall_of(last) for account_id, mode, last in lasts}
    states = AccountState.objects.filter(positions_read_at__isnull=False, account__is_active=True)
    read = {(row.account_id, row.mode): row.positions_read_at for row in states}
    believed = {lane for lane, at in read.items() if at is not None and (lane not in last_fill or at > last_fill[lane])}
    return believed, set(last_fill) - believed


def _moving() -> set[Lane]:
    return set(Order.objects.unresolved().order_by().values_list("account_id", "intent__mode").distinct())


def _theirs(exchange: str) -> Mapping[Key, int]:
    found: dict[Key, int] = defaultdict(int)
    for row in Position.objects.filter(instrument__exchange=exchange):
        found[(row.account_id, row.mode, row.instrument_id)] += row.quantity
    return found


def _ours(exchange: str) -> Mapping[Key, int]:
    found: dict[Key, int] = defaultdict(int)
    held = TradeLeg.objects.filter(instrument__exchange=exchange, entry_quantity__gt=F("exit_quantity"))
    for leg in held.select_related("trade"):
        key = (leg.trade.account_id, leg.trade.mode, leg.instrument_id)
        found[key] += Side(leg.side).sign * leg.unsold_quantity
    return found


def _declared(account_ids: set[int]) -> Mapping[Key, int]:
    """Return what was traded outside the platform; the paper broker knows no outside."""
    found: dict[Key, int] = defaultdict(int)
    rows = ExternalOrder.objects.filter(account_id__in=account_ids, filled_quantity__gt=0).select_related("account")
    by_broker: dict[str, list[ExternalOrder]] = defaultdict(list)
    for row in rows:
        by_broker[row.account.broker].append(row)
    for broker, orders in by_broker.items():
        ids = _by_symbol(broker, {order.symbol for order in orders})
        for order in orders:
            for instrument_id in ids.get(order.symbol, ()):
                found[(order.account_id, Mode.LIVE, instrument_id)] += Side(order.side).sign * order.theirs
    return found


def _by_symbol(broker: str, symbols: set[str]) -> Mapping[str, list[int]]:
    """Return our instruments by the broker's symbol; an external order does not say its exchange."""
    found: dict[str, list[int]] = defaultdict(list)
    for (_, symbol), pk in instrument_ids(broker, [("", symbol) for symbol in symbols]).items():
        found[symbol].append(pk)
    return found
