"""What an operator sees first: who trades, what is open, what went wrong today."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from apps.broker_accounts.models import AccountMode, BrokerAccount
from apps.broker_accounts.services.readiness import Ready, readiness
from apps.markets.clock import trading_date
from apps.notifications.models import Level, Notification
from apps.risk.models import Halt
from apps.trading.models import Order, Trade
from apps.users.models import User
from domain.orders import IN_FLIGHT, OrderStatus, TradeStatus

_HELD = (TradeStatus.OPEN, TradeStatus.EXITING)


@dataclass(frozen=True, slots=True)
class DeskFigures:
    """The desk's numbers for what one person may see; ``orders`` are today's by state."""

    active_traders: int
    live_accounts: int
    paper_accounts: int
    open_trades: Counter[str]
    orders: Counter[str]
    rejected: int
    unknown: int
    pages: int
    halts: int
    not_ready: tuple[Ready, ...]


def desk_figures(user: User, *, now: datetime) -> DeskFigures:
    """Read the figures; each is one aggregate."""
    accounts = BrokerAccount.objects.for_user(user).active()
    modes = Counter({row["mode"]: row["n"] for row in accounts.order_by().values("mode").annotate(n=Count("pk"))})
    trades = Trade.objects.for_user(user).filter(status__in=_HELD).order_by().values("mode").annotate(n=Count("pk"))
    orders = _orders_today(user, now)
    return DeskFigures(
        active_traders=accounts.order_by().values("user").distinct().count(),
        live_accounts=modes[AccountMode.LIVE],
        paper_accounts=modes[AccountMode.PAPER],
        open_trades=Counter({row["mode"]: row["n"] for row in trades}),
        orders=orders,
        rejected=orders[OrderStatus.REJECTED] + orders[OrderStatus.DENIED],
        unknown=Order.objects.for_user(user).filter(status__in=IN_FLIGHT).count(),
        pages=_open_pages(user),
        halts=_halts(user),
        not_ready=tuple(row for row in readiness(user) if not row.is_ready),
    )


def _orders_today(user: User, now: datetime) -> Counter[str]:
    today = Order.objects.for_user(user).filter(intent__trade__trading_date=trading_date(now))
    return Counter({row["status"]: row["n"] for row in today.order_by().values("status").annotate(n=Count("pk"))})


def _open_pages(user: User) -> int:
    pages = Notification.objects.filter(level=Level.PAGE, acknowledged_at__isnull=True)
    return (pages if user.tenant_id is None else pages.filter(tenant_id=user.tenant_id)).count()


def _halts(user: User) -> int:
    return Halt.objects.for_user(user).active().count()
