"""Order calls as Binance wants them: always under our own client order id, numbers as text.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/trading-endpoints
"""

from decimal import Decimal

from brokers.binance.access import Access
from brokers.binance.ids import Named, named
from brokers.binance.spec import SPEC
from brokers.orders import check_placeable, checked_price, counted
from brokers.steps import amount_text
from brokers.transport import WireRequest
from domain.orders import OrderChange, OrderRequest, OrderType, Side, Validity

ORDER_TYPES = {OrderType.LIMIT: "LIMIT", OrderType.SL: "STOP_LOSS_LIMIT"}
VALIDITIES = {Validity.DAY: "GTC", Validity.IOC: "IOC"}
"""Nothing ends with a day there: what rests does so until it is cancelled."""


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of a new order; raises ``ValueError`` for what Binance cannot take."""
    check_placeable(SPEC, request)
    access.check(request.symbol)
    terms = _terms(access, request, symbol=request.symbol, price=request.price, trigger_price=request.trigger_price)
    tag = request.client_order_id
    return access.signed("POST", "order", side=request.side, newClientOrderId=tag, newOrderRespType="ACK", **terms)


def modify_request(access: Access, broker_order_id: str, change: OrderChange) -> WireRequest:
    """Return the request that replaces an order nothing of which is filled by another under the same client order id.

    Raises ``ValueError`` for an order that is not ours, or a change that leaves open what the new order would be.
    """
    order, side = named(broker_order_id), change.side
    if not order.client_order_id or side is None or change.price is None:
        raise ValueError(f"{SPEC.name} replaces an order whole: its client order id, side and price are needed")
    terms = _terms(
        access, change, symbol=order.symbol, price=change.price, trigger_price=change.trigger_price or Decimal(0)
    )
    return access.signed("POST", "order/cancelReplace", **_replacing(order, side), **terms)


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id nobody here gave."""
    order = named(broker_order_id)
    if order.number:
        return access.signed("DELETE", "order", symbol=order.symbol, orderId=order.number)
    tag = order.client_order_id
    return access.signed("DELETE", "order", symbol=order.symbol, origClientOrderId=tag, newClientOrderId=tag)


def _replacing(order: Named, side: Side) -> dict[str, str]:
    tag = order.client_order_id
    return {
        "side": side,
        "cancelReplaceMode": "STOP_ON_FAILURE",
        "cancelRestrictions": "ONLY_NEW",
        "cancelOrigClientOrderId": tag,
        "cancelNewClientOrderId": tag,
        "newClientOrderId": tag,
        "newOrderRespType": "ACK",
    }


def _terms(
    access: Access, order: OrderRequest | OrderChange, *, symbol: str, price: Decimal, trigger_price: Decimal
) -> dict[str, str]:
    if order.order_type not in ORDER_TYPES:
        raise ValueError(f"{SPEC.name} takes no {order.order_type} orders from us")
    terms = {
        "symbol": symbol,
        "type": ORDER_TYPES[order.order_type],
        "timeInForce": VALIDITIES[order.validity],
        "quantity": amount_of(access, symbol, order),
        "price": format(checked_price(price, "price"), "f"),
    }
    if order.order_type is OrderType.SL:
        terms["stopPrice"] = format(checked_price(trigger_price, "trigger_price"), "f")
    return terms


def amount_of(access: Access, symbol: str, order: OrderRequest | OrderChange) -> str:
    """Return a quantity as Binance writes it; raises ``ValueError`` for one that is no whole steps."""
    try:
        return amount_text(counted(SPEC, order), access.step(symbol))
    except LookupError as error:
        raise ValueError(str(error)) from error
