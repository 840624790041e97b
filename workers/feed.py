"""Queue ``feed``: one process turns brokers' streams into ticks for everybody, the Indian one and others."""

import asyncio
import logging
from functools import partial
from typing import Any

import aiohttp
from celery import shared_task
from celery.signals import worker_ready, worker_shutdown
from django.conf import settings

from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.markets.clock import market_clock
from apps.markets.services.feed import Feed
from apps.markets.services.feed_host import Host, Outage, Source, Timing
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.tenants.models import Tenant
from apps.trading.execution.paper_book import Database
from apps.trading.execution.work import mark_session_lost
from brokers.catalog import SPECS, UnknownBroker, spec_of
from brokers.connect import connect_feed, connect_market_data, shared_connector
from bus import clock
from bus.connection import AsyncBusClient, async_redis
from bus.live import announce_feed
from domain.broker import BrokerError
from domain.venues import INDIA, exchanges_of, sources
from workers.bridge_room import desk_of, own_thread
from workers.desk import endpoint_for, lot_sizes, steps, usable_credentials
from workers.loop import Lead, LeasedLoop
from workers.needs import Needs

QUOTE_SECONDS = 5.0
LOOK_SECONDS = 10.0
"""How often it is asked whether somebody has an account at a source that is not fed yet."""

log = logging.getLogger(__name__)


class FeedLoop(LeasedLoop):
    """Leads the feed."""

    name = "feed"

    def __init__(self) -> None:
        super().__init__()
        self.feeds: list[Feed] = []

    async def main(self, lead: Lead) -> None:
        """Feed until told to stop."""
        timing = Timing(stale_after=settings.FEED_STALE_SECONDS)
        async with async_redis() as redis, shared_connector() as connector:
            try:
                self.feeds.append(Feed(_host(lead, connector, redis), timing, lead.detail))
                async with asyncio.TaskGroup() as group:
                    group.create_task(self.feeds[0].run(lead.stopping))
                    for source in sources():
                        host = _host(lead, connector, redis, source)
                        group.create_task(self._feed_once_needed(lead, source, host, timing))
            finally:
                self.feeds.clear()

    async def _feed_once_needed(self, lead: Lead, source: str, host: Host, timing: Timing) -> None:
        """Feed from a source, from when somebody has an account there."""
        while not await lead.db(_has_account, source):
            if await lead.pause(LOOK_SECONDS):
                return
        detail = lead.detail.setdefault(source.lower(), {})
        feed = Feed(host, timing, detail)
        self.feeds.append(feed)
        await feed.run(lead.stopping)

    def refresh(self) -> None:
        """Somebody needs other instruments."""
        self.call_soon(self._refresh)

    def _refresh(self) -> None:
        for feed in self.feeds:
            feed.refresh()


def _host(lead: Lead, connector: aiohttp.BaseConnector, redis: AsyncBusClient, source: str = INDIA) -> Host:
    async def pick(failed: int | None) -> Source | None:
        return await lead.db(_pick, failed, connector, source, lead.db)

    async def session_lost(used: Source, message: str) -> None:
        await lead.db(mark_session_lost, used.account_id, session_key=used.key, message=message)

    async def tell_state(state: dict[str, Any]) -> None:
        if source == INDIA:  # the pages show one state: the one of the market everybody is in
            await lead.db(announce_feed, state)

    async def tell_outage(outage: Outage) -> None:
        await lead.db(_tell_outage, outage, source)

    return Host(
        db=lead.db,
        redis=redis,
        pick=pick,
        needs=Needs(source).read,
        session_lost=session_lost,
        tell_state=tell_state,
        tell_outage=tell_outage,
        wall=clock.now,
        clock=market_clock(),
    )


def _has_account(source: str) -> bool:
    return BrokerAccount.objects.active().filter(broker__in=_brokers_of(source)).exists()


def _brokers_of(source: str) -> list[str]:
    """Return the brokers whose stream shows a source's prices."""
    exchanges = exchanges_of(source)
    return [slug for slug, spec in SPECS.items() if spec.feed_sockets and spec.exchanges & exchanges]


def _pick(
    failed: int | None, connector: aiohttp.BaseConnector, source: str = INDIA, db: Database = own_thread
) -> Source | None:
    """Return a source's next feed account that is signed in, in order; the one that failed only when it is the last."""
    sessions = BrokerSession.objects.usable().filter(
        account__is_feed=True,
        account__is_active=True,
        account__tenant__is_active=True,
        account__broker__in=_brokers_of(source),
    )
    newest = {session.account_id: session for session in reversed(sessions.select_related("account"))}
    ranked = sorted(newest.values(), key=lambda one: (one.account_id == failed, one.account_id))
    for session in ranked:
        try:
            return _source(session, connector, db)
        except (BrokerError, UnknownBroker) as error:
            log.warning("feed account left out", extra={"account": session.account_id, "reason": str(error)})
    return None


def _source(session: BrokerSession, connector: aiohttp.BaseConnector, db: Database) -> Source:
    slug, account_id = session.account.broker, session.account_id
    desk = desk_of(slug, account_id, db)
    credentials, endpoint = usable_credentials(account_id), endpoint_for(slug)
    lots, fractions = lot_sizes(slug), steps(slug)
    return Source(
        account_id=account_id,
        key=f"{slug}:{session.pk}",
        spec=spec_of(slug),
        make_feed=partial(
            connect_feed,
            slug,
            credentials,
            endpoint,
            lot_size_of=lots,
            step_of=fractions,
            connector=connector,
            desk=desk,
        ),
        data=connect_market_data(
            slug,
            credentials,
            endpoint,
            timeout=QUOTE_SECONDS,
            lot_size_of=lots,
            step_of=fractions,
            connector=connector,
            desk=desk,
        ),
    )


def _tell_outage(outage: Outage, source: str = INDIA) -> None:
    """Page each tenant's operators once per outage; that it is over shows on every page by itself."""
    if outage.is_over:
        log.warning("the feed is back", extra={"since": outage.began_at, "reason": outage.reason})
        return
    log.error("the feed is silent", extra={"source": source, "reason": outage.reason})
    mark, whose = ("", "") if source == INDIA else (f":{source}", f" from {source.title()}")
    for tenant in Tenant.objects.filter(is_active=True):
        notify(
            key=f"feed-outage:{tenant.pk}:{outage.began_at:%Y%m%dT%H%M%S}{mark}",
            code="FEED_SILENT",
            text=f"No prices arrive{whose}: {outage.reason}. Stops and targets wait for prices.",
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
