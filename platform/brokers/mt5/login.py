"""The sign-in of a bridge: nobody types anything; the terminal shows our token, and we look whether it does."""

from datetime import datetime, timedelta

from brokers.adapter import Account
from brokers.mt5.desk import BridgeDesk
from brokers.mt5.room import Room, RoomUnavailable
from brokers.mt5.spec import SPEC
from brokers.tokens import token_expiry
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable

PRESENT = timedelta(seconds=15)
"""A terminal that has not called for so long is not there."""


class Mt5Login:
    """One account."""

    def __init__(self, account: Account) -> None:
        if not isinstance(account.desk, BridgeDesk):
            raise BrokerError("DESK", f"{SPEC.slug}: an account needs its desk (the bridge's room)")
        self._room: Room = account.desk.room
        self._client_id = account.credentials.client_id

    def login_url(self, *, state: str) -> str:
        """There is no page."""
        return ""

    async def exchange(self, *, request_token: str, now: datetime) -> BrokerToken:
        """There is no code to exchange: look whether the terminal is there."""
        return await self.sign_in(now=now)

    async def sign_in(self, *, now: datetime) -> BrokerToken:
        """Return a session bound to the token in force, where the terminal shows it; raises ``BrokerError``."""
        try:
            seen, terminal = await self._room.seen(), await self._room.terminal()
        except RoomUnavailable as error:
            raise BrokerUnavailable("ROOM", f"{SPEC.slug}: {error}") from error
        if not seen.link:
            raise BrokerError("NO_TOKEN", f"{SPEC.slug}: no bridge token was made for the account")
        if seen.refusal is not None:
            raise BrokerError(seen.refusal[0], f"{SPEC.slug}: {seen.refusal[1]}")
        if terminal is None or seen.seen_at is None or seen.now - seen.seen_at > PRESENT:
            raise BrokerUnavailable("OFFLINE", f"{SPEC.slug}: the terminal does not call")
        if not terminal.hello.trade_allowed:
            raise BrokerError("TRADING_OFF", f"{SPEC.slug}: algorithmic trading is off in the terminal")
        return BrokerToken(seen.link, str(terminal.hello.login), token_expiry(SPEC, now))

    async def aclose(self) -> None:
        """Nothing is held open."""
