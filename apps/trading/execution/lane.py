"""One account in one mode at its broker: order calls strictly one after the other, reads beside them."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apps.trading.execution.breaker import Breaker
from apps.trading.execution.budget import OrderBudget, ReadBudget, budgets_of
from apps.trading.services.account_facts import Facts
from apps.trading.services.chase import Step
from apps.trading.services.order_changes import Shown
from apps.trading.services.portfolio import Portfolio
from apps.trading.services.reports import Report
from apps.trading.services.submission import Claim, Lane
from bus import failpoints
from domain.broker import Broker, BrokerError, HoldingsBook, Outcome, RateLimited, Verdict
from domain.orders import ID_LENGTH, BrokerFill, BrokerOrder, BrokerPosition, Funds, Mode

log = logging.getLogger(__name__)

SOON, SETTLING, WATCHING, IDLE = 0.05, 0.5, 1.0, 30.0
FUNDS_EVERY = 60.0
WORST_BACKOFF = 8.0
PORTFOLIO_EVERY = 300.0
PORTFOLIO_FIRST = 2.0
"""How many seconds after it opened a lane reads holdings: its orders' books come first."""


@dataclass(slots=True)
class Attention:
    """How closely a lane's books must be watched, from what Postgres says it has."""

    unresolved: bool = False
    in_trade: bool = False
    unknown: bool = False

    def pause(self) -> float:
        """Seconds until the next read."""
        return SETTLING if self.unresolved else WATCHING if self.in_trade else IDLE


