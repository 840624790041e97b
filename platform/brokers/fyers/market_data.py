"""Polled market data and the symbol masters of Fyers."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from brokers.fyers.access import Access
from brokers.fyers.answers import BROKER, read_body
from brokers.fyers.candles import candles_of, query_of
from brokers.fyers.instruments import parse_file
from brokers.fyers.quotes import Key, completed, quotes_of
from brokers.fyers.spec import SPEC
from brokers.lots import units_per_count
from brokers.masters import MalformedLine, Master, unambiguous
from brokers.rest import RestAccount
from brokers.transport import MASTER_BODY_LIMIT, WireRequest
from domain.broker import BrokerError, BrokerUnavailable, Candle, InstrumentRow, Quote

log = logging.getLogger(__name__)

FILES = ("NSE_CM", "BSE_CM", "NSE_FO", "BSE_FO", "MCX_COM")
"""Segments whose symbols are listed; currencies and NSE's commodities are not."""


class FyersMarketData:
    """Quotes and instruments through one account; ``malformed`` names the rows the last masters left out."""

    def __init__(
        self, account: RestAccount[Access], *, master_url: str, equities: frozenset[str] = frozenset()
    ) -> None:
        self._account = account
        self._access = account.access
        self._master_url = master_url
        self._equities = equities
        self.malformed: Sequence[MalformedLine] = ()

    async def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return what Fyers shows of at most ``SPEC.quote_batch`` keys; raises ``BrokerError``.

        Many are shown with their prices alone; one that is asked for by itself costs a second call, which shows its
        sizes, open interest and band.
        """
        if len(keys) > SPEC.quote_batch:
            raise BrokerError("LIMIT", f"{BROKER} quotes: {len(keys)} keys are more than {SPEC.quote_batch}")
        if not keys:
            return []
        symbols = ",".join(symbol for _, symbol in keys)
        body = await self._read("/quotes", (("symbols", symbols),), what="quotes")
        quotes = quotes_of(body, keys, self._account.lot_size_of)
        return [await self._completed(quote) for quote in quotes] if len(keys) == 1 else quotes

    async def instruments(self) -> Sequence[InstrumentRow]:
        """Return the day's contracts; raises ``BrokerError``. Bad rows are left out, named in ``malformed``."""
        master = Master([])
        for name in FILES:
            body = await self._file(f"{name}_sym_master.json")
            await asyncio.to_thread(parse_file, body, name=name, equities=self._equities, into=master)
        master = unambiguous(master)
        self.malformed = master.malformed
        for reason, count in Counter(line.reason for line in master.malformed).most_common(20):
            log.warning("instrument lines left out", extra={"broker": BROKER, "reason": reason, "lines": count})
        return master.rows

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within the span, oldest first; raises ``BrokerError``."""
        query = query_of(instrument, interval=interval, since=since, until=until)
        body = await self._read("/history", query, what="history", empty="no_data")
        units = units_per_count(SPEC, instrument.exchange, instrument.symbol, lambda *_: instrument.lot_size)
        return candles_of(body, units=units, since=since, until=until)

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._account.wire.aclose()

    async def _completed(self, quote: Quote) -> Quote:
        query = (("symbol", quote.symbol), ("ohlcv_flag", "1"))
        return completed(quote, await self._read("/depth", query, what="depth"), self._account.lot_size_of)

    async def _read(self, path: str, query: tuple[tuple[str, str], ...], *, what: str, empty: str = "ok") -> bytes:
        return read_body(await self._account.read(self._access.data(path, query=query)), what=what, empty=empty)

    async def _file(self, name: str) -> bytes:
        """Return a file that is there for everybody: no token goes to its host."""
        request = WireRequest("GET", f"{self._master_url}/{name}")
        answer = await self._account.read(request, limit=MASTER_BODY_LIMIT)
        if answer.status != 200:
            raise BrokerUnavailable(f"HTTP_{answer.status}", f"{BROKER} symbol master {name} is not served")
        return answer.body
