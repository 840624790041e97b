"""How a call reaches its handler: authentication, call limits, latency, faults, and the reply they leave."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from time import time
from typing import Any, Generic, TypeVar

from aiohttp import web

from simulator.clients import Client
from simulator.faces.desk import Desk, cut, hold
from simulator.faces.limits import CallLimits, Excess
from simulator.faults import READ_FAULTS, Fault, FaultKind
from simulator.ledger import Entry, Event

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"

Asked = TypeVar("Asked")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Read = Callable[[Client, Asked], Awaitable[Any]]
"""Does a read and returns its data, or a whole response; raises ``FaceError``."""


class FaceError(Exception):
    """A refused call: the HTTP status, the broker's code or type of error where it has one, and its text."""

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code


class Counter(ABC, Generic[Asked]):
    """Where one face's calls are checked and spoilt; a face says how its broker answers.

    ``broker`` is its slug, ``half`` a JSON body that breaks off, ``bucket`` the call limit of reads that name none of
    their own, ``Asked`` what its reads are handed: the request, or what was read of it.
    """

    broker: str
    half: bytes
    bucket: str = "other"

    def __init__(self, desk: Desk, limits: CallLimits) -> None:
        self.desk = desk
        self.limits = limits

    @abstractmethod
    async def asked(self, request: web.Request) -> Asked:
        """Return what a read is about; raises ``FaceError`` for a request that cannot be read."""

    @abstractmethod
    def client(self, asked: Asked) -> Client:
        """Return whose call it is, or raise the session error; ``signed_in`` does the rest."""

    @abstractmethod
    def success(self, data: Any) -> web.Response:
        """Wrap a result; an empty dict is a success that names nothing."""

    @abstractmethod
    def failure(self, error: FaceError) -> web.Response:
        """Wrap an error."""

    @abstractmethod
    def session_lost(self) -> FaceError:
        """A session that is not valid (any more)."""

    @abstractmethod
    def too_many(self, excess: Excess) -> FaceError:
        """A call limit is used up."""

    @abstractmethod
    def unavailable(self, status: int) -> FaceError:
        """The broker's own servers fail; it proves nothing."""

    @abstractmethod
    def timed_out(self) -> FaceError:
        """A 400 that proves nothing: something behind the gateway did not answer in time."""

    @abstractmethod
    def unknown_path(self, status: int) -> FaceError:
        """Nothing at this address (404), or not by this method (405)."""

    def reading(self, read: Read[Asked], *, name: str, bucket: str | None = None) -> Handler:
        """Wrap a read: who may, how often, how late and how broken."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._read(read, request, name=name, bucket=bucket or self.bucket)

        return handle

    def named(self, name: str) -> Client | None:
        """Return this broker's client of that name."""
        return self._ours(self.desk.clients.named(name))

    def keyed(self, api_key: str) -> Client | None:
        """Return this broker's client of that application key."""
        return self._ours(self.desk.clients.keyed(api_key))

    def signed_in(self, client: Client | None, token: str) -> Client:
        """Return the client if it is this broker's and the token its own, or raise the session error."""
        ours = self._ours(client)
        if ours is None or not self.desk.sessions.holds(ours, token):
            raise self.session_lost()
        return ours

    def count(self, client: Client, bucket: str) -> None:
        """Count a call, or raise the refusal of one too many."""
        excess = self.limits.take(who=client.client, bucket=bucket, now=time())
        if excess is not None:
            raise self.too_many(excess)

    async def wait(self, client: Client, *, endpoint: str, symbol: str = "") -> None:
        """Be as slow as the fault plan says."""
        seconds = self.desk.faults.delay_seconds(client=client.client, endpoint=endpoint, symbol=symbol)
        if seconds > 0:
            await asyncio.sleep(seconds)

    def strike(self, fault: Fault, client: Client) -> None:
        """Raise the error of a fault that strikes before anything is done."""
        if fault.kind is FaultKind.TOKEN_DEATH:
            self.kill_sessions(client)
            raise self.session_lost()

    def kill_sessions(self, client: Client) -> None:
        """End every session of a client, as a login elsewhere would."""
        self.desk.sessions.revoke_all(client.client)
        self.note_session(client, "killed by a fault")

    def note_session(self, client: Client, message: str) -> None:
        """Write a session's beginning or end into the ledger."""
        entry = Entry(event=Event.SESSION, broker=self.broker, client=client.client, message=message)
        self.desk.ledger.append(entry)

    async def spoil(self, request: web.Request, response: web.StreamResponse, fault: Fault) -> web.StreamResponse:
        """Return what the client gets instead of the true reply; the deed, if any, is done."""
        if fault.kind is FaultKind.ACCEPT_THEN_TIMEOUT:
            await hold(request)
        elif fault.kind in _CUT:
            cut(request)
        return self._instead(fault) or response

    async def serve(self, request: web.Request, response: web.StreamResponse, *, name: str) -> web.StreamResponse:
        """Return a reply that is for everybody, spoilt only by a fault that names no client."""
        fault = self.desk.faults.draw(_PUBLIC_FAULTS, endpoint=name)
        return response if fault is None else await self.spoil(request, response, fault)

    def _instead(self, fault: Fault) -> web.Response | None:
        if fault.kind is FaultKind.SERVER_ERROR:
            return self.failure(self.unavailable(fault.status))
        if fault.kind is FaultKind.TOO_MANY_REQUESTS:
            return self.failure(self.too_many(self.limits.one_too_many()))
        if fault.kind is FaultKind.PLACED_BUT_400:
            return self.failure(self.timed_out())
        if fault.kind is FaultKind.NO_ORDER_ID:
            return self.success({})
        bodies = {FaultKind.EMPTY_BODY: b"", FaultKind.HTML_BODY: HTML, FaultKind.BAD_JSON: self.half}
        return _ok(bodies[fault.kind]) if fault.kind in bodies else None

    async def _read(self, read: Read[Asked], request: web.Request, *, name: str, bucket: str) -> web.StreamResponse:
        try:
            asked = await self.asked(request)
            client = self.client(asked)
            self.count(client, bucket)
            await self.wait(client, endpoint=name)
            fault = self.desk.faults.draw(READ_FAULTS, client=client.client, endpoint=name)
            if fault is not None:
                self.strike(fault, client)
        except FaceError as error:
            return self.failure(error)
        response = await self._answered(read, client, asked)
        return response if fault is None else await self.spoil(request, response, fault)

    async def _answered(self, read: Read[Asked], client: Client, asked: Asked) -> web.StreamResponse:
        try:
            data = await read(client, asked)
        except FaceError as error:
            return self.failure(error)
        return data if isinstance(data, web.StreamResponse) else self.success(data)

    def _ours(self, client: Client | None) -> Client | None:
        return client if client is not None and client.broker == self.broker else None


_PUBLIC_FAULTS = READ_FAULTS - {FaultKind.TOKEN_DEATH}
_CUT = frozenset({FaultKind.ACCEPT_THEN_RESET, FaultKind.NEVER_DELIVERED, FaultKind.LATE_ACCEPT})


def _ok(body: bytes) -> web.Response:
    return web.Response(status=200, body=body, content_type="text/html" if body == HTML else "application/json")
