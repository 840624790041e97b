"""The futures exchange's contracts: ``GET /fapi/v1/exchangeInfo``. Pure.

https://developers.binance.com/docs/derivatives/usds-margined-futures/common-definition
"""

import re
from dataclasses import replace

import msgspec

from brokers.binance.ids import FUTURES_MARK
from brokers.binance.instruments import Listed, master_of, terms_of
from brokers.binance.spec import FUTURES, SPEC
from brokers.masters import Master
from brokers.payloads import decoded
from brokers.rows import MalformedRow
from domain.broker import InstrumentRow
from domain.instruments import Kind

_WHAT = "futures master"
_PERPETUAL = "PERPETUAL"
_SYMBOL = re.compile(r"[A-Z0-9]{2,20}", re.ASCII)
"""What orders can be named by: a few contracts are called in other alphabets."""


class _Contract(Listed, kw_only=True):
    contractType: str
    marginAsset: str


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Contract]


def parse_master(body: bytes) -> Master:
    """Return the perpetual contracts in the account's currency; raises ``BrokerUnavailable``."""
    contracts = decoded(body, _ExchangeInfo, broker=SPEC.slug, what=_WHAT).symbols
    return master_of(contracts, _is_ours, _row, what=_WHAT)


def _is_ours(one: _Contract) -> bool:
    return one.is_traded and one.contractType == _PERPETUAL and one.marginAsset == SPEC.currency


def _row(one: _Contract) -> InstrumentRow:
    if not _SYMBOL.fullmatch(one.symbol):
        raise MalformedRow("its symbol is not of letters and digits")
    row = terms_of(one.symbol, one.filters)
    name = f"{one.baseAsset} perpetual in {one.quoteAsset}"
    return replace(row, exchange=FUTURES, kind=Kind.PERPETUAL, token=f"{FUTURES_MARK}{one.symbol}", name=name)
