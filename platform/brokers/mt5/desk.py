"""What an account at this broker is handed, and how its room is read: fresh, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass

from brokers.adapter import Account
from brokers.mt5.facts import EXCHANGE, Facts, facts_by_name
from brokers.mt5.room import Room, RoomUnavailable, Seen, Terminal
from brokers.mt5.spec import SPEC
from brokers.steps import StepOf
from domain.broker import BrokerError, BrokerUnavailable, SessionLost


@dataclass(frozen=True, slots=True)
class BridgeDesk:
    """The account's room."""

    room: Room


@dataclass(frozen=True, slots=True)
class Counterpart:
    """The account as its adapter reads it. ``link`` is the token the session began with, ``timeout`` in seconds."""

    room: Room
    link: str
    timeout: float
    step_of: StepOf

    @classmethod
    def of(cls, account: Account) -> "Counterpart":
        """Return what a maker was handed; raises ``BrokerError`` with code ``DESK``."""
        if not isinstance(account.desk, BridgeDesk):
            raise BrokerError("DESK", f"{SPEC.slug}: an account needs its desk (the bridge's room)")
        return cls(account.desk.room, account.credentials.access_token, account.timeout, account.step_of)

    async def check(self) -> Seen:
        """Return who is there; raises ``SessionLost`` where the session's token is not in force any more."""
        try:
            seen = await self.room.seen()
        except RoomUnavailable as error:
            raise BrokerUnavailable("ROOM", f"{SPEC.slug}: {error}") from error
        if not seen.link or seen.link != self.link:
            raise SessionLost("TOKEN", f"{SPEC.slug}: the bridge token was replaced or revoked")
        return seen

    async def known(self) -> Terminal:
        """Return what the terminal said last, however long ago; raises ``BrokerError``."""
        await self.check()
        return await self._terminal()

    async def fresh(self, *, within: float | None = None) -> Terminal:
        """Return the books as they stood when this was asked, or later; raises ``BrokerUnavailable`` in time.

        An old book is never shown as today's: whoever asks may be about to send an order again. ``within`` is how many
        seconds it may take, the account's timeout unless given.
        """
        seen = await self.check()
        asked, patience = seen.now, self.timeout if within is None else within
        while seen.as_of is None or seen.as_of < asked:
            left = patience - (seen.now - asked).total_seconds()
            if left <= 0:
                raise BrokerUnavailable("STALE", f"{SPEC.slug}: {_age(seen)}")
            await self.room.changed(within=left)
            seen = await self.check()
        return await self._terminal()

    def symbols(self, terminal: Terminal) -> Mapping[str, Facts]:
        """Return the terminal's symbols, without those whose unit is another one than our master's.

        All accounts share one master, and two servers may mean different things by one name.
        """
        facts = facts_by_name(terminal.hello.symbols)
        return {name: one for name, one in facts.items() if self._is_ours(one)}

    def _is_ours(self, facts: Facts) -> bool:
        try:
            return self.step_of(EXCHANGE, facts.name) == facts.multiplier
        except LookupError:
            return True  # not in our master: nobody counts it in other units

    async def _terminal(self) -> Terminal:
        try:
            terminal = await self.room.terminal()
        except RoomUnavailable as error:
            raise BrokerUnavailable("ROOM", f"{SPEC.slug}: {error}") from error
        if terminal is None:
            raise BrokerUnavailable("OFFLINE", f"{SPEC.slug}: no terminal has said hello yet")
        return terminal


def _age(seen: Seen) -> str:
    if seen.as_of is None:
        return "the terminal has not shown its books yet"
    return f"the books the terminal showed are {(seen.now - seen.as_of).total_seconds():.1f} s old"
