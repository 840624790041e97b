"""Polled market data and the instrument master of Upstox."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from brokers.masters import MalformedLine, Master, unzipped
from brokers.rest import RestAccount
from brokers.transport import MASTER_BODY_LIMIT, WireRequest
from brokers.upstox.access import Access
from brokers.upstox.answers import BROKER, read_data, refusal
from brokers.upstox.candles import candles_of, check_span, paths_of, within
from brokers.upstox.instruments import parse_master
from brokers.upstox.quotes import Key, asked, quotes_of
from brokers.upstox.spec import SPEC
from domain.broker import BrokerError, Candle, InstrumentRow, Quote

log = logging.getLogger(__name__)

_MASTER = "/complete.json.gz"


class UpstoxMarketData:
    """Quotes and instruments through one account; ``malformed`` names the rows the last master left out."""

    def __init__(self, account: RestAccount[Access], *, equities: frozenset[str] = frozenset()) -> None:
        self._account = account
        self._equities = equities
        self.malformed: Sequence[MalformedLine] = ()

    async def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return what Upstox shows of at most ``SPEC.quote_batch`` keys; raises ``BrokerError``."""
        if len(keys) > SPEC.quote_batch:
            raise BrokerError("LIMIT", f"{BROKER} quotes: {len(keys)} keys are more than {SPEC.quote_batch}")
        wanted = asked(keys)
        if not wanted:
            return []
        request = self._account.access.read("/v2/market-quote/quotes", query=(("instrument_key", wanted),))
        data = read_data(await self._account.read(request), what="quotes")
        return quotes_of(data, keys, self._account.lot_size_of)

    async def instruments(self) -> Sequence[InstrumentRow]:
        """Return the day's master; raises ``BrokerError``. Bad rows are left out, named in ``malformed``."""
        # A public file: the token stays out of it.
        request = WireRequest("GET", f"{self._account.access.endpoint.master_url}{_MASTER}")
        answer = await self._account.read(request, limit=MASTER_BODY_LIMIT)
        if answer.status != 200:
            raise refusal(answer, what="instrument master")
        master = await asyncio.to_thread(self._parsed, answer.body)
        self.malformed = master.malformed
        for reason, count in Counter(line.reason for line in master.malformed).most_common(20):
            log.warning("instrument rows left out", extra={"broker": BROKER, "reason": reason, "lines": count})
        return master.rows

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within the span, oldest first; raises ``BrokerError``."""
        check_span(interval=interval, since=since, until=until)
        units = instrument.lot_size if instrument.exchange in SPEC.quantity_in_lots else 1
        bars: list[Candle] = []
        for path in paths_of(instrument, interval=interval, since=since, until=until, now=datetime.now(UTC)):
            answer = await self._account.read(self._account.access.read(path))
            bars += candles_of(read_data(answer, what="history"), units=units)
        return within(bars, since=since, until=until)

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._account.wire.aclose()

    def _parsed(self, body: bytes) -> Master:
        return parse_master(unzipped(body, limit=MASTER_BODY_LIMIT, broker=BROKER), equities=self._equities)
