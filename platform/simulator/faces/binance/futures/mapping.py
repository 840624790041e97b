"""The exchange's orders, executions and positions as rows of the futures exchange."""

from decimal import Decimal
from typing import Any

from domain.orders import Side
from simulator.exchange.types import ClientOrder, ClientPosition, ClientTrade
from simulator.faces.binance.futures.listings import priced, sized
from simulator.faces.binance.futures.manner import manner_of
from simulator.faces.binance.listings import QUOTE
from simulator.faces.binance.mapping import status_of, worth
from simulator.faces.binance.wire import EIGHT, stamp

LEVERAGE = 20
_TEN_THOUSANDTH = Decimal("0.0001")


def order_row(order: ClientOrder) -> dict[str, Any]:
    """Return a row of ``openOrders`` and ``allOrders``."""
    return {
        **outline(order),
        "avgPrice": averaged(order),
        "cumQuote": money(worth(order)),
        "time": stamp(order.placed_at),
    }


def outline(order: ClientOrder) -> dict[str, Any]:
    """Return what every row and every answer to an order call has."""
    listing, manner = order.listing, manner_of(order.variety)
    return {
        "orderId": int(order.order_id),
        "symbol": listing.symbol,
        "status": status_of(order),
        "clientOrderId": order.tag,
        "price": "0" if manner.kind == "MARKET" else priced(order.price, listing),
        "origQty": sized(order.quantity, listing),
        "executedQty": sized(order.filled_quantity, listing),
        "timeInForce": manner.lasts,
        "type": manner.kind,
        "reduceOnly": manner.reduces,
        "closePosition": False,
        "side": order.side.value,
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": manner.kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "updateTime": stamp(order.updated_at),
    }


def answer(order: ClientOrder) -> dict[str, Any]:
    """Return what an order call says of an order that it was about."""
    return {
        **outline(order),
        "cumQty": sized(order.filled_quantity, order.listing),
        "cumQuote": money(worth(order)),
        "avgPrice": averaged(order),
    }


def acknowledged(order: ClientOrder) -> dict[str, Any]:
    """Return what is said of a new order before it has traded."""
    nothing = sized(0, order.listing)
    untouched = {"status": "NEW", "executedQty": nothing, "cumQty": nothing, "cumQuote": "0", "avgPrice": "0.00"}
    return {**outline(order), **untouched}


def averaged(order: ClientOrder) -> str:
    """Return the average price, with a few decimals more than prices have."""
    return format(order.average_price.quantize(order.listing.tick_size * _TEN_THOUSANDTH), "f")


def money(value: Decimal) -> str:
    """Return an amount of the currency without needless noughts."""
    return format(value.normalize(), "f") if value else "0"


def trade_row(trade: ClientTrade) -> dict[str, Any]:
    """Return a row of ``userTrades``; nobody here pays a commission."""
    quantity = trade.quantity * trade.listing.multiplier
    return {
        "symbol": trade.listing.symbol,
        "id": int(trade.trade_id),
        "orderId": int(trade.order_id),
        "side": trade.side.value,
        "price": priced(trade.price, trade.listing),
        "qty": sized(trade.quantity, trade.listing),
        "realizedPnl": "0",
        "quoteQty": money(quantity * trade.price),
        "commission": "0",
        "commissionAsset": QUOTE,
        "time": stamp(trade.filled_at),
        "positionSide": "BOTH",
        "maker": False,
        "buyer": trade.side is Side.BUY,
    }


def position_row(position: ClientPosition, *, at: int) -> dict[str, Any]:
    """Return a row of ``positionRisk``; the mark price is the last one."""
    listing, notional = position.listing, position.quantity * position.listing.multiplier * position.last_price
    bound = abs(notional) / LEVERAGE
    return {
        "symbol": listing.symbol,
        "positionSide": "BOTH",
        "positionAmt": sized(position.quantity, listing),
        "entryPrice": money(position.average_price.quantize(EIGHT)),
        "breakEvenPrice": money(position.average_price.quantize(EIGHT)),
        "markPrice": format(position.last_price, ".8f"),
        "unRealizedProfit": format(position.unrealised, ".8f"),
        "liquidationPrice": "0",
        "isolatedMargin": "0",
        "notional": format(notional, ".8f"),
        "marginAsset": QUOTE,
        "isolatedWallet": "0",
        "initialMargin": format(bound, ".8f"),
        "maintMargin": format(bound / 2, ".8f"),
        "positionInitialMargin": format(bound, ".8f"),
        "openOrderInitialMargin": "0",
        "adl": 1,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": at,
    }
