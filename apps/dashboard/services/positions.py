"""Net positions as each broker last showed them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.dashboard.services.board import PriceMark
from apps.dashboard.services.prices import Prices
from apps.dashboard.wording import contract_words
from apps.trading.models import Position
from apps.users.models import User
from domain.pnl import unrealized_pnl


@dataclass(frozen=True, slots=True)
class PositionLine:
    """One position; ``quantity`` is signed units, ``pnl`` rupees at the last price."""

    account: str
    mode: str
    symbol: str
    exchange: str
    name: str
    detail: str
    product: str
    quantity: int
    average_price: Decimal
    mark: PriceMark
    pnl: Decimal | None
    read_at: datetime


def position_lines(user: User, *, read_prices: Callable[[Iterable[int]], Prices]) -> list[PositionLine]:
    """Return the positions a person may see, open ones first."""
    rows = list(
        Position.objects.for_user(user).select_related("account", "instrument").order_by("account_id", "instrument_id")
    )
    prices = read_prices({row.instrument_id for row in rows})
    return sorted((_line(row, prices) for row in rows), key=lambda line: line.quantity == 0)


def _line(row: Position, prices: Prices) -> PositionLine:
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
    return PositionLine(
        account=row.account.label or row.account.client_id,
        mode=row.mode,
        symbol=row.instrument.symbol,
        exchange=row.instrument.exchange,
        name=name,
        detail=detail,
        product=row.product,
        quantity=row.quantity,
        average_price=row.average_price,
        mark=mark,
        pnl=pnl,
        read_at=row.read_at,
    )
