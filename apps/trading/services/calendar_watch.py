"""Telling the operators, in time, that an exchange's calendar has to be confirmed further."""

from datetime import datetime

from apps.markets.clock import trading_date
from apps.markets.models import CalendarHorizon
from apps.markets.services.calendar import horizon
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.tenants.models import Tenant
from domain.sessions import Horizon


def tell_horizons(*, now: datetime) -> int:
    """Tell, once a week, of each exchange whose confirmed end is near, and page when too near; returns how many."""
    week = trading_date(now).strftime("%G-W%V")
    near = [
        (row, state) for row in CalendarHorizon.objects.all() if (state := horizon(row.exchange, now)) != Horizon.OK
    ]
    tenants = list(Tenant.objects.filter(is_active=True).values_list("pk", flat=True))
    for row, state in near:
        for tenant_id in tenants:
            _tell(row, state, tenant_id, week)
    return len(near)


def _tell(row: CalendarHorizon, state: Horizon, tenant_id: int, week: str) -> None:
    stopped = state is Horizon.CLOSED
    notify(
        key=f"calendar:{tenant_id}:{row.exchange}:{state}:{week}",
        code="CALENDAR_ENDS",
        text=f"The calendar of {row.exchange} is confirmed through {row.confirmed_through} only."
        + (" Nothing is traded there until it is confirmed further." if stopped else " Confirm it further."),
        tenant_id=tenant_id,
        level=Level.PAGE if stopped else Level.WARNING,
    )
