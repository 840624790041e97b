"""The exchange's orders and executions as Binance's rows."""

from decimal import Decimal
from typing import Any

from domain.instruments import Exchange
from domain.orders import Side, Validity
from simulator.exchange.types import ClientOrder, ClientTrade, OrderState
from simulator.faces.binance.wire import stamp

_MARKET = frozenset({"MARKET", "STOP_LOSS"})
_ANNOUNCED = frozenset({"NEW", "CANCELED", "EXPIRED"})
_ZERO = Decimal(0)


def status_of(order: ClientOrder) -> str:
    """Return Binance's word for an order's state."""
    if order.state is OrderState.COMPLETE:
        return "FILLED"
    if order.state is OrderState.REJECTED:
        return "REJECTED"
    if order.state is OrderState.CANCELLED:
        return "EXPIRED" if order.validity is Validity.IOC else "CANCELED"
    return "PARTIALLY_FILLED" if order.filled_quantity else "NEW"


def happened(order: ClientOrder) -> str:
    """Return Binance's word for what last became of an order: a trade, unless its status tells."""
    status = status_of(order)
    return status if status in _ANNOUNCED else "TRADE"


def order_row(order: ClientOrder) -> dict[str, Any]:
    """Return a row of ``openOrders`` and ``allOrders``."""
    placed, updated = stamp(order.placed_at), stamp(order.updated_at)
    return {
        **outline(order),
        "stopPrice": order.trigger_price,
        "icebergQty": _ZERO,
        "time": placed,
        "updateTime": updated,
        "isWorking": is_working(order),
        "workingTime": updated if is_working(order) else -1,
    }


def report(order: ClientOrder) -> dict[str, Any]:
    """Return what an order call says of an order in full."""
    return {**outline(order), "transactTime": stamp(order.updated_at)}


def outline(order: ClientOrder) -> dict[str, Any]:
    """Return what every row and report has."""
    step = order.listing.multiplier
    return {
        "symbol": order.listing.symbol,
        "orderId": int(order.order_id),
        "orderListId": -1,
        "clientOrderId": order.tag,
        "price": _ZERO if order.variety in _MARKET else order.price,
        "origQty": order.quantity * step,
        "executedQty": order.filled_quantity * step,
        "origQuoteOrderQty": _ZERO,
        "cummulativeQuoteQty": worth(order),
        "status": status_of(order),
        "timeInForce": "IOC" if order.validity is Validity.IOC else "GTC",
        "type": order.variety,
        "side": order.side.value,
        "selfTradePreventionMode": "NONE",
    }


def worth(order: ClientOrder) -> Decimal:
    """Return what an order's executions came to."""
    return order.filled_quantity * order.listing.multiplier * order.average_price


def is_working(order: ClientOrder) -> bool:
    """Say whether an order is, or was, in the book; a stop that waits is not."""
    return order.state is not OrderState.TRIGGER_PENDING


def pair_and_number(trade: ClientTrade) -> str:
    """Return what names an execution: its number is one within its pair only, and both markets have the same pairs."""
    market = "UM:" if trade.listing.exchange == Exchange.BINANCE_UM else ""
    return f"{market}{trade.listing.symbol}:{trade.trade_id}"


def trade_row(trade: ClientTrade) -> dict[str, Any]:
    """Return a row of ``myTrades``; fees are taken in BNB, of which everybody here has enough."""
    quantity = trade.quantity * trade.listing.multiplier
    return {
        "symbol": trade.listing.symbol,
        "id": int(trade.trade_id),
        "orderId": int(trade.order_id),
        "orderListId": -1,
        "price": trade.price,
        "qty": quantity,
        "quoteQty": quantity * trade.price,
        "commission": _ZERO,
        "commissionAsset": "BNB",
        "time": stamp(trade.filled_at),
        "isBuyer": trade.side is Side.BUY,
        "isMaker": False,
        "isBestMatch": True,
    }


def fill(trade: ClientTrade) -> dict[str, Any]:
    """Return an execution as the full reply to a new order lists it."""
    row = trade_row(trade)
    return {**{name: row[name] for name in ("price", "qty", "commission", "commissionAsset")}, "tradeId": row["id"]}
