"""Polled quotes in our words: what the market socket shows of a contract's depth (``dk``). Pure."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from brokers.aliceblue.spec import SPEC
from brokers.lots import LotSizeOf, units_per_count
from brokers.payloads import malformed
from domain.broker import Quote

Key = tuple[str, str]
"""Exchange and symbol."""

_ZERO = Decimal(0)


class _Depth(msgspec.Struct):
    e: str
    tk: str
    lp: Decimal | None = None
    bp1: Decimal = _ZERO
    sp1: Decimal = _ZERO
    bq1: int = 0
    sq1: int = 0
    v: int = 0
    oi: int = 0
    c: Decimal = _ZERO
    uc: Decimal = _ZERO
    lc: Decimal = _ZERO
    ft: int = 0


def quote_of(message: str, key: Key, lot_size_of: LotSizeOf) -> Quote | None:
    """Return a contract's quote in units; ``None`` before its first price of the day.

    Raises ``BrokerUnavailable`` for a malformed message. The sample of a commodity counts lots beside an ``ls`` in
    units, so ``ls`` is not asked.
    """
    try:
        row = msgspec.json.decode(message, type=_Depth, strict=False)
        units = units_per_count(SPEC, key[0], key[1], lot_size_of)
    except (msgspec.MsgspecError, LookupError) as error:
        raise malformed(SPEC.slug, "quote", error) from error
    if not row.lp:
        return None
    return Quote(
        exchange=key[0],
        symbol=key[1],
        token=f"{row.e}|{row.tk}",
        last_price=row.lp,
        bid=row.bp1,
        ask=row.sp1,
        bid_quantity=row.bq1 * units,
        ask_quantity=row.sq1 * units,
        volume=row.v * units,
        open_interest=row.oi * units,
        close=row.c,
        lower_band=row.lc or None,
        upper_band=row.uc or None,
        exchange_at=datetime.fromtimestamp(row.ft, tz=UTC) if row.ft else None,
    )
