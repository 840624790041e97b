"""Polled market data, and the contracts of the underlyings somebody trades."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from brokers.ibkr import instruments as contracts
from brokers.ibkr.access import Access
from brokers.ibkr.answers import BROKER, read_body
from brokers.ibkr.instruments import Underlying
from brokers.ibkr.mapping import VENUE
from brokers.ibkr.pace import Pace
from brokers.ibkr.quotes import FIELDS, LAST, Fields, Key, candles_of, quote_of, snapshot_of, span_query
from brokers.ibkr.spec import SPEC
from brokers.masters import MalformedLine, Master, unambiguous
from brokers.rest import RestAccount
from domain.broker import BrokerError, BrokerUnavailable, Candle, InstrumentRow, Quote
from domain.instruments import Kind

log = logging.getLogger(__name__)

CALLS_PER_SECOND, CALLS_AT_ONCE = 30, 5
"""The pace of the contracts' many calls; the user name has 50 in any second for everything, orders before all."""

_LOOKS = 4
_BETWEEN_LOOKS = 0.25
"""Seconds: a snapshot asked for the first time only opens the stream it is taken from."""


class IbkrMarketData:
    """Quotes and instruments through one account; ``malformed`` names what the last listing left out.

    The contracts of an underlying take hundreds of calls: only those of ``equities`` (names strategies stand on) and of
    the great indices are listed.
    """

    def __init__(self, account: RestAccount[Access], *, equities: frozenset[str] = frozenset()) -> None:
        self._account = account
        self._names = dict.fromkeys((*contracts.ALWAYS, *sorted(equities)))
        self.malformed: Sequence[MalformedLine] = ()

    async def quotes(self, keys: Sequence[Key]) -> Sequence[Quote]:
        """Return what IBKR shows of at most ``SPEC.quote_batch`` keys; raises ``BrokerError``."""
        if len(keys) > SPEC.quote_batch:
            raise BrokerError("LIMIT", f"{BROKER} quotes: {len(keys)} keys are more than {SPEC.quote_batch}")
        known = [key for key in keys if key[1].isascii() and key[1].isdigit()]
        shown = await self._snapshot([key[1] for key in known]) if known else {}
        found = [quote_of(key, shown[key[1]]) for key in known if key[1] in shown]
        return [quote for quote in found if quote is not None]

    async def instruments(self) -> Sequence[InstrumentRow]:
        """Return the contracts; raises ``BrokerError``. What cannot be read is left out, named in ``malformed``."""
        pace = Pace(per_second=CALLS_PER_SECOND, at_once=CALLS_AT_ONCE)
        master = Master([])
        for name in self._names:
            await self._list(name, pace, master)
        if not master.rows:
            raise BrokerUnavailable("MALFORMED", f"{BROKER} instruments: no contracts")
        master = unambiguous(master)
        self.malformed = master.malformed
        for reason, count in Counter(line.reason for line in master.malformed).most_common(20):
            log.warning("instruments left out", extra={"broker": BROKER, "reason": reason, "lines": count})
        return master.rows

    async def candles(
        self, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
    ) -> Sequence[Candle]:
        """Return the bars that start within the span, oldest first; raises ``BrokerError``."""
        span = span_query(interval=interval, since=since, until=until, now=datetime.now(UTC))
        query = (("conid", instrument.token), *span)
        return candles_of(await self._read("/iserver/marketdata/history", *query), since=since, until=until)

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._account.wire.aclose()

    async def _snapshot(self, conids: Sequence[str]) -> dict[str, Fields]:
        """Return the fields of contracts, asked for again where the first look only opened their streams."""
        query = (("conids", ",".join(conids)), ("fields", ",".join(FIELDS)))
        shown: dict[str, Fields] = {}
        for look in range(_LOOKS):
            if look:
                await asyncio.sleep(_BETWEEN_LOOKS)
            shown = snapshot_of(await self._read("/iserver/marketdata/snapshot", *query))
            if all(LAST in shown.get(conid, {}) for conid in conids):
                break
        return shown

    async def _list(self, name: str, pace: Pace, master: Master) -> None:
        """Add the contracts of one underlying."""
        symbol = contracts.NAMES.get(name, name)
        body = await self._paced(pace, "/iserver/secdef/search", ("symbol", symbol))
        underlying = contracts.underlying_of(body, name)
        if underlying is None:
            return
        derivatives = [*await self._futures(underlying, pace, master), *await self._options(underlying, pace, master)]
        spots = contracts.spots_of(underlying)
        if underlying.kind is Kind.INDEX:
            master.rows.extend(spots)  # nothing is ordered of it
            spots = []
        for rows in contracts.alike([*spots, *derivatives]):
            await self._rule(rows, pace, master)

    async def _futures(self, underlying: Underlying, pace: Pace, master: Master) -> list[InstrumentRow]:
        if not underlying.has_futures:
            return []
        symbol = contracts.NAMES.get(underlying.name, underlying.name)
        body = await self._paced(pace, "/trsrv/futures", ("symbols", symbol), ("exchange", VENUE))
        rows, broken = contracts.sorted_out(contracts.futures_of(body, underlying))
        master.malformed.extend(broken)
        return rows

    async def _options(self, underlying: Underlying, pace: Pace, master: Master) -> list[InstrumentRow]:
        found: list[InstrumentRow] = []
        for month in underlying.months:
            asked = (("conid", underlying.conid), ("sectype", "OPT"), ("month", month), ("exchange", VENUE))
            pairs = contracts.strikes_of(await self._paced(pace, "/iserver/secdef/strikes", *asked))
            for right, strike in pairs:
                which = (("strike", f"{strike.normalize():f}"), ("right", right))
                body = await self._paced(pace, "/iserver/secdef/info", *asked, *which)
                rows, broken = contracts.sorted_out(contracts.options_of(body, underlying))
                master.malformed.extend(broken)
                found += rows
        return found

    async def _rule(self, rows: Sequence[InstrumentRow], pace: Pace, master: Master) -> None:
        """Add rows that share the rules of the first of them."""
        path = f"/iserver/contract/{rows[0].token}/info-and-rules"
        rules = contracts.rules_of(await self._paced(pace, path, ("isBuy", "true")))
        ruled, broken = contracts.sorted_out(contracts.with_rules(rows, rules))
        master.rows.extend(ruled)
        master.malformed.extend(broken)

    async def _paced(self, pace: Pace, path: str, *query: tuple[str, str]) -> bytes:
        await pace.turn()
        return await self._read(path, *query, what="instruments")

    async def _read(self, path: str, *query: tuple[str, str], what: str = "market data") -> bytes:
        return read_body(await self._account.read(self._account.access.request("GET", path, query=query)), what=what)
