"""Alice Blue's rows as they are decoded, in its own names; what is not shown is ``null``, empty or left out."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from brokers.rows import MalformedRow
from domain.clock import IST

_FORMS = (
    "%Y-%m-%d %H:%M:%S",
    "%d-%b-%Y %H:%M:%S",
    "%H:%M:%S %d-%m-%Y",
    "%d-%m-%Y %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
)
_ZERO = Decimal(0)


class OrderRow(msgspec.Struct, rename="camel"):
    """One row of the order book or of an order's history."""

    broker_order_id: str
    order_status: str
    exchange: str
    trading_symbol: str
    transaction_type: str
    order_type: str
    product: str
    quantity: int
    price: Decimal
    filled_quantity: int
    formatted_instrument_name: str | None = None
    average_traded_price: Decimal = _ZERO
    sl_trigger_price: Decimal = _ZERO
    order_tag: str | None = None
    rejection_reason: str | None = None
    order_time: str | None = None
    exchange_update_time: str | None = None
    broker_update_time: str | None = None


class TradeRow(msgspec.Struct, rename="camel"):
    """One row of the trade book."""

    broker_order_id: str
    exchange_trade_id: str
    exchange: str
    trading_symbol: str
    transaction_type: str
    filled_quantity: int
    traded_price: Decimal
    formatted_instrument_name: str | None = None
    fill_timestamp: str | None = None
    order_time: str | None = None


class PositionRow(msgspec.Struct, rename="camel"):
    """One row of the positions; ``lotsize`` is a lot in counted quantities."""

    exchange: str
    trading_symbol: str
    product: str
    net_quantity: int
    net_average_price: Decimal
    multiplier: Decimal
    lotsize: Decimal = Decimal(1)


class HoldingRow(msgspec.Struct, rename="camel"):
    """One row of the holdings, listed on one exchange or on both."""

    nse_trading_symbol: str | None = None
    bse_trading_symbol: str | None = None
    average_traded_price: Decimal = _ZERO
    ltp: Decimal = _ZERO
    total_quantity: int = 0
    dp_quantity: int = 0
    t1_quantity: int = 0
    collateral_quantity: int = 0


class LimitsRow(msgspec.Struct, rename="camel"):
    """The money of all segments."""

    opening_cash_limit: Decimal
    utilized_margin: Decimal
    intraday_payin: Decimal = _ZERO
    blocked_for_payout: Decimal = _ZERO


def symbol_of(trading_symbol: str, formatted: str | None) -> str:
    """Return the trading symbol; samples of the order book show it without its series (``ACC`` for ``ACC-EQ``)."""
    longer = f"{trading_symbol}-EQ"
    return longer if formatted == longer else trading_symbol


def first_time(*texts: str | None) -> datetime | None:
    """Return the first one shown of IST times, in UTC; ``None`` where none is.

    Raises ``MalformedRow`` for a text that is no time.
    """
    shown = next((text.strip() for text in texts if text and text.strip(" -")), None)
    return None if shown is None else moment(shown)


def moment(text: str) -> datetime:
    """Return an IST time in UTC, in any of the forms that samples have; raises ``MalformedRow``."""
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=IST).astimezone(UTC)
        except ValueError:
            continue
    raise MalformedRow(f"{text!r} is not a time")
