"""What accounts hold by our own ledger, and what was traded in them outside the platform, beside the broker's book."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Sum

from apps.markets.models import BrokerInstrument, Instrument
from apps.trading.models import AccountState, ExternalOrder, Position, Trade, TradeLeg
from domain.orders import Mode, Side

Key = tuple[int, str, int]
"""An account, a mode and an instrument."""


@dataclass(frozen=True, slots=True)
class Share:
    """Signed units of one contract in one account: by our ledger, and by orders placed outside the platform."""

    ledger: int = 0
    outside: int = 0

    def unexplained(self, quantity: int) -> int:
        """Return what of the broker's quantity neither explains."""
        return quantity - self.ledger - self.outside


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of some accounts; ``believed`` are the lanes whose snapshot is younger than their last fill."""

    by_key: Mapping[Key, Share]
    believed: frozenset[tuple[int, str]]

    def of(self, account_id: int, mode: str, instrument_id: int) -> Share | None:
        """Return one contract's shares; ``None`` while the snapshot is older than what was filled since."""
        if (account_id, mode) not in self.believed:
            return None
        return self.by_key.get((account_id, mode, instrument_id), Share())


def shares_of(account_ids: Collection[int]) -> Shares:
    """Read the shares of some accounts."""
    ledger, outside = _ledger(account_ids), _outside(account_ids)
    keys = ledger.keys() | outside.keys()
    shares = {key: Share(ledger.get(key, 0), outside.get(key, 0)) for key in keys}
    states = AccountState.objects.filter(account_id__in=account_ids, positions_read_at__isnull=False)
    times = states.values_list("account_id", "mode", "positions_read_at", "fills_applied_at")
    believed = frozenset((pk, mode) for pk, mode, read_at, filled_at in times if _shows_fills(read_at, filled_at))
    return Shares(shares, believed)


def broker_totals(account_ids: Collection[int]) -> Mapping[Key, int]:
    """Return what the brokers show of each contract, all products together."""
    rows = (
        Position.objects.filter(account_id__in=account_ids)
        .order_by()
        .values_list("account_id", "mode", "instrument_id")
    )
    return {(account_id, mode, pk): total for account_id, mode, pk, total in rows.annotate(total=Sum("quantity"))}


def _shows_fills(read_at: datetime | None, filled_at: datetime | None) -> bool:
    return read_at is not None and (filled_at is None or read_at >= filled_at)


def _ledger(account_ids: Collection[int]) -> dict[Key, int]:
    found: dict[Key, int] = defaultdict(int)
    legs = TradeLeg.objects.filter(trade__account_id__in=account_ids, entry_quantity__gt=F("exit_quantity"))
    for leg in legs.select_related("trade"):
        found[(leg.trade.account_id, leg.trade.mode, leg.instrument_id)] += Side(leg.side).sign * leg.unsold_quantity
    return found


def _outside(account_ids: Collection[int]) -> dict[Key, int]:
    """The paper broker knows no outside: external orders are always of the live book."""
    found: dict[Key, int] = defaultdict(int)
    rows = list(
        ExternalOrder.objects.filter(account_id__in=account_ids, filled_quantity__gt=0).select_related("account")
    )
    known = instruments_of(rows)
    for row in rows:
        instrument = known.get((row.account.broker, row.symbol))
        if instrument is not None:
            found[(row.account_id, Mode.LIVE, instrument.pk)] += Side(row.side).sign * row.theirs
    return found


def instruments_of(rows: Iterable[ExternalOrder]) -> Mapping[tuple[str, str], Instrument]:
    """Return our contract by broker and the broker's symbol; an external order does not say its exchange."""
    symbols: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        symbols[row.account.broker].add(row.symbol)
    found: dict[tuple[str, str], Instrument] = {}
    for broker, names in symbols.items():
        listed = BrokerInstrument.objects.filter(broker=broker, symbol__in=names).select_related("instrument")
        found |= {(broker, one.symbol): one.instrument for one in listed.order_by("pk")}
    return found


def outside_of_trade(trade: Trade) -> list[ExternalOrder]:
    """Return the orders placed outside the platform in the trade's contracts while it lived, oldest first."""
    if trade.mode != Mode.LIVE:
        return []
    legs = trade.legs.values("instrument_id")
    names = BrokerInstrument.objects.filter(broker=trade.account.broker, instrument_id__in=legs)
    rows = ExternalOrder.objects.filter(
        account_id=trade.account_id, symbol__in=names.values("symbol"), seen_at__gte=trade.created_at
    )
    if trade.closed_at is not None:
        rows = rows.filter(seen_at__lte=trade.closed_at)
    return list(rows.select_related("account").order_by("seen_at", "pk"))
