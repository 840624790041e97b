"""Polled quotes and searches in our words. Pure.

Of a quote the platform shows prices of trades in rupees, but bid and ask in paise; the day's band and the open interest
stand in the contract's facts, which are asked for as well.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from brokers.lots import LotSizeOf, units_per_count
from brokers.mastertrust.answers import BROKER
from brokers.mastertrust.instruments import token_of
from brokers.mastertrust.rows import epoch
from brokers.mastertrust.spec import SPEC
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow
from domain.broker import Quote

Key = tuple[str, str]
Data = bytes | msgspec.Raw

_INDEX = "_INDEX"
_PAISE = Decimal(100)
_MARKETS = {
    "NSE": "NSE/Capital",
    "BSE": "BSE/Capital",
    "NFO": "NSE/FutOpt",
    "BFO": "BSE/FutOpt",
    "MCX": "MCX/FutOpt",
}


class _Market(msgspec.Struct):
    last_trade_price: Decimal
    close_price: Decimal = Decimal(0)
    bid_price: Decimal = Decimal(0)
    ask_price: Decimal = Decimal(0)
    bid_qty: int = 0
    ask_qty: int = 0
    trade_volume: int = 0
    exchange_timestamp: int = 0


class _Facts(msgspec.Struct):
    higher_circuit_limit: Decimal | None = None
    lower_circuit_limit: Decimal | None = None
    open_interest: int = 0


class _Found(msgspec.Struct):
    token: int | str
    exchange: str
    trading_symbol: str


def exchange_of(key: Key) -> str:
    """Return where a key's contract is listed at the broker: an index is one of its exchange's."""
    return key[0].removesuffix(_INDEX)


def market_path(exchange: str) -> str:
    """Return the address of an exchange's quotes; raises ``KeyError`` for one the broker does not have."""
    return f"/marketdata/{_MARKETS[exchange]}"


def found_number(data: Data, key: Key) -> str:
    """Return the number a search shows for exactly this contract, "" for none; raises ``BrokerUnavailable``."""
    rows = decoded(data, list[_Found], broker=BROKER, what="search")
    wanted = (exchange_of(key), key[1])
    return next((str(one.token) for one in rows if (one.exchange, one.trading_symbol) == wanted), "")


def quote_of(market: Data, facts: Data, key: Key, number: str, lot_size_of: LotSizeOf) -> Quote | None:
    """Return a quote in rupees and units; ``None`` before the first price of the day.

    Raises ``BrokerUnavailable`` for a malformed answer.
    """
    shown = decoded(market, _Market, broker=BROKER, what="quote", strict=False)
    day = decoded(facts, _Facts, broker=BROKER, what="quote", strict=False)
    if not shown.last_trade_price:
        return None
    try:
        return _quote(shown, day, key, number, units_per_count(SPEC, *key, lot_size_of), _time(shown))
    except (MalformedRow, LookupError) as error:
        raise malformed(BROKER, "quote", error) from error


def _quote(shown: _Market, day: _Facts, key: Key, number: str, units: int, at: datetime | None) -> Quote:
    return Quote(
        exchange=key[0],
        symbol=key[1],
        token=token_of(exchange_of(key), number),
        last_price=shown.last_trade_price,
        bid=shown.bid_price / _PAISE,
        ask=shown.ask_price / _PAISE,
        bid_quantity=shown.bid_qty * units,
        ask_quantity=shown.ask_qty * units,
        volume=shown.trade_volume * units,
        open_interest=day.open_interest * units,
        close=shown.close_price,
        lower_band=day.lower_circuit_limit or None,
        upper_band=day.higher_circuit_limit or None,
        exchange_at=at,
    )


def _time(shown: _Market) -> datetime | None:
    return epoch(shown.exchange_timestamp)
