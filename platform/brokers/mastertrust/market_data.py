"""Polled market data and the instrument master of Master Trust."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from brokers.masters import MalformedLine, Master
from brokers.mastertrust.access import Access
from brokers.mastertrust.answers import BROKER, read_data, read_result, refused_call
from brokers.mastertrust.candles import candles_of, query_of
from brokers.mastertrust.instruments import parse_master
from brokers.mastertrust.quotes import Key, exchange_of, found_number, market_path, quote_of
from brokers.mastertrust.spec import SPEC
from brokers.rest import RestAccount
from brokers.transport import MASTER_BODY_LIMIT, WireRequest
from domain.broker import BrokerError, Candle, InstrumentRow, Quote

log = logging.getLogger(__name__)


class MasterTrustMarketData:
    """Quotes and instruments through one account; ``malformed`` names the lines the last master left out.

    Quotes are asked by number: those of symbols the master has not told are looked up once and remembered.
    """

    def __init__(self, account: RestAccount[Access], *, equities: frozenset[str] = frozenset()) -> None:
        self._account = account
        self._access = account.access
        self._equities = equities
        self._numbers: dict[Key, str] = {}
        self.malformed: Sequence[MalformedLine] = ()

    async def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return what the broker shows of at most ``SPEC.quote_batch`` keys, two calls each; raises ``BrokerError``."""
        if len(keys) > SPEC.quote_batch:
            raise BrokerError("LIMIT", f"{BROKER} quotes: {len(keys)} keys are more than {SPEC.quote_batch}")
        found = [await self._quote(key) for key in keys]
        return [quote for quote in found if quote is not None]

    async def instruments(self) -> Sequence[InstrumentRow]:
        """Return the day's master; raises ``BrokerError``. Bad lines are left out, named in ``malformed``."""
        request = self._access.request("GET", "/contract/Compact", query=(("info", "download"),))
        answer = await self._account.read(request, limit=MASTER_BODY_LIMIT)
        if answer.status != 200:
            raise refused_call(answer, what="instrument master")
        master = await asyncio.to_thread(self._parsed, answer.body)
        self.malformed = master.malformed
        self._numbers.update({(row.exchange, row.symbol): row.token.partition("|")[2] for row in master.rows})
        for reason, count in Counter(line.reason for line in master.malformed).most_common(20):
            log.warning("instrument lines left out", extra={"broker": BROKER, "reason": reason, "lines": count})
        return master.rows

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within the span, oldest first; raises ``BrokerError``."""
        query = query_of(instrument, interval=interval, since=since, until=until)
        answer = await self._account.read(self._access.history_request(query))
        units = instrument.lot_size if instrument.exchange in SPEC.quantity_in_lots else 1
        return candles_of(read_data(answer, what="history"), units=units, since=since, until=until)

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._account.wire.aclose()

    async def _quote(self, key: Key) -> Quote | None:
        number = self._numbers.get(key) or await self._number(key)
        if not number:
            return None
        self._numbers[key] = number
        exchange = exchange_of(key)
        market = await self._account.read(self._asking(market_path(exchange), ("token", number)))
        facts = await self._account.read(self._asking(f"/contract/{exchange}", ("info", "scrip"), ("token", number)))
        shown, day = read_data(market, what="quote"), read_result(facts, what="quote")
        return quote_of(shown, day, key, number, self._account.lot_size_of)

    async def _number(self, key: Key) -> str:
        """Return a symbol's number on its exchange, "" for one nobody knows."""
        if exchange_of(key) not in SPEC.exchanges:
            return ""
        answer = await self._account.read(self._asking("/search", ("key", key[1])))
        return found_number(read_result(answer, what="search"), key)

    def _asking(self, path: str, *query: tuple[str, str]) -> WireRequest:
        return self._access.request("GET", path, query=query)

    def _parsed(self, body: bytes) -> Master:
        return parse_master(body, limit=MASTER_BODY_LIMIT, equities=self._equities)
