"""Order calls as Fyers wants them: JSON, one endpoint for all, the order's id in the body."""

from decimal import Decimal

from brokers.fyers.access import Access
from brokers.fyers.spec import SPEC
from brokers.fyers.words import ORDER_TYPES, PRODUCTS, SIDES, UNTAGGED, VALIDITIES
from brokers.orders import check_placeable, check_words, checked_order_id, checked_price, counted
from brokers.transport import WireRequest
from domain.orders import OrderChange, OrderRequest, OrderType

_ORDERS = "/orders/sync"
_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
_TRIGGERED = frozenset({OrderType.SL, OrderType.SL_M})

Fields = dict[str, str | int | float | bool]


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of an order; raises ``ValueError`` for what Fyers cannot take."""
    check_placeable(SPEC, request)
    tag = request.client_order_id
    if tag.lower() in (UNTAGGED.lower(), access.client_id.lower()):
        raise ValueError(f"client_order_id {tag!r} is no tag to Fyers")
    fields = {
        **order_fields(request),
        "validity": VALIDITIES[request.validity],
        "disclosedQty": 0,
        "offlineOrder": False,
        "orderTag": tag,
    }
    return access.call("POST", _ORDERS, json=fields)


def order_fields(request: OrderRequest) -> Fields:
    """Return what says which order it is; raises ``ValueError``."""
    return {
        "symbol": request.symbol,
        "qty": counted(SPEC, request),
        "type": ORDER_TYPES[request.order_type],
        "side": SIDES[request.side],
        "productType": PRODUCTS[request.product],
        "limitPrice": _price(request.price, "price") if request.order_type in _PRICED else 0,
        "stopPrice": _price(request.trigger_price, "trigger_price") if request.order_type in _TRIGGERED else 0,
    }


def modify_request(access: Access, broker_order_id: str, change: OrderChange) -> WireRequest:
    """Return the request of a modification, whose quantity is the order's new total; raises ``ValueError``.

    What it leaves out stays as it is; an order's validity stays in any case.
    """
    check_words(SPEC, change.exchange, change.order_type)
    fields: Fields = {
        "id": checked_order_id(SPEC, broker_order_id),
        "type": ORDER_TYPES[change.order_type],
        "qty": counted(SPEC, change),
    }
    if change.price is not None and change.order_type in _PRICED:
        fields["limitPrice"] = _price(change.price, "price")
    if change.trigger_price is not None and change.order_type in _TRIGGERED:
        fields["stopPrice"] = _price(change.trigger_price, "trigger_price")
    return access.call("PATCH", _ORDERS, json=fields)


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id Fyers cannot have given."""
    return access.call("DELETE", _ORDERS, json={"id": checked_order_id(SPEC, broker_order_id)})


def _price(value: Decimal, name: str) -> float:
    """JSON's number: its shortest form is the price itself, to far more digits than any tick has."""
    return float(checked_price(value, name))
