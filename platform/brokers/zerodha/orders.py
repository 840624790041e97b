"""Order calls as Kite wants them. https://kite.trade/docs/connect/v3/orders/"""

from decimal import Decimal

from brokers.orders import check_placeable, checked_order_id, checked_price, counted
from brokers.transport import WireRequest
from brokers.zerodha.access import Access
from brokers.zerodha.spec import SPEC
from domain.orders import OrderChange, OrderRequest, OrderType

_ORDERS = "/orders/regular"
_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
_TRIGGERED = frozenset({OrderType.SL, OrderType.SL_M})
_AUTOMATIC_PROTECTION = "-1"
"""Kite turns MARKET and SL-M into limits within its own band; 0 (none) is refused since April 2026."""


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of a regular order; raises ``ValueError`` for what Kite cannot take."""
    check_placeable(SPEC, request)
    form = {
        "exchange": request.exchange,
        "tradingsymbol": request.symbol,
        "transaction_type": request.side.value,
        "quantity": str(counted(SPEC, request)),
        "product": request.product.value,
        "order_type": request.order_type.value,
        "validity": request.validity.value,
        "tag": request.client_order_id,
        **_prices(request.order_type, price=request.price, trigger_price=request.trigger_price),
    }
    if request.algo_id:
        form["algo_id"] = request.algo_id
    return access.request("POST", _ORDERS, form=form)


def modify_request(access: Access, broker_order_id: str, change: OrderChange) -> WireRequest:
    """Return the request of a modification; raises ``ValueError`` for what Kite cannot take."""
    form = {
        "order_type": change.order_type.value,
        "quantity": str(counted(SPEC, change)),
        "validity": change.validity.value,
        **_changed_prices(change),
    }
    return access.request("PUT", _order_path(broker_order_id), form=form)


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id Kite cannot have given."""
    return access.request("DELETE", _order_path(broker_order_id))


def _prices(order_type: OrderType, *, price: Decimal, trigger_price: Decimal) -> dict[str, str]:
    prices = _protection(order_type)
    if order_type in _PRICED:
        prices["price"] = format(checked_price(price, "price"), "f")
    if order_type in _TRIGGERED:
        prices["trigger_price"] = format(checked_price(trigger_price, "trigger_price"), "f")
    return prices


def _changed_prices(change: OrderChange) -> dict[str, str]:
    prices = _protection(change.order_type)
    if change.price is not None and change.order_type in _PRICED:
        prices["price"] = format(checked_price(change.price, "price"), "f")
    if change.trigger_price is not None and change.order_type in _TRIGGERED:
        prices["trigger_price"] = format(checked_price(change.trigger_price, "trigger_price"), "f")
    return prices


def _protection(order_type: OrderType) -> dict[str, str]:
    return {} if order_type in _PRICED else {"market_protection": _AUTOMATIC_PROTECTION}


def _order_path(broker_order_id: str) -> str:
    return f"{_ORDERS}/{checked_order_id(SPEC, broker_order_id)}"
