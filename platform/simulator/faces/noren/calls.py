"""How Noren knows its callers, and how it words what happens at every broker."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.faces.calls import Counter, FaceError
from simulator.faces.desk import Desk
from simulator.faces.limits import CallLimits, Excess
from simulator.faces.noren.limits import WINDOWS, Bucket, too_many
from simulator.faces.noren.member import Member
from simulator.faces.noren.names import Names
from simulator.faces.noren.wire import (
    Fields,
    as_json,
    failure,
    optional,
    read_call,
    refusal,
    server_timeout,
    session_expired,
    success,
)


@dataclass(frozen=True, slots=True)
class Call:
    """What a call says: its fields, and the token it came with."""

    fields: Fields
    token: str


class NorenCounter(Counter[Call]):
    """Where one member's calls are checked and spoilt."""

    bucket = Bucket.OTHER
    half = b'{"stat":"Ok","norenor'

    def __init__(self, desk: Desk, member: Member) -> None:
        super().__init__(desk, CallLimits(WINDOWS, switch=desk.limits, counts_refused=True))
        self.broker = member.broker
        self.member = member
        self.names = Names(desk.exchange.market.listings.values())

    async def asked(self, request: web.Request) -> Call:
        """Read the body."""
        return Call(*await read_call(request))

    def client(self, asked: Call) -> Client:
        """Return whose call it is, or raise the session error."""
        user = optional(asked.fields, "uid") or optional(asked.fields, "actid")
        return self.signed_in(self.named(user), asked.token)

    def success(self, data: Any) -> web.Response:
        """Send a list as it is, and wrap the fields of an answer."""
        return as_json(data) if isinstance(data, list) else success(data, now=self.desk.now())

    def failure(self, error: FaceError) -> web.Response:
        """Wrap an error."""
        return failure(error, now=self.desk.now())

    def session_lost(self) -> FaceError:
        """The expired session."""
        return session_expired()

    def too_many(self, excess: Excess) -> FaceError:
        """The refusal that tells the numbers."""
        return too_many(excess)

    def unavailable(self, status: int) -> FaceError:
        """The OMS does not answer."""
        return server_timeout(status)

    def timed_out(self) -> FaceError:
        """The same under a 400."""
        return server_timeout(400)

    def unknown_path(self, status: int) -> FaceError:
        """A call there is not."""
        return refusal("Invalid Input : Invalid Request", status=status)
