"""How the terminal knows who is signed in to it, and words what happens at every broker.

A call is ``POST`` JSON ``{"login", "password", "arguments"}``: the login is the client's name, the password its secret.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from simulator.clients import Client
from simulator.faces.calls import Counter, FaceError
from simulator.faces.desk import Desk
from simulator.faces.limits import CallLimits, Excess, Window
from simulator.faces.mt5 import wire

BROKER = "mt5"
WINDOWS = {"order": (Window(10, 1),), "other": (Window(100, 1),)}
"""A server's own limits are not documented: these only make the contract's edge."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call says."""

    login: str = ""
    password: str = field(default="", repr=False)
    arguments: dict[str, Any] = field(default_factory=dict)


class TerminalCounter(Counter[Asked]):
    """Where calls are checked and spoilt."""

    broker = BROKER
    half = b'{"result":{"retcode":10009,"deal":'

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, CallLimits(WINDOWS, switch=desk.limits))

    async def asked(self, request: web.Request) -> Asked:
        """Read a call; one that cannot be read is nobody's."""
        try:
            said = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            return Asked()
        arguments = said.get("arguments", {}) if isinstance(said, dict) else None
        if not isinstance(arguments, dict):
            return Asked()
        return Asked(str(said.get("login", "")), str(said.get("password", "")), arguments)

    def client(self, asked: Asked) -> Client:
        """Return whose terminal it is; raises the error of a wrong password."""
        client = self.named(asked.login)
        if client is None or client.api_secret != asked.password:
            raise self.session_lost()
        return client

    def success(self, data: Any) -> web.Response:
        """Return a result; one that names nothing is a request done without an order."""
        return wire.success(data if data != {} else wire.result(wire.DONE, comment="Request executed"))

    def failure(self, error: FaceError) -> web.Response:
        """Return an error."""
        return wire.failure(error)

    def session_lost(self) -> FaceError:
        """A login or password that is wrong."""
        return wire.TerminalError(wire.UNAUTHORISED, "Terminal: Authorization failed", status=401)

    def too_many(self, excess: Excess) -> FaceError:
        """The server takes no more requests now."""
        return wire.TradeError(wire.TOO_MANY_REQUESTS, "Too many requests")

    def unavailable(self, status: int) -> FaceError:
        """The server fails."""
        return wire.TradeError(wire.ERROR, "Common error")

    def timed_out(self) -> FaceError:
        """The server gave no answer in time: the request may be done all the same."""
        return wire.TradeError(wire.TIMEOUT, "Request timed out")

    def unknown_path(self, status: int) -> FaceError:
        """No such function."""
        return wire.TerminalError(wire.NO_SUCH_CALL, "Terminal: Invalid params", status=status)
