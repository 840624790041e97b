"""What the brokers of one shard show: read lane by lane beside the orders, booked together."""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from functools import partial

from apps.trading.execution.apart import each_apart
from apps.trading.execution.lane import PORTFOLIO_EVERY, LaneWorker
from apps.trading.execution.state import ShardState
from apps.trading.services import account_facts, portfolio, reports
from apps.trading.services.account_facts import Facts
from apps.trading.services.reports import Report
from domain.broker import BrokerError, BrokerUnavailable, SessionLost

log = logging.getLogger(__name__)

GATHER = 0.025
"""How many seconds finished reads wait for each other: one statement books them all, and orders go first."""


@dataclass(slots=True)
class Books:
    """Reads what is due and books what is new."""

    state: ShardState
    reports: list[Report] = field(default_factory=list)  # read, not booked yet

    def start_reads(self) -> None:
        """Begin every read that is due."""
        now = time.monotonic()
        for worker in self.state.lanes.values():
            if worker.is_due(now):
                worker.reading = True
                self.state.spawn(self._read(worker), partial(self._read_broke, worker))
            if worker.is_portfolio_due(now):
                worker.reading_portfolio, worker.next_portfolio = True, now + PORTFOLIO_EVERY
                self.state.spawn(self._read_portfolio(worker), partial(self._portfolio_broke, worker))

    async def _read(self, worker: LaneWorker) -> None:
        if not worker.may_read_books():
            await self._read_positions(worker)
            worker.read_later()
            return
        try:
            report = await worker.read()
            self.reports.append(report)
        except SessionLost as error:
            self.state.lost.append((worker, error.message))
        except BrokerError as error:  # logged and scheduled anew by the lane
            if worker.failures == 1:
                await self.state.db(account_facts.note_error, worker.lane, code=error.code, text=error.message)
            if worker.lane in self.state.unsized:
                await self._read_positions(worker)
        finally:
            asyncio.get_running_loop().call_later(GATHER, self.state.wake.set)

    async def _read_positions(self, worker: LaneWorker) -> None:
        """An exit waits to be sized and the books cannot or may not be read: the positions alone will do."""
        try:
            facts = await worker.read_positions()
        except BrokerError:
            return
        await each_apart(self._save_positions, [facts], broke=self._unsized)

    def _read_broke(self, worker: LaneWorker, error: BaseException) -> None:
        """The lane reads again later, like after any failed read."""
        worker.reading = False
        worker.back_off(BrokerUnavailable("BROKEN", type(error).__name__))

    async def _read_portfolio(self, worker: LaneWorker) -> None:
        """Read holdings and funds beside everything else; what goes wrong is kept for the page that shows them."""
        state = self.state
        try:
            if worker.portfolio_asked or await state.db(
                portfolio.is_worth_reading, worker.broker.spec, now=state.market_now()
            ):
                await state.db(portfolio.save_portfolio, await worker.read_portfolio())
        except BrokerError as error:
            await state.db(
                portfolio.note_portfolio_error,
                worker.lane[0],
                code=error.code,
                text=error.message,
                wall=state.wall(),
            )
        finally:
            worker.reading_portfolio = False

    def _portfolio_broke(self, worker: LaneWorker, error: BaseException) -> None:
        """It is read again when it is due, like after any failed read."""
        worker.reading_portfolio = False

    async def apply(self) -> None:
        """Book what was read since the last round."""
        found, self.reports = self.reports, []
        if not found:
            return
        latest = await self._note_unchanged(found)
        read = {report.lane for report in found if report.positions is not None}
        if latest:
            await each_apart(self._book, latest, broke=self._unbooked)
        if latest or read & self.state.unsized:
            self.state.unsized -= read
            self.state.nudge()  # entries waited for the first read of their account, exits for its positions

    async def _note_unchanged(self, found: list[Report]) -> list[Report]:
        """Note reads that brought nothing new in one statement; return the others."""
        lanes = self.state.lanes
        latest = {report.lane: report for report in found}
        same = [report for lane, report in latest.items() if lane in lanes and not lanes[lane].is_news(report)]
        if same:
            await self.state.db(reports.note_unchanged, same, epoch=self.state.held.epoch)
        return [report for report in latest.values() if report not in same]

    async def _book(self, latest: list[Report]) -> None:
        state = self.state
        applied = await state.db(
            reports.apply_reports, latest, epoch=state.held.epoch, now=state.market_now(), wall=state.wall()
        )
        for report in latest:
            worker = state.lanes.get(report.lane)
            if worker is not None and report.lane in applied.unfilled_lanes:
                worker.forget_fills()
            elif worker is not None:
                worker.settle(report)
        if applied.trade_ids:
            state.sweep_soon()  # legs that must go flat get their next order at once

    async def _unbooked(self, report: Report, error: Exception) -> None:
        """An account's books cannot be taken in: to it that is as if they could not be read."""
        log.error("books cannot be taken in", exc_info=error, extra={"account": report.lane[0], "mode": report.lane[1]})
        trouble = BrokerUnavailable("UNBOOKABLE", f"What the broker shows cannot be booked: {error}")
        await self.state.db(account_facts.note_error, report.lane, code=trouble.code, text=trouble.message)
        worker = self.state.lanes.get(report.lane)
        if worker is not None:
            worker.leave_unbooked(trouble)
        if report.positions is not None:  # an exit that waits to be sized needs nothing else of what was read
            facts = Facts(lane=report.lane, read_at=report.read_at, positions=report.positions)
            await each_apart(self._save_positions, [facts], broke=self._unsized)

    async def _save_positions(self, facts: list[Facts]) -> None:
        await self.state.db(account_facts.save_snapshots, facts)
        self.state.unsized -= {one.lane for one in facts}
        self.state.nudge()

    async def _unsized(self, facts: Facts, error: Exception) -> None:
        """Not even the positions make sense: exits of the account wait and are told of."""
        log.error("positions cannot be taken in", exc_info=error, extra={"account": facts.lane[0]})
