"""Net positions as each broker last showed them, beside what our own ledger and orders of others explain."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from apps.broker_accounts.models import BrokerAccount
from apps.dashboard.figures import units_text
from apps.dashboard.services.board import PriceMark
from apps.dashboard.services.order_lines import broker_name
from apps.dashboard.services.prices import Prices
from apps.dashboard.wording import contract_words
from apps.markets.models import Instrument
from apps.trading.models import AccountState, Position
from apps.trading.services.outside import Key, Share, Shares, broker_totals, shares_of
from apps.users.models import User
from domain.pnl import unrealized_pnl

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PositionLine:
    """One position; ``quantity`` is signed units, ``pnl`` rupees at the last price. ``note`` says what was placed
    outside, or with ``differs`` what nobody can explain yet."""

    key: str
    account: str
    mode: str
    symbol: str
    exchange: str
    name: str
    detail: str
    product: str
    quantity: int
    average_price: Decimal
    decimals: int
    mark: PriceMark
    pnl: Decimal | None
    read_at: datetime
    note: str = ""
    differs: bool = False
    broker: str = ""


def position_lines(
    user: User, *, read_prices: Callable[[Iterable[int]], Prices], account_ids: frozenset[int] | None = None
) -> list[PositionLine]:
    """Return the positions a person may see (of the given accounts), open ones first, and those only our ledger
    knows."""
    found = Position.objects.for_user(user).select_related("account", "instrument")
    accounts = set(BrokerAccount.objects.for_user(user).active().values_list("pk", flat=True))
    if account_ids is not None:
        found, accounts = found.filter(account_id__in=account_ids), accounts & account_ids
    rows = list(found.order_by("account_id", "instrument_id"))
    accounts |= {row.account_id for row in rows}
    shares, totals = shares_of(accounts), broker_totals(accounts)
    rows += _missing(shares, totals)
    prices = read_prices({row.instrument_id for row in rows})
    lines = [_line(row, prices, shares, totals) for row in rows]
    return sorted(lines, key=lambda line: line.quantity == 0 and not line.differs)


def _missing(shares: Shares, totals: Mapping[Key, int]) -> list[Position]:
    """Return what our ledger holds and the broker does not show at all, as positions of nothing."""
    keys = [key for key, share in shares.by_key.items() if key not in totals and share.unexplained(0) != 0]
    keys = [key for key in keys if key[:2] in shares.believed]
    accounts = BrokerAccount.objects.in_bulk({key[0] for key in keys})
    instruments = Instrument.objects.in_bulk({key[2] for key in keys})
    states = AccountState.objects.filter(account_id__in=accounts, positions_read_at__isnull=False)
    read = {(state.account_id, state.mode): state.positions_read_at or NEVER for state in states}
    return [
        Position(
            account=accounts[key[0]],
            mode=key[1],
            instrument=instruments[key[2]],
            product="",
            quantity=0,
            read_at=read[key[:2]],
        )
        for key in keys
    ]


def _line(row: Position, prices: Prices, shares: Shares, totals: Mapping[Key, int]) -> PositionLine:
    name, detail = contract_words(row.instrument)
    mark = prices.mark(row.instrument_id, is_feed_stale=False)
    pnl = (
        None
        if mark.price is None
        else unrealized_pnl(
            quantity=row.quantity,
            average_price=row.average_price,
            last_price=mark.price,
            multiplier=row.instrument.multiplier,
        )
    )
    key = (row.account_id, row.mode, row.instrument_id)
    note, differs = _explained(shares.of(*key), totals.get(key, 0))
    return PositionLine(
        key=f"{row.account_id}-{row.mode}-{row.instrument_id}-{row.product}",
        account=row.account.label or row.account.client_id,
        mode=row.mode,
        symbol=row.instrument.symbol,
        exchange=row.instrument.exchange,
        name=name,
        detail=detail,
        product=row.product,
        quantity=row.quantity,
        average_price=row.average_price,
        decimals=row.instrument.decimals,
        mark=mark,
        pnl=pnl,
        read_at=row.read_at,
        note=note,
        differs=differs,
        broker=broker_name(row.account.broker),
    )


def _explained(share: Share | None, quantity: int) -> tuple[str, bool]:
    """Return what to say about a position of ``quantity`` signed units, and whether something is not explained."""
    if share is None:
        return "", False
    rest = share.unexplained(quantity)
    parts = [f"The platform's own trades hold {units_text(share.ledger)}"]
    if share.outside:
        parts.append(f"orders placed outside it make {units_text(share.outside)}")
    if rest:
        parts.append(f"{units_text(rest)} cannot be explained: compare with your broker's app and tell your operator")
    return (f"{', '.join(parts)}." if rest or share.outside else ""), rest != 0
