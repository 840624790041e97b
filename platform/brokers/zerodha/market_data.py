"""Polled market data and the instrument master of Kite."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from brokers.masters import MalformedLine, Master, unzipped
from brokers.rest import RestAccount
from brokers.transport import MASTER_BODY_LIMIT
from brokers.zerodha.access import Access
from brokers.zerodha.answers import BROKER, read_data
from brokers.zerodha.candles import candles_of, path_of, query_of
from brokers.zerodha.instruments import parse_master
from brokers.zerodha.quotes import Key, quotes_of, wire_name
from brokers.zerodha.spec import SPEC
from domain.broker import BrokerError, Candle, InstrumentRow, Quote

log = logging.getLogger(__name__)


class ZerodhaMarketData:
    """Quotes and instruments through one account; ``malformed`` names the lines the last master left out."""

    def __init__(self, account: RestAccount[Access], *, equities: frozenset[str] = frozenset()) -> None:
        self._account = account
        self._access = account.access
        self._equities = equities
        self.malformed: Sequence[MalformedLine] = ()

    async def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return what Kite shows of at most ``SPEC.quote_batch`` keys; raises ``BrokerError``."""
        if len(keys) > SPEC.quote_batch:
            raise BrokerError("LIMIT", f"{BROKER} quotes: {len(keys)} keys are more than {SPEC.quote_batch}")
        if not keys:
            return []
        query = tuple(("i", wire_name(key)) for key in keys)
        answer = await self._account.read(self._access.request("GET", "/quote", query=query))
        return quotes_of(read_data(answer, what="quotes"), keys, self._account.lot_size_of)

    async def instruments(self) -> Sequence[InstrumentRow]:
        """Return the day's master; raises ``BrokerError``. Bad lines are left out, named in ``malformed``."""
        answer = await self._account.read(self._access.request("GET", "/instruments"), limit=MASTER_BODY_LIMIT)
        if answer.status != 200:
            read_data(answer, what="instrument master")
        master = await asyncio.to_thread(self._parsed, answer.body)
        self.malformed = master.malformed
        for reason, count in Counter(line.reason for line in master.malformed).most_common(20):
            log.warning("instrument lines left out", extra={"broker": BROKER, "reason": reason, "lines": count})
        return master.rows

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within the span, oldest first; raises ``BrokerError``."""
        path, query = path_of(instrument, interval), query_of(interval=interval, since=since, until=until)
        answer = await self._account.read(self._access.request("GET", path, query=query))
        units = instrument.lot_size if instrument.exchange in SPEC.quantity_in_lots else 1
        return candles_of(read_data(answer, what="history"), units=units, since=since, until=until)

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._account.wire.aclose()

    def _parsed(self, body: bytes) -> Master:
        return parse_master(unzipped(body, limit=MASTER_BODY_LIMIT, broker=BROKER), equities=self._equities)
