"""Order calls as Upstox wants them. https://upstox.com/developer/api-documentation/v3/place-order/

Quantities are units. One order is one order: slicing above the freeze quantity is never asked for.
"""

from decimal import Decimal

from brokers.orders import check_placeable, check_words, checked_order_id, checked_price, counted
from brokers.transport import WireRequest
from brokers.upstox.access import Access
from brokers.upstox.names import checked_key, wire_product
from brokers.upstox.spec import SPEC
from domain.orders import OrderChange, OrderRequest, OrderType

_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
_TRIGGERED = frozenset({OrderType.SL, OrderType.SL_M})
_AUTOMATIC_PROTECTION = -1
"""Upstox turns MARKET and SL-M into limits within its own band; without one they are refused since April 2026."""

Body = dict[str, str | int | float | bool]


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of an order; raises ``ValueError`` for what Upstox cannot take."""
    check_placeable(SPEC, request)
    body: Body = {
        "instrument_token": checked_key(request.token, request.exchange),
        "transaction_type": request.side.value,
        "quantity": counted(SPEC, request),
        "product": wire_product(request.product),
        "validity": request.validity.value,
        "tag": request.client_order_id,
        "disclosed_quantity": 0,
        "is_amo": False,
        "slice": False,
        **_pricing(request.order_type, price=request.price, trigger_price=request.trigger_price),
    }
    return access.order("POST", "/v3/order/place", json=body)


def modify_request(access: Access, broker_order_id: str, change: OrderChange) -> WireRequest:
    """Return the request of a modification; raises ``ValueError`` for what Upstox cannot take.

    It wants the prices an order type has at every modification.
    """
    check_words(SPEC, change.exchange, change.order_type, change.validity)
    body: Body = {
        "order_id": checked_order_id(SPEC, broker_order_id),
        "quantity": counted(SPEC, change),
        "validity": change.validity.value,
        **_pricing(change.order_type, price=change.price, trigger_price=change.trigger_price),
    }
    return access.order("PUT", "/v3/order/modify", json=body)


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id Upstox cannot have given."""
    query = (("order_id", checked_order_id(SPEC, broker_order_id)),)
    return access.order("DELETE", "/v3/order/cancel", query=query)


def _pricing(order_type: OrderType, *, price: Decimal | None, trigger_price: Decimal | None) -> Body:
    pricing: Body = {
        "order_type": order_type.value,
        "price": _rupees(price, "price") if order_type in _PRICED else 0,
        "trigger_price": _rupees(trigger_price, "trigger_price") if order_type in _TRIGGERED else 0,
    }
    return pricing if order_type in _PRICED else pricing | {"market_protection": _AUTOMATIC_PROTECTION}


def _rupees(value: Decimal | None, name: str) -> float:
    if value is None:
        raise ValueError(f"Upstox takes no {name} for granted")
    return float(checked_price(value, name))
