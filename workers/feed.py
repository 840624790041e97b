"""Queue ``feed``: one process turns a broker's stream into ticks for everybody."""

import logging
from functools import partial
from typing import Any

import aiohttp
from celery import shared_task
from celery.signals import worker_ready, worker_shutdown
from django.conf import settings

from apps.broker_accounts.models import BrokerSession
from apps.markets.clock import market_clock
from apps.markets.services.feed import Feed, Host, Outage, Source, Timing
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.tenants.models import Tenant
from apps.trading.execution.work import mark_session_lost
from brokers.catalog import UnknownBroker, spec_of
from brokers.connect import connect_feed, connect_market_data, shared_connector
from bus import clock
from bus.connection import AsyncBusClient, async_redis
from bus.live import announce_feed
from domain.broker import BrokerError
from workers.desk import endpoint_for, lot_sizes, usable_credentials
from workers.loop import Lead, LeasedLoop
from workers.needs import Needs

QUOTE_SECONDS = 5.0

log = logging.getLogger(__name__)


class FeedLoop(LeasedLoop):
    """Leads the feed."""

    name = "feed"

    def __init__(self) -> None:
        super().__init__()
        self.feed: Feed | None = None

    async def main(self, lead: Lead) -> None:
        """Feed until told to stop."""
        timing = Timing(stale_after=settings.FEED_STALE_SECONDS)
        async with async_redis() as redis, shared_connector() as connector:
            try:
                self.feed = Feed(_host(lead, connector, redis), timing, lead.detail)
                await self.feed.run(lead.stopping)
            finally:
                self.feed = None

    def refresh(self) -> None:
        """Somebody needs other instruments."""
        self.call_soon(lambda: self.feed.refresh() if self.feed else None)


def _host(lead: Lead, connector: aiohttp.BaseConnector, redis: AsyncBusClient) -> Host:
    async def pick(failed: int | None) -> Source | None:
        return await lead.db(_pick, failed, connector)

    async def session_lost(source: Source, message: str) -> None:
        await lead.db(mark_session_lost, source.account_id, session_key=source.key, message=message)

    async def tell_state(state: dict[str, Any]) -> None:
        await lead.db(announce_feed, state)

    async def tell_outage(outage: Outage) -> None:
        await lead.db(_tell_outage, outage)

    return Host(
        db=lead.db,
        redis=redis,
        pick=pick,
        needs=Needs().read,
        session_lost=session_lost,
        tell_state=tell_state,
        tell_outage=tell_outage,
        wall=clock.now,
        clock=market_clock(),
    )


def _pick(failed: int | None, connector: aiohttp.BaseConnector) -> Source | None:
    """Return the next feed account that is signed in, in order; the one that failed only when it is the last."""
    sessions = BrokerSession.objects.usable().filter(
        account__is_feed=True, account__is_active=True, account__tenant__is_active=True
    )
    newest = {session.account_id: session for session in reversed(sessions.select_related("account"))}
    ranked = sorted(newest.values(), key=lambda one: (one.account_id == failed, one.account_id))
    for session in ranked:
        try:
            return _source(session, connector)
        except (BrokerError, UnknownBroker) as error:
            log.warning("feed account left out", extra={"account": session.account_id, "reason": str(error)})
    return None


def _source(session: BrokerSession, connector: aiohttp.BaseConnector) -> Source:
    slug, account_id = session.account.broker, session.account_id
    credentials, endpoint, lots = usable_credentials(account_id), endpoint_for(slug), lot_sizes(slug)
    return Source(
        account_id=account_id,
        key=f"{slug}:{session.pk}",
        spec=spec_of(slug),
        make_feed=partial(connect_feed, slug, credentials, endpoint, lot_size_of=lots, connector=connector),
        data=connect_market_data(
            slug, credentials, endpoint, timeout=QUOTE_SECONDS, lot_size_of=lots, connector=connector
        ),
    )


def _tell_outage(outage: Outage) -> None:
    """Page each tenant's operators once per outage; that it is over shows on every page by itself."""
    if outage.is_over:
        log.warning("the feed is back", extra={"since": outage.began_at, "reason": outage.reason})
        return
    log.error("the feed is silent", extra={"reason": outage.reason})
    for tenant in Tenant.objects.filter(is_active=True):
        notify(
            key=f"feed-outage:{tenant.pk}:{outage.began_at:%Y%m%dT%H%M%S}",
            code="FEED_SILENT",
            text=f"No prices arrive: {outage.reason}. Stops and targets wait for prices.",
            tenant_id=tenant.pk,
            level=Level.PAGE,
        )


_loop = FeedLoop()


@worker_ready.connect
def _start(**_: object) -> None:
    if settings.PROCESS == "feed":
        _loop.start()


@worker_shutdown.connect
def _stop(**_: object) -> None:
    _loop.stop()


@shared_task(name="workers.feed.refresh_subscriptions")
def refresh_subscriptions() -> None:
    """Somebody needs other instruments."""
    _loop.refresh()
