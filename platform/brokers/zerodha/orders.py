"""Order calls: build the request, send it once, say what the answer proves. https://kite.trade/docs/connect/v3/orders/"""

from decimal import Decimal

from brokers.lots import wire_quantity
from brokers.transport import ORDER_BODY_LIMIT, Wire, WireFailure, WireRequest
from brokers.zerodha.access import Access
from brokers.zerodha.answers import order_outcome
from brokers.zerodha.spec import SPEC
from domain.broker import Outcome, Verdict
from domain.orders import OrderChange, OrderRequest, OrderType, Validity

_ORDERS = "/orders/regular"
_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
_TRIGGERED = frozenset({OrderType.SL, OrderType.SL_M})
_AUTOMATIC_PROTECTION = "-1"
"""Kite turns MARKET and SL-M into limits within its own band; 0 (none) is refused since April 2026."""


async def place(wire: Wire, access: Access, request: OrderRequest) -> Outcome:
    """Place once; never raises. A request Kite could not read is REJECTED with code ``INVALID``, unsent."""
    try:
        prepared = place_request(access, request)
    except ValueError as error:
        return _invalid(error)
    return await _once(wire, prepared)


async def modify(wire: Wire, access: Access, broker_order_id: str, change: OrderChange) -> Outcome:
    """Modify once; never raises."""
    try:
        prepared = modify_request(access, broker_order_id, change)
    except ValueError as error:
        return _invalid(error)
    return await _once(wire, prepared, expected_id=broker_order_id)


async def cancel(wire: Wire, access: Access, broker_order_id: str) -> Outcome:
    """Cancel once; never raises."""
    try:
        prepared = cancel_request(access, broker_order_id)
    except ValueError as error:
        return _invalid(error)
    return await _once(wire, prepared, expected_id=broker_order_id)


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of a regular order; raises ``ValueError`` for what Kite cannot take."""
    _check_placeable(request)
    form = {
        "exchange": request.exchange,
        "tradingsymbol": request.symbol,
        "transaction_type": request.side.value,
        "quantity": _quantity(request),
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
        "quantity": _quantity(change),
        "validity": change.validity.value,
        **_changed_prices(change),
    }
    return access.request("PUT", _order_path(broker_order_id), form=form)


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id Kite cannot have given."""
    return access.request("DELETE", _order_path(broker_order_id))


async def _once(wire: Wire, request: WireRequest, *, expected_id: str = "") -> Outcome:
    try:
        answer = await wire.send(request, limit=ORDER_BODY_LIMIT)
    except WireFailure as failure:
        return Outcome(Verdict.UNKNOWN, code=failure.code, message=failure.message)
    return order_outcome(answer, expected_id=expected_id)


def _check_placeable(request: OrderRequest) -> None:
    tag = request.client_order_id
    if not (0 < len(tag) <= SPEC.tag_length and tag.isascii() and tag.isalnum()):
        raise ValueError(f"client_order_id must be 1 to {SPEC.tag_length} letters and digits, not {tag!r}")
    if request.exchange not in SPEC.exchanges:
        raise ValueError(f"{SPEC.name} has no exchange {request.exchange!r}")
    if not request.symbol:
        raise ValueError("the order has no symbol")
    if request.exchange == "MCX" and request.validity is Validity.IOC:
        raise ValueError("MCX takes no IOC orders")


def _quantity(order: OrderRequest | OrderChange) -> str:
    return str(wire_quantity(SPEC, exchange=order.exchange, quantity=order.quantity, lot_size=order.lot_size))


def _prices(order_type: OrderType, *, price: Decimal, trigger_price: Decimal) -> dict[str, str]:
    prices = _protection(order_type)
    if order_type in _PRICED:
        prices["price"] = _price(price, "price")
    if order_type in _TRIGGERED:
        prices["trigger_price"] = _price(trigger_price, "trigger_price")
    return prices


def _changed_prices(change: OrderChange) -> dict[str, str]:
    prices = _protection(change.order_type)
    if change.price is not None and change.order_type in _PRICED:
        prices["price"] = _price(change.price, "price")
    if change.trigger_price is not None and change.order_type in _TRIGGERED:
        prices["trigger_price"] = _price(change.trigger_price, "trigger_price")
    return prices


def _protection(order_type: OrderType) -> dict[str, str]:
    return {} if order_type in _PRICED else {"market_protection": _AUTOMATIC_PROTECTION}


def _price(value: Decimal, name: str) -> str:
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{name} {value} is not a price")
    return format(value, "f")


def _order_path(broker_order_id: str) -> str:
    if not (0 < len(broker_order_id) <= 64 and broker_order_id.isascii() and broker_order_id.isalnum()):
        raise ValueError(f"{broker_order_id!r} is not a Kite order id")
    return f"{_ORDERS}/{broker_order_id}"


def _invalid(error: ValueError) -> Outcome:
    return Outcome(Verdict.REJECTED, code="INVALID", message=str(error))
