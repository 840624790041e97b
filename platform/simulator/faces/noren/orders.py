"""Order calls: every one is recorded on arrival, decided, recorded again.

And answered once both lines are on disk.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import unquote_plus

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, Reason, Refusal, Switch
from simulator.faces.desk import cut
from simulator.faces.noren.calls import Counter, one_too_many, pause, spoil
from simulator.faces.noren.fields import ORDER_TYPES, PRODUCTS, SIDES, new_order, order_edit
from simulator.faces.noren.limits import Bucket
from simulator.faces.noren.names import trading_symbol, unit
from simulator.faces.noren.wire import (
    Fields,
    NorenError,
    Row,
    failure,
    invalid,
    read_call,
    refused_order,
    required,
    server_timeout,
    session_expired,
    success,
    symbol_field,
)
from simulator.faces.recorder import order_entry
from simulator.faults import ORDER_FAULTS, Fault, FaultKind
from simulator.ledger import Entry, Event, LedgerClosed

_DECIDED = {"orders.place": Event.ACCEPTED, "orders.modify": Event.MODIFIED, "orders.cancel": Event.CANCELLED}
_PLACE, _MODIFY, _CANCEL = _DECIDED
_LOST = frozenset({FaultKind.NEVER_DELIVERED, FaultKind.LATE_ACCEPT})
_EXCHANGE_REJECTED = "16283 : The order was rejected by the exchange."
_COLUMNS = {"price": "prc", "trigger_price": "trgprc", "tag": "remarks"}
"""Ledger columns, and the fields that fill them as they are."""


@dataclass(frozen=True, slots=True)
class Call:
    """One order-changing request as it arrived, and the ledger line that says so.

    ``symbol`` is the exchange's name of the contract, by which faults and switches go; the line has the broker's.
    """

    request: web.Request
    name: str
    fields: Fields
    token: str
    number: int
    entry: Entry
    symbol: str

    @property
    def order_id(self) -> str:
        """The order a modify or cancel names; raises ``NorenError``."""
        return required(self.fields, "norenordno")


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """Takes place, modify and cancel calls."""

    counter: Counter
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _late: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def place(self, request: web.Request) -> web.StreamResponse:
        """POST /PlaceOrder"""
        return await self._answer(request, _PLACE)

    async def modify(self, request: web.Request) -> web.StreamResponse:
        """POST /ModifyOrder"""
        return await self._answer(request, _MODIFY)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """POST /CancelOrder"""
        return await self._answer(request, _CANCEL)

    async def _answer(self, request: web.Request, name: str) -> web.StreamResponse:
        try:
            call = await self._arrive(request, name)
            response = await self._decide(call)
            await self.counter.desk.ledger.durable()
        except LedgerClosed:  # nobody may rely on an order that could not be recorded
            return self._failed(server_timeout(500))
        return response

    async def _arrive(self, request: web.Request, name: str) -> Call:
        try:
            fields, token = await read_call(request)
        except NorenError:
            fields, token = {}, ""  # recorded and judged as an empty one
        entry = self._entry(name, fields)
        self.counter.desk.ledger.append(entry)
        named = self.counter.names.named(entry.exchange, entry.symbol)
        return Call(
            request=request,
            name=name,
            fields=fields,
            token=token,
            number=entry.request,
            entry=entry,
            symbol=named.symbol if named else "",
        )

    def _entry(self, name: str, fields: Fields) -> Entry:
        client = self.counter.desk.clients.named(fields.get("uid", ""))
        order_id = fields.get("norenordno", "")
        known = self._order(client, order_id) if client and order_id else None
        broker = self.counter.member.broker
        blank = Entry(event=Event.REQUEST, broker=broker, client=client.client if client else "")
        entry = order_entry(known, broker=broker, event=Event.REQUEST, endpoint="") if known else blank
        entry.endpoint, entry.order_id, entry.request = name, order_id[:64], next(self._numbers)
        for column, key in _COLUMNS.items():
            if fields.get(key) and fields[key] != "None":
                setattr(entry, column, fields[key][:64])
        self._describe(entry, fields)
        return entry

    def _describe(self, entry: Entry, fields: Fields) -> None:
        """Write the contract as the broker calls it and the rest as everybody does, where they can be read."""
        listing = self.counter.names.named(fields.get("exch", ""), unquote_plus(fields.get("tsym", "")))
        if listing is not None:
            entry.exchange, entry.symbol = listing.exchange.value, trading_symbol(listing)
        entry.side = SIDES[fields["trantype"]].value if fields.get("trantype") in SIDES else entry.side
        entry.product = PRODUCTS[fields["prd"]].value if fields.get("prd") in PRODUCTS else entry.product
        if fields.get("prctyp") in ORDER_TYPES:
            entry.order_type = ORDER_TYPES[fields["prctyp"]].value
        text = fields.get("qty", "")
        if text.isascii() and text.isdigit() and len(text) < 11:
            entry.quantity = int(text) * (unit(listing) if listing else 1)

    def _order(self, client: Client, order_id: str) -> ClientOrder | None:
        try:
            return self.counter.desk.exchange.order(client.client, order_id)
        except Refusal:
            return None

    async def _decide(self, call: Call) -> web.StreamResponse:
        try:
            if not call.fields:
                raise invalid("jData is not valid json object")
            client = self.counter.client(call.fields, call.token)
            self.counter.count(client, Bucket.ORDER)
            return await self._deliver(call, client)
        except NorenError as error:
            self._record(call, Event.REJECTED if call.name == _PLACE else Event.REFUSED, message=error.emsg)
            return self._failed(error)

    async def _deliver(self, call: Call, client: Client) -> web.StreamResponse:
        faults, symbol = self.counter.desk.faults, call.symbol
        await pause(faults.delay_seconds(client=client.client, endpoint=call.name, symbol=symbol))
        fault = faults.draw(ORDER_FAULTS, client=client.client, endpoint=call.name, symbol=symbol)
        if fault is None:
            return self._done(call, self._act(call, client))
        self._refuse_by(fault, client)
        if fault.kind in _LOST:
            return await self._lose(call, client, fault)
        return await self._spoilt(call, client, fault)

    def _refuse_by(self, fault: Fault, client: Client) -> None:
        """Raise the error of a fault that strikes before acceptance."""
        if fault.kind is FaultKind.TOKEN_DEATH:
            self.counter.kill_sessions(client)
            raise session_expired()
        if fault.kind is FaultKind.TOO_MANY_REQUESTS:
            raise one_too_many()
        if fault.kind is FaultKind.SERVER_ERROR and not fault.accepted:
            raise server_timeout(fault.status)

    async def _lose(self, call: Call, client: Client, fault: Fault) -> web.StreamResponse:
        self._record(call, Event.DROPPED, fault=fault.kind)
        await self.counter.desk.ledger.durable()
        if fault.kind is FaultKind.LATE_ACCEPT:
            task = asyncio.get_running_loop().create_task(self._act_later(call, client, fault.seconds))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        cut(call.request)
        return web.Response(status=502)

    async def _act_later(self, call: Call, client: Client, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            self._act(call, client)
        except NorenError as error:
            self._record(call, Event.REJECTED, message=error.emsg)

    async def _spoilt(self, call: Call, client: Client, fault: Fault) -> web.StreamResponse:
        with self._rejecting(fault, client, call.symbol):
            order_id = self._act(call, client)
        order = self.counter.desk.exchange.order(client.client, order_id)
        self._record(call, Event.FAULT, fault=fault.kind, order=order)
        await self.counter.desk.ledger.durable()
        return await spoil(self.counter, call.request, self._done(call, order_id), fault)

    def _act(self, call: Call, client: Client) -> str:
        """Do what the call asks and record it; returns the order id, raises ``NorenError``."""
        desk, decided = self.counter.desk, _DECIDED[call.name]
        try:
            with desk.recorder.decision(but=decided):
                order_id = self._acts()[call.name](call, client)
                self._record(call, decided, order=desk.exchange.order(client.client, order_id))
        except Refusal as refusal:
            raise refused(refusal, cancelling=call.name == _CANCEL) from None
        return order_id

    def _acts(self) -> dict[str, Callable[[Call, Client], str]]:
        return {_PLACE: self._place, _MODIFY: self._modify, _CANCEL: self._cancel}

    def _place(self, call: Call, client: Client) -> str:
        desk = self.counter.desk
        required(call.fields, "actid")
        return desk.exchange.place(client.client, new_order(call.fields, self.counter.names), now=desk.now())

    def _modify(self, call: Call, client: Client) -> str:
        desk = self.counter.desk
        order = desk.exchange.order(client.client, call.order_id)
        named = self.counter.names.named(required(call.fields, "exch"), symbol_field(call.fields, "tsym"))
        if named is not order.listing:
            raise invalid("Trading symbol of the order cannot be changed")
        desk.exchange.modify(client.client, call.order_id, order_edit(call.fields, order.listing), now=desk.now())
        return call.order_id

    def _cancel(self, call: Call, client: Client) -> str:
        desk = self.counter.desk
        desk.exchange.cancel(client.client, call.order_id, now=desk.now())
        return call.order_id

    @contextmanager
    def _rejecting(self, fault: Fault, client: Client, symbol: str) -> Iterator[None]:
        if fault.kind is not FaultKind.PLACED_THEN_REJECTED:
            yield
            return
        exchange = self.counter.desk.exchange
        exchange.switch(Switch(client=client.client, symbol=symbol, reject_after_accept=_EXCHANGE_REJECTED))
        try:
            yield
        finally:
            exchange.switch(Switch(client=client.client, symbol=symbol))

    def _done(self, call: Call, order_id: str) -> web.Response:
        key = "norenordno" if call.name == _PLACE else "result"
        answer: Row = {key: order_id}
        return success(answer, now=self.counter.desk.now())

    def _failed(self, error: NorenError) -> web.Response:
        return failure(error, now=self.counter.desk.now())

    def _record(
        self, call: Call, event: Event, *, message: str = "", fault: str = "", order: ClientOrder | None = None
    ) -> None:
        entry = copy(call.entry)
        if order is not None:
            entry = order_entry(order, broker=self.counter.member.broker, event=event, endpoint=call.name)
        entry.event, entry.message, entry.fault, entry.request = event, message[:200], fault, call.number
        self.counter.desk.ledger.append(entry)


def refused(refusal: Refusal, *, cancelling: bool = False) -> NorenError:
    """Return the OMS's refusal of what the exchange would not take.

    An order that is complete or cancelled is as unknown to a modify as one that never was.
    """
    if refusal.reason in (Reason.UNKNOWN_ORDER, Reason.ORDER_NOT_OPEN):
        return refused_order("Order not found to Cancel" if cancelling else "Order not found")
    return refused_order(refusal.message)
