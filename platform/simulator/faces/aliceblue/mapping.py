"""The exchange's objects in Alice Blue's words: the keys and units of the recorded replies."""

from decimal import Decimal
from typing import Any

from domain.instruments import Kind
from domain.orders import OrderType, Product
from simulator.exchange.types import ClientOrder, ClientPosition, ClientTrade, Margins, OrderState
from simulator.faces.aliceblue.wire import Row, stamp
from simulator.faces.noren.names import token_of, trading_symbol, unit
from simulator.market.types import Listing

_S = OrderState
_STATES = {
    **dict.fromkeys((_S.RECEIVED, _S.VALIDATION_PENDING, _S.OPEN_PENDING, _S.CANCEL_PENDING), "PENDING"),
    **dict.fromkeys((_S.MODIFY_VALIDATION_PENDING, _S.MODIFY_PENDING), "PENDING"),
    _S.TRIGGER_PENDING: "TRIGGER_PENDING",
    _S.OPEN: "OPEN",
    _S.MODIFIED: "OPEN",
    _S.COMPLETE: "COMPLETE",
    _S.CANCELLED: "CANCELLED",
    _S.REJECTED: "REJECTED",
}
_PRODUCTS = {Product.MIS: "INTRADAY", Product.CNC: "LONGTERM", Product.NRML: "NORMAL"}
_POSITION_PRODUCTS = {Product.MIS: "MIS", Product.CNC: "CNC", Product.NRML: "NRML"}
_TYPES = {OrderType.LIMIT: "LIMIT", OrderType.MARKET: "MARKET", OrderType.SL: "SL", OrderType.SL_M: "SLM"}
_NO_TAG = "--"


def order_row(order: ClientOrder, *, in_book: bool) -> Row:
    """Return an order as the book shows it, or its history: in the book a stock's name lacks its series."""
    per = unit(order.listing)
    short = order.listing.symbol if in_book and order.listing.kind is Kind.EQUITY else trading_symbol(order.listing)
    return {
        "clientId": order.client,
        "placedBy": order.client,
        "brokerOrderId": order.order_id,
        "exchange": order.listing.exchange.value,
        "exchangeOrderId": order.exchange_order_id,
        "formattedInstrumentName": trading_symbol(order.listing),
        "tradingSymbol": short,
        "instrumentId": token_of(order.listing),
        "transactionType": order.side.value,
        "quantity": order.quantity // per,
        "product": _PRODUCTS[order.product],
        "orderComplexity": "REGULAR",
        "orderType": _TYPES[order.order_type],
        "price": order.price,
        "averageTradedPrice": order.average_price,
        "slTriggerPrice": order.trigger_price,
        "validity": order.validity.value,
        "disclosedQuantity": order.disclosed_quantity // per,
        "orderTime": stamp(order.placed_at),
        "exchangeUpdateTime": stamp(order.exchange_at),
        "rejectionReason": order.message if order.state is _S.REJECTED else "",
        "mainLegOrderId": "",
        "cancelledQuantity": order.cancelled_quantity // per,
        "pendingQuantity": order.pending_quantity // per,
        "filledQuantity": order.filled_quantity // per,
        "appKey": "",
        "algoId": "",
        "source": "API",
        "orderTag": order.tag,
        "trailingSlAmount": 0,
        "brokerUpdateTime": stamp(order.updated_at),
        "marketProtectionPercent": "",
        "exchangeTimestamp": stamp(order.exchange_at),
        "orderStatus": _STATES[order.state],
    }


def trade_row(trade: ClientTrade, order: ClientOrder) -> Row:
    """Return an execution."""
    return {
        "clientId": trade.client,
        "placedBy": trade.client,
        "brokerOrderId": trade.order_id,
        "exchangeOrderId": trade.exchange_order_id,
        "exchangeTradeId": trade.trade_id,
        "formattedInstrumentName": trade.listing.name or trade.listing.symbol,
        "tradingSymbol": trading_symbol(trade.listing),
        "instrumentId": token_of(trade.listing),
        "exchange": trade.listing.exchange.value,
        "transactionType": trade.side.value,
        "product": _PRODUCTS[trade.product],
        "orderComplexity": "REGULAR",
        "orderType": _TYPES[order.order_type],
        "validity": order.validity.value,
        "tradedPrice": trade.price,
        "filledQuantity": trade.quantity // unit(trade.listing),
        "orderTime": stamp(order.placed_at),
        "fillTimestamp": stamp(trade.filled_at),
        "orderTag": order.tag or _NO_TAG,
        "algoId": "",
    }


def position_row(position: ClientPosition) -> Row:
    """Return a position; ``multiplier`` is the rupees one counted quantity gains when the price rises by 1."""
    listing = position.listing
    per = unit(listing)
    return {
        "instrumentId": token_of(listing),
        "tradingSymbol": trading_symbol(listing),
        "formattedInstrumentName": trading_symbol(listing),
        "exchange": listing.exchange.value,
        "product": _POSITION_PRODUCTS[position.product],
        "netQuantity": position.quantity // per,
        "netAveragePrice": position.average_price,
        "overnightQuantity": position.overnight_quantity // per,
        "overnightPrice": 0.0,
        "buyQuantity": position.buy_quantity // per,
        "sellQuantity": position.sell_quantity // per,
        "daySellQuantity": position.day_sell_quantity // per,
        "dayBuyQuantity": position.day_buy_quantity // per,
        "dayBuyPrice": _average(position.day_buy_value, position.day_buy_quantity, listing),
        "daySellPrice": _average(position.day_sell_value, position.day_sell_quantity, listing),
        "multiplier": listing.multiplier * per,
        "lotsize": listing.lot_size // per,
        "ticksize": listing.tick_size,
        "previousDayClose": None,
        "realizedPnl": position.realised,
        "buyPrice": 0,
        "sellPrice": 0.0,
        "dayBuyValue": position.day_buy_value,
        "daySellValue": position.day_sell_value,
        "validity": "",
    }


def limits_row(margins: Margins) -> Row:
    """Return the funds; what is used counts profits and losses in, so that the rest is free."""
    return {
        "tradingLimit": margins.available,
        "openingCashLimit": margins.cash,
        "intradayPayin": 0,
        "collateralMargin": 0,
        "creditForSell": 0,
        "adhocMargin": 0,
        "utilizedMargin": margins.cash - margins.available,
        "blockedForPayout": 0,
        "utilizedSpanMargin": margins.span,
        "utilizedExposureMargin": margins.exposure,
    }


def margin_row(needed: Decimal, margins: Margins) -> Row:
    """Return what orders would need, amounts as text."""
    short = max(needed - margins.available, Decimal(0))
    return {
        "status": "Ok",
        "message": "Success",
        "totalCashAvailable": f"{margins.available:.2f}",
        "preOrderMargin": f"{margins.used:.2f}",
        "postOrderMargin": f"{margins.used + needed:.2f}",
        "currentOrderMargin": f"{needed:.2f}",
        "rmsValidationCheck": "",
        "fundShort": f"{short:.2f}" if short else "",
    }


def _average(value: Decimal, quantity: int, listing: Listing) -> Any:
    return round(value / (quantity * listing.multiplier), 2) if quantity else 0.0
