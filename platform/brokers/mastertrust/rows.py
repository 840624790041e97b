"""Rows of the broker's books as they are decoded: prices come as strings and as numbers, times as epoch seconds."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from brokers.rows import MalformedRow
from domain.clock import IST
from domain.orders import Side

_HISTORY_TIME = "%d-%b-%Y %H:%M:%S"
_NOTHING = frozenset({"", "--", "NA"})
"""What stands where there is nothing to say."""


class OrderRow(msgspec.Struct):
    """One row of either half of the order book, or of an update on the socket."""

    oms_order_id: str
    order_status: str
    exchange: str
    trading_symbol: str
    order_side: Side
    order_type: str
    product: str
    quantity: int
    filled_quantity: int
    price: Decimal
    average_price: Decimal = Decimal(0)
    trigger_price: Decimal = Decimal(0)
    instrument_token: str | int = ""
    user_order_id: str | int | None = None
    rejection_reason: str | None = None
    exchange_time: int | None = None
    order_entry_time: int | None = None


class StateRow(msgspec.Struct):
    """One state of an order's history, which names the contract by its number only."""

    order_id: str
    status: str
    exchange: str
    token: str | int
    order_side: Side
    order_type: str
    product: str
    quantity: int
    fill_quantity: int
    price: Decimal
    avg_price: Decimal = Decimal(0)
    trigger_price: Decimal = Decimal(0)
    client_order_id: str | int | None = None
    reject_reason: str | None = None
    exchange_time: str | None = None


class TradeRow(msgspec.Struct):
    """One row of the trade book."""

    oms_order_id: str
    trade_number: str
    exchange: str
    trading_symbol: str
    order_side: Side
    trade_quantity: int
    trade_price: Decimal
    trade_time: int


class PositionRow(msgspec.Struct):
    """One row of the netwise position book."""

    exchange: str
    trading_symbol: str
    product: str
    net_quantity: int
    average_buy_price: Decimal
    average_sell_price: Decimal
    ltp: Decimal
    multiplier: Decimal


class Named(msgspec.Struct):
    """The contract of a holding."""

    trading_symbol: str


class HoldingRow(msgspec.Struct):
    """One delivered security."""

    exchange: str
    trading_symbol: str
    quantity: int
    buy_avg: Decimal
    ltp: Decimal
    collateral_quantity: int = 0
    instrument_details: Named | None = None


class OrderPage(msgspec.Struct):
    """Half of the order book."""

    orders: list[OrderRow]


class TradePage(msgspec.Struct):
    """The trade book."""

    trades: list[TradeRow]


class HoldingPage(msgspec.Struct):
    """The holdings."""

    holdings: list[HoldingRow]


class FundsTable(msgspec.Struct):
    """Rows of a name and a text for each header behind the first."""

    headers: list[str]
    values: list[list[str]]


def said(text: str | None) -> str:
    """Return a text, "" where the broker writes that there is none."""
    return "" if text is None or text.strip() in _NOTHING else text


def epoch(*seconds: int | None) -> datetime | None:
    """Return the first of some times that is one; raises ``MalformedRow`` for a number no clock shows."""
    told = next((one for one in seconds if one), None)
    try:
        return None if told is None else datetime.fromtimestamp(told, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise MalformedRow(f"{told} is not a time in seconds") from None


def history_time(text: str | None) -> datetime | None:
    """Return a state's time in UTC, ``28-Mar-2025 10:22:17`` in India; ``None`` before the exchange has the order."""
    shown = said(text)
    try:
        return datetime.strptime(shown, _HISTORY_TIME).replace(tzinfo=IST).astimezone(UTC) if shown else None
    except ValueError:
        raise MalformedRow(f"exchange_time {text!r} is not like 28-Mar-2025 10:22:17") from None
