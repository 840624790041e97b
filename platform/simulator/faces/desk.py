"""What every broker face stands on: the one exchange, its clients, the ledger and the faults."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from domain.clock import MarketClock
from simulator.clients import ClientRegistry, Sessions
from simulator.exchange.core import Exchange
from simulator.faces.limits import LimitSwitch
from simulator.faces.recorder import Recorder
from simulator.faces.wording import Wording
from simulator.faults import FaultPlan
from simulator.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Desk:
    """The shared parts of the process.

    ``limits`` says whether the brokers' call limits are in force, at every face. ``address`` is where the exchange
    listens, empty where that is only known once it does.
    """

    exchange: Exchange
    clients: ClientRegistry
    sessions: Sessions
    ledger: Ledger
    recorder: Recorder
    wording: Wording
    faults: FaultPlan
    clock: MarketClock
    limits: LimitSwitch
    address: str = ""

    def now(self) -> datetime:
        """Return market time."""
        return self.clock.at(datetime.now(UTC))


HOLD_SECONDS = 600
"""How long an unanswered request is kept, unless its client hangs up before."""


async def hold(request: web.Request) -> None:
    """Answer nothing until the client gives up."""
    loop = asyncio.get_running_loop()
    until = loop.time() + HOLD_SECONDS
    while _connected(request) and loop.time() < until:  # noqa: ASYNC110 - a hang-up shows nowhere else
        await asyncio.sleep(0.2)
    cut(request)


def cut(request: web.Request) -> None:
    """Reset the connection under a request."""
    if request.transport is not None:
        request.transport.abort()


def _connected(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()
