"""Turns what the exchange announces into ledger lines.

And into updates that are pushed once those are on disk.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from simulator.clients import ClientRegistry
from simulator.exchange.core import Exchange
from simulator.exchange.types import ClientOrder, ClientTrade, OrderState
from simulator.faces.wording import Wording
from simulator.ledger import Entry, Event, Ledger

UpdateListener = Callable[[ClientOrder], None]

_ANNOUNCED = {OrderState.CANCELLED: Event.CANCELLED, OrderState.REJECTED: Event.REJECTED}


class Recorder:
    """Listens to the exchange; everything runs on its loop."""

    def __init__(self, *, exchange: Exchange, ledger: Ledger, clients: ClientRegistry, wording: Wording) -> None:
        self._exchange = exchange
        self._ledger = ledger
        self._clients = clients
        self._wording = wording
        self._listeners: list[UpdateListener] = []
        self._updates: deque[ClientOrder] = deque()
        self._wake = asyncio.Event()
        self._held: list[ClientOrder] | None = None
        self._recorded: dict[str, int] = {}
        exchange.on_order(self._announced)

    def subscribe(self, listener: UpdateListener) -> None:
        """Call ``listener`` with each order update, after its ledger lines are on disk."""
        self._listeners.append(listener)

    @contextmanager
    def decision(self, *, but: Event | None = None) -> Iterator[None]:
        """Hold announcements made inside the block.

        So that the decision on a request precedes its consequences.

        ``but`` is an event the block writes itself, and which is not to be written again.
        """
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            for order in held:
                self._record(order, but=but)

    def entry(self, order: ClientOrder, *, broker: str, event: Event, endpoint: str) -> Entry:
        """Return a ledger line that shows an order, its contract by the broker's name."""
        exchange, symbol = self._wording.name_of(broker, order.listing)
        return Entry(
            event=event,
            broker=broker,
            client=order.client,
            endpoint=endpoint,
            tag=order.tag,
            order_id=order.order_id,
            exchange=exchange,
            symbol=symbol,
            side=order.side,
            quantity=order.quantity,
            price=str(order.price),
            order_type=order.order_type,
            product=order.product,
            trigger_price=str(order.trigger_price),
            variety=order.variety,
            status=order.state,
            message=order.message,
        )

    async def run(self) -> None:
        """Push updates until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            due = [self._updates.popleft() for _ in range(len(self._updates))]
            await self._ledger.durable()
            for order in due:
                for listener in self._listeners:
                    listener(order)

    def _announced(self, order: ClientOrder) -> None:
        if self._held is not None:
            self._held.append(order)
        else:
            self._record(order)

    def _record(self, order: ClientOrder, *, but: Event | None = None) -> None:
        for trade in self._new_trades(order):
            self._ledger.append(self._fill(order, trade))
        event = _ANNOUNCED.get(order.state)
        if event is not None and event is not but:
            self._ledger.append(self.entry(order, broker=self._broker(order), event=event, endpoint="exchange"))
        self._updates.append(order)
        self._wake.set()

    def _new_trades(self, order: ClientOrder) -> list[ClientTrade]:
        if not order.filled_quantity:
            return []
        known = self._recorded.get(order.order_id, 0)
        trades = self._exchange.trades(order.client, order.order_id)
        self._recorded[order.order_id] = len(trades)
        return list(trades[known:])

    def _fill(self, order: ClientOrder, trade: ClientTrade) -> Entry:
        broker = self._broker(order)
        entry = self.entry(order, broker=broker, event=Event.FILL, endpoint="exchange")
        entry.quantity, entry.price, entry.trade_id = trade.quantity, str(trade.price), trade.trade_id
        entry.execution = self._wording.execution_of(broker, trade)
        return entry

    def _broker(self, order: ClientOrder) -> str:
        client = self._clients.named(order.client)
        return client.broker if client else ""
