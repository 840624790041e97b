"""The market feed: one broker account's stream becomes ticks for everybody, and silence never goes unnoticed.

The feed is handed its broker, its database thread and what to do about news; it decides what to subscribe, what to
believe, when to poll and when to say that prices stand still.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db.utils import InterfaceError, OperationalError
from redis.exceptions import RedisError

from apps.markets.services.calendar import Calendar, calendar_of
from apps.markets.services.feed_board import Board
from apps.markets.services.feed_counters import Counters
from apps.markets.services.feed_host import Host, Outage, Source, Timing
from apps.markets.services.feed_names import facts_of, names_of
from apps.markets.services.feed_sockets import Sockets, SourceFailed, end_tasks
from bus import failpoints, ticks
from domain.broker import BrokerError, RawTick, SessionLost
from domain.feed.backoff import delay
from domain.feed.freshness import Freshness
from domain.feed.ingest import Ingest, Named
from domain.feed.subscriptions import Need, Plan, Want, collect, plan
from domain.feed.validation import FUTURE_MILLISECONDS

log = logging.getLogger(__name__)

RETELL_SECONDS = 30.0
"""How often every state is told again: a Redis that started anew knows none."""


class Feed:
    """Runs until told to stop; ``detail`` is what the heartbeat shows."""

    def __init__(self, host: Host, timing: Timing, detail: dict[str, Any]) -> None:
        self._host = host
        self._timing = timing
        self._detail = detail
        self._ingest = Ingest()
        self._board = Board(stale_after=timing.stale_after)
        self._counters = Counters()
        self._calendars: dict[str, Calendar] = {}
        self._needed_at: dict[int, float] = {}
        self._polled_only: dict[int, Named] = {}
        self._unprimed: set[int] = set()
        self._source: Source | None = None
        self._sockets: Sockets | None = None
        self._arrived = asyncio.Event()
        self._refresh_now = asyncio.Event()
        self._is_ready = False
        self._state = ""
        self._outage: Outage | None = None

    def refresh(self) -> None:
        """Somebody needs other instruments."""
        self._refresh_now.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Feed until ``stopping`` is set."""
        jobs = (self._flush_forever, self._watch_forever, self._serve_forever)
        tasks = [asyncio.create_task(job(), name=job.__name__) for job in jobs]
        stopped = asyncio.create_task(stopping.wait())
        try:
            done, _ = await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # only ever ends by failing
        finally:
            await end_tasks((*tasks, stopped))

    # Sources: one account at a time

    async def _serve_forever(self) -> None:
        failed: int | None = None
        while True:
            try:
                source = await self._host.pick(failed)
                if source is None:
                    await self._watch_unserved()
            except (OperationalError, InterfaceError) as error:
                log.warning("no feed account can be picked", extra={"reason": str(error)})
                source = None
            failed = await self._serve(source) if source is not None else None
            await self._pause(self._timing.retry)

    async def _watch_unserved(self) -> None:
        """Nobody is signed in: what is needed is watched all the same, so that its silence is told."""
        needs = collect(await self._host.db(self._host.needs))
        facts = await self._host.db(facts_of, [need.instrument_id for need in needs])
        for instrument_id, exchange, kind in facts:
            self._board.add(instrument_id, exchange=exchange, kind=kind, now=self._now())
        self._board.keep_only({need.instrument_id for need in needs})
        await self._read_calendars([exchange for _, exchange, _ in facts])
        self._is_ready = True

    async def _serve(self, source: Source) -> int:
        """Use one account until it fails; return its id."""
        log.info("feeding", extra={"account": source.account_id, "broker": source.spec.slug})
        self._counters.sources += 1
        sockets = Sockets(spec=source.spec, make_feed=source.make_feed, take=self._take_packets)
        self._source, self._sockets = source, sockets
        jobs = [asyncio.create_task(job(source, sockets)) for job in (self._refresh_forever, self._poll_forever)]
        try:
            await asyncio.wait({*jobs, sockets.failed}, return_when=asyncio.FIRST_COMPLETED)
            for job in (*jobs, sockets.failed):
                if job.done():
                    job.result()
        except SessionLost as error:
            log.warning("feed session lost", extra={"account": source.account_id, "reason": error.message})
            await _quietly(self._host.session_lost(source, error.message))
        except SourceFailed as error:
            log.warning("feed account given up", extra={"account": source.account_id, "reason": str(error)})
        finally:
            await self._leave(source, sockets, jobs)
        return source.account_id

    async def _leave(self, source: Source, sockets: Sockets, jobs: Sequence["asyncio.Task[None]"]) -> None:
        await end_tasks(jobs)
        await sockets.aclose()
        await source.data.aclose()
        self._source = self._sockets = None
        self._forget_names()

    def _forget_names(self) -> None:
        """Tokens are the broker's: the next source has others. What is watched stays watched."""
        self._ingest.forget_names()
        self._needed_at.clear()
        self._polled_only.clear()
        self._unprimed.clear()

    # Subscriptions

    async def _refresh_forever(self, source: Source, sockets: Sockets) -> None:
        while True:
            self._refresh_now.clear()
            try:
                await self._refresh(source, sockets)
            except (OperationalError, InterfaceError) as error:
                log.warning("needs not read", extra={"reason": str(error)})
            except SessionLost:
                raise
            except BrokerError as error:  # what it refused never ticks, so it will be polled
                log.error("not everything is subscribed", extra={"reason": str(error)})
            self._is_ready = True
            await self._wait_for(self._refresh_now, self._timing.refresh)

    async def _refresh(self, source: Source, sockets: Sockets) -> None:
        needs = collect(await self._host.db(self._host.needs))
        now = self._now()
        change = plan(needs, subscribed=self._needed_at, limit=sockets.limit, now=now, linger=self._timing.linger)
        fresh = [one for one in (*change.subscribe, *change.refused) if one not in self._known()]
        names = {one.instrument_id: one for one in await self._host.db(names_of, source.spec, fresh)}
        await self._read_calendars([named.exchange for named in names.values()])
        await self._apply(change, names, sockets, now)
        self._board.keep_only(self._known())
        self._needed_at.update((need.instrument_id, now) for need in needs if need.instrument_id in self._needed_at)
        self._note(needs, change)

    def _known(self) -> set[int]:
        return self._needed_at.keys() | self._polled_only.keys()

    async def _apply(self, change: Plan, names: Mapping[int, Named], sockets: Sockets, now: float) -> None:
        await self._drop(change.unsubscribe, sockets)
        self._stop_polling(set(change.refused))
        for instrument_id in change.refused:
            if instrument_id in names:
                self._polled_only[instrument_id] = names[instrument_id]
        for named in names.values():
            self._ingest.add(named)
            self._unprimed.add(named.instrument_id)
            self._board.add(named.instrument_id, exchange=named.exchange, kind=named.kind, now=now)
        known = [self._ingest.by_id[one] for one in change.subscribe if one in self._ingest.by_id]
        self._needed_at.update((named.instrument_id, now) for named in known)
        await sockets.subscribe(named.token for named in known)

    async def _drop(self, ids: Sequence[int], sockets: Sockets) -> None:
        known = [self._ingest.by_id[one] for one in ids if one in self._ingest.by_id]
        await sockets.unsubscribe(named.token for named in known)
        for instrument_id in ids:
            self._needed_at.pop(instrument_id, None)
            self._forget(instrument_id)

    def _stop_polling(self, still_refused: set[int]) -> None:
        for instrument_id in self._polled_only.keys() - still_refused:
            del self._polled_only[instrument_id]
            if instrument_id not in self._needed_at:
                self._forget(instrument_id)

    def _forget(self, instrument_id: int) -> None:
        self._ingest.remove(instrument_id)
        self._unprimed.discard(instrument_id)
        self._board.remove(instrument_id)

    async def _read_calendars(self, new: Iterable[str]) -> None:
        market = self._market()
        for exchange in {*new, *(one.exchange for one in self._board.watched.values())}:
            self._calendars[exchange] = await self._host.db(calendar_of, exchange, market)

    def _note(self, needs: Sequence[Need], change: Plan) -> None:
        counts = {want: sum(1 for need in needs if want in need.counts) for want in Want}
        self._counters.needs = {want.name: count for want, count in counts.items() if count}
        self._counters.refused = len(change.refused)
        self._counters.unnamed = sum(1 for need in needs if need.instrument_id not in self._known())

    # Ticks

    def _take_packets(self, packets: Sequence[RawTick]) -> None:
        received = self._wall_ms()
        self._ingest.take_packets(packets, received_at=received, latest=self._latest())
        if self._ingest.ticked:
            self._counters.newest_tick_ms = received
            self._board.ticked(self._ingest.ticked, now=self._now())
            self._ingest.ticked.clear()
        if self._ingest.pending:
            self._arrived.set()

    async def _flush_forever(self) -> None:
        """Publish what arrived within a few milliseconds as one batch."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(self._timing.flush)
            self._arrived.clear()
            waiting = self._ingest.take_pending()
            try:
                await ticks.publish_soon(self._host.redis, waiting)
                failpoints.reach("feed.published")
            except RedisError as error:
                self._counters.unpublished += len(waiting)
                log.warning("ticks not published", extra={"reason": str(error), "ticks": len(waiting)})
                await self._pause(self._timing.watch)
            else:
                self._counters.published += len(waiting)

    # Polling

    async def _poll_forever(self, source: Source, sockets: Sockets) -> None:
        """Ask for quotes where the stream does not speak: one batched call at a time, at the broker's rate."""
        pause = max(1.0 / source.spec.limits.quotes, self._timing.watch)
        failures = 0
        while True:
            await self._pause(pause if not failures else max(pause, delay(failures, chance=random.random())))
            wanted = self._to_poll(source.spec.quote_batch)
            if wanted:
                failures = 0 if await self._poll(source, wanted, is_first_failure=not failures) else failures + 1

    def _to_poll(self, most: int) -> list[Named]:
        """Return what to ask for: unknown prices first, then those longest unasked."""
        now = self._now()
        watched = self._board.watched
        due = [
            named
            for one, named in self._ingest.by_id.items()
            if one in self._unprimed or one in self._polled_only or named.off_band or self._is_silent(one)
        ]
        due.sort(key=lambda named: (named.instrument_id not in self._unprimed, watched[named.instrument_id].polled_at))
        return [named for named in due if now - watched[named.instrument_id].polled_at >= 1.0][:most]

    def _is_silent(self, instrument_id: int) -> bool:
        one = self._board.watched[instrument_id]
        calendar = self._calendars.get(one.exchange)
        is_open = calendar is not None and calendar.session_at(self._market()) is not None
        return is_open and one.state is Freshness.STALE

    async def _poll(self, source: Source, wanted: Sequence[Named], *, is_first_failure: bool) -> bool:
        """Ask once; return whether an answer came. A row of failures is logged once."""
        self._counters.polls += 1
        asked = [named.instrument_id for named in wanted]
        self._board.polled(asked, now=self._now())
        try:
            quotes = await source.data.quotes([(named.listed_on, named.symbol) for named in wanted])
        except SessionLost:
            raise
        except BrokerError as error:
            self._counters.poll_failures += 1
            if is_first_failure:
                log.warning("quotes not polled", extra={"broker": source.spec.slug, "reason": str(error)})
            return False
        self._unprimed.difference_update(asked)
        if self._ingest.take_quotes(quotes, received_at=self._wall_ms(), latest=self._latest()):
            self._arrived.set()
        return True

    # Watching

    async def _watch_forever(self) -> None:
        accepted, since, retold_at = 0, self._now(), self._now()
        while True:
            await self._pause(self._timing.watch)
            now = self._now()
            if not self._is_ready:
                continue
            if now - retold_at >= RETELL_SECONDS:
                self._board.retell()
                retold_at = now
            expected = self._board.judge_all(self._calendars, market=self._market(), now=now)
            await self._tell_changes()
            silent = now - self._board.silent_since(expected) if expected else 0.0
            await self._judge_feed(bool(expected), silent)
            if now - since >= 1.0:
                total = self._counters.published + self._counters.unpublished
                self._counters.ticks_per_second = round((total - accepted) / (now - since), 1)
                accepted, since = total, now
            self._show()

    async def _tell_changes(self) -> None:
        changes = self._board.take_changes(at=self._wall_ms())
        try:
            await ticks.publish_states(self._host.redis, changes)
        except RedisError as error:
            self._board.give_back(changes)
            log.warning("price states not published", extra={"reason": str(error)})

    async def _judge_feed(self, is_expected: bool, silent: float) -> None:
        """Say how the whole feed is when that changes, and report an outage once."""
        state = self._state_of(is_expected, silent)
        if state and state != self._state:
            self._state = state
            await _quietly(self._host.tell_state({"state": state, "at": self._host.wall().isoformat()}))
        if self._outage is None and is_expected and silent > self._timing.stale_after * self._timing.outage_factor:
            reason = "no feed account is signed in" if self._source is None else "the broker's stream is silent"
            self._outage = Outage(self._host.wall(), is_over=False, reason=reason)
            await _quietly(self._host.tell_outage(self._outage))
        elif self._outage is not None and (not is_expected or silent <= self._timing.stale_after):
            ended, self._outage = self._outage, None
            await _quietly(self._host.tell_outage(Outage(ended.began_at, is_over=True, reason=ended.reason)))

    def _state_of(self, is_expected: bool, silent: float) -> str:
        if not self._board.watched:
            return ""  # nobody needs anything, so nothing is known
        if not is_expected:
            frozen = self._board.counts()[Freshness.FROZEN]
            return "frozen" if frozen else "closed"
        if silent <= self._timing.stale_after:
            return "live"
        return "delayed" if silent <= self._timing.stale_after * self._timing.outage_factor else "offline"

    def _show(self) -> None:
        counters, source = self._counters, self._source
        self._detail.update(
            account=source.account_id if source else None,
            broker=source.spec.slug if source else "",
            state=self._state,
            connected=bool(self._sockets and self._sockets.is_connected),
            reconnects=self._sockets.reconnects if self._sockets else 0,
            subscribed=len(self._needed_at),
            polled_only=len(self._polled_only),
            states=dict(self._board.counts()),
            dropped=dict(self._ingest.dropped),
            **counters.shown(),
        )

    # Time

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _wait_for(self, event: asyncio.Event, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _market(self) -> datetime:
        return self._host.clock.at(self._host.wall())

    def _wall_ms(self) -> int:
        return int(self._host.wall().timestamp() * 1000)

    def _latest(self) -> int:
        """The newest exchange stamp that is not from the future; a fast clock is forgiven proportionally more."""
        return int(self._market().timestamp() * 1000 + FUTURE_MILLISECONDS * max(self._host.clock.speed, 1.0))


async def _quietly(telling: Awaitable[None]) -> None:
    """News that cannot be stored must not stop the stream it is about."""
    try:
        await telling
    except (OperationalError, InterfaceError) as error:
        log.warning("news of the feed not stored", extra={"reason": str(error)})
