"""Polled market data and the master: everybody's, so no key is sent."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from brokers.adapter import Account
from brokers.binance.answers import BROKER, read_data, refused_answer
from brokers.binance.instruments import parse_master
from brokers.binance.quotes import candles_of, klines_query, quotes_of
from brokers.binance.spec import SPEC, SPOT
from brokers.masters import MalformedLine
from brokers.transport import MASTER_BODY_LIMIT, WireAnswer, WireRequest
from domain.broker import BrokerError, Candle, InstrumentRow, Quote

log = logging.getLogger(__name__)

Key = tuple[str, str]
_NO_SUCH_SYMBOL = "-1121"


class BinanceMarketData:
    """Quotes, candles and pairs; ``malformed`` names the pairs the last master left out."""

    def __init__(self, account: Account) -> None:
        self._wire = account.wire()
        self._url = f"{account.endpoint.rest_url.rstrip('/')}/api/v3"
        self._step_of = account.step_of
        self.malformed: Sequence[MalformedLine] = ()

    async def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return what Binance shows of at most ``SPEC.quote_batch`` keys; raises ``BrokerError``."""
        if len(keys) > SPEC.quote_batch:
            raise BrokerError("LIMIT", f"{BROKER} quotes: {len(keys)} keys are more than {SPEC.quote_batch}")
        symbols = [symbol for exchange, symbol in keys if exchange == SPOT]
        return await self._quotes(symbols) if symbols else []

    async def instruments(self) -> Sequence[InstrumentRow]:
        """Return the pairs; raises ``BrokerError``. Those we cannot trade are left out, named in ``malformed``."""
        master = parse_master(read_data(await self._get("exchangeInfo"), what="instrument master"))
        self.malformed = master.malformed
        for reason, count in Counter(line.reason for line in master.malformed).most_common(20):
            log.warning("instrument lines left out", extra={"broker": BROKER, "reason": reason, "lines": count})
        return master.rows

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within the span, oldest first; raises ``BrokerError``."""
        query = klines_query(instrument.symbol, interval=interval, since=since, until=until)
        body = read_data(await self._get("klines", *query), what="history")
        return candles_of(body, step=instrument.multiplier, since=since, until=until)

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._wire.aclose()

    async def _quotes(self, symbols: Sequence[str]) -> list[Quote]:
        """One symbol nobody lists spoils the question: then each is asked for by itself."""
        answer = await self._get("ticker/24hr", ("symbols", msgspec.json.encode(symbols).decode()))
        if answer.status == 200:
            return quotes_of(read_data(answer, what="quotes"), self._step_of)
        error = refused_answer(answer, what="quotes")
        if error.code != _NO_SUCH_SYMBOL:
            raise error
        if len(symbols) == 1:
            return []
        return [quote for symbol in symbols for quote in await self._quotes([symbol])]

    async def _get(self, path: str, *query: tuple[str, str]) -> WireAnswer:
        request = WireRequest("GET", f"{self._url}/{path}", query=query)
        return await self._wire.read(request, broker=BROKER, limit=MASTER_BODY_LIMIT)
