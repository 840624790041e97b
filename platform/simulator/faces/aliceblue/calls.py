"""How Alice Blue knows its callers, and how it words what happens at every broker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.faces.aliceblue.wire import (
    bearer,
    failure,
    fields_of,
    read_json,
    refusal,
    session_expired,
    success,
)
from simulator.faces.calls import Counter, FaceError
from simulator.faces.desk import Desk
from simulator.faces.limits import CallLimits, Excess, Window
from simulator.faces.noren.names import Names

BROKER = "aliceblue"
ORDER, OTHER = "order", "other"
WINDOWS = {ORDER: (Window(10, 1, "second"),), OTHER: (Window(1800, 900, "15 minutes"),)}
"""Orders are not limited by the documentation: ten a second is the exchange's own rule."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a read says: its token, the fields of its body, and the end of its path."""

    token: str
    fields: Mapping[str, Any]
    rows: tuple[Any, ...] = ()
    path: str = ""


class AliceCounter(Counter[Call]):
    """Where the calls are checked and spoilt."""

    broker = BROKER
    bucket = OTHER
    half = b'{"status":"Ok","message":"Success","result":[{"brokerOr'

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, CallLimits(WINDOWS, switch=desk.limits))
        self.names = Names(desk.exchange.market.listings.values())

    async def asked(self, request: web.Request) -> Call:
        """Read the body, where there is one; a list is kept as ``rows``."""
        body = await read_json(request) if request.method == "POST" else {}
        is_list = isinstance(body, list)
        return Call(
            token=bearer(request),
            fields={} if is_list else fields_of(body),
            rows=tuple(body) if is_list else (),
            path=request.match_info.get("name", ""),
        )

    def client(self, asked: Call) -> Client:
        """Return whose call it is, or raise the session error."""
        return self.bearing(asked.token)

    def bearing(self, token: str) -> Client:
        """Return the client of a token, or raise the session error."""
        return self.signed_in(self.named(self.desk.sessions.holder(token)), token)

    def success(self, data: Any) -> web.Response:
        """Wrap rows."""
        return success(data)

    def failure(self, error: FaceError) -> web.Response:
        """Wrap an error."""
        return failure(error)

    def session_lost(self) -> FaceError:
        """The expired session."""
        return session_expired()

    def too_many(self, excess: Excess) -> FaceError:
        """No text is documented."""
        return FaceError("Too many requests", status=429)

    def unavailable(self, status: int) -> FaceError:
        """Something failed."""
        return refusal("EC003", status=status)

    def timed_out(self) -> FaceError:
        """The same under a 400."""
        return refusal("EC003", status=400)

    def unknown_path(self, status: int) -> FaceError:
        """Nothing there."""
        return FaceError("Not Found", status=status)
