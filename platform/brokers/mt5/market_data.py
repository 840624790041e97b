"""Symbols, quotes and bars through the account's terminal."""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from brokers.mt5.desk import Counterpart
from brokers.mt5.facts import EXCHANGE
from brokers.mt5.instruments import LeftOut, listed
from brokers.mt5.protocol import Bar, Bars, Kind, Tick, written
from brokers.mt5.room import AlreadyPosted, Command, RoomUnavailable
from brokers.mt5.spec import SPEC
from domain.broker import BrokerError, BrokerUnavailable, Candle, InstrumentRow, Quote

Key = tuple[str, str]
TIMEFRAMES = {
    timedelta(minutes=minutes): code
    for minutes, code in ((1, 1), (5, 5), (15, 15), (30, 30), (60, 16385), (240, 16388), (1440, 16408))
}
log = logging.getLogger(__name__)


class Mt5MarketData:
    """Through one account; ``left_out`` names the symbols the last master does not list."""

    def __init__(self, account: Counterpart) -> None:
        self._account = account
        self.left_out: Sequence[LeftOut] = ()

    async def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return the terminal's ticks of at most ``SPEC.quote_batch`` keys; raises ``BrokerError``."""
        if len(keys) > SPEC.quote_batch:
            raise BrokerError("LIMIT", f"{SPEC.slug} quotes: {len(keys)} keys are more than {SPEC.quote_batch}")
        if not keys:
            return []
        wanted = {symbol for exchange, symbol in keys if exchange == EXCHANGE}
        try:
            await self._account.room.glance(sorted(wanted))
        except RoomUnavailable as error:
            raise BrokerUnavailable("ROOM", f"{SPEC.slug} quotes: {error}") from error
        terminal = await self._account.fresh()
        return [_quote(tick) for tick in terminal.ticks if tick.symbol in wanted]

    async def instruments(self) -> Sequence[InstrumentRow]:
        """Return the symbols of the terminal's Market Watch; raises ``BrokerError``."""
        terminal = await self._account.known()
        rows, self.left_out = listed(terminal.hello.symbols)
        if not rows:
            raise BrokerUnavailable("EMPTY", f"{SPEC.slug}: none of the terminal's symbols can be traded")
        for one in self.left_out[:20]:
            log.warning("symbol left out", extra={"broker": SPEC.slug, "reason": one.reason})
        return rows

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within the span, oldest first; raises ``BrokerError``."""
        rule = next((rule for rule in SPEC.candles if rule.interval == interval), None)
        if rule is None or until - since > rule.longest:
            raise BrokerError("LIMIT", f"{SPEC.slug}: no bars of {interval} over {until - since}")
        request = {
            "symbol": instrument.symbol,
            "timeframe": TIMEFRAMES[interval],
            "from": int(since.timestamp()),
            "to": int(until.timestamp()),
        }
        bars = [_candle(bar) for bar in await self._copied(written(request))]
        return sorted((bar for bar in bars if since <= bar.start <= until), key=lambda bar: bar.start)

    async def aclose(self) -> None:
        """Nothing is held open."""

    async def _copied(self, request: bytes) -> Sequence[Bar]:
        account, loop = self._account, asyncio.get_running_loop()
        await account.check()
        command = Command(secrets.token_hex(16), Kind.COPY_RATES, request, timedelta(seconds=account.timeout))
        until = loop.time() + account.timeout
        try:
            await account.room.post(command)
            while (left := until - loop.time()) > 0:
                answer = await account.room.answer(command.cmd_id)
                if answer is not None:
                    return _bars(answer)
                await account.room.changed(within=left)
        except (RoomUnavailable, AlreadyPosted) as error:
            raise BrokerUnavailable("ROOM", f"{SPEC.slug} bars: {error}") from error
        raise BrokerUnavailable("NO_ANSWER", f"{SPEC.slug} bars: the terminal did not answer in time")


def _bars(answer: object) -> Sequence[Bar]:
    if not isinstance(answer, Bars) or answer.last_error:
        raise BrokerUnavailable("NO_BARS", f"{SPEC.slug} bars: the terminal has none")
    return answer.bars


def _candle(bar: Bar) -> Candle:
    if not 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise BrokerUnavailable("MALFORMED", f"{SPEC.slug} bars: low and high do not hold the others")
    start = datetime.fromtimestamp(bar.time, tz=UTC)
    return Candle(start, bar.open, bar.high, bar.low, bar.close, bar.tick_volume)


def _quote(tick: Tick) -> Quote:
    """The terminal shows no sizes and no bands."""
    bid, ask, last = (Decimal(str(value)) for value in (tick.bid, tick.ask, tick.last or tick.bid))
    return Quote(
        exchange=EXCHANGE,
        symbol=tick.symbol,
        token=tick.symbol,
        last_price=last,
        bid=bid,
        ask=ask,
        bid_quantity=0,
        ask_quantity=0,
        volume=0,
        open_interest=0,
        close=Decimal(0),
        lower_band=None,
        upper_band=None,
        exchange_at=datetime.fromtimestamp(tick.time_msc / 1000, tz=UTC),
    )
