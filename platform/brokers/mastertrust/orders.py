"""Order calls, built: what goes on the wire of a place, a modify and a cancel. Pure."""

from decimal import Decimal

from brokers.mastertrust.access import Access
from brokers.mastertrust.spec import SPEC
from brokers.orders import check_placeable, check_words, checked_order_id, checked_price, counted
from brokers.transport import WireRequest
from domain.orders import OrderChange, OrderRequest, OrderType, Product, Side

_ORDER_TYPES = {OrderType.LIMIT: "LIMIT", OrderType.SL: "SL"}

Body = dict[str, str | int | float]


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of an order; raises ``ValueError`` for what the broker cannot take."""
    check_placeable(SPEC, request)
    body = _body(access, request, side=request.side, product=request.product) | {
        **_prices(request.order_type, price=request.price, trigger_price=request.trigger_price),
        "market_protection_percentage": 0,
        "user_order_id": request.client_order_id,
    }
    return access.request("POST", "/orders", json=body)


def modify_request(access: Access, broker_order_id: str, change: OrderChange) -> WireRequest:
    """Return the request of a modification, whose quantity is the order's new total.

    The broker wants all of the order again; raises ``ValueError`` where something is missing.
    """
    if change.side is None or change.product is None or change.price is None:
        raise ValueError("a modification needs the order's side, product and price")
    check_words(SPEC, change.exchange, change.product, change.order_type, change.validity)
    body = _body(access, change, side=change.side, product=change.product) | {
        **_prices(change.order_type, price=change.price, trigger_price=change.trigger_price or Decimal(0)),
        "oms_order_id": checked_order_id(SPEC, broker_order_id),
    }
    return access.request("PUT", "/orders", json=body)


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id the broker cannot have given."""
    return access.request("DELETE", f"/orders/{checked_order_id(SPEC, broker_order_id)}", query=(access.me,))


def _body(access: Access, order: OrderRequest | OrderChange, *, side: Side, product: Product) -> Body:
    return {
        "client_id": access.client_id,
        "exchange": order.exchange,
        "instrument_token": _token(order),
        "order_side": side.value,
        "order_type": _ORDER_TYPES[order.order_type],
        "product": product.value,
        "validity": order.validity.value,
        "quantity": counted(SPEC, order),
        "disclosed_quantity": 0,
    }


def _token(order: OrderRequest | OrderChange) -> str:
    """Return a contract's number; ours carry their exchange along, because numbers are unique there only."""
    exchange, _, number = order.token.rpartition("|")
    if not (number.isascii() and number.isdigit()) or exchange not in ("", order.exchange):
        raise ValueError(f"{order.token!r} is no contract of {order.exchange}")
    return number


def _prices(order_type: OrderType, *, price: Decimal, trigger_price: Decimal) -> Body:
    has_trigger = order_type is OrderType.SL
    trigger = _number(checked_price(trigger_price, "trigger_price")) if has_trigger else 0
    return {"price": _number(checked_price(price, "price")), "trigger_price": trigger}


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
