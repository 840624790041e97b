"""The broker's rows in our words. Pure. A malformed row is refused by name, never guessed."""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import msgspec

from brokers.lots import LotSizeOf, units_per_count
from brokers.mastertrust.answers import BROKER
from brokers.mastertrust.rows import (
    FundsTable,
    HoldingPage,
    HoldingRow,
    OrderPage,
    OrderRow,
    PositionRow,
    StateRow,
    TradePage,
    TradeRow,
    epoch,
    history_time,
    said,
)
from brokers.mastertrust.spec import SPEC
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, mapped, require, require_price, word
from brokers.statuses import status_of
from brokers.texts import plain
from domain.broker import Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderType

Data = bytes | msgspec.Raw

_ORDER_TYPES = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "SL": OrderType.SL,
    "SLM": OrderType.SL_M,
}
_FREE, _USED = "Available", "Margin Used"

_Row = TypeVar("_Row")
_Mapped = TypeVar("_Mapped")


def orders_of(data: Data, lot_size_of: LotSizeOf) -> list[BrokerOrder]:
    """Return one half of the order book, oldest first; the broker lists the newest first."""
    rows = _decoded(data, OrderPage, what="order book").orders
    return _mapped(rows[::-1], lambda row: order_of(row, lot_size_of), what="order book")


def joined(*, pending: Sequence[BrokerOrder], completed: Sequence[BrokerOrder]) -> list[BrokerOrder]:
    """Return the whole book of both halves, the pending one read first.

    An order that ended between the two reads is in both, and the later one counts. Read in this order none is in
    neither: what was pending no more at the first read had ended, and what has ended stays in the second.
    """
    book = {order.broker_order_id: order for order in pending}
    book.update((order.broker_order_id, order) for order in completed)
    return list(book.values())


def fills_of(data: Data, lot_size_of: LotSizeOf) -> list[BrokerFill]:
    """Return the trade book; raises ``BrokerUnavailable`` for anything but whole rows."""
    rows = _decoded(data, TradePage, what="trade book").trades
    return _mapped(rows[::-1], lambda row: fill_of(row, lot_size_of), what="trade book")


def positions_of(data: Data, lot_size_of: LotSizeOf) -> list[BrokerPosition]:
    """Return the net positions; raises ``BrokerUnavailable`` for anything but whole rows."""
    rows = _decoded(data, list[PositionRow], what="positions")
    return _mapped(rows, lambda row: position_of(row, lot_size_of), what="positions")


def holdings_of(data: Data) -> list[Holding]:
    """Return the holdings; raises ``BrokerUnavailable`` for anything but whole rows."""
    return _mapped(_decoded(data, HoldingPage, what="holdings").holdings, _holding, what="holdings")


def history_of(data: Data, booked: BrokerOrder, lot_size_of: LotSizeOf) -> list[BrokerOrder]:
    """Return the states of a booked order, oldest first; the book names its contract, the history does not."""
    rows = _decoded(data, list[StateRow], what="order history")
    return _mapped(rows[::-1], lambda row: state_of(row, booked, lot_size_of), what="order history")


def funds_of(data: Data) -> Funds:
    """Return the rupees of all segments together."""
    table = {row[0]: row[1] for row in _decoded(data, FundsTable, what="funds").values if len(row) > 1}
    free, used = _rupees(table, _FREE), _rupees(table, _USED)
    return Funds(available=free, used=used, total=free + used)


