"""Binance's clock: a signed request is good for five seconds of it, whatever our own says."""

import asyncio
import time
from contextlib import suppress

import msgspec

from brokers.payloads import decoded
from brokers.transport import ORDER_BODY_LIMIT, Wire, WireRequest
from domain.broker import BrokerUnavailable

BROKER = "binance"
AGAIN_SECONDS = 30.0
"""How long to go by our own clock after Binance's could not be read."""

_PATIENCE = 2.0


class _Time(msgspec.Struct):
    serverTime: int


class ServerClock:
    """How far Binance's clock is ahead of ours; asked once, and again when it doubts a timestamp."""

    def __init__(self) -> None:
        self._ahead = 0
        self._ask_at = 0.0

    def now(self) -> int:
        """Return Binance's time in milliseconds."""
        return int(time.time() * 1000) + self._ahead

    def doubt(self) -> None:
        """Ask before the next call."""
        self._ask_at = 0.0

    async def settle(self, wire: Wire, time_url: str) -> None:
        """Ask where it is not known; a failure leaves our own clock in force for a while."""
        if time.monotonic() < self._ask_at:
            return
        self._ask_at = time.monotonic() + AGAIN_SECONDS
        with suppress(BrokerUnavailable, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                self._ahead = await _ahead(wire, time_url)
                self._ask_at = float("inf")


async def _ahead(wire: Wire, time_url: str) -> int:
    asked = time.time()
    answer = await wire.read(WireRequest("GET", time_url), broker=BROKER, limit=ORDER_BODY_LIMIT)
    server = decoded(answer.body, _Time, broker=BROKER, what="time").serverTime
    return server - int((asked + time.time()) * 500)
