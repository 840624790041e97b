"""How a call reaches its handler: authentication, call limits, latency, faults, and the reply they leave."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import time
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.faces.desk import Desk, cut, hold
from simulator.faces.noren.limits import WINDOWS, Bucket, Limits, too_many
from simulator.faces.noren.member import Member
from simulator.faces.noren.names import Names
from simulator.faces.noren.wire import (
    Fields,
    NorenError,
    as_json,
    failure,
    optional,
    read_call,
    server_timeout,
    session_expired,
    success,
)
from simulator.faults import READ_FAULTS, Fault, FaultKind
from simulator.ledger import Entry, Event

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_CUT = frozenset({FaultKind.ACCEPT_THEN_RESET, FaultKind.NEVER_DELIVERED, FaultKind.LATE_ACCEPT})

Read = Callable[[Client, Fields], Awaitable[Any]]
"""Does a read and returns a list (sent as it is) or the fields of an answer; raises ``NorenError``."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Where one member's calls are checked and spoilt."""

    desk: Desk
    member: Member
    names: Names
    limits: Limits

    def client(self, fields: Fields, token: str) -> Client:
        """Return whose call it is, or raise the session error."""
        client = self.desk.clients.named(optional(fields, "uid") or optional(fields, "actid"))
        if client is None or client.broker != self.member.broker or not self.desk.sessions.holds(client, token):
            raise session_expired()
        return client

    def count(self, client: Client, bucket: Bucket) -> None:
        """Count a call, or raise the refusal of one too many."""
        self.limits.count(user=client.client, bucket=bucket, now=time())

    def kill_sessions(self, client: Client) -> None:
        """End every session of a client, as a login elsewhere would."""
        self.desk.sessions.revoke_all(client.client)
        entry = Entry(event=Event.SESSION, broker=self.member.broker, client=client.client, message="killed by a fault")
        self.desk.ledger.append(entry)


async def answer_read(counter: Counter, read: Read, request: web.Request, *, name: str) -> web.StreamResponse:
    """Answer a read: who may, how often, how late and how broken."""
    try:
        fields, token = await read_call(request)
        client = counter.client(fields, token)
        counter.count(client, Bucket.OTHER)
        await pause(counter.desk.faults.delay_seconds(client=client.client, endpoint=name, symbol=""))
        fault = counter.desk.faults.draw(READ_FAULTS, client=client.client, endpoint=name)
        if fault is not None and fault.kind is FaultKind.TOKEN_DEATH:
            counter.kill_sessions(client)
            raise session_expired()
    except NorenError as error:
        return failure(error, now=counter.desk.now())
    response = await _answered(counter, read, client, fields)
    return response if fault is None else await spoil(counter, request, response, fault)


async def _answered(counter: Counter, read: Read, client: Client, fields: Fields) -> web.Response:
    try:
        data = await read(client, fields)
    except NorenError as error:
        return failure(error, now=counter.desk.now())
    return as_json(data) if isinstance(data, list) else success(data, now=counter.desk.now())


async def spoil(
    counter: Counter, request: web.Request, response: web.StreamResponse, fault: Fault
) -> web.StreamResponse:
    """Return what the client gets instead of the true reply; the deed, if any, is done."""
    if fault.kind is FaultKind.ACCEPT_THEN_TIMEOUT:
        await hold(request)
    elif fault.kind in _CUT:
        cut(request)
    error = _ERRORS.get(fault.kind)
    if error is not None:
        return failure(error(fault), now=counter.desk.now())
    if fault.kind is FaultKind.NO_ORDER_ID:
        return success({}, now=counter.desk.now())
    return _BODIES[fault.kind]() if fault.kind in _BODIES else response


_ERRORS: dict[FaultKind, Callable[[Fault], NorenError]] = {
    FaultKind.SERVER_ERROR: lambda fault: server_timeout(fault.status),
    FaultKind.TOO_MANY_REQUESTS: lambda _: one_too_many(),
    FaultKind.PLACED_BUT_400: lambda _: server_timeout(400),
}
_BODIES: dict[FaultKind, Callable[[], web.Response]] = {
    FaultKind.EMPTY_BODY: lambda: web.Response(status=200, body=b"", content_type="application/json"),
    FaultKind.HTML_BODY: lambda: web.Response(status=200, body=HTML, content_type="text/html"),
    FaultKind.BAD_JSON: lambda: web.Response(
        status=200, body=b'{"stat":"Ok","norenor', content_type="application/json"
    ),
}


def one_too_many() -> NorenError:
    """Return the refusal that a fault makes of any call."""
    window = WINDOWS[Bucket.ORDER][0]
    return too_many(Bucket.ORDER, window.calls + 1, window)


async def pause(seconds: float) -> None:
    """Wait, where there is anything to wait for."""
    if seconds > 0:
        await asyncio.sleep(seconds)
