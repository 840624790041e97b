"""Polled market data and the master: everybody's, so no key is sent."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from brokers.adapter import Account
from brokers.binance.access import FUTURES_DOOR, SPOT_DOOR
from brokers.binance.answers import BROKER, read_data, refused_answer
from brokers.binance.futures.instruments import parse_master as parse_contracts
from brokers.binance.futures.quotes import quote_of
from brokers.binance.instruments import parse_master
from brokers.binance.quotes import candles_of, klines_query, quotes_of
from brokers.binance.spec import FUTURES, SPEC, SPOT
from brokers.masters import MalformedLine
from brokers.transport import MASTER_BODY_LIMIT, WireAnswer, WireRequest
from domain.broker import BrokerError, Candle, InstrumentRow, Quote

log = logging.getLogger(__name__)

Key = tuple[str, str]
_NO_SUCH_SYMBOL = "-1121"


class BinanceMarketData:
    """Quotes, candles and symbols of both markets; ``malformed`` names what the last master left out."""

    def __init__(self, account: Account) -> None:
        self._wire = account.wire()
        self._urls = {
            SPOT: f"{account.endpoint.rest_url.rstrip('/')}{SPOT_DOOR.path}",
            FUTURES: f"{account.endpoint.futures_url.rstrip('/')}{FUTURES_DOOR.path}",
        }
        self._step_of = account.step_of
        self.malformed: Sequence[MalformedLine] = ()

    async def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return what Binance shows of at most ``SPEC.quote_batch`` keys; raises ``BrokerError``."""
        if len(keys) > SPEC.quote_batch:
            raise BrokerError("LIMIT", f"{BROKER} quotes: {len(keys)} keys are more than {SPEC.quote_batch}")
        symbols = [symbol for exchange, symbol in keys if exchange == SPOT]
        quotes = await self._quotes(symbols) if symbols else []
        contracts = [symbol for exchange, symbol in keys if exchange == FUTURES]
        found = await asyncio.gather(*(self._quote(symbol) for symbol in contracts))
        return [*quotes, *(quote for quote in found if quote is not None)]

    async def instruments(self) -> Sequence[InstrumentRow]:
        """Return pairs and contracts; raises ``BrokerError``. ``malformed`` names what is left out."""
        pairs = parse_master(read_data(await self._get(SPOT, "exchangeInfo"), what="instrument master"))
        contracts = parse_contracts(read_data(await self._get(FUTURES, "exchangeInfo"), what="futures master"))
        self.malformed = [*pairs.malformed, *contracts.malformed]
        for reason, count in Counter(line.reason for line in self.malformed).most_common(20):
            log.warning("instrument lines left out", extra={"broker": BROKER, "reason": reason, "lines": count})
        return [*pairs.rows, *contracts.rows]

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within the span, oldest first; raises ``BrokerError``."""
        query = klines_query(instrument.symbol, interval=interval, since=since, until=until)
        body = read_data(await self._get(instrument.exchange, "klines", *query), what="history")
        return candles_of(body, step=instrument.multiplier, since=since, until=until)

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._wire.aclose()

    async def _quotes(self, symbols: Sequence[str]) -> list[Quote]:
        """One symbol nobody lists spoils the question: then each is asked for by itself."""
        answer = await self._get(SPOT, "ticker/24hr", ("symbols", msgspec.json.encode(symbols).decode()))
        if answer.status == 200:
            return quotes_of(read_data(answer, what="quotes"), self._step_of)
        error = refused_answer(answer, what="quotes")
        if error.code != _NO_SUCH_SYMBOL:
            raise error
        if len(symbols) == 1:
            return []
        return [quote for symbol in symbols for quote in await self._quotes([symbol])]

    async def _quote(self, symbol: str) -> Quote | None:
        """Return a contract's quote; ``None`` for one nobody lists."""
        asked = ("symbol", symbol)
        day = await self._get(FUTURES, "ticker/24hr", asked)
        if day.status != 200:
            error = refused_answer(day, what="futures quotes")
            if error.code == _NO_SUCH_SYMBOL:
                return None
            raise error
        touch = read_data(await self._get(FUTURES, "ticker/bookTicker", asked), what="futures quotes")
        return quote_of(symbol, day.body, touch, self._step_of)

    async def _get(self, exchange: str, path: str, *query: tuple[str, str]) -> WireAnswer:
        request = WireRequest("GET", f"{self._urls[exchange]}/{path}", query=query)
        return await self._wire.read(request, broker=BROKER, limit=MASTER_BODY_LIMIT)
