"""Order calls: every one is recorded on arrival, decided, recorded again.

And answered once both lines are on disk.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from itertools import count

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, Reason, Refusal, Switch
from simulator.faces.desk import cut
from simulator.faces.recorder import order_entry
from simulator.faces.zerodha import fields
from simulator.faces.zerodha.calls import BROKER, Counter, broken_ledger, credentials, pause, spoil
from simulator.faces.zerodha.limits import Bucket
from simulator.faces.zerodha.mapping import unit
from simulator.faces.zerodha.wire import (
    KiteError,
    failure,
    input_error,
    margin_error,
    order_error,
    read_form,
    success,
    token_error,
    too_many,
)
from simulator.faults import ORDER_FAULTS, Fault, FaultKind
from simulator.ledger import Entry, Event, LedgerClosed

_UNPROTECTED = (
    "Market orders without market protection are not allowed via API. "
    "Please set market protection or use a Limit order."
)
_OF_ORDER = frozenset({Reason.UNKNOWN_ORDER, Reason.ORDER_NOT_OPEN, Reason.MODIFICATIONS, Reason.HALTED})
_DECIDED = {"orders.place": Event.ACCEPTED, "orders.modify": Event.MODIFIED, "orders.cancel": Event.CANCELLED}
_LOST = frozenset({FaultKind.NEVER_DELIVERED, FaultKind.LATE_ACCEPT})
_PLACE, _MODIFY, _CANCEL = _DECIDED
_EXCHANGE_REJECTED = "16283 : The order was rejected by the exchange."
_COLUMNS = {
    "exchange": "exchange",
    "symbol": "tradingsymbol",
    "side": "transaction_type",
    "price": "price",
    "trigger_price": "trigger_price",
    "order_type": "order_type",
    "product": "product",
    "tag": "tag",
}
"""Ledger columns, and the form fields that fill them."""


@dataclass(frozen=True, slots=True)
class Call:
    """One order-changing request as it arrived, and the ledger line that says so."""

    request: web.Request
    name: str
    form: fields.Form
    variety: str
    order_id: str
    number: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """Takes place, modify and cancel calls."""

    counter: Counter
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _late: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def place(self, request: web.Request) -> web.StreamResponse:
        """POST /orders/{variety}"""
        return await self._answer(request, _PLACE)

    async def modify(self, request: web.Request) -> web.StreamResponse:
        """PUT /orders/{variety}/{order_id}"""
        return await self._answer(request, _MODIFY)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """DELETE /orders/{variety}/{order_id}"""
        return await self._answer(request, _CANCEL)

    async def _answer(self, request: web.Request, name: str) -> web.StreamResponse:
        try:
            call = await self._arrive(request, name)
            response = await self._decide(call)
            await self.counter.desk.ledger.durable()
        except LedgerClosed as error:
            return broken_ledger(error)
        return response

    async def _arrive(self, request: web.Request, name: str) -> Call:
        form = await _form(request)
        order_id = request.match_info.get("order_id", "")
        entry = self._entry(request, name, form, order_id)
        self.counter.desk.ledger.append(entry)
        return Call(
            request=request,
            name=name,
            form=form,
            variety=request.match_info["variety"],
            order_id=order_id,
            number=entry.request,
            entry=entry,
        )

    def _entry(self, request: web.Request, name: str, form: fields.Form, order_id: str) -> Entry:
        client = self.counter.desk.clients.keyed(credentials(request)[0])
        known = self._known(client, order_id)
        entry = known or Entry(event=Event.REQUEST, broker=BROKER, client=client.client if client else "")
        entry.endpoint, entry.order_id, entry.request = name, order_id[:64], next(self._numbers)
        for column, key in _COLUMNS.items():
            if form.get(key):
                setattr(entry, column, form[key][:64])
        entry.quantity = self._units(form, entry)
        return entry

    def _known(self, client: Client | None, order_id: str) -> Entry | None:
        order = self._order(client, order_id) if client and order_id else None
        return order_entry(order, broker=BROKER, event=Event.REQUEST, endpoint="") if order else None

    def _order(self, client: Client, order_id: str) -> ClientOrder | None:
        try:
            return self.counter.desk.exchange.order(client.client, order_id)
        except Refusal:
            return None

    def _units(self, form: fields.Form, entry: Entry) -> int:
        text = form.get("quantity", "")
        if not (text.isascii() and text.isdigit() and len(text) < 11):
            return entry.quantity
        listing = self.counter.desk.exchange.market.find(entry.exchange, entry.symbol)
        return int(text) * (unit(listing) if listing else 1)

    async def _decide(self, call: Call) -> web.StreamResponse:
        try:
            client = self.counter.client(call.request)
            self.counter.count(client, Bucket.ORDER)
            return await self._deliver(call, client)
        except KiteError as error:
            self._record(call, Event.REJECTED if call.name == _PLACE else Event.REFUSED, message=error.message)
            return failure(error)

    async def _deliver(self, call: Call, client: Client) -> web.StreamResponse:
        faults, symbol = self.counter.desk.faults, call.entry.symbol
        await pause(faults.delay_seconds(client=client.client, endpoint=call.name, symbol=symbol))
        fault = faults.draw(ORDER_FAULTS, client=client.client, endpoint=call.name, symbol=symbol)
        if fault is None:
            return success({"order_id": self._act(call, client)})
        self._refuse_by(fault, client)
        if fault.kind in _LOST:
            return await self._lose(call, client, fault)
        return await self._spoilt(call, client, fault)

    def _refuse_by(self, fault: Fault, client: Client) -> None:
        """Raise the error of a fault that strikes before acceptance."""
        if fault.kind is FaultKind.TOKEN_DEATH:
            self.counter.kill_sessions(client)
            raise token_error()
        if fault.kind is FaultKind.TOO_MANY_REQUESTS:
            raise too_many()
        if fault.kind is FaultKind.SERVER_ERROR and not fault.accepted:
            raise KiteError(fault.status, "NetworkException", "The upstream server is not responding")

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
        except KiteError as error:
            self._record(call, Event.REJECTED, message=error.message)

    async def _spoilt(self, call: Call, client: Client, fault: Fault) -> web.StreamResponse:
        with self._rejecting(fault, client, call.entry.symbol):
            order_id = self._act(call, client)
        order = self.counter.desk.exchange.order(client.client, order_id)
        self._record(call, Event.FAULT, fault=fault.kind, order=order)
        await self.counter.desk.ledger.durable()
        return await spoil(call.request, success({"order_id": order_id}), fault)

    def _act(self, call: Call, client: Client) -> str:
        """Do what the call asks and record it; returns the order id, raises ``KiteError``."""
        desk, decided = self.counter.desk, _DECIDED[call.name]
        try:
            with desk.recorder.decision(but=decided):
                order_id = self._acts()[call.name](call, client)
                self._record(call, decided, order=desk.exchange.order(client.client, order_id))
        except Refusal as refusal:
            raise refused(refusal) from None
        return order_id

    def _acts(self) -> dict[str, Callable[[Call, Client], str]]:
        return {_PLACE: self._place, _MODIFY: self._modify, _CANCEL: self._cancel}

    def _place(self, call: Call, client: Client) -> str:
        desk = self.counter.desk
        order = fields.new_order(call.form, variety=call.variety, market=desk.exchange.market)
        return desk.exchange.place(client.client, order, now=desk.now())

    def _modify(self, call: Call, client: Client) -> str:
        desk = self.counter.desk
        fields.check_variety(call.variety)
        listing = desk.exchange.order(client.client, call.order_id).listing
        edit = fields.order_edit(call.form, listing=listing)
        desk.exchange.modify(client.client, call.order_id, edit, now=desk.now())
        return call.order_id

    def _cancel(self, call: Call, client: Client) -> str:
        desk = self.counter.desk
        fields.check_variety(call.variety)
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

    def _record(
        self,
        call: Call,
        event: Event,
        *,
        message: str = "",
        fault: str = "",
        order: ClientOrder | None = None,
    ) -> None:
        entry = copy(call.entry)
        if order is not None:
            entry = order_entry(order, broker=BROKER, event=event, endpoint=call.name)
        entry.event, entry.message, entry.fault, entry.request = event, message[:200], fault, call.number
        self.counter.desk.ledger.append(entry)


async def _form(request: web.Request) -> fields.Form:
    """Return the form; an unreadable one is recorded and judged as an empty one."""
    try:
        return await read_form(request)
    except KiteError:
        return {}


def refused(refusal: Refusal) -> KiteError:
    """Return Kite's error for what the exchange would not take."""
    if refusal.reason is Reason.MARKET_PROTECTION:
        return input_error(_UNPROTECTED)
    if refusal.reason is Reason.UNKNOWN_ORDER:
        return order_error("Couldn't find that `order_id`.")
    if refusal.reason is Reason.MARGIN:
        return margin_error(refusal.message)
    return order_error(refusal.message) if refusal.reason in _OF_ORDER else input_error(refusal.message)
