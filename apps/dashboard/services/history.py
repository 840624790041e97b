"""Closed trades and what they came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, QuerySet, Sum

from apps.trading.models import Trade
from apps.users.models import User
from domain.orders import TradeStatus

PAGE = 50


@dataclass(frozen=True, slots=True)
class SpanTotal:
    """What the closed trades of one mode came to; paper and live are never added."""

    mode: str
    trades: int
    gross: Decimal
    charges: Decimal

    @property
    def net(self) -> Decimal:
        """Gross less charges."""
        return self.gross - self.charges


def closed_trades(user: User, *, since: date | None, until: date | None, mode: str) -> QuerySet[Trade]:
    """Return closed trades the person may see, newest first."""
    found = Trade.objects.for_user(user).filter(status=TradeStatus.CLOSED).select_related("account", "strategy")
    if since is not None:
        found = found.filter(trading_date__gte=since)
    if until is not None:
        found = found.filter(trading_date__lte=until)
    return (found.filter(mode=mode) if mode else found).order_by("-id")


def day_totals(found: QuerySet[Trade]) -> list[SpanTotal]:
    """Return one total per mode that has trades, live first."""
    rows = found.order_by().values("mode").annotate(trades=Count("id"), gross=Sum("gross_pnl"), charges=Sum("charges"))
    return [_total(row) for row in rows.order_by("mode")]


def _total(row: Mapping[str, object]) -> SpanTotal:
    return SpanTotal(
        mode=str(row["mode"]),
        trades=int(str(row["trades"])),
        gross=Decimal(str(row["gross"])),
        charges=Decimal(str(row["charges"])),
    )
