"""Holdings and funds of accounts side by side, each as old as it is, with what keeps it from being newer."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from apps.broker_accounts.models import AccountMode, BrokerAccount, BrokerSession
from apps.dashboard.services.order_lines import broker_name
from apps.dashboard.wording import Words
from apps.trading.models import AccountState, Holding, PortfolioRead
from brokers.catalog import SPECS
from domain.broker_spec import Capability
from domain.orders import Mode

STALE_AFTER = timedelta(minutes=15)
"""Three reads missed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an account's figures can be relied on: the state in words, why, and as of when (wall clock)."""

    words: Words
    why: str
    as_of: datetime | None
    needs_login: bool = False


@dataclass(frozen=True, slots=True)
class AccountHead:
    """Whose figures they are; money is written with ``unit`` behind it ("" for rupees)."""

    id: int
    slug: str
    broker: str
    label: str
    client_id: str
    owner: str
    mode: str
    unit: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class FundsLine:
    """One account's money; ``None``: never read."""

    account: AccountHead
    available: Decimal | None
    used: Decimal | None
    total: Decimal | None


@dataclass(frozen=True, slots=True)
class HoldingLine:
    """One holding; ``value`` and ``pnl`` are at the broker's last price."""

    key: str
    account: AccountHead
    exchange: str
    symbol: str
    quantity: int
    pledged: int
    average_price: Decimal
    last_price: Decimal
    value: Decimal
    pnl: Decimal
    read_at: datetime


@dataclass(frozen=True, slots=True)
class FundsSum:
    """Money of one mode and one currency: nothing is ever converted. ``missing`` accounts are not in it."""

    mode: str
    unit: str
    available: Decimal
    used: Decimal
    total: Decimal
    accounts: int
    missing: int


@dataclass(frozen=True, slots=True)
class HoldingsSum:
    """Holdings of one currency together."""

    unit: str
    value: Decimal
    pnl: Decimal
    holdings: int


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of some accounts, read at once."""

    states: Mapping[tuple[int, str], AccountState]
    reads: Mapping[int, PortfolioRead]
    signed_in: frozenset[int]
    wall: datetime

    @classmethod
    def of(cls, accounts: Sequence[BrokerAccount], wall: datetime) -> "_Facts":
        ids = [account.pk for account in accounts]
        states = AccountState.objects.filter(account_id__in=ids)
        return cls(
            states={(state.account_id, state.mode): state for state in states},
            reads={read.account_id: read for read in PortfolioRead.objects.filter(account_id__in=ids)},
            signed_in=frozenset(
                BrokerSession.objects.usable().filter(account_id__in=ids).values_list("account_id", flat=True)
            ),
            wall=wall,
        )

    def funds(self, account: BrokerAccount) -> FundsLine:
        state = self.states.get((account.pk, account.mode))
        if state is None or state.available_funds is None:
            cash = account.paper_cash if account.mode == Mode.PAPER else None
            return FundsLine(self.head(account, None), cash, None, cash)
        head = self.head(account, state.funds_read_at)
        return FundsLine(head, state.available_funds, state.used_funds, state.total_funds)

    def head(self, account: BrokerAccount, as_of: datetime | None) -> AccountHead:
        return AccountHead(
            id=account.pk,
            slug=account.broker,
            broker=broker_name(account.broker),
            label=account.label or account.client_id,
            client_id=account.client_id,
            owner=account.user.name or account.user.email,
            mode=account.mode,
            unit=account.unit,
            standing=self._standing(account, as_of),
        )

    def _standing(self, account: BrokerAccount, as_of: datetime | None) -> Standing:
        if account.mode == AccountMode.PAPER:
            return Standing(Words("Paper"), "The platform's own figures; the broker is not asked.", as_of)
        if account.pk not in self.signed_in:
            return Standing(Words("Not signed in", "tag-warn"), "Nobody is signed in to this account.", as_of, True)
        error = self._error(account)
        if error:
            return Standing(Words("Not read", "tag-bad"), error, as_of)
        if as_of is None:
            return Standing(Words("Not read yet", "tag-busy"), "It is read within minutes of the sign-in.", None)
        if self.wall - as_of > STALE_AFTER:
            return Standing(Words("Stale", "tag-warn"), "The broker was not asked lately.", as_of)
        return Standing(Words("Current", "tag-good"), "", as_of)

    def _error(self, account: BrokerAccount) -> str:
        """Return what went wrong at the last try, naming the broker."""
        read = self.reads.get(account.pk)
        if read is None or not read.error_code:
            return ""
        name = broker_name(account.broker)
        text = read.error or read.error_code
        return text if name.lower() in text.lower() else f"{name}: {text}"


def funds_lines(accounts: Sequence[BrokerAccount], *, wall: datetime) -> list[FundsLine]:
    """Return each account's money."""
    facts = _Facts.of(accounts, wall)
    return [facts.funds(account) for account in accounts]


