"""The books of a client as the fault plan shows them: lagging, empty or cut short."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, ClientPosition, ClientTrade
from simulator.faces.desk import Desk
from simulator.faults import BOOK_FAULTS, Fault, FaultKind

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Books:
    """What every face's reads of orders, trades and positions begin with, oldest first."""

    desk: Desk

    def orders(self, client: Client) -> Sequence[ClientOrder]:
        """Return the day's orders."""
        fault = self._fault(client, "orders.book")
        orders: Sequence[ClientOrder] = self.desk.exchange.orders(client.client)
        if fault is not None and fault.kind is FaultKind.BOOK_LAG:
            orders = self._as_of(client, orders, self._then(fault))
        return _shown(orders, fault)

    def trades(self, client: Client) -> Sequence[ClientTrade]:
        """Return the day's trades."""
        fault = self._fault(client, "trades.book")
        trades: Sequence[ClientTrade] = self.desk.exchange.trades(client.client)
        if fault is not None and fault.kind is FaultKind.BOOK_LAG:
            then = self._then(fault)
            trades = [trade for trade in trades if trade.filled_at <= then]
        return _shown(trades, fault)

    def positions(self, client: Client) -> Sequence[ClientPosition]:
        """Return the positions."""
        fault = self._fault(client, "positions")
        then = self._then(fault) if fault is not None and fault.kind is FaultKind.BOOK_LAG else None
        return _shown(self.desk.exchange.positions(client.client, then=then), fault)

    def _fault(self, client: Client, endpoint: str) -> Fault | None:
        return self.desk.faults.draw(BOOK_FAULTS, client=client.client, endpoint=endpoint)

    def _then(self, fault: Fault) -> datetime:
        return self.desk.now() - timedelta(seconds=fault.seconds * self.desk.clock.speed)

    def _as_of(self, client: Client, orders: Sequence[ClientOrder], then: datetime) -> list[ClientOrder]:
        seen = [order for order in orders if order.placed_at <= then]
        histories = (self.desk.exchange.history(client.client, order.order_id) for order in seen)
        return [[state for state in states if state.updated_at <= then][-1] for states in histories]


def _shown(rows: Sequence[_Row], fault: Fault | None) -> Sequence[_Row]:
    if fault is not None and fault.kind is FaultKind.EMPTY_BOOK:
        return ()
    if fault is not None and fault.kind is FaultKind.TRUNCATED_BOOK:
        return rows[: len(rows) // 2]
    return rows
