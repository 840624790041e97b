"""The trading floor: orders the exchange has, their matching, and the announcement of their states."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

from domain.matching import MarketView, MatchFill, MatchState, WorkingOrder, match
from domain.prices import to_decimal
from simulator.exchange.book import ClientBook
from simulator.exchange.ids import Numbers
from simulator.exchange.rules import STOPS
from simulator.exchange.switches import Switches
from simulator.exchange.types import (
    FINAL_STATES,
    RESTING_STATES,
    ClientOrder,
    ClientTrade,
    OrderListener,
    OrderState,
    Reason,
    Settings,
)
from simulator.market.types import Market

_S = OrderState
_PUSHED = RESTING_STATES | FINAL_STATES


class Floor:
    """Resting orders by token, matched when their market moves or their delay ends."""

    def __init__(
        self,
        *,
        market: Market,
        books: Mapping[str, ClientBook],
        switches: Switches,
        seed: int,
        settings: Settings,
    ) -> None:
        self.listeners: list[OrderListener] = []
        self._market = market
        self._books = books
        self._switches = switches
        self._settings = settings
        self._random = Random(seed)
        self._resting: dict[int, dict[str, ClientOrder]] = {}
        self._delayed: dict[str, tuple[datetime, ClientOrder]] = {}
        self.trade_numbers = Numbers()
        self._exchange_numbers = Numbers()

    def show(self, order: ClientOrder, now: datetime, **changes: Any) -> ClientOrder:
        """Add the order's next state to the book, tell the listeners where a broker would, and return it."""
        order = replace(order, updated_at=now, **changes)
        self._books[order.client].push(order)
        resting = self._resting.setdefault(order.listing.token, {})
        if order.state in RESTING_STATES:
            resting[order.order_id] = order
        else:
            resting.pop(order.order_id, None)
        if order.state in _PUSHED:
            for listener in self.listeners:
                listener(order)
        return order

    def reject(self, order: ClientOrder, reason: Reason, message: str, *, now: datetime) -> None:
        """Turn an accepted order down."""
        self.show(order, now, state=_S.REJECTED, reason=reason, message=message)

    def cancel(self, order: ClientOrder, now: datetime) -> None:
        """Take the remainder off the floor."""
        left = order.quantity - order.filled_quantity
        self._delayed.pop(order.order_id, None)
        self.show(order, now, state=_S.CANCELLED, cancelled_quantity=left, exchange_at=now)

    def accept(self, order: ClientOrder, now: datetime) -> None:
        """Bring a validated order to the exchange."""
        pending = self.show(order, now, state=_S.OPEN_PENDING)
        state = _S.TRIGGER_PENDING if order.order_type in STOPS else _S.OPEN
        delay = self._switches.fill_delay(order.client, order.listing.symbol)
        if delay:
            self._delayed[order.order_id] = (now + delay, order)
        number = f"1{self._exchange_numbers.take(now)}"
        self.rest(pending, now, state=state, exchange_order_id=number)

    def rest(self, order: ClientOrder, now: datetime, **changes: Any) -> None:
        """Put an order on the floor and match it at once."""
        self._match(self.show(order, now, exchange_at=now, **changes), now)

    def match_tokens(self, tokens: Sequence[int], now: datetime) -> None:
        """Match what rests in the changed instruments, oldest order first."""
        for token in tokens:
            for order in list(self._resting.get(token, {}).values()):
                self._match(order, now)

    def match_delayed(self, now: datetime) -> None:
        """Match the orders whose delay has ended although their market may not have moved."""
        due = [order for at, order in self._delayed.values() if at <= now]
        for order in due:
            del self._delayed[order.order_id]
            current = self._resting.get(order.listing.token, {}).get(order.order_id)
            if current is not None:
                self._match(current, now)

    def _match(self, order: ClientOrder, now: datetime) -> None:
        waiting = self._delayed.get(order.order_id)
        if self._market.halted or (waiting is not None and waiting[0] > now):
            return
        result = match(_working(order), self._view(order))
        if result.order.triggered and order.state is _S.TRIGGER_PENDING:
            order = self.show(order, now, state=_S.OPEN, triggered=True, exchange_at=now)
        for fill in result.fills:
            order = self._fill(order, fill, now)
        if result.state is MatchState.CANCELLED:
            self.cancel(order, now)

    def _fill(self, order: ClientOrder, fill: MatchFill, now: datetime) -> ClientOrder:
        filled = order.filled_quantity + fill.quantity
        value = order.average_price * order.filled_quantity + fill.price * fill.quantity
        state = _S.COMPLETE if filled == order.quantity else _S.OPEN
        self._books[order.client].take(self._trade(order, fill, now))
        return self.show(order, now, state=state, filled_quantity=filled, average_price=value / filled, exchange_at=now)

    def _trade(self, order: ClientOrder, fill: MatchFill, now: datetime) -> ClientTrade:
        return ClientTrade(
            client=order.client,
            trade_id=self.trade_numbers.take(now),
            order_id=order.order_id,
            exchange_order_id=order.exchange_order_id,
            listing=order.listing,
            side=order.side,
            product=order.product,
            quantity=fill.quantity,
            price=fill.price,
            filled_at=now,
        )

    def _view(self, order: ClientOrder) -> MarketView:
        quote = self._market.quote(order.listing.token)
        return MarketView(
            last_price=to_decimal(quote.last_price),
            tick_size=order.listing.tick_size,
            bid=to_decimal(quote.bid),
            ask=to_decimal(quote.ask),
            bid_quantity=quote.bid_quantity,
            ask_quantity=quote.ask_quantity,
            slippage_ticks=self._settings.slippage_ticks,
            max_quantity=self._cap(order),
        )

    def _cap(self, order: ClientOrder) -> int | None:
        """Return whole lots a partial fill is limited to, or ``None``; drawn only where a ratio is set."""
        ratio = self._switches.partial_fill_ratio(order.client, order.listing.symbol)
        lots = order.pending_quantity // order.listing.lot_size
        if ratio <= 0 or lots < 2 or self._random.random() >= ratio:
            return None
        return order.listing.lot_size * self._random.randint(1, lots - 1)


def _working(order: ClientOrder) -> WorkingOrder:
    return WorkingOrder(
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        validity=order.validity,
        filled=order.filled_quantity,
        price=order.price,
        trigger_price=order.trigger_price,
        triggered=order.triggered,
    )
