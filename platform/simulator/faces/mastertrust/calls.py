"""How Master Trust knows its callers, and how it words what happens at every broker."""

from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.faces.calls import Counter, FaceError
from simulator.faces.desk import Desk
from simulator.faces.limits import CallLimits, Excess
from simulator.faces.mastertrust.limits import WINDOWS, Bucket
from simulator.faces.mastertrust.names import Names
from simulator.faces.mastertrust.wire import (
    Call,
    failure,
    read_call,
    success,
    unauthorised,
    went_wrong,
)

BROKER = "mastertrust"


class TradelabCounter(Counter[Call]):
    """Where the platform's calls are checked and spoilt."""

    broker = BROKER
    bucket = Bucket.OTHER
    half = b'{"data":{"oms_order_'

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, CallLimits(WINDOWS, switch=desk.limits))
        self.names = Names(desk.exchange.market.listings.values())

    async def asked(self, request: web.Request) -> Call:
        """Read the query and the body."""
        return await read_call(request)

    def client(self, asked: Call) -> Client:
        """Return whose token it is; a call that names another client is unauthorised without being signed out."""
        client = self.holder(asked.token)
        if asked.fields.get("client_id", client.client) != client.client:
            raise unauthorised(status=400)
        return client

    def holder(self, token: str) -> Client:
        """Return whose a token is, or raise the session error."""
        return self.signed_in(self.named(self.desk.sessions.holder(token)), token)

    def success(self, data: Any) -> web.Response:
        """Wrap a result."""
        return success(data)

    def failure(self, error: FaceError) -> web.Response:
        """Wrap an error."""
        return failure(error)

    def session_lost(self) -> FaceError:
        """The 401."""
        return unauthorised()

    def too_many(self, excess: Excess) -> FaceError:
        """The 429; no text of one is documented."""
        return FaceError("Too many requests", status=429)

    def unavailable(self, status: int) -> FaceError:
        """The gateway's own trouble."""
        return went_wrong(status)

    def timed_out(self) -> FaceError:
        """The OMS did not answer in time."""
        return FaceError("Error from backend: (504)-request timed out", status=400, code="45000")

    def unknown_path(self, status: int) -> FaceError:
        """Nothing at this address."""
        return FaceError("Resource not found" if status == 404 else "Method Not Allowed", status=status)
