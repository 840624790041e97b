"""Closed trades and what they came to."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, QuerySet, Sum

from apps.broker_accounts.models import BrokerAccount
from apps.trading.models import Trade
from apps.users.models import User
from domain.orders import TradeStatus
from domain.venues import RUPEES

PAGE = 50


@dataclass(frozen=True, slots=True)
class SpanTotal:
    """What the closed trades of one mode and currency came to: paper and live are never added, nor two currencies."""

    mode: str
    currency: str
    trades: int
    gross: Decimal
    charges: Decimal

    @property
    def net(self) -> Decimal:
        """Gross less charges."""
        return self.gross - self.charges

    @property
    def unit(self) -> str:
        """What is written behind the amounts."""
        return "" if self.currency == RUPEES else self.currency


Row = tuple[str, str, int, Decimal, Decimal]
"""Mode, broker, trades, gross and charges."""


def closed_trades(user: User, *, since: date | None, until: date | None, mode: str) -> QuerySet[Trade]:
    """Return closed trades the person may see, newest first."""
    found = Trade.objects.for_user(user).filter(status=TradeStatus.CLOSED).select_related("account", "strategy")
    if since is not None:
        found = found.filter(trading_date__gte=since)
    if until is not None:
        found = found.filter(trading_date__lte=until)
    return (found.filter(mode=mode) if mode else found).order_by("-id")


def day_totals(found: QuerySet[Trade]) -> list[SpanTotal]:
    """Return one total per mode and currency that has trades, live first, rupees before others."""
    rows = found.order_by().values_list("mode", "account__broker")
    sums = rows.annotate(trades=Count("id"), gross=Sum("gross_pnl"), charges=Sum("charges"))
    by_purse: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in sums:
        by_purse[row[0], BrokerAccount(broker=row[1]).currency].append(row)
    totals = [_total(mode, currency, kept) for (mode, currency), kept in by_purse.items()]
    return sorted(totals, key=lambda one: (one.mode, one.unit))


def _total(mode: str, currency: str, rows: Iterable[Row]) -> SpanTotal:
    counts, gross, charges = zip(*(row[2:] for row in rows), strict=True)
    return SpanTotal(mode, currency, sum(counts), sum(gross, Decimal(0)), sum(charges, Decimal(0)))