@dataclass(slots=True)
class LaneWorker:
    """The in-memory side of one lane. Nothing here is truth: it starts empty after every takeover."""

    lane: Lane
    broker: Broker
    session_key: str
    wall: Callable[[], datetime]
    busy: bool = False
    reading: bool = False
    attention: Attention = field(default_factory=Attention)
    next_read: float = 0.0
    next_funds: float = 0.0
    next_portfolio: float = field(default_factory=lambda: time.monotonic() + PORTFOLIO_FIRST)
    reading_portfolio: bool = False
    portfolio_asked: bool = True  # by somebody, or because the lane has just opened
    wants_positions: bool = True
    failures: int = 0
    breaker: Breaker = field(default_factory=Breaker)
    orders: OrderBudget = field(init=False)
    reads: ReadBudget = field(init=False)
    sending: set[int] = field(default_factory=set)
    shown: Shown | None = None  # the order book as last read
    _filled: dict[str, int] = field(default_factory=dict)
    _applied: int = 0
    _knows_fills: bool = False
    _settled: dict[str, tuple[str, int]] = field(default_factory=dict)
    _is_unbooked: bool = False

    def __post_init__(self) -> None:
        self.orders, self.reads = budgets_of(self.broker.spec.limits)

    def spend_from(self, orders: OrderBudget, reads: ReadBudget) -> None:
        """Go on with what an earlier connection of the account left of its calls."""
        self.orders, self.reads = orders, reads
        self.next_read = max(reads.free_at(time.monotonic(), urgent=True), reads.books_free_at())

    def may_call(self) -> bool:
        """Whether one more order call stays below our caps."""
        return self.orders.may_call(time.monotonic())

    def spares_exits(self) -> bool:
        """Whether a price change of an entry leaves the exits' share of the longer spans untouched."""
        return self.orders.spares_exits(time.monotonic())

    def may_enter(self) -> bool:
        """Whether an entry may go: the breaker lets it, and it leaves the exits' reserve untouched."""
        return self.breaker.may_enter() and self.orders.may_enter(time.monotonic())

    def is_day_spent(self) -> bool:
        """Whether the day's orders are used up but for the exits' share."""
        return self.orders.is_day_spent(time.monotonic())

    def has_day_left(self) -> bool:
        """Whether entries may go on for a while, as far as the day's orders are concerned."""
        return self.orders.has_day_left(time.monotonic())

    async def send(self, claim: Claim) -> Outcome:
        """Put one claimed order on the wire; an adapter that breaks its word and raises proves nothing."""
        self._note_order()
        self.sending.add(claim.order_id)
        try:
            failpoints.reach("wire.before_place")
            outcome = await self.broker.place(claim.request)
            failpoints.reach("wire.after_place")
            return _nameable(outcome)
        except BrokerError as error:
            return Outcome(Verdict.UNKNOWN, code=error.code, message=error.message)
        finally:
            self.sending.discard(claim.order_id)

    async def step(self, step: Step) -> Outcome:
        """Modify or cancel."""
        self._note_order()
        try:
            if step.change is None:
                failpoints.reach("wire.before_cancel")
                outcome = await self.broker.cancel(step.broker_order_id)
                failpoints.reach("wire.after_cancel")
                return outcome
            failpoints.reach("wire.before_modify")
            outcome = await self.broker.modify(step.broker_order_id, step.change)
            failpoints.reach("wire.after_modify")
            return outcome
        except BrokerError as error:
            return Outcome(Verdict.UNKNOWN, code=error.code, message=error.message)

    def _note_order(self) -> None:
        """An order call goes out: a read that is counted with it may have to begin later."""
        now = time.monotonic()
        self.orders.note(now)
        if self.orders.together is not None:
            self.next_read = max(self.next_read, self.orders.together.free_at(now, urgent=False))

    def hint(self) -> None:
        """The broker has news: read soon, positions included."""
        self.wants_positions = True
        self.next_read = min(self.next_read, self._read_at(SOON))

    def size_exits(self) -> None:
        """An exit waits to be sized: read the positions before anything else may be read."""
        self.wants_positions = True
        self.next_read = min(self.next_read, self.reads.free_at(time.monotonic(), urgent=True))

    def _read_at(self, pause: float) -> float:
        """Return when the books are read next, later than asked where the broker's limit wants it."""
        now = time.monotonic()
        return max(now + pause, self.reads.free_at(now), self.reads.books_free_at())

    def is_due(self, now: float) -> bool:
        """Whether the books should be read now."""
        return not self.reading and now >= self.next_read

    def may_read_books(self) -> bool:
        """Whether the broker lets its order book be read again; where not, the positions alone may be."""
        return time.monotonic() >= self.reads.books_free_at()

    def read_later(self) -> None:
        """Schedule the next ordinary read."""
        self.reading = False
        self.next_read = self._read_at(self.attention.pause())

    async def read(self) -> Report:
        """Read the books once; raises ``BrokerError``. The next read is scheduled whatever comes of this one."""
        self.reading = True
        self.reads.begin()
        wanted_positions = self.wants_positions or self.attention.in_trade
        try:
            report = await self._read(with_positions=wanted_positions)
        except BrokerError as error:
            self.back_off(error)
            raise
        finally:
            self.reading = False
            self.reads.end()
        if not self._is_unbooked:
            self.failures = 0
            self.breaker.note_read()
        self.wants_positions = self.wants_positions and not wanted_positions
        pause = self.attention.pause()
        self.next_read = self._read_at(min(pause, WATCHING) if self.breaker.is_open() else pause)
        return report

    async def read_positions(self) -> Facts:
        """Read the positions alone, for an exit that must be sized while the order book fails; raises ``BrokerError``.

        What is unread meanwhile makes our ledger smaller or leaves it reserved: an exit sized on it takes no more than
        there is.
        """
        read_at = self.wall()
        self.reads.note_look(time.monotonic())
        return Facts(lane=self.lane, read_at=read_at, positions=await self._positions())

    def is_portfolio_due(self, now: float) -> bool:
        """Whether holdings and funds should be read now: never instead of what orders need to be read. A paper book has
        no holdings, and its funds come with its orders."""
        if self.reading_portfolio or now < self.next_portfolio or self.lane[1] != Mode.LIVE:
            return False
        return not self.busy and not self.breaker.is_open() and self.reads.free_at(now) <= now

    def ask_portfolio(self) -> None:
        """Somebody wants holdings and funds read: at the next chance, whatever the hour."""
        self.portfolio_asked, self.next_portfolio = True, 0.0

    async def read_portfolio(self) -> Portfolio:
        """Read holdings and funds; raises ``BrokerError``. The next read is due a while later whatever comes of it."""
        read_at, self.portfolio_asked = self.wall(), False
        holdings = None
        if isinstance(self.broker, HoldingsBook):
            self.reads.note(time.monotonic())
            holdings = await self.broker.holdings()
        self.reads.note(time.monotonic())
        return Portfolio(self.lane, read_at, await self.broker.funds(), holdings)

    async def _read(self, *, with_positions: bool) -> Report:
        read_at, sending = self.wall(), frozenset(self.sending)
        self.reads.note(time.monotonic())
        self.reads.note_look(time.monotonic())
        self.reads.note_books(time.monotonic())
        rows = await self.broker.order_book()
        self.shown = Shown(read_at, {row.broker_order_id: row for row in rows})
        fills = await self._fills_if_new(rows)
        return Report(
            lane=self.lane,
            read_at=read_at,
            orders=[row for row in rows if not self._is_settled(row)],
            fills=fills,
            positions=await self._positions() if with_positions else None,
            funds=await self._funds_if_due(),
            sending=sending | frozenset(self.sending),
            shown=frozenset(row.broker_order_id for row in rows),
        )

    async def _positions(self) -> Sequence[BrokerPosition]:
        self.reads.note(time.monotonic())
        return await self.broker.positions()

    async def _fills_if_new(self, rows: Sequence[BrokerOrder]) -> list[BrokerFill] | None:
        """Read the trade book only when the order book shows more filled than its executions we have seen, and once
        where it shows nothing of what was executed before the sign-in."""
        is_blind = self.broker.spec.book_of_session and not self._knows_fills
        if not is_blind and all(row.filled_quantity <= self._filled.get(row.broker_order_id, 0) for row in rows):
            return None
        self.reads.note(time.monotonic())
        fills = list(await self.broker.trade_book())
        totals: dict[str, int] = {}
        for fill in fills:
            totals[fill.broker_order_id] = totals.get(fill.broker_order_id, 0) + fill.quantity
        self._filled, self._knows_fills = totals, True
        return fills

    async def _funds_if_due(self) -> Funds | None:
        now = time.monotonic()
        if now < self.next_funds:
            return None
        self.next_funds = now + FUNDS_EVERY
        self.reads.note(now)
        return await self.broker.funds()

    def _is_settled(self, row: BrokerOrder) -> bool:
        return self._settled.get(row.broker_order_id) == (row.raw_status, row.filled_quantity)

    def settle(self, report: Report) -> None:
        """Remember what was applied, so that it is not compared again and again."""
        self._applied, self._is_unbooked = _digest(report), False
        finals = (row for row in report.orders if row.status in ("FILLED", "CANCELLED", "REJECTED", "EXPIRED"))
        self._settled.update({row.broker_order_id: (row.raw_status, row.filled_quantity) for row in finals})

    def is_news(self, report: Report) -> bool:
        """Whether a report says anything the last applied one did not. Unknown orders make every read news."""
        if self.attention.unknown or report.fills is not None or report.funds is not None:
            return True
        return self._applied != _digest(report)

    def forget_fills(self) -> None:
        """Make the next read fetch the trade book: an execution is still missing."""
        self._filled = {}
        self.hint()

    def leave_unbooked(self, error: BrokerError) -> None:
        """What was read could not be booked: a failed read, and everything is to be read again."""
        self._is_unbooked, self._filled = True, {}
        self.back_off(error)

    def back_off(self, error: BrokerError) -> None:
        """Read again later, and later still while it keeps failing."""
        self.failures += 1
        self.breaker.note_failed_read(error)
        asked = error.retry_after or 0.0 if isinstance(error, RateLimited) else 0.0
        pause = min(max(SETTLING * 2**self.failures, asked), WORST_BACKOFF)
        self.next_read = self._read_at(pause)
        level = logging.INFO if isinstance(error, RateLimited) else logging.WARNING
        extra = {"account": self.lane[0], "mode": self.lane[1], "code": error.code, "reason": error.message}
        log.log(level, "books not read", extra=extra)


def _nameable(outcome: Outcome) -> Outcome:
    """An order whose id is longer than any broker's is looked up by its tag, like one without an id."""
    if len(outcome.broker_order_id) <= ID_LENGTH:
        return outcome
    return Outcome(Verdict.UNKNOWN, code="MALFORMED", message="The broker's order id is too long.")


def _digest(report: Report) -> int:
    positions = None if report.positions is None else tuple(report.positions)
    return hash((tuple(report.orders), positions))


async def close_quietly(worker: LaneWorker) -> None:
    """Let a lane's connection go; a broker that hangs is not waited for."""
    try:
        async with asyncio.timeout(2.0):
            await worker.broker.aclose()
    except (TimeoutError, BrokerError, OSError):
        log.info("connection dropped unclosed", extra={"account": worker.lane[0]})