def socket_order(data: Data, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order of a pushed update; raises ``BrokerUnavailable`` for a malformed one."""
    row = _decoded(data, OrderRow, what="order update")
    return _mapped([row], lambda one: order_of(one, lot_size_of), what="order update")[0]


def order_of(row: OrderRow, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order a row shows, in units; raises ``MalformedRow``."""
    for name in ("oms_order_id", "trading_symbol", "exchange", "product"):
        require(getattr(row, name), name)
    for name in ("average_price", "price", "trigger_price"):
        require_price(getattr(row, name), name)
    _check_filled(row.filled_quantity, row.quantity)
    units, order_type = (
        _units(row.exchange, row.trading_symbol, lot_size_of),
        word(row.order_type, _ORDER_TYPES, "order_type"),
    )
    return BrokerOrder(
        broker_order_id=row.oms_order_id,
        client_order_id=_tag(row.user_order_id),
        exchange=row.exchange,
        symbol=row.trading_symbol,
        side=row.order_side,
        quantity=row.quantity * units,
        filled_quantity=row.filled_quantity * units,
        average_price=row.average_price,
        status=status_of(row.order_status, order_type, filled=row.filled_quantity, quantity=row.quantity),
        order_type=order_type,
        price=row.price,
        trigger_price=row.trigger_price,
        product=row.product,
        raw_status=plain(row.order_status),
        reason=plain(said(row.rejection_reason)),
        updated_at=epoch(row.exchange_time, row.order_entry_time),
    )


def state_of(row: StateRow, booked: BrokerOrder, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order at one of its states; raises ``MalformedRow``, also for a state of another order."""
    if (row.order_id, row.exchange) != (booked.broker_order_id, booked.exchange):
        raise MalformedRow(f"a state of order {plain(row.order_id)} on {plain(row.exchange)}")
    for name in ("avg_price", "price", "trigger_price"):
        require_price(getattr(row, name), name)
    _check_filled(row.fill_quantity, row.quantity)
    units, order_type = (
        _units(booked.exchange, booked.symbol, lot_size_of),
        word(row.order_type, _ORDER_TYPES, "order_type"),
    )
    return BrokerOrder(
        broker_order_id=row.order_id,
        client_order_id=_tag(row.client_order_id),
        exchange=row.exchange,
        symbol=booked.symbol,
        side=row.order_side,
        quantity=row.quantity * units,
        filled_quantity=row.fill_quantity * units,
        average_price=row.avg_price,
        status=status_of(row.status, order_type, filled=row.fill_quantity, quantity=row.quantity),
        order_type=order_type,
        price=row.price,
        trigger_price=row.trigger_price,
        product=row.product,
        raw_status=plain(row.status),
        reason=plain(said(row.reject_reason)),
        updated_at=history_time(row.exchange_time),
    )


def fill_of(row: TradeRow, lot_size_of: LotSizeOf) -> BrokerFill:
    """Return the fill a row shows, in units; raises ``MalformedRow``.

    Exchange trade numbers start again every day and on every exchange, so the id carries the order's.
    """
    for name in ("oms_order_id", "trade_number", "exchange", "trading_symbol"):
        require(getattr(row, name), name)
    if row.trade_quantity <= 0:
        raise MalformedRow(f"trade_quantity {row.trade_quantity} is not positive")
    require_price(row.trade_price, "trade_price")
    filled_at = epoch(row.trade_time)
    if filled_at is None:
        raise MalformedRow("the trade has no time")
    return BrokerFill(
        broker_order_id=row.oms_order_id,
        exchange_trade_id=f"{row.oms_order_id}:{row.trade_number}",
        exchange=row.exchange,
        symbol=row.trading_symbol,
        side=row.order_side,
        quantity=row.trade_quantity * _units(row.exchange, row.trading_symbol, lot_size_of),
        price=row.trade_price,
        filled_at=filled_at,
    )


def position_of(row: PositionRow, lot_size_of: LotSizeOf) -> BrokerPosition:
    """Return the position a row shows: signed units. Its ``average_price`` field is yesterday's close, so unused."""
    for name in ("exchange", "trading_symbol", "product"):
        require(getattr(row, name), name)
    for name in ("average_buy_price", "average_sell_price", "ltp", "multiplier"):
        require_price(getattr(row, name), name)
    units = _units(row.exchange, row.trading_symbol, lot_size_of)
    return BrokerPosition(
        exchange=row.exchange,
        symbol=row.trading_symbol,
        product=row.product,
        quantity=row.net_quantity * units,
        average_price=_average(row),
        last_price=row.ltp,
        multiplier=row.multiplier / units,
    )


def _average(row: PositionRow) -> Decimal:
    if row.net_quantity == 0:
        return Decimal(0)
    return row.average_buy_price if row.net_quantity > 0 else row.average_sell_price


def _holding(row: HoldingRow) -> Holding:
    symbol = row.instrument_details.trading_symbol if row.instrument_details else row.trading_symbol
    for name, text in (("trading_symbol", symbol), ("exchange", row.exchange)):
        require(text, name)
    for name in ("buy_avg", "ltp"):
        require_price(getattr(row, name), name)
    return Holding(
        exchange=row.exchange,
        symbol=symbol,
        quantity=row.quantity,
        pledged=row.collateral_quantity,
        average_price=row.buy_avg,
        last_price=row.ltp,
    )


def _check_filled(filled: int, quantity: int) -> None:
    if quantity <= 0 or not 0 <= filled <= quantity:
        raise MalformedRow(f"filled quantity {filled} is not within {quantity}")


def _tag(shown: str | int | None) -> str:
    return "" if shown is None else plain(said(str(shown)))


def _rupees(table: dict[str, str], name: str) -> Decimal:
    try:
        amount = Decimal(table[name])
    except (KeyError, InvalidOperation):
        raise malformed(BROKER, "funds", f"{name!r} is missing or no amount") from None
    if not amount.is_finite():
        raise malformed(BROKER, "funds", f"{name!r} is no amount")
    return amount


def _decoded(data: Data, kind: type[_Row], *, what: str) -> _Row:
    return decoded(data, kind, broker=BROKER, what=what, strict=False)


def _mapped(rows: Sequence[_Row], convert: Callable[[_Row], _Mapped], *, what: str) -> list[_Mapped]:
    return mapped(rows, convert, broker=BROKER, what=what)


def _units(exchange: str, symbol: str, lot_size_of: LotSizeOf) -> int:
    return units_per_count(SPEC, exchange, symbol, lot_size_of)
