"""The paper broker: a broker like the others, filling from the live feed into a book that is handed to it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from brokers.paper import engine, portfolio
from brokers.paper.book import BookChange, BookUnavailable, PaperBook, PaperState, StaleBook
from brokers.paper.engine import Step
from brokers.paper.market import PaperSettings, PriceSource, PricesUnavailable, Snapshot, SymbolKey
from brokers.paper.orders import Match, outcome_of, settled
from brokers.paper.spec import SPEC
from domain.broker import BrokerSpec, BrokerUnavailable, Outcome
from domain.clock import IST
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderChange, OrderRequest


@dataclass(frozen=True, slots=True)
class PaperDesk:
    """What a paper account is handed: its book, the market, market time, and how it fills."""

    book: PaperBook
    prices: PriceSource
    clock: Callable[[], datetime]
    settings: PaperSettings = field(default_factory=PaperSettings)


class PaperBroker:
    """Order entry and books of one paper account.

    Orders match when placed or modified, on ``on_ticks``, and whenever the order book is read.
    """

    spec: BrokerSpec = SPEC

    def __init__(self, desk: PaperDesk) -> None:
        self._desk = desk

    async def place(self, request: OrderRequest) -> Outcome:
        """Accept, match and save; never raises. A tag seen before is REJECTED as ``DUPLICATE_TAG``."""
        return await outcome_of(self._desk.book, lambda state: self._placed(state, request))

    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome:
        """Change a resting order, match it anew and save; never raises."""
        return await outcome_of(self._desk.book, lambda state: self._modified(state, broker_order_id, change))

    async def cancel(self, broker_order_id: str) -> Outcome:
        """Cancel a resting order and save; never raises."""
        return await outcome_of(self._desk.book, lambda state: self._cancelled(state, broker_order_id))

    async def on_ticks(self, snapshots: Iterable[Snapshot]) -> None:
        """Match what rests against new prices; raises ``BrokerUnavailable``."""
        by_key = {snapshot.key: snapshot for snapshot in snapshots}
        await self._settled(lambda state: self._matched(state, by_key))

    async def order_book(self) -> Sequence[BrokerOrder]:
        """Match what rests, then return today's orders; raises ``BrokerUnavailable``."""
        state = await self._settled(self._matched_at_the_market)
        return portfolio.orders_of(state, today=self._today())

    async def trade_book(self) -> Sequence[BrokerFill]:
        """Return today's fills; raises ``BrokerUnavailable``."""
        return portfolio.fills_of(await self._load(), today=self._today())

    async def positions(self) -> Sequence[BrokerPosition]:
        """Return net positions; raises ``BrokerUnavailable``."""
        state = await self._load()
        return portfolio.positions_of(
            state, await self._markets((one.exchange, one.symbol) for one in state.positions.values())
        )

    async def funds(self) -> Funds:
        """Return the cash; raises ``BrokerUnavailable``."""
        return portfolio.funds_of(await self._load())

    async def aclose(self) -> None:
        """Nothing is held open: the book belongs to whoever handed it over."""

    async def _placed(self, state: PaperState, request: OrderRequest) -> Step:
        market = await self._desk.prices(request.exchange, request.symbol)
        return engine.place(state, request, market, now=self._desk.clock(), settings=self._desk.settings)

    async def _modified(self, state: PaperState, order_id: str, change: OrderChange) -> Step:
        order = engine.resting(state, order_id)
        market = await self._desk.prices(order.exchange, order.symbol)
        return engine.modify(state, order, change, market, now=self._desk.clock(), settings=self._desk.settings)

    async def _cancelled(self, state: PaperState, order_id: str) -> Step:
        return engine.cancel(state, engine.resting(state, order_id), now=self._desk.clock())

    async def _matched(self, state: PaperState, markets: dict[SymbolKey, Snapshot]) -> BookChange | None:
        return engine.match_resting(state, markets, now=self._desk.clock(), settings=self._desk.settings)

    async def _matched_at_the_market(self, state: PaperState) -> BookChange | None:
        keys = {(order.exchange, order.symbol) for order in engine.resting_orders(state)}
        return await self._matched(state, await self._markets(keys))

    async def _markets(self, keys: Iterable[SymbolKey]) -> dict[SymbolKey, Snapshot]:
        """Return what the market shows; without prices books are shown as they stand."""
        markets: dict[SymbolKey, Snapshot] = {}
        try:
            for key in keys:
                snapshot = await self._desk.prices(*key)
                if snapshot is not None:
                    markets[key] = snapshot
        except PricesUnavailable:
            return {}
        return markets

    async def _settled(self, decide: Match) -> PaperState:
        try:
            return await settled(self._desk.book, decide)
        except (BookUnavailable, StaleBook, OSError) as error:
            raise BrokerUnavailable("BOOK", f"paper: {error}") from error

    async def _load(self) -> PaperState:
        try:
            return await self._desk.book.load()
        except (BookUnavailable, OSError) as error:
            raise BrokerUnavailable("BOOK", f"paper: {error}") from error

    def _today(self) -> date:
        return self._desk.clock().astimezone(IST).date()
