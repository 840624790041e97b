"""How Upstox knows its callers, and how it words what happens at every broker."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.faces.calls import Counter, FaceError, Handler, Read
from simulator.faces.desk import Desk
from simulator.faces.limits import CallLimits, Excess
from simulator.faces.upstox.limits import WINDOWS
from simulator.faces.upstox.names import Names
from simulator.faces.upstox.wire import (
    failure,
    invalid_input,
    invalid_token,
    not_found,
    success,
    too_many,
    unavailable,
)
from simulator.faults import READ_FAULTS

BROKER = "upstox"

PublicRead = Callable[[web.Request], Awaitable[Any]]
"""Does a read that is everybody's; returns its data or a whole response, raises ``FaceError``."""


class UpstoxCounter(Counter[web.Request]):
    """Where Upstox's calls are checked and spoilt; its reads are handed the request."""

    broker = BROKER
    half = b'{"status":"success","data":{"order_'

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, CallLimits(WINDOWS, switch=desk.limits))
        self.names = Names(desk.exchange.market)

    def api(self, read: Read[web.Request], *, name: str) -> Handler:
        """Wrap a read that has a call limit of its own."""
        return self.reading(read, name=name, bucket=name)

    def public(self, read: PublicRead, *, name: str) -> Handler:
        """Wrap a read that needs no token; with one it is counted and spoilt for its client."""

        async def for_client(client: Client, request: web.Request) -> Any:
            return await read(request)

        signed = self.api(for_client, name=name)

        async def handle(request: web.Request) -> web.StreamResponse:
            return await (signed(request) if bearer(request) else self._for_all(read, request, name))

        return handle

    async def asked(self, request: web.Request) -> web.Request:
        """Return the request."""
        return request

    def client(self, asked: web.Request) -> Client:
        """Return whose call it is by the bearer's token, or raise the 401."""
        token = bearer(asked)
        return self.signed_in(self.named(self.desk.sessions.holder(token)), token)

    def success(self, data: Any) -> web.Response:
        """Wrap a result."""
        return success(data)

    def failure(self, error: FaceError) -> web.Response:
        """Wrap an error."""
        return failure(error)

    def session_lost(self) -> FaceError:
        """The 401."""
        return invalid_token()

    def too_many(self, excess: Excess) -> FaceError:
        """The 429, which tells no numbers."""
        return too_many()

    def unavailable(self, status: int) -> FaceError:
        """A failure of theirs."""
        return unavailable(status)

    def timed_out(self) -> FaceError:
        """A 400 that proves nothing."""
        return invalid_input("The request timed out. Check the order book.")

    def unknown_path(self, status: int) -> FaceError:
        """Nothing here."""
        return not_found()

    async def _for_all(self, read: PublicRead, request: web.Request, name: str) -> web.StreamResponse:
        fault = self.desk.faults.draw(READ_FAULTS, endpoint=name)
        try:
            data = await read(request)
        except FaceError as error:
            return self.failure(error)
        response = data if isinstance(data, web.StreamResponse) else self.success(data)
        return response if fault is None else await self.spoil(request, response, fault)


def bearer(request: web.Request) -> str:
    """Return the token of ``Authorization: Bearer ..``; "" where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme == "Bearer" else ""
