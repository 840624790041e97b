"""Order calls as Alice Blue wants them. https://ant.aliceblueonline.com/productdocumentation/orders%20Management/"""

from decimal import Decimal

from brokers.aliceblue.access import Access
from brokers.aliceblue.spec import SPEC
from brokers.orders import check_placeable, check_words, checked_order_id, checked_price, counted
from brokers.transport import WireRequest
from domain.orders import OrderChange, OrderRequest, OrderType

_PLACE, _MODIFY, _CANCEL = (f"/od/v1/orders/{name}" for name in ("placeorder", "modify", "cancel"))
_REGULAR = "REGULAR"

ORDER_TYPES = {OrderType.LIMIT: "LIMIT", OrderType.SL: "SL"}


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of a regular order, alone in its list; raises ``ValueError`` for what cannot be taken."""
    check_placeable(SPEC, request)
    if len(request.algo_id) > SPEC.algo_length:
        raise ValueError(f"an algo id has at most {SPEC.algo_length} characters, not {request.algo_id!r}")
    row = {
        **order_fields(access, request),
        "validity": request.validity.value,
        "disclosedQuantity": "",
        "marketProtectionPercent": "",
        "apiOrderSource": "",
        "algoId": request.algo_id,
        "orderTag": request.client_order_id,
    }
    return access.post(_PLACE, [row])


def order_fields(access: Access, request: OrderRequest) -> dict[str, str | int]:
    """Return what says which order it is; raises ``ValueError``."""
    return {
        "exchange": request.exchange,
        "instrumentId": instrument_id(request.exchange, request.token),
        "transactionType": request.side.value,
        "quantity": counted(SPEC, request),
        "product": access.product(request.product),
        "orderComplexity": _REGULAR,
        "orderType": ORDER_TYPES[request.order_type],
        **_prices(request.order_type, price=request.price, trigger_price=request.trigger_price),
    }


def modify_request(access: Access, broker_order_id: str, change: OrderChange) -> WireRequest:
    """Return the request of a modification, whose quantity is the order's new total.

    It says all prices again; raises ``ValueError`` where one is missing.
    """
    if change.price is None:
        raise ValueError("a modification needs the order's price")
    check_words(SPEC, change.exchange, change.order_type, change.validity)
    trigger = change.trigger_price if change.trigger_price is not None else Decimal(0)
    body = {
        "brokerOrderId": checked_order_id(SPEC, broker_order_id),
        "quantity": counted(SPEC, change),
        "orderType": ORDER_TYPES[change.order_type],
        **_prices(change.order_type, price=change.price, trigger_price=trigger),
        "validity": change.validity.value,
        "disclosedQuantity": "",
        "marketProtection": "",
        "trailingSLAmount": "",
    }
    return access.post(_MODIFY, body)


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id Alice Blue cannot have given."""
    return access.post(_CANCEL, {"brokerOrderId": checked_order_id(SPEC, broker_order_id)})


def instrument_id(exchange: str, token: str) -> str:
    """Return the number of ``NFO|54452`` on its exchange.

    Raises ``ValueError`` for another exchange's: the same number is another contract there.
    """
    listed_on, _, number = token.partition("|")
    if listed_on != exchange or not (number.isascii() and number.isdigit()):
        raise ValueError(f"{token!r} is no instrument of {exchange}")
    return number


def _prices(order_type: OrderType, *, price: Decimal, trigger_price: Decimal) -> dict[str, str]:
    """Prices of legs are said to be empty: a regular order has none."""
    trigger = _text(trigger_price, "trigger_price") if order_type is OrderType.SL else ""
    return {"price": _text(price, "price"), "slTriggerPrice": trigger, "slLegPrice": "", "targetLegPrice": ""}


def _text(value: Decimal, name: str) -> str:
    return format(checked_price(value, name).normalize(), "f")
