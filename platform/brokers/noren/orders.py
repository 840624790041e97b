"""Order calls: build the request, send it once, say what the answer proves."""

from decimal import Decimal

from brokers.lots import wire_quantity
from brokers.noren.access import Access, quoted
from brokers.noren.answers import is_order_id, order_outcome
from brokers.transport import ORDER_BODY_LIMIT, Wire, WireFailure, WireRequest
from domain.broker import Outcome, Verdict
from domain.orders import OrderChange, OrderRequest, OrderType, Product, Side, Validity

SIDES = {Side.BUY: "B", Side.SELL: "S"}
PRODUCTS = {Product.CNC: "C", Product.NRML: "M", Product.MIS: "I"}
ORDER_TYPES = {OrderType.LIMIT: "LMT", OrderType.SL: "SL-LMT"}
VALIDITIES = {Validity.DAY: "DAY", Validity.IOC: "IOC"}
_SOURCE = "API"


async def place(wire: Wire, access: Access, request: OrderRequest) -> Outcome:
    """Place once; never raises. A request Noren could not take is REJECTED with code ``INVALID``, unsent."""
    try:
        prepared = place_request(access, request)
    except ValueError as error:
        return _invalid(error)
    return await _once(wire, access, prepared)


async def modify(wire: Wire, access: Access, broker_order_id: str, change: OrderChange) -> Outcome:
    """Modify once; never raises."""
    try:
        prepared = modify_request(access, broker_order_id, change)
    except ValueError as error:
        return _invalid(error)
    return await _once(wire, access, prepared, expected_id=broker_order_id)


async def cancel(wire: Wire, access: Access, broker_order_id: str) -> Outcome:
    """Cancel once; never raises."""
    try:
        prepared = cancel_request(access, broker_order_id)
    except ValueError as error:
        return _invalid(error)
    return await _once(wire, access, prepared, expected_id=broker_order_id)


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of an order; raises ``ValueError`` for what the broker cannot take."""
    _check_placeable(access, request)
    fields = {
        **order_fields(access, request),
        "dscqty": "0",
        "ret": VALIDITIES[request.validity],
        "remarks": request.client_order_id,
        "ordersource": _SOURCE,
    }
    if request.algo_id:
        fields["algo_id"] = quoted(request.algo_id)
    return access.call("PlaceOrder", **fields)


def order_fields(access: Access, request: OrderRequest) -> dict[str, str]:
    """Return what says which order it is; raises ``ValueError``."""
    return {
        "actid": access.user,
        "exch": request.exchange,
        "tsym": quoted(request.symbol),
        "qty": _quantity(access, request),
        "prd": PRODUCTS[request.product],
        "trantype": SIDES[request.side],
        "prctyp": ORDER_TYPES[request.order_type],
        **_prices(request.order_type, price=request.price, trigger_price=request.trigger_price),
    }


def modify_request(access: Access, broker_order_id: str, change: OrderChange) -> WireRequest:
    """Return the request of a modification, whose quantity is the order's new total.

    Noren wants the symbol and all prices again; raises ``ValueError`` where one is missing.
    """
    if not change.symbol or change.price is None:
        raise ValueError("a modification needs the order's symbol and its price")
    if not access.member.spec.takes(change.exchange, change.order_type, change.validity):
        raise ValueError(f"{access.member.spec.name} takes no {change.order_type} {change.validity} orders there")
    trigger = change.trigger_price if change.trigger_price is not None else Decimal(0)
    return access.call(
        "ModifyOrder",
        actid=access.user,
        norenordno=_order_id(broker_order_id),
        exch=change.exchange,
        tsym=quoted(change.symbol),
        qty=_quantity(access, change),
        prctyp=ORDER_TYPES[change.order_type],
        ret=VALIDITIES[change.validity],
        ordersource=_SOURCE,
        **_prices(change.order_type, price=change.price, trigger_price=trigger),
    )


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id Noren cannot have given."""
    return access.call("CancelOrder", norenordno=_order_id(broker_order_id), ordersource=_SOURCE)


async def _once(wire: Wire, access: Access, request: WireRequest, *, expected_id: str = "") -> Outcome:
    try:
        answer = await wire.send(request, limit=ORDER_BODY_LIMIT)
    except WireFailure as failure:
        return Outcome(Verdict.UNKNOWN, code=failure.code, message=failure.message)
    return order_outcome(access.member.spec, answer, expected_id=expected_id)


def _check_placeable(access: Access, request: OrderRequest) -> None:
    spec, tag = access.member.spec, request.client_order_id
    if not spec.is_tag(tag):
        raise ValueError(f"client_order_id must be 1 to {spec.tag_length} letters and digits, not {tag!r}")
    if not request.symbol:
        raise ValueError("the order has no symbol")
    words = (request.product, request.order_type, request.validity)
    if not spec.takes(request.exchange, *words):
        raise ValueError(f"{spec.name} takes no {' '.join(words)} orders on {request.exchange!r}")


def _quantity(access: Access, order: OrderRequest | OrderChange) -> str:
    spec = access.member.spec
    return str(wire_quantity(spec, exchange=order.exchange, quantity=order.quantity, lot_size=order.lot_size))


def _prices(order_type: OrderType, *, price: Decimal, trigger_price: Decimal) -> dict[str, str]:
    prices = {"prc": _price(price, "price")}
    if order_type is OrderType.SL:
        prices["trgprc"] = _price(trigger_price, "trigger_price")
    return prices


def _price(value: Decimal, name: str) -> str:
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{name} {value} is not a price")
    return format(value.normalize(), "f")


def _order_id(broker_order_id: str) -> str:
    if not is_order_id(broker_order_id):
        raise ValueError(f"{broker_order_id!r} is not a Noren order number")
    return broker_order_id


def _invalid(error: ValueError) -> Outcome:
    return Outcome(Verdict.REJECTED, code="INVALID", message=str(error))
