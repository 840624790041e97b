"""Binance's pairs: ``GET /exchangeInfo``. Pure. https://developers.binance.com/docs/binance-spot-api-docs/filters"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

import msgspec

from brokers.binance.spec import SPEC, SPOT
from brokers.masters import MalformedLine, Master, unambiguous
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow
from brokers.steps import units_in
from domain.broker import InstrumentRow
from domain.instruments import Kind, Right
from domain.prices import FINEST_MULTIPLIER, FINEST_PRICE

_WHAT = "instrument master"
_LIMIT = "LIMIT"


class Filter(msgspec.Struct):
    """A rule of a symbol's orders; which fields it has, its type says."""

    filterType: str
    tickSize: Decimal = Decimal(0)
    minQty: Decimal = Decimal(0)
    maxQty: Decimal = Decimal(0)
    stepSize: Decimal = Decimal(0)


class Listed(msgspec.Struct, kw_only=True):
    """What both markets say of a symbol."""

    symbol: str
    status: str
    baseAsset: str
    quoteAsset: str
    orderTypes: list[str]
    filters: list[Filter]

    @property
    def is_traded(self) -> bool:
        """Whether it takes limit orders in the account's currency, and is called by its coin and that."""
        is_open = self.status == "TRADING" and _LIMIT in self.orderTypes
        return is_open and self.quoteAsset == SPEC.currency and self.symbol == f"{self.baseAsset}{self.quoteAsset}"


_Listed = TypeVar("_Listed", bound=Listed)


class _Symbol(Listed, kw_only=True):
    isSpotTradingAllowed: bool


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


def parse_master(body: bytes) -> Master:
    """Return the pairs that trade against the account's currency; raises ``BrokerUnavailable``."""
    symbols = decoded(body, _ExchangeInfo, broker=SPEC.slug, what=_WHAT).symbols
    return master_of(symbols, _is_ours, _row, what=_WHAT)


def master_of(
    symbols: Sequence[_Listed],
    is_ours: Callable[[_Listed], bool],
    row_of: Callable[[_Listed], InstrumentRow],
    *,
    what: str,
) -> Master:
    """Return the rows of what is ours among symbols; raises ``BrokerUnavailable`` where there are none at all."""
    if not symbols:
        raise malformed(SPEC.slug, what, "it lists nothing")
    master = Master([], [])
    for one in filter(is_ours, symbols):
        try:
            master.rows.append(row_of(one))
        except MalformedRow as error:
            master.malformed.append(MalformedLine(0, one.symbol, str(error)))
    return unambiguous(master)


def _is_ours(one: _Symbol) -> bool:
    return one.is_traded and one.isSpotTradingAllowed


def _row(one: _Symbol) -> InstrumentRow:
    return replace(terms_of(one.symbol, one.filters), name=f"{one.baseAsset} in {one.quoteAsset}")


def terms_of(symbol: str, rules: Iterable[Filter]) -> InstrumentRow:
    """Return a spot pair of the steps and sizes its filters say; raises ``MalformedRow``."""
    filters = {entry.filterType: entry for entry in rules}
    tick = _filter(filters, "PRICE_FILTER").tickSize
    lot = _filter(filters, "LOT_SIZE")
    _check(tick, FINEST_PRICE, "the price step")
    _check(lot.stepSize, FINEST_MULTIPLIER, "the quantity step")
    return InstrumentRow(
        exchange=SPOT,
        underlying=symbol,
        kind=Kind.SPOT,
        expiry=None,
        strike=None,
        right=Right.NONE,
        symbol=symbol,
        token=symbol,
        lot_size=_units(lot.minQty, lot.stepSize, "the smallest quantity"),
        tick_size=tick.normalize(),
        freeze_quantity=_units(lot.maxQty, lot.stepSize, "the largest quantity"),
        multiplier=lot.stepSize.normalize(),
    )


def _filter(filters: Mapping[str, Filter], name: str) -> Filter:
    if name not in filters:
        raise MalformedRow(f"it has no {name}")
    return filters[name]


def _check(step: Decimal, finest: Decimal, name: str) -> None:
    if not step.is_finite() or step <= 0 or step % finest:
        raise MalformedRow(f"{name} is none, or finer than the ledger keeps")


def _units(amount: Decimal, step: Decimal, name: str) -> int:
    try:
        units = units_in(amount, step)
    except ValueError:
        raise MalformedRow(f"{name} is no multiple of the step") from None
    if units <= 0:
        raise MalformedRow(f"{name} is none")
    return units
