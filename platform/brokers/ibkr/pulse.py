"""The sign of life a trading session wants every minute: asked for by whoever reads the books, never by a timer."""

import time
from collections.abc import Callable

import msgspec

from brokers.ibkr.access import Access
from brokers.ibkr.answers import BROKER, read_body
from brokers.payloads import decoded
from brokers.rest import RestAccount
from brokers.transport import ORDER_BODY_LIMIT
from domain.broker import SessionLost

EVERY_SECONDS = 50.0
"""IBKR ends a session that nothing was heard of for some minutes, and wants a tickle about every 60 s."""


class _Status(msgspec.Struct):
    authenticated: bool = True
    competing: bool = False
    connected: bool = True


class _Brokerage(msgspec.Struct):
    authStatus: _Status | None = None


class Tickle(msgspec.Struct):
    """What a tickle tells: ``session`` opens the socket."""

    session: str = ""
    iserver: _Brokerage | None = None


class Pulse:
    """Beats when it is due. A brokerage session that is gone is a lost one.

    It is not opened again in place: the sign-in does that, which also suppresses the questions and asks for the books'
    empty first answers, and a session taken by another sign-in is nothing to fight over every second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beaten_at = clock()

    async def beat(self, account: RestAccount[Access]) -> None:
        """Tickle if it is time; raises ``BrokerError``."""
        if self._clock() - self._beaten_at < EVERY_SECONDS:
            return
        await tickle(account)
        self._beaten_at = self._clock()


async def tickle(account: RestAccount[Access]) -> Tickle:
    """Return what a tickle tells; raises ``BrokerError``, ``SessionLost`` where trading is over."""
    answer = await account.read(account.access.request("POST", "/tickle"), limit=ORDER_BODY_LIMIT)
    told = decoded(read_body(answer, what="tickle"), Tickle, broker=BROKER, what="tickle")
    status = told.iserver.authStatus if told.iserver is not None else None
    if status is not None and not (status.authenticated and status.connected):
        why = "another sign-in took it" if status.competing else "it has ended"
        raise SessionLost("NOT_AUTHENTICATED", f"{BROKER}: the brokerage session is gone: {why}")
    return told
