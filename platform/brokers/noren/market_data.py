"""Polled market data and the instrument master of a member."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.masters import MalformedLine, unambiguous
from brokers.noren import instruments as masters
from brokers.noren.access import Access, quoted
from brokers.noren.answers import NoData, read_list, read_object
from brokers.noren.quotes import Key, candles_of, quote_of, span_fields, tick_size_of
from brokers.rest import RestAccount
from brokers.transport import MASTER_BODY_LIMIT, WireRequest
from domain.broker import BrokerError, BrokerUnavailable, Candle, InstrumentRow, Quote

log = logging.getLogger(__name__)

_DAY = timedelta(days=1)
_INDEX = "_INDEX"
_INDEX_EXCHANGES = ("NSE", "BSE")
_AT_ONCE = 20
"""Calls before the pace of long rows of calls is kept."""


class NorenMarketData:
    """Quotes and instruments through one account; ``malformed`` names the lines the last master left out.

    Noren knows quotes by token: those of symbols are looked up once and remembered.
    """

    def __init__(
        self, account: RestAccount[Access], *, master_url: str, equities: frozenset[str] = frozenset()
    ) -> None:
        self._account = account
        self._access = account.access
        self._master_url = master_url
        self._equities = equities
        self._tokens: dict[Key, str] = {}
        self._asked = 0
        self.malformed: Sequence[MalformedLine] = ()

    async def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return what the broker shows of at most ``SPEC.quote_batch`` keys, a call each; raises ``BrokerError``."""
        spec = self._account.spec
        if len(keys) > spec.quote_batch:
            raise BrokerError("LIMIT", f"{spec.slug} quotes: {len(keys)} keys are more than {spec.quote_batch}")
        found = [await self._quote(key) for key in keys]
        return [quote for quote in found if quote is not None]

    async def instruments(self) -> Sequence[InstrumentRow]:
        """Return the day's contracts; raises ``BrokerError``. Bad lines are left out, named in ``malformed``.

        One call per underlying with futures and per stock asks for the price step: this takes a minute or two.
        """
        lines, self._asked = masters.Lines(), 0
        for name in self._access.member.masters:
            await self._read_file(name, lines)
        if not lines.listed:
            raise BrokerUnavailable("MALFORMED", f"{self._account.spec.slug} instrument master: it holds no contracts")
        ticks = await self._ticks(lines)
        master = masters.rows_of(lines, ticks)
        master.rows.extend([*await self._indices(), *await self._stocks(master.malformed)])
        master = unambiguous(master)
        self.malformed = master.malformed
        for reason, count in Counter(line.reason for line in master.malformed).most_common(20):
            detail = {"broker": self._account.spec.slug, "reason": reason, "lines": count}
            log.warning("instrument lines left out", extra=detail)
        return master.rows

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within the span, oldest first; raises ``BrokerError``."""
        spec, (exchange, token) = self._account.spec, instrument.token.split("|", 1)
        fields = span_fields(spec, interval=interval, since=since, until=until)
        if interval == _DAY:
            call = self._access.call("EODChartData", sym=f"{exchange}:{quoted(instrument.symbol)}", **fields)
        else:
            call = self._access.call("TPSeries", exch=exchange, token=token, **fields)
        body = read_list(spec, await self._account.read(call), what="history")
        return candles_of(spec, body, instrument, since=since, until=until)

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._account.wire.aclose()

    async def _quote(self, key: Key) -> Quote | None:
        token = self._tokens.get(key) or await self._token(key)
        if not token:
            return None
        self._tokens[key] = token
        exchange = key[0].removesuffix(_INDEX)
        try:
            body = await self._object("GetQuotes", what="quote", exch=exchange, token=token)
        except NoData:
            return None
        return quote_of(self._account.spec, body, key, self._account.lot_size_of)

    async def _token(self, key: Key) -> str:
        """Return a symbol's token on its exchange, "" for one nobody knows."""
        exchange, symbol = key[0].removesuffix(_INDEX), key[1]
        if key[0].endswith(_INDEX):
            rows = await self._index_rows(exchange)
            return next((row.token.partition("|")[2] for row in rows if row.symbol == symbol), "")
        try:
            body = await self._object("SearchScrip", what="search", exch=exchange, stext=quoted(symbol))
        except NoData:
            return ""
        return masters.found_token(self._account.spec, body, symbol)

    async def _read_file(self, name: str, lines: masters.Lines) -> None:
        spec = self._account.spec
        request = WireRequest("GET", f"{self._master_url}/{name}")
        answer = await self._account.read(request, limit=MASTER_BODY_LIMIT)
        if answer.status != 200:
            raise BrokerUnavailable(f"HTTP_{answer.status}", f"{spec.slug} instrument master {name} is not served")
        await asyncio.to_thread(masters.read_lines, spec, answer.body, name=name, into=lines)

    async def _ticks(self, lines: masters.Lines) -> dict[masters.Underlying, Decimal]:
        ticks = {}
        for underlying, future in masters.stepped_futures(lines).items():
            tick_size = await self._tick_size(future.exchange, future.token)
            if tick_size is not None:
                ticks[underlying] = tick_size
        return ticks

    async def _tick_size(self, exchange: str, token: str) -> Decimal | None:
        """Return a price step; ``None`` for a contract that is not quoted. Raises ``BrokerError``."""
        self._asked += 1
        if self._asked > _AT_ONCE:
            await asyncio.sleep(self._access.member.pace_seconds)
        try:
            body = await self._object("GetQuotes", what="quote", exch=exchange, token=token)
        except NoData:
            return None
        return tick_size_of(self._account.spec, body)

    async def _indices(self) -> list[InstrumentRow]:
        return [row for exchange in _INDEX_EXCHANGES for row in await self._index_rows(exchange)]

    async def _index_rows(self, exchange: str) -> list[InstrumentRow]:
        try:
            body = await self._object("GetIndexList", what="index list", exch=exchange)
        except NoData:
            return []
        return masters.indices_of(self._account.spec, body, exchange)

    async def _stocks(self, malformed: list[MalformedLine]) -> list[InstrumentRow]:
        rows = []
        for name in sorted(self._equities):
            symbol = f"{name}-EQ"
            token = await self._token(("NSE", symbol))
            if not token:
                continue  # an index, or a stock that is not listed
            tick_size = await self._tick_size("NSE", token)
            if tick_size is None:
                malformed.append(MalformedLine(0, symbol, "its price step is not known"))
                continue
            rows.append(masters.equity_row(name, symbol=symbol, token=token, tick_size=tick_size))
        return rows

    async def _object(self, call: str, *, what: str, **fields: str) -> bytes:
        answer = await self._account.read(self._access.call(call, **fields))
        return read_object(self._account.spec, answer, what=what)
