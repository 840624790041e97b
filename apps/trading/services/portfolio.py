"""Holdings and funds as an account's broker shows them: kept as they were last read, and read anew when asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from apps.audit.services.record import Entry, record_all
from apps.broker_accounts.models import AccountMode, BrokerAccount
from apps.markets.services.calendar import is_open
from apps.trading.models import AccountState, Holding, PortfolioRead
from apps.trading.services.account_facts import funds_values
from apps.trading.services.submission import Lane
from apps.users.models import User
from bus import commands, live
from domain.broker import BrokerSpec
from domain.broker import Holding as BrokerHolding
from domain.orders import Funds

ASK_EVERY = timedelta(seconds=30)
"""How far apart people may ask for one account: a broker's limit on reads is the orders' too."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What one read showed; ``holdings`` is ``None`` where the broker shows none of its own. ``read_at`` is the wall
    clock before the first request."""

    lane: Lane
    read_at: datetime
    funds: Funds
    holdings: Sequence[BrokerHolding] | None


def save_portfolio(found: Portfolio) -> None:
    """Replace what is kept of an account. A read older than what is kept changes nothing."""
    account_id, mode = found.lane
    with transaction.atomic():
        row = PortfolioRead.objects.select_for_update().get_or_create(account_id=account_id)[0]
        if row.tried_at is not None and row.tried_at > found.read_at:
            return
        state = AccountState(account_id=account_id, mode=mode, **funds_values(found.funds, found.read_at))
        AccountState.objects.bulk_create(
            [state],
            update_conflicts=True,
            unique_fields=["account", "mode"],
            update_fields=list(funds_values(found.funds, found.read_at)),
        )
        if found.holdings is not None:
            _replace(account_id, found.holdings, found.read_at)
        _tell_who_asked(row)
        row.read_at = row.tried_at = found.read_at
        row.error_code = row.error = ""
        row.save(update_fields=["read_at", "tried_at", "error_code", "error"])


def _replace(account_id: int, holdings: Sequence[BrokerHolding], read_at: datetime) -> None:
    """One symbol may come in several rows (settled and not): it is one holding here."""
    Holding.objects.filter(account_id=account_id).delete()
    rows: dict[tuple[str, str], Holding] = {}
    for one in holdings:
        row = rows.setdefault(
            (one.exchange, one.symbol),
            Holding(account_id=account_id, exchange=one.exchange, symbol=one.symbol, quantity=0, read_at=read_at),
        )
        _add(row, one)
    Holding.objects.bulk_create(row for row in rows.values() if row.quantity)


def _add(row: Holding, one: BrokerHolding) -> None:
    quantity = row.quantity + one.quantity
    if quantity:
        row.average_price = (row.average_price * row.quantity + one.average_price * one.quantity) / quantity
    row.quantity, row.pledged, row.last_price = quantity, row.pledged + one.pledged, one.last_price


def note_portfolio_error(account_id: int, *, code: str, text: str, wall: datetime) -> None:
    """Note why an account's portfolio could not be read; what was read before is kept, and is as old as it is."""
    with transaction.atomic():
        row = PortfolioRead.objects.select_for_update().get_or_create(account_id=account_id)[0]
        _tell_who_asked(row)
        row.tried_at, row.error_code, row.error = wall, code[:40], text[:200]
        row.save(update_fields=["tried_at", "error_code", "error"])


def _tell_who_asked(row: PortfolioRead) -> None:
    """Make the page of whoever asked since the last try fetch itself anew."""
    is_waiting = row.asked_at is not None and (row.tried_at is None or row.tried_at < row.asked_at)
    if is_waiting and row.asked_by_id is not None:
        live.announce([row.asked_by_id], "notice", {"code": "PORTFOLIO", "account": row.account_id})


def is_worth_reading(spec: BrokerSpec, *, now: datetime) -> bool:
    """Whether a market of the broker trades: at night nothing changes by itself."""
    return any(is_open(exchange, now) for exchange in spec.exchanges)


def asked_accounts(account_ids: Collection[int]) -> frozenset[int]:
    """Return the accounts somebody asked to be read since they were last tried."""
    rows = PortfolioRead.objects.filter(
        Q(tried_at__isnull=True) | Q(tried_at__lt=F("asked_at")), account_id__in=account_ids, asked_at__isnull=False
    )
    return frozenset(rows.values_list("account_id", flat=True))


def ask_refresh(*, user: User, account_ids: Collection[int], wall: datetime) -> int:
    """Ask for the live accounts' portfolios to be read now; returns how many, without those asked for a moment ago.

    Accounts the person may not see are left out, and so is paper: its figures are the platform's own.
    """
    own = BrokerAccount.objects.for_user(user).active().filter(pk__in=account_ids, mode=AccountMode.LIVE)
    with transaction.atomic():
        asked = [account for account in own.order_by("pk") if _ask(account, user, wall)]
        record_all(
            (
                Entry("portfolio_refresh_asked", "broker_accounts.brokeraccount", account.pk, account.tenant_id)
                for account in asked
            ),
            actor=user,
        )
        for account in asked:
            commands.refresh_portfolio(account.pk, shard=account.shard)
    return len(asked)


def _ask(account: BrokerAccount, user: User, wall: datetime) -> bool:
    """Note that somebody asks, unless somebody just did: whoever moves the row is the one."""
    PortfolioRead.objects.get_or_create(account=account)
    free = PortfolioRead.objects.filter(Q(asked_at__isnull=True) | Q(asked_at__lte=wall - ASK_EVERY), account=account)
    return bool(free.update(asked_at=wall, asked_by=user))
