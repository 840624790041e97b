"""Polled quotes of the futures exchange in our words. Pure.

https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api
"""

from decimal import Decimal

import msgspec

from brokers.binance.ids import FUTURES_MARK
from brokers.binance.rows import at
from brokers.binance.spec import FUTURES, SPEC
from brokers.payloads import decoded
from brokers.rows import MalformedRow, require_price
from brokers.steps import StepOf, checked_step, whole_units
from domain.broker import BrokerUnavailable, Quote

_WHAT = "futures quotes"


class _Day(msgspec.Struct):
    """A row of ``ticker/24hr``, which has no book; ``openPrice`` is that of 24 hours ago."""

    symbol: str
    lastPrice: Decimal
    openPrice: Decimal
    volume: Decimal
    closeTime: int


class _Touch(msgspec.Struct):
    """A row of ``ticker/bookTicker``."""

    symbol: str
    bidPrice: Decimal
    bidQty: Decimal
    askPrice: Decimal
    askQty: Decimal


def quote_of(symbol: str, day: bytes, touch: bytes, step_of: StepOf) -> Quote:
    """Return the quote two answers make, in units; raises ``BrokerUnavailable`` for a malformed one."""
    figures = decoded(day, _Day, broker=SPEC.slug, what=_WHAT)
    best = decoded(touch, _Touch, broker=SPEC.slug, what=_WHAT)
    try:
        if {figures.symbol, best.symbol} != {symbol}:
            raise MalformedRow(f"answers about {figures.symbol} and {best.symbol} to a question about {symbol}")
        return _quote(figures, best, checked_step(step_of, FUTURES, symbol))
    except (MalformedRow, LookupError) as error:
        raise BrokerUnavailable("MALFORMED", f"{SPEC.slug} {_WHAT}: {error}") from error


def _quote(day: _Day, touch: _Touch, step: Decimal) -> Quote:
    for row, names in ((day, ("lastPrice", "openPrice")), (touch, ("bidPrice", "askPrice"))):
        for name in names:
            require_price(getattr(row, name), name)
    return Quote(
        exchange=FUTURES,
        symbol=day.symbol,
        token=f"{FUTURES_MARK}{day.symbol}",
        last_price=day.lastPrice,
        bid=touch.bidPrice,
        ask=touch.askPrice,
        bid_quantity=whole_units(touch.bidQty, step),
        ask_quantity=whole_units(touch.askQty, step),
        volume=whole_units(day.volume, step),
        open_interest=0,
        close=day.openPrice,
        lower_band=None,
        upper_band=None,
        exchange_at=at(day.closeTime),
    )
