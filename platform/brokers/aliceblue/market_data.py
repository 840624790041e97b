"""Polled market data and the contract files of Alice Blue."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from brokers.aliceblue.access import Access
from brokers.aliceblue.answers import BROKER, read_whole
from brokers.aliceblue.candles import candles_of, history_request
from brokers.aliceblue.instruments import FORMS, Wanted, parse_file
from brokers.aliceblue.line import Line
from brokers.aliceblue.quotes import Key, quote_of
from brokers.aliceblue.spec import SPEC
from brokers.masters import MalformedLine, Master, unambiguous
from brokers.rest import RestAccount
from brokers.transport import MASTER_BODY_LIMIT, WireRequest
from domain.broker import BrokerError, BrokerUnavailable, Candle, InstrumentRow, Quote

log = logging.getLogger(__name__)

_INDICES = "INDICES"
_INDEX = "_INDEX"


class AliceBlueMarketData:
    """Quotes and contracts through one account; ``malformed`` names the lines the last master left out.

    Quotes come from the session's line, by token: the tokens of an exchange's symbols are read from its contract file
    once.
    """

    def __init__(
        self,
        account: RestAccount[Access],
        *,
        line: Line,
        master_url: str,
        equities: frozenset[str] = frozenset(),
    ) -> None:
        self._account = account
        self._line = line
        self._master_url = master_url.rstrip("/")
        self._equities = equities
        self._tokens: dict[str, dict[Key, str]] = {}
        self.malformed: Sequence[MalformedLine] = ()

    async def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return what Alice Blue shows of at most ``SPEC.quote_batch`` keys; raises ``BrokerError``."""
        if len(keys) > SPEC.quote_batch:
            raise BrokerError("LIMIT", f"{BROKER} quotes: {len(keys)} keys are more than {SPEC.quote_batch}")
        tokens = {key: token for key in keys if (token := await self._token(key))}
        if not tokens:
            return []
        shown = await self._line.depths(list(tokens.values()))
        lots = self._account.lot_size_of
        quotes = (quote_of(shown[token], key, lots) for key, token in tokens.items() if token in shown)
        return [quote for quote in quotes if quote is not None]

    async def instruments(self) -> Sequence[InstrumentRow]:
        """Return the day's contracts; raises ``BrokerError``. Bad lines are left out, named in ``malformed``."""
        master = Master([])
        for exchange in FORMS:
            read = await self._file(exchange, wanted=self._equities.__contains__)
            master.rows.extend(read.rows)
            master.malformed.extend(read.malformed)
        if not master.rows and not master.malformed:
            raise BrokerUnavailable("MALFORMED", f"{BROKER} contract files: they hold no contracts")
        master = unambiguous(master)
        self.malformed = master.malformed
        for reason, count in Counter(line.reason for line in master.malformed).most_common(20):
            log.warning("instrument lines left out", extra={"broker": BROKER, "reason": reason, "lines": count})
        return master.rows

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within the span, oldest first; raises ``BrokerError``."""
        access = self._account.access
        request = history_request(access, instrument, interval=interval, since=since, until=until)
        body = read_whole(await self._account.read(request), what="history")
        return candles_of(body, instrument, since=since, until=until)

    async def aclose(self) -> None:
        """Close the HTTP session, and the line where nobody else listens."""
        await self._account.wire.aclose()
        await self._line.aclose()

    async def _token(self, key: Key) -> str:
        """Return a symbol's name on the line, "" for one that is not listed."""
        exchange = _INDICES if key[0].endswith(_INDEX) else key[0]
        if exchange not in FORMS:
            return ""
        if exchange not in self._tokens:
            master = await self._file(exchange, wanted=lambda _: True)
            self._tokens[exchange] = {(row.exchange, row.symbol): row.token for row in unambiguous(master).rows}
        return self._tokens[exchange].get(key, "")

    async def _file(self, exchange: str, *, wanted: Wanted) -> Master:
        request = WireRequest("GET", f"{self._master_url}/{exchange}.csv")
        answer = await self._account.read(request, limit=MASTER_BODY_LIMIT)
        if answer.status != 200:
            raise BrokerUnavailable(f"HTTP_{answer.status}", f"{BROKER} contract file {exchange} is not served")
        return await asyncio.to_thread(parse_file, answer.body, exchange=exchange, wanted=wanted)
