"""Queue ``execution.<shard>``: one process owns the broker I/O of a shard of accounts."""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutdown
from django.conf import settings

from apps.markets.clock import now
from apps.trading.execution.engine import Engine
from apps.trading.execution.hints import OrderHints
from apps.trading.execution.state import ShardState
from apps.trading.services import builds
from brokers.catalog import SPECS
from brokers.connect import shared_connector
from bus import clock
from workers.desk import Desk
from workers.loop import Lead, LeasedLoop
from workers.queues import execution_queue
from workers.tap import QueueTap

log = logging.getLogger(__name__)

MIGRATIONS_SECONDS = 2.0


class ExecutionLoop(LeasedLoop):
    """Leads one shard."""

    grace = settings.BROKER_TIMEOUT_SECONDS + 1.0

    def __init__(self, shard: int) -> None:
        super().__init__()
        self.name = execution_queue(shard)
        self.tap = QueueTap(self.name)
        self.shard = shard
        self.engine: Engine | None = None

    async def main(self, lead: Lead) -> None:
        """Run the shard's engine until told to stop."""
        await self._wait_for_migrations(lead)
        if lead.stopping.is_set():
            return
        connector = shared_connector()
        self.tap.open()
        try:
            desk = Desk(lead.db, connector)
            state = ShardState(
                shard=self.shard,
                held=lead.held,
                db=lead.db,
                specs=SPECS,
                market_now=now,
                wall=clock.now,
                detail=lead.detail,
            )
            hints = OrderHints(
                listen=desk.listen,
                hint=lambda lane: self.engine.hint(lane[0]) if self.engine else None,
                specs=SPECS,
            )
            self.engine = Engine(state, desk.connect, hints)
            await self.engine.run(lead.stopping)
        finally:
            self.tap.close()
            self.engine = None
            await connector.close()

    async def _wait_for_migrations(self, lead: Lead) -> None:
        """Trade nothing on a database not migrated for this code: its rows would not mean what this takes them for."""
        while missing := await lead.db(builds.missing_migrations):
            log.error("not trading: the database lacks migrations", extra={"loop": self.name, "missing": missing})
            lead.detail |= {"standing_by": True, "missing_migrations": missing}
            if await lead.pause(MIGRATIONS_SECONDS):
                return
        lead.detail |= {"standing_by": False, "missing_migrations": []}

    def wake(self) -> None:
        """There may be work."""
        self.call_soon(lambda: self.engine.nudge() if self.engine else None)

    def hint(self, account_id: int) -> None:
        """A broker said something about an account."""
        self.call_soon(lambda: self.engine.hint(account_id) if self.engine else None)

    def refresh_portfolio(self, account_id: int) -> None:
        """Somebody wants an account's holdings and funds read."""
        self.call_soon(lambda: self.engine.refresh_portfolio(account_id) if self.engine else None)

    def halts_changed(self) -> None:
        """A halt was set."""
        self.call_soon(lambda: self.engine.halts_changed() if self.engine else None)


_loop = ExecutionLoop(settings.SHARD)


@worker_ready.connect
def _start(sender: Any = None, **_: object) -> None:
    if settings.PROCESS.startswith("execution"):
        _loop.tap.attach(sender)
        _loop.start()


@worker_shutdown.connect
def _stop(**_: object) -> None:
    _loop.stop()


@shared_task(name="workers.execution.submit_orders")
def submit_orders(shard: int) -> None:
    """Orders wait in this shard."""
    _loop.wake()


@shared_task(name="workers.execution.reconcile_account")
def reconcile_account(account_id: int) -> None:
    """An account's broker has news."""
    _loop.hint(account_id)


@shared_task(name="workers.execution.refresh_portfolio")
def refresh_portfolio(account_id: int) -> None:
    """Somebody wants an account's holdings and funds read."""
    _loop.refresh_portfolio(account_id)


@shared_task(name="workers.execution.look_at_halts")
def look_at_halts() -> None:
    """A halt was set."""
    _loop.halts_changed()
