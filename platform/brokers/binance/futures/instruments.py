"""The futures exchange's contracts: ``GET /fapi/v1/exchangeInfo``. Pure.

https://developers.binance.com/docs/derivatives/usds-margined-futures/common-definition
"""

import re
from dataclasses import replace

import msgspec

from brokers.binance.ids import FUTURES_MARK
from brokers.binance.instruments import Filter, terms_of
from brokers.binance.spec import FUTURES, SPEC
from brokers.masters import MalformedLine, Master, unambiguous
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow
from domain.broker import InstrumentRow
from domain.instruments import Kind

_WHAT = "futures master"
_LIMIT = "LIMIT"
_PERPETUAL = "PERPETUAL"
_SYMBOL = re.compile(r"[A-Z0-9]{2,20}", re.ASCII)
"""What orders can be named by: a few contracts are called in other alphabets."""


class _Contract(msgspec.Struct):
    symbol: str
    status: str
    contractType: str
    baseAsset: str
    quoteAsset: str
    marginAsset: str
    orderTypes: list[str]
    filters: list[Filter]


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Contract]


def parse_master(body: bytes) -> Master:
    """Return the perpetual contracts in the account's currency; raises ``BrokerUnavailable``."""
    contracts = decoded(body, _ExchangeInfo, broker=SPEC.slug, what=_WHAT).symbols
    if not contracts:
        raise malformed(SPEC.slug, _WHAT, "it lists nothing")
    master = Master([], [])
    for one in filter(_is_ours, contracts):
        try:
            master.rows.append(_row(one))
        except MalformedRow as error:
            master.malformed.append(MalformedLine(0, one.symbol, str(error)))
    return unambiguous(master)


def _is_ours(one: _Contract) -> bool:
    is_trading = one.status == "TRADING" and one.contractType == _PERPETUAL and _LIMIT in one.orderTypes
    is_in_currency = one.quoteAsset == one.marginAsset == SPEC.currency
    return is_trading and is_in_currency and one.symbol == f"{one.baseAsset}{one.quoteAsset}"


def _row(one: _Contract) -> InstrumentRow:
    if not _SYMBOL.fullmatch(one.symbol):
        raise MalformedRow("its symbol is not of letters and digits")
    row = terms_of(one.symbol, one.filters)
    name = f"{one.baseAsset} perpetual in {one.quoteAsset}"
    return replace(row, exchange=FUTURES, kind=Kind.PERPETUAL, token=f"{FUTURES_MARK}{one.symbol}", name=name)
