"""The halts in force, as an entry must know them at the moment it goes on the wire.

A claim reads the halts anyway, and what follows it at once relies on that read. Whatever was held up longer, or was
told that a halt was set meanwhile, looks again, together with everybody else who waits.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from django.db import Error as DatabaseError

from apps.risk.services.halts import ActiveHalts
from apps.trading.services.submission import Lane

MAX_AGE = 0.5
"""Seconds for which halts once read are relied on: with the send it stays well below the second promised."""


ATTEMPTS = 3
"""How often halts are read for one look, should each answer be too old by the time it comes."""


class Risky(Protocol):
    """What may increase risk: an entry's order, or a change of one."""

    @property
    def lane(self) -> Lane: ...
    @property
    def tenant_id(self) -> int: ...
    @property
    def strategy_id(self) -> int: ...


class HaltsUnread(RuntimeError):
    """Nobody can say what is halted: nothing that increases risk may go."""


@dataclass(slots=True)
class HaltGate:
    """Says whether an entry is halted, from a read no older than ``MAX_AGE``; ``load`` reads the database."""

    load: Callable[[], Awaitable[ActiveHalts]]
    clock: Callable[[], float] = lambda: time.monotonic()
    _halts: ActiveHalts = field(default_factory=lambda: ActiveHalts(()))
    _asked_at: float = float("-inf")
    _changed_at: float = float("-inf")
    _reading: asyncio.Task[None] | None = None

    def note(self, halts: ActiveHalts, *, asked_at: float) -> None:
        """Take over what somebody read; ``asked_at`` is the monotonic clock before the question."""
        if asked_at > max(self._asked_at, self._changed_at):
            self._halts, self._asked_at = halts, asked_at

    def expire(self) -> None:
        """A halt was set: nothing asked before this moment counts."""
        self._changed_at = self.clock()

    async def reason(self, entry: Risky) -> str:
        """Return why an entry is stopped, or the empty string; raises ``HaltsUnread``."""
        for _ in range(ATTEMPTS):
            if self._is_fresh():
                break
            if self._reading is None:
                self._reading = asyncio.create_task(self._read())
            await asyncio.shield(self._reading)
        else:
            raise HaltsUnread("the database answers too slowly")
        return self._halts.reason(tenant_id=entry.tenant_id, strategy_id=entry.strategy_id, account_id=entry.lane[0])

    def _is_fresh(self) -> bool:
        return self._asked_at > self._changed_at and self.clock() - self._asked_at <= MAX_AGE

    async def _read(self) -> None:
        asked_at = self.clock()
        try:
            self.note(await self.load(), asked_at=asked_at)
        except DatabaseError as error:
            raise HaltsUnread(str(error)) from error
        finally:
            self._reading = None
