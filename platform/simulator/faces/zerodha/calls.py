"""How a call reaches its handler: authentication, call limits, latency, faults, and the reply they leave."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import time
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.faces.desk import Desk, cut, hold
from simulator.faces.zerodha.limits import Bucket, Limits
from simulator.faces.zerodha.wire import KiteError, failure, success, token_error, too_many
from simulator.faults import READ_FAULTS, Fault, FaultKind
from simulator.ledger import Entry, Event, LedgerClosed

BROKER = "zerodha"

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Counter:
    """Where one face's calls are checked and spoilt."""

    desk: Desk
    limits: Limits

    def client(self, request: web.Request) -> Client:
        """Return whose call it is, or raise the TokenException."""
        api_key, token = credentials(request)
        client = self.desk.clients.keyed(api_key)
        if client is None or client.broker != BROKER or not self.desk.sessions.holds(client, token):
            raise token_error()
        return client

    def count(self, client: Client, bucket: Bucket) -> None:
        """Count a call, or raise the 429."""
        if not self.limits.allow(api_key=client.api_key, bucket=bucket, now=time()):
            raise too_many()

    def kill_sessions(self, client: Client) -> None:
        """End every session of a client, as a login elsewhere would."""
        self.desk.sessions.revoke_all(client.client)
        self.desk.ledger.append(
            Entry(event=Event.SESSION, broker=BROKER, client=client.client, message="killed by a fault")
        )


def credentials(request: web.Request) -> tuple[str, str]:
    """Return api_key and access_token of ``Authorization: token key:token``; empty strings where absent."""
    scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
    api_key, _, token = pair.strip().partition(":")
    return (api_key, token) if scheme == "token" else ("", "")


Read = Callable[[web.Request, Client], Awaitable[Any]]
"""Does a read and returns its data, or a whole response; raises ``KiteError``."""


def reading(counter: Counter, read: Read, *, name: str, bucket: Bucket = Bucket.OTHER) -> Handler:
    """Wrap a read: who may, how often, how late and how broken."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await _read(counter, read, request, name=name, bucket=bucket)
        except KiteError as error:
            return failure(error)

    return handle


async def _read(counter: Counter, read: Read, request: web.Request, *, name: str, bucket: Bucket) -> web.StreamResponse:
    client = counter.client(request)
    counter.count(client, bucket)
    await pause(counter.desk.faults.delay_seconds(client=client.client, endpoint=name, symbol=""))
    fault = counter.desk.faults.draw(READ_FAULTS, client=client.client, endpoint=name)
    if fault is not None and fault.kind is FaultKind.TOKEN_DEATH:
        counter.kill_sessions(client)
        raise token_error()
    data = await read(request, client)
    response = data if isinstance(data, web.StreamResponse) else success(data)
    return response if fault is None else await spoil(request, response, fault)


async def spoil(request: web.Request, response: web.StreamResponse, fault: Fault) -> web.StreamResponse:
    """Return what the client gets instead of the true reply; the deed, if any, is done."""
    if fault.kind is FaultKind.ACCEPT_THEN_TIMEOUT:
        await hold(request)
    elif fault.kind in _CUT:
        cut(request)
    elif fault.kind is FaultKind.SERVER_ERROR:
        return failure(KiteError(fault.status, "NetworkException", "The upstream server is not responding"))
    elif fault.kind is FaultKind.TOO_MANY_REQUESTS:
        return failure(too_many())
    elif fault.kind is FaultKind.PLACED_BUT_400:
        return failure(KiteError(400, "OrderException", "The request timed out. Check the order book."))
    return _BODIES[fault.kind]() if fault.kind in _BODIES else response


_CUT = frozenset({FaultKind.ACCEPT_THEN_RESET, FaultKind.NEVER_DELIVERED, FaultKind.LATE_ACCEPT})
_BODIES: dict[FaultKind, Callable[[], web.Response]] = {
    FaultKind.EMPTY_BODY: lambda: web.Response(status=200, body=b"", content_type="application/json"),
    FaultKind.HTML_BODY: lambda: web.Response(status=200, body=HTML, content_type="text/html"),
    FaultKind.BAD_JSON: lambda: web.Response(
        status=200, body=b'{"status":"success","data":{"order_', content_type="application/json"
    ),
    FaultKind.NO_ORDER_ID: lambda: success({}),
}


async def pause(seconds: float) -> None:
    """Wait, where there is anything to wait for."""
    if seconds > 0:
        await asyncio.sleep(seconds)


def broken_ledger(error: LedgerClosed) -> web.Response:
    """Return the reply to an order that could not be recorded: nobody may rely on it."""
    return failure(KiteError(500, "GeneralException", str(error)))
