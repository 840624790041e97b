"""Polled market data and the instrument master: they go by the consumer key, at the session's host."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from brokers.kotak import candles as history
from brokers.kotak import instruments as masters
from brokers.kotak.access import Access, is_kotaks
from brokers.kotak.answers import refused_data
from brokers.kotak.names import EXCHANGES, INDICES, SEGMENTS
from brokers.kotak.quotes import Key, path_of, quotes_of
from brokers.kotak.spec import SPEC
from brokers.masters import MalformedLine
from brokers.payloads import malformed
from brokers.rest import RestAccount
from brokers.transport import MASTER_BODY_LIMIT, WireAnswer, WireRequest
from domain.broker import BrokerError, BrokerUnavailable, Candle, InstrumentRow, Quote

log = logging.getLogger(__name__)

_INDEX = "_INDEX"
_INDEX_NAMES = frozenset(INDICES.values())
_NOBODY_KNOWS = "1009"


class KotakMarketData:
    """Quotes and instruments through one account; ``malformed`` names the lines the last master left out.

    Kotak knows quotes by token: those of a segment are read from its master once, and remembered.
    """

    def __init__(self, account: RestAccount[Access], *, equities: frozenset[str] = frozenset()) -> None:
        self._account = account
        self._equities = equities
        self._tokens: dict[str, dict[str, str]] = {}
        self.malformed: Sequence[MalformedLine] = ()

    async def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return what Kotak shows of at most ``SPEC.quote_batch`` keys; raises ``BrokerError``."""
        if len(keys) > SPEC.quote_batch:
            raise BrokerError("LIMIT", f"{SPEC.slug} quotes: {len(keys)} keys are more than {SPEC.quote_batch}")
        named = {token: key for key in keys if (token := await self._token(key))}
        if not named:
            return []
        answer = await self._account.read(self._account.access.data(path_of(list(named))))
        if answer.status == 200 and answer.body.lstrip()[:1] == b"[":
            return quotes_of(answer.body, named, self._account.lot_size_of)
        error = refused_data(answer, what="quotes")
        if error.code == _NOBODY_KNOWS:
            return []
        raise error

    async def instruments(self) -> Sequence[InstrumentRow]:
        """Return the day's contracts; raises ``BrokerError``. Bad lines are left out, named in ``malformed``."""
        lines = masters.Lines()
        for segment, url in (await self._files()).items():
            await self._read_file(segment, url, lines)
        master = masters.whole(lines)
        self._tokens, self.malformed = lines.tokens, master.malformed
        for reason, count in Counter(line.reason for line in master.malformed).most_common(20):
            log.warning("instrument lines left out", extra={"broker": SPEC.slug, "reason": reason, "lines": count})
        return master.rows

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within the span, oldest first; raises ``BrokerError``."""
        query = history.query_of(instrument, interval=interval, since=since, until=until)
        answer = await self._account.read(self._account.access.data(history.PATH, query=query))
        if answer.status == 200:
            return history.candles_of(answer.body, since=since, until=until)
        error = refused_data(answer, what="history")
        if history.is_empty(error.message):
            return []
        raise error

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._account.wire.aclose()

    async def _token(self, key: Key) -> str:
        """Return a symbol's token, "" for one nobody knows; indices go by their name."""
        exchange, symbol = key[0].removesuffix(_INDEX), key[1]
        if exchange not in SEGMENTS:
            return ""
        if key[0].endswith(_INDEX):
            return f"{SEGMENTS[exchange]}|{symbol}" if symbol in _INDEX_NAMES else ""
        if exchange not in self._tokens:
            lines, segment = masters.Lines(), SEGMENTS[exchange]
            await self._read_file(segment, (await self._files())[segment], lines)
            self._tokens |= lines.tokens
        number = self._tokens[exchange].get(symbol, "")
        return f"{SEGMENTS[exchange]}|{number}" if number else ""

    async def _files(self) -> dict[str, str]:
        answer = await self._account.read(self._account.access.data(masters.PATHS))
        if answer.status != 200:
            raise refused_data(answer, what=masters.WHAT)
        return masters.files_of(answer.body)

    async def _read_file(self, segment: str, url: str, lines: masters.Lines) -> None:
        if not is_kotaks(url, self._account.access.endpoint):
            raise malformed(SPEC.slug, masters.WHAT, "a file is on a host that is not Kotak's")
        answer = await self._account.read(WireRequest("GET", url), limit=MASTER_BODY_LIMIT)
        _check(answer, segment)
        await asyncio.to_thread(masters.read_file, answer.body, segment=segment, equities=self._equities, into=lines)


def _check(answer: WireAnswer, segment: str) -> None:
    if answer.status != 200:
        name = EXCHANGES[segment]
        raise BrokerUnavailable(f"HTTP_{answer.status}", f"{SPEC.slug} {masters.WHAT} of {name} is not served")