def funds_sums(lines: Iterable[FundsLine]) -> list[FundsSum]:
    """Return the money of each mode and currency together."""
    grouped: dict[tuple[str, str], list[FundsLine]] = defaultdict(list)
    for line in lines:
        grouped[(line.account.mode, line.account.unit)].append(line)
    return [_funds_sum(key, found) for key, found in sorted(grouped.items())]


def _funds_sum(key: tuple[str, str], lines: Sequence[FundsLine]) -> FundsSum:
    known = [line for line in lines if line.available is not None]
    return FundsSum(
        mode=key[0],
        unit=key[1],
        available=_sum(line.available for line in known),
        used=_sum(line.used for line in known),
        total=_sum(line.total for line in known),
        accounts=len(known),
        missing=len(lines) - len(known),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a page of holdings shows: every account with its standing, and every holding."""

    accounts: tuple[AccountHead, ...]
    lines: tuple[HoldingLine, ...]
    sums: tuple[HoldingsSum, ...]


def holdings_of(accounts: Sequence[BrokerAccount], *, wall: datetime) -> Holdings:
    """Return the accounts' holdings. An account on paper has none of its own: what its broker keeps is not shown as
    if it were traded with."""
    facts = _Facts.of(accounts, wall)
    heads = {account.pk: _head_of(account, facts) for account in accounts}
    live = [account.pk for account in accounts if account.mode == AccountMode.LIVE]
    rows = Holding.objects.filter(account_id__in=live).order_by("account_id", "symbol", "exchange")
    lines = tuple(_holding(row, heads[row.account_id]) for row in rows)
    return Holdings(tuple(heads.values()), lines, tuple(_holdings_sums(lines)))


def _head_of(account: BrokerAccount, facts: _Facts) -> AccountHead:
    read = facts.reads.get(account.pk)
    head = facts.head(account, read.read_at if read is not None else None)
    if account.mode == AccountMode.PAPER or _offers_holdings(account):
        return head
    why = f"{head.broker} shows no holdings of their own; what is held is among the positions."
    return replace(head, standing=Standing(Words("Not offered"), why, None))


def _offers_holdings(account: BrokerAccount) -> bool:
    return account.broker in SPECS and Capability.HOLDINGS in SPECS[account.broker].offers


def _holding(row: Holding, head: AccountHead) -> HoldingLine:
    return HoldingLine(
        key=f"{row.account_id}-{row.exchange}-{row.symbol}",
        account=head,
        exchange=row.exchange,
        symbol=row.symbol,
        quantity=row.quantity,
        pledged=row.pledged,
        average_price=row.average_price,
        last_price=row.last_price,
        value=row.last_price * row.quantity,
        pnl=(row.last_price - row.average_price) * row.quantity,
        read_at=row.read_at,
    )


def _holdings_sums(lines: Iterable[HoldingLine]) -> list[HoldingsSum]:
    by_unit: dict[str, list[HoldingLine]] = defaultdict(list)
    for line in lines:
        by_unit[line.account.unit].append(line)
    return [
        HoldingsSum(unit, _sum(line.value for line in found), _sum(line.pnl for line in found), len(found))
        for unit, found in sorted(by_unit.items())
    ]
