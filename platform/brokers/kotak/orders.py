"""Order calls: what goes on the wire, as ``jData``, every value a string."""

from decimal import Decimal

from brokers.kotak.access import Access
from brokers.kotak.names import ORDER_TYPES, PRODUCTS, SEGMENTS, SIDES
from brokers.kotak.spec import SPEC
from brokers.orders import check_placeable, check_words, checked_order_id, checked_price, counted
from brokers.transport import WireRequest
from domain.orders import OrderChange, OrderRequest, OrderType

_SOURCE = "NEOTRADEAPI"
_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
_NONE = "0"


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of an order; raises ``ValueError`` for what Kotak cannot take, and ``SessionLost``."""
    check_placeable(SPEC, request)
    fields = {
        "am": "NO",
        "dq": _NONE,
        "es": SEGMENTS[request.exchange],
        "mp": _NONE,  # a market order's band is Kotak's own
        "pc": PRODUCTS[request.product],
        "pr": _price(request.order_type, request.price),
        "pt": ORDER_TYPES[request.order_type],
        "qt": str(counted(SPEC, request)),
        "rt": request.validity.value,
        "tp": _trigger(request.order_type, request.trigger_price),
        "ts": request.symbol,
        "tt": SIDES[request.side],
        "ig": request.client_order_id,
        "os": _SOURCE,
    }
    return access.order("/quick/order/rule/ms/place", fields)


def modify_request(access: Access, broker_order_id: str, change: OrderChange) -> WireRequest:
    """Return the request of a modification, whose quantity is the order's new total.

    Kotak wants all of its prices again; raises ``ValueError`` where one is missing, and ``SessionLost``.
    """
    check_words(SPEC, change.exchange, change.order_type, change.validity)
    fields = {
        "am": "NO",
        "dq": _NONE,
        "mp": _NONE,
        "no": checked_order_id(SPEC, broker_order_id),
        "os": _SOURCE,
        "pr": _price(change.order_type, change.price),
        "pt": ORDER_TYPES[change.order_type],
        "qt": str(counted(SPEC, change)),
        "tp": _trigger(change.order_type, change.trigger_price),
        "vd": change.validity.value,
    }
    return access.order("/quick/order/vr/modify", fields)


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id nobody can have given."""
    return access.order("/quick/order/cancel", {"am": "NO", "on": checked_order_id(SPEC, broker_order_id)})


def _price(order_type: OrderType, value: Decimal | None) -> str:
    return _amount(value, "price") if order_type in _PRICED else _NONE


def _trigger(order_type: OrderType, value: Decimal | None) -> str:
    return _amount(value, "trigger_price") if order_type is OrderType.SL else _NONE


def _amount(value: Decimal | None, name: str) -> str:
    if value is None:
        raise ValueError(f"a modification needs the order's {name}")
    return format(checked_price(value, name).normalize(), "f")
