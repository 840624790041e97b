"""The market feed: the ticks a terminal brings along when it polls."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from brokers.mt5.desk import Counterpart
from brokers.mt5.protocol import Tick
from brokers.mt5.room import RoomUnavailable
from brokers.mt5.spec import SPEC
from domain.broker import BrokerError, BrokerUnavailable, RawTick
from domain.prices import PRICE_SCALE

SILENCE_SECONDS = 10.0


class Mt5Feed:
    """One account's ticks. ``connect`` yields until the terminal falls silent."""

    def __init__(self, account: Counterpart, *, silence_seconds: float | None = None) -> None:
        self._account = account
        self._silence = silence_seconds or SILENCE_SECONDS
        self._symbols: dict[str, None] = {}
        self._times: dict[str, int] = {}

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        """Yield what is new each time the terminal was there; raises ``BrokerError`` at the end."""
        loop = asyncio.get_running_loop()
        await self._tell()
        self._times.clear()
        heard, seen_at = loop.time(), (await self._account.check()).seen_at
        while True:
            left = heard + self._silence - loop.time()
            if left <= 0:
                raise BrokerUnavailable("SILENT", f"{SPEC.slug}: no word from the terminal in {self._silence:.0f} s")
            await self._account.room.changed(within=left)
            seen = await self._account.check()
            if seen.seen_at == seen_at:
                continue
            heard, seen_at = loop.time(), seen.seen_at
            ticks = self._fresh(await self._ticks())
            if ticks:
                yield ticks

    async def subscribe(self, tokens: Sequence[str]) -> None:
        """Carry symbols from now on; raises ``BrokerError`` with code ``LIMIT`` for too many."""
        wanted = self._symbols | dict.fromkeys(tokens)
        if len(wanted) > SPEC.feed_symbols_per_socket:
            raise BrokerError(
                "LIMIT", f"{SPEC.slug}: {len(wanted)} symbols are more than {SPEC.feed_symbols_per_socket}"
            )
        self._symbols = wanted
        await self._tell()

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        """Carry symbols no more."""
        self._symbols = {name: None for name in self._symbols if name not in tokens}
        for name in tokens:
            self._times.pop(name, None)
        await self._tell()

    async def aclose(self) -> None:
        """Nothing is held open."""

    async def _tell(self) -> None:
        try:
            await self._account.room.subscribe(list(self._symbols))
        except RoomUnavailable as error:
            raise BrokerUnavailable("ROOM", f"{SPEC.slug}: {error}") from error

    async def _ticks(self) -> Sequence[Tick]:
        try:
            return await self._account.room.ticks()
        except RoomUnavailable as error:
            raise BrokerUnavailable("ROOM", f"{SPEC.slug}: {error}") from error

    def _fresh(self, ticks: Iterable[Tick]) -> list[RawTick]:
        """Return the ticks nobody was shown yet, of symbols that are wanted."""
        times = self._times
        found = [tick for tick in ticks if tick.symbol in self._symbols and times.get(tick.symbol) != tick.time_msc]
        times.update((tick.symbol, tick.time_msc) for tick in found)
        return [raw_tick(tick) for tick in found]


def raw_tick(tick: Tick) -> RawTick:
    """Return a tick scaled; a symbol of quotes only has no last price: its bid is what terminals draw."""
    return RawTick(
        token=tick.symbol,
        last_price=round((tick.last or tick.bid) * PRICE_SCALE),
        bid=round(tick.bid * PRICE_SCALE),
        ask=round(tick.ask * PRICE_SCALE),
        bid_quantity=0,
        ask_quantity=0,
        volume=0,
        open_interest=0,
        close=0,
        exchange_at=tick.time_msc,
    )
