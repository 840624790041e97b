"""Order calls: every one is recorded on arrival, decided, recorded again.

And answered once both lines are on disk.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeVar

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, NewOrder, OrderEdit, Refusal, Switch
from simulator.faces.calls import Counter, FaceError
from simulator.faces.desk import Desk, cut
from simulator.faults import ORDER_FAULTS, Fault, FaultKind
from simulator.ledger import Entry, Event, LedgerClosed
from simulator.market.types import Listing

PLACE, MODIFY, CANCEL = "orders.place", "orders.modify", "orders.cancel"

_DECIDED = {PLACE: Event.ACCEPTED, MODIFY: Event.MODIFIED, CANCEL: Event.CANCELLED}
_LOST = frozenset({FaultKind.NEVER_DELIVERED, FaultKind.LATE_ACCEPT})
_EXCHANGE_REJECTED = "16283 : The order was rejected by the exchange."
_LONGEST = 64

Form = TypeVar("Form")


@dataclass(frozen=True, slots=True)
class Said(Generic[Form]):
    """What an order request says, before anybody believes it.

    ``form`` is the face's own reading of it, ``client`` whose it says it is, ``order_id`` the order a modify or cancel
    names. ``columns`` are the ledger's (``symbol``, ``side``, ``price``) in our words where they can be read, empty
    ones left as they are; ``quantity`` is the text, in the broker's counting.
    """

    form: Form
    client: Client | None
    order_id: str = ""
    quantity: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderCall(Generic[Form]):
    """One order-changing request as it arrived, and the ledger line that says so.

    ``symbol`` is the exchange's name of the contract, by which faults and switches go; the line has the broker's.
    """

    request: web.Request
    name: str
    form: Form
    order_id: str
    entry: Entry
    symbol: str


class OrderDesk(ABC, Generic[Form]):
    """Takes place, modify and cancel calls; a face says how they are read, refused and answered.

    ``bucket`` is the call limit that orders count against.
    """

    bucket: str = "order"

    def __init__(self, counter: Counter[Any]) -> None:
        self.counter = counter
        self._numbers = count(1)
        self._late: set[asyncio.Task[None]] = set()

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    @abstractmethod
    async def read(self, request: web.Request) -> Said[Form]:
        """Read a request; one that cannot be read is judged later, as an empty one, so this never raises."""

    @abstractmethod
    def who(self, call: OrderCall[Form]) -> Client:
        """Return whose call it is; raises ``FaceError`` where nobody is signed in or nothing could be read."""

    @abstractmethod
    def new_order(self, call: OrderCall[Form]) -> NewOrder:
        """Return the order to place; raises ``FaceError``."""

    @abstractmethod
    def order_edit(self, call: OrderCall[Form], order: ClientOrder) -> OrderEdit:
        """Return the change of an order; raises ``FaceError``."""

    @abstractmethod
    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return the broker's error for what the exchange would not take."""

    @abstractmethod
    def done(self, call: OrderCall[Form], order_id: str) -> web.Response:
        """Return the reply to a call that was accepted."""

    def check(self, call: OrderCall[Form]) -> None:
        """Refuse, by ``FaceError``, a call that lacks what its kind needs whatever the order."""

    def unit(self, listing: Listing) -> int:
        """Return how many units the broker's quantity 1 means."""
        return 1

    async def place(self, request: web.Request) -> web.StreamResponse:
        """Take a new order."""
        return await self._answer(request, PLACE)

    async def modify(self, request: web.Request) -> web.StreamResponse:
        """Take a change."""
        return await self._answer(request, MODIFY)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Take a cancellation."""
        return await self._answer(request, CANCEL)

    async def _answer(self, request: web.Request, name: str) -> web.StreamResponse:
        try:
            call = await self._arrive(request, name)
            response = await self._decide(call)
            await self.desk.ledger.durable()
        except LedgerClosed:  # nobody may rely on an order that could not be recorded
            return self.counter.failure(self.counter.unavailable(500))
        return response

    async def _arrive(self, request: web.Request, name: str) -> OrderCall[Form]:
        said = await self.read(request)
        entry = self._entry(name, said)
        listing = self.desk.wording.find(self.counter.broker, entry.exchange, entry.symbol)
        if _is_whole(said.quantity):
            entry.quantity = int(said.quantity) * (self.unit(listing) if listing else 1)
        self.desk.ledger.append(entry)
        return OrderCall(
            request=request,
            name=name,
            form=said.form,
            order_id=said.order_id,
            entry=entry,
            symbol=listing.symbol if listing else entry.symbol,
        )

    def _entry(self, name: str, said: Said[Form]) -> Entry:
        broker, known = self.counter.broker, self._known(said)
        client = said.client.client if said.client else ""
        entry = Entry(event=Event.REQUEST, broker=broker, client=client)
        if known is not None:
            entry = self.desk.recorder.entry(known, broker=broker, event=Event.REQUEST, endpoint="")
        entry.endpoint, entry.order_id, entry.request = name, said.order_id[:_LONGEST], next(self._numbers)
        for column, text in said.columns.items():
            if text:
                setattr(entry, column, text[:_LONGEST])
        return entry

    def _known(self, said: Said[Form]) -> ClientOrder | None:
        if said.client is None or not said.order_id:
            return None
        try:
            return self.desk.exchange.order(said.client.client, said.order_id)
        except Refusal:
            return None

    async def _decide(self, call: OrderCall[Form]) -> web.StreamResponse:
        try:
            client = self.who(call)
            self.counter.count(client, self.bucket)
            return await self._deliver(call, client)
        except FaceError as error:
            self._record(call, Event.REJECTED if call.name == PLACE else Event.REFUSED, message=error.message)
            return self.counter.failure(error)

    async def _deliver(self, call: OrderCall[Form], client: Client) -> web.StreamResponse:
        await self.counter.wait(client, endpoint=call.name, symbol=call.symbol)
        fault = self.desk.faults.draw(ORDER_FAULTS, client=client.client, endpoint=call.name, symbol=call.symbol)
        if fault is None:
            return self.done(call, self._act(call, client))
        self._refuse_by(fault, client)
        if fault.kind in _LOST:
            return await self._lose(call, client, fault)
        return await self._spoilt(call, client, fault)

    def _refuse_by(self, fault: Fault, client: Client) -> None:
        """Raise the error of a fault that strikes before acceptance."""
        self.counter.strike(fault, client)
        if fault.kind is FaultKind.TOO_MANY_REQUESTS:
            raise self.counter.too_many(self.counter.limits.one_too_many())
        if fault.kind is FaultKind.SERVER_ERROR and not fault.accepted:
            raise self.counter.unavailable(fault.status)

    async def _lose(self, call: OrderCall[Form], client: Client, fault: Fault) -> web.StreamResponse:
        self._record(call, Event.DROPPED, fault=fault.kind)
        await self.desk.ledger.durable()
        if fault.kind is FaultKind.LATE_ACCEPT:
            task = asyncio.get_running_loop().create_task(self._act_later(call, client, fault.seconds))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        cut(call.request)
        return web.Response(status=502)

    async def _act_later(self, call: OrderCall[Form], client: Client, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            self._act(call, client)
        except FaceError as error:
            self._record(call, Event.REJECTED, message=error.message)

    async def _spoilt(self, call: OrderCall[Form], client: Client, fault: Fault) -> web.StreamResponse:
        with self._rejecting(fault, client, call.symbol):
            order_id = self._act(call, client)
        order = self.desk.exchange.order(client.client, order_id)
        self._record(call, Event.FAULT, fault=fault.kind, order=order)
        await self.desk.ledger.durable()
        return await self.counter.spoil(call.request, self.done(call, order_id), fault)

    def _act(self, call: OrderCall[Form], client: Client) -> str:
        """Do what the call asks and record it; returns the order id, raises ``FaceError``."""
        desk, decided = self.desk, _DECIDED[call.name]
        try:
            with desk.recorder.decision(but=decided):
                self.check(call)
                order_id = self._acts()[call.name](call, client)
                self._record(call, decided, order=desk.exchange.order(client.client, order_id))
        except Refusal as refusal:
            raise self.refused(refusal, name=call.name) from None
        return order_id

    def _acts(self) -> dict[str, Callable[[OrderCall[Form], Client], str]]:
        return {PLACE: self.place_order, MODIFY: self._modify, CANCEL: self._cancel}

    def place_order(self, call: OrderCall[Form], client: Client) -> str:
        """Place what the call asks for and return its id; raises ``FaceError`` or ``Refusal``."""
        return self.desk.exchange.place(client.client, self.new_order(call), now=self.desk.now())

    def _modify(self, call: OrderCall[Form], client: Client) -> str:
        edit = self.order_edit(call, self.desk.exchange.order(client.client, call.order_id))
        self.desk.exchange.modify(client.client, call.order_id, edit, now=self.desk.now())
        return call.order_id

    def _cancel(self, call: OrderCall[Form], client: Client) -> str:
        self.desk.exchange.cancel(client.client, call.order_id, now=self.desk.now())
        return call.order_id

    @contextmanager
    def _rejecting(self, fault: Fault, client: Client, symbol: str) -> Iterator[None]:
        if fault.kind is not FaultKind.PLACED_THEN_REJECTED:
            yield
            return
        exchange = self.desk.exchange
        exchange.switch(Switch(client=client.client, symbol=symbol, reject_after_accept=_EXCHANGE_REJECTED))
        try:
            yield
        finally:
            exchange.switch(Switch(client=client.client, symbol=symbol))

    def _record(
        self,
        call: OrderCall[Form],
        event: Event,
        *,
        message: str = "",
        fault: str = "",
        order: ClientOrder | None = None,
    ) -> None:
        entry = copy(call.entry)
        if order is not None:
            entry = self.desk.recorder.entry(order, broker=self.counter.broker, event=event, endpoint=call.name)
        entry.event, entry.message, entry.fault, entry.request = event, message[:200], fault, call.entry.request
        self.desk.ledger.append(entry)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 11
