"""Reading brokers' instrument masters, through an account that is signed in."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from datetime import time as wall_time

from django.utils import timezone

from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.markets.clock import now as market_now
from apps.markets.models import BrokerInstrument, InstrumentSync
from apps.markets.services.instruments import record_failed_sync, sync_instruments
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.strategies.models import Strategy
from apps.tenants.models import Tenant
from apps.trading.services.day_start import SIGN_IN_LEAD, is_near_session
from brokers.catalog import NEVER_CLOSED
from brokers.connect import connect_market_data
from brokers.lots import LotSizeOf
from bus import commands
from domain.broker import BrokerError, Credentials, InstrumentRow
from domain.clock import IST
from workers.bridge_room import desk_of, own_thread
from workers.desk import endpoint_for, lot_sizes, usable_credentials

PUBLISHED = wall_time(6, 30)
"""IST: before this a broker still serves yesterday's master."""

RETRY = timedelta(minutes=4)

log = logging.getLogger(__name__)


def due_brokers(*, now: datetime, wall: datetime) -> list[str]:
    """Return the brokers somebody is signed in to whose master of the day is not in yet.

    On days without a market only those whose markets never close.
    """
    served = BrokerSession.objects.usable().filter(account__is_active=True).order_by()
    slugs = set(served.values_list("account__broker", flat=True))
    if not is_near_session(now, lead=SIGN_IN_LEAD):
        slugs &= NEVER_CLOSED
    return sorted(slug for slug in slugs if _is_due(slug, wall))


def _is_due(slug: str, wall: datetime) -> bool:
    local = wall.astimezone(IST)
    since = datetime.combine(local.date(), PUBLISHED, tzinfo=IST)
    since = since if local >= since else since - timedelta(days=1)
    done = InstrumentSync.objects.filter(broker=slug, error="", finished_at__isnull=False, started_at__gte=since)
    tried = InstrumentSync.objects.filter(broker=slug, started_at__gte=wall - RETRY)
    return not done.exists() and not tried.exists()


def sync(slug: str) -> InstrumentSync:
    """Read one broker's master and take it in; a failure leaves the contracts as they are and tells the operators."""
    account_id = _reader(slug)
    if account_id is None:
        found = record_failed_sync(broker=slug, error="nobody is signed in")
    else:
        try:
            rows = asyncio.run(_fetch(slug, account_id, usable_credentials(account_id), lot_sizes(slug), _equities()))
            found = sync_instruments(broker=slug, rows=rows, now=market_now())
        except BrokerError as error:
            found = record_failed_sync(broker=slug, error=str(error))
    _tell(found)
    return found


def lot_size_at(slug: str, exchange: str, symbol: str) -> int:
    """Return the lot of one contract by a broker's names; raises ``LookupError``. For a single question, not a book."""
    named = BrokerInstrument.objects.filter(broker=slug, exchange=exchange, symbol=symbol)
    size = named.values_list("instrument__lot_size", flat=True).first()
    if size is None:
        raise LookupError(f"{slug} has no {exchange}:{symbol}")
    return size


def _reader(slug: str) -> int | None:
    """Return the account to read through: one lent to the feed where there is one."""
    sessions = BrokerSession.objects.usable().filter(account__broker=slug, account__in=BrokerAccount.objects.active())
    first = sessions.order_by("-account__is_feed", "account_id").first()
    return first.account_id if first else None


async def _fetch(
    slug: str, account_id: int, credentials: Credentials, lot_size_of: LotSizeOf, equities: frozenset[str]
) -> Sequence[InstrumentRow]:
    desk = desk_of(slug, account_id, own_thread)
    data = connect_market_data(
        slug, credentials, endpoint_for(slug), lot_size_of=lot_size_of, equities=equities, desk=desk
    )
    try:
        return await data.instruments()
    finally:
        await data.aclose()


def _equities() -> frozenset[str]:
    """Return the stocks strategies stand on: their cash contracts are wanted beside the derivatives."""
    return frozenset(Strategy.objects.filter(is_active=True).order_by().values_list("underlying", flat=True))


def _tell(done: InstrumentSync) -> None:
    if not done.error:
        commands.refresh_subscriptions()
        return
    log.error("instrument sync failed", extra={"broker": done.broker, "reason": done.error})
    day = timezone.now().astimezone(IST).date()
    for tenant_id in Tenant.objects.filter(is_active=True).values_list("pk", flat=True):
        notify(
            key=f"instrument-sync:{tenant_id}:{done.broker}:{day}",
            code="INSTRUMENT_SYNC",
            text=f"The contracts of {done.broker} could not be read: {done.error}. Yesterday's are still in use.",
            tenant_id=tenant_id,
            level=Level.PAGE,
        )
