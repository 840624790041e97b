"""The terminal's symbols as an instrument master. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from brokers.mt5.facts import EXCHANGE, FULL, Facts, Untradable, facts_of
from brokers.mt5.protocol import Symbol
from domain.broker import InstrumentRow
from domain.instruments import Kind
from domain.prices import FINEST_MULTIPLIER, FINEST_PRICE


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A symbol that is not listed, and why."""

    symbol: str
    reason: str


def listed(symbols: Sequence[Symbol]) -> tuple[list[InstrumentRow], list[LeftOut]]:
    """Return what can be traded; of symbols that share a name none is listed: which one is meant is a guess."""
    rows: dict[str, InstrumentRow] = {}
    left_out: list[LeftOut] = []
    times = Counter(symbol.name for symbol in symbols)
    for symbol in symbols:
        try:
            if times[symbol.name] > 1:
                raise Untradable(f"{symbol.name}: listed more than once")
            if symbol.trade_mode != FULL:
                raise Untradable(f"{symbol.name}: trade mode {symbol.trade_mode}, not both ways")
            rows[symbol.name] = _row(_kept_exactly(facts_of(symbol)))
        except Untradable as error:
            left_out.append(LeftOut(symbol.name, str(error)))
    return list(rows.values()), left_out


def _kept_exactly(facts: Facts) -> Facts:
    """Return the facts; raises ``Untradable`` for steps finer than the ledger keeps."""
    if facts.tick_size % FINEST_PRICE or facts.multiplier % FINEST_MULTIPLIER:
        raise Untradable(f"{facts.name}: a price step of {facts.tick_size} is finer than {FINEST_PRICE}")
    return facts


def _row(facts: Facts) -> InstrumentRow:
    return InstrumentRow(
        exchange=EXCHANGE,
        underlying=facts.name,
        kind=Kind.PERPETUAL.value,
        expiry=None,
        strike=None,
        right="",
        symbol=facts.name,
        token=facts.name,
        lot_size=facts.lot_size,
        tick_size=facts.tick_size,
        freeze_quantity=facts.largest,
        multiplier=facts.multiplier,
        name=facts.name,
    )
