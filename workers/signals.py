"""Queue ``signals``: signals become waves here, and open positions are watched tick by tick."""

import asyncio
import gc
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from celery import shared_task
from celery.signals import worker_ready, worker_shutdown
from django.conf import settings

from apps.markets.clock import market_clock, now, trading_date
from apps.strategies.services import routing
from apps.trading.services import cutoffs, watching
from apps.trading.services.watching import WatchList
from bus import clock, failpoints, ticks
from bus.leases import Reaper
from domain.feed.freshness import Freshness
from domain.risk import DataState, Fired, RiskEngine
from workers.loop import Lead, LeasedLoop

log = logging.getLogger(__name__)

CLOCK_SECONDS = 0.25
TRAIL_SECONDS = 1.0
REREAD_SECONDS = 2.0
CUT_OFF_SECONDS = 2.0
STAND_IN_SECONDS = 30.0
FROZEN_SECONDS = 5.0
"""How long after its lease ran out a process that holds it still is taken for frozen."""
OVERLAP = timedelta(seconds=10)
REFIRE_AFTER = timedelta(seconds=5)


class SignalsLoop(LeasedLoop):
    """The risk engine: trusts Postgres at its start, events in between, and re-reads what changed."""

    name = "signals"

    def __init__(self) -> None:
        super().__init__()
        self._watch: _Watch | None = None

    async def main(self, lead: Lead) -> None:
        """Watch until told to stop."""
        self._watch = _Watch(lead)
        try:
            await self._watch.run()
        finally:
            self._watch = None

    def refresh(self, trade_ids: Iterable[int]) -> None:
        """These trades changed."""
        self.call_soon(lambda: self._watch.note(trade_ids) if self._watch else None)


class _Watch:
    """One term of leadership."""

    def __init__(self, lead: Lead) -> None:
        self._lead = lead
        self._reaper = Reaper(grace=FROZEN_SECONDS)
        refire_after = REFIRE_AFTER * market_clock().speed  # the engine's clock is the market's
        self._engine = RiskEngine(now=now(), refire_after=refire_after)
        self._changed: set[int] = set()
        self._wake = asyncio.Event()
        self._read_at: datetime | None = None
        self._actions: set[asyncio.Task[None]] = set()

    def note(self, trade_ids: Iterable[int]) -> None:
        self._changed.update(trade_ids)
        self._wake.set()

    async def run(self) -> None:
        """Everything at once; the first part to fail ends the term, and the next one starts from Postgres."""
        await self._reread()
        gc.freeze()  # what is armed now lives long: the collector need not walk it at every turn
        parts = [
            self._listen(),
            self._listen_states(),
            self._clock(),
            self._keep_trails(),
            self._refresh(),
            self._sweep(),
            self._cut_off(),
            self._stand_in(),
        ]
        tasks = [asyncio.create_task(part) for part in parts]
        stop = asyncio.create_task(self._lead.stopping.wait())
        try:
            await asyncio.wait({*tasks, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in [*tasks, stop]:
                task.cancel()
            results = await asyncio.gather(*tasks, *self._actions, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _listen(self) -> None:
        stream = ticks.listen()
        try:
            async for batch in stream:
                self._act(self._engine.on_ticks(batch))
        finally:
            await stream.aclose()

    async def _listen_states(self) -> None:
        """A polled (stale) price is still a price: only what the exchange holds still is kept from firing."""
        stream = ticks.listen_states()
        try:
            async for batch in stream:
                for one in batch:
                    frozen = one.state == Freshness.FROZEN
                    self._engine.set_state(one.instrument_id, DataState.FROZEN if frozen else DataState.LIVE)
        finally:
            await stream.aclose()

    async def _clock(self) -> None:
        while True:
            self._act(self._engine.on_clock(now()))
            self._lead.detail |= {"trades": len(self._engine.versions()), "ticks": self._engine.ticks}
            await asyncio.sleep(CLOCK_SECONDS)

    async def _keep_trails(self) -> None:
        while True:
            moved = self._engine.trails_moved()
            if moved:
                await self._lead.db(watching.keep_trails, moved)
            await asyncio.sleep(TRAIL_SECONDS)

    async def _refresh(self) -> None:
        while True:
            await self._wait_for_changes()
            changed, self._changed = self._changed, set()
            if changed:
                self._install(await self._lead.db(watching.watch_list, on=trading_date(now()), trade_ids=changed))
            else:
                await self._reread()

    async def _wait_for_changes(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), REREAD_SECONDS)
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    async def _reread(self) -> None:
        """Read what was touched since the last look, with an overlap: no message is needed for a stop to stand."""
        read_at, since = clock.now(), self._read_at
        self._install(await self._lead.db(watching.watch_list, on=trading_date(now()), since=since))
        self._read_at = read_at - OVERLAP

    def _install(self, found: WatchList) -> None:
        for rules in found.rules:
            self._engine.update(rules)
        for trade_id in found.over:
            self._engine.disarm(trade_id)
        for map_id, amount in found.realised.items():
            self._engine.realised(map_id, amount)

    async def _cut_off(self) -> None:
        """The square-offs' second watchdog: beat may be dead, this machine's clock wrong, the one who should act
        frozen."""
        while True:
            asked = await self._lead.db_first(cutoffs.fire_due)
            if asked:
                log.warning("square-off by the database's clock", extra={"legs": asked})
            await self._lead.db(self._reaper.look)
            await asyncio.sleep(CUT_OFF_SECONDS)

    async def _stand_in(self) -> None:
        """Look after beat, which looks after everybody else."""
        while True:
            await asyncio.sleep(STAND_IN_SECONDS)
            self._lead.detail["stands_in_for_beat"] = await self._lead.db(cutoffs.stand_in_for_beat)

    async def _sweep(self) -> None:
        """Signals whose message was lost."""
        while True:
            await self._lead.db(routing.sweep_signals, now=now())
            await asyncio.sleep(settings.SWEEP_SECONDS)

    def _act(self, fired: list[Fired]) -> None:
        if fired:
            task = asyncio.create_task(self._exit(fired))
            self._actions.add(task)
            task.add_done_callback(self._actions.discard)

    async def _exit(self, fired: list[Fired]) -> None:
        for one in fired:
            log.info("fired", extra={"trade": one.trade_id, "reason": one.reason, "price": one.price})
        at = now()
        failpoints.reach("watching.fired")
        await self._lead.db_first(watching.act_on, fired, now=at, trading_date=trading_date(at))


_loop = SignalsLoop()


@worker_ready.connect
def _start(**_: object) -> None:
    if settings.PROCESS == "signals":
        _loop.start()


@worker_shutdown.connect
def _stop(**_: object) -> None:
    _loop.stop()


@shared_task(name="workers.signals.route_signal")
def route_signal(signal_id: int) -> None:
    """A signal waits to be fanned out."""
    routing.route(signal_id, now=now())


@shared_task(name="workers.signals.refresh_rules")
def refresh_rules(trade_ids: list[int]) -> None:
    """Trades changed."""
    _loop.refresh(trade_ids)
