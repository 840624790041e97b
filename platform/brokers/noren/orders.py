"""Order calls as Noren wants them."""

from decimal import Decimal

from brokers.noren.access import Access, quoted
from brokers.orders import check_placeable, check_words, checked_order_id, checked_price, counted
from brokers.transport import WireRequest
from domain.orders import OrderChange, OrderRequest, OrderType, Product, Side, Validity

SIDES = {Side.BUY: "B", Side.SELL: "S"}
PRODUCTS = {Product.CNC: "C", Product.NRML: "M", Product.MIS: "I"}
ORDER_TYPES = {OrderType.LIMIT: "LMT", OrderType.SL: "SL-LMT"}
VALIDITIES = {Validity.DAY: "DAY", Validity.IOC: "IOC"}
_SOURCE = "API"


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of an order; raises ``ValueError`` for what the broker cannot take."""
    check_placeable(access.member.spec, request)
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
        "qty": str(counted(access.member.spec, request)),
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
    check_words(access.member.spec, change.exchange, change.order_type, change.validity)
    trigger = change.trigger_price if change.trigger_price is not None else Decimal(0)
    return access.call(
        "ModifyOrder",
        actid=access.user,
        norenordno=checked_order_id(access.member.spec, broker_order_id),
        exch=change.exchange,
        tsym=quoted(change.symbol),
        qty=str(counted(access.member.spec, change)),
        prctyp=ORDER_TYPES[change.order_type],
        ret=VALIDITIES[change.validity],
        ordersource=_SOURCE,
        **_prices(change.order_type, price=change.price, trigger_price=trigger),
    )


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id Noren cannot have given."""
    order_id = checked_order_id(access.member.spec, broker_order_id)
    return access.call("CancelOrder", norenordno=order_id, ordersource=_SOURCE)


def _prices(order_type: OrderType, *, price: Decimal, trigger_price: Decimal) -> dict[str, str]:
    prices = {"prc": _price(price, "price")}
    if order_type is OrderType.SL:
        prices["trgprc"] = _price(trigger_price, "trigger_price")
    return prices


def _price(value: Decimal, name: str) -> str:
    return format(checked_price(value, name).normalize(), "f")
