"""What orders would need. https://ant.aliceblueonline.com/productdocumentation/orders%20Management/"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from brokers.aliceblue.access import Access
from brokers.aliceblue.spec import SPEC
from brokers.orders import checked_price, counted
from brokers.payloads import decoded, malformed
from brokers.transport import WireRequest
from domain.broker import BasketMargin
from domain.orders import OrderRequest, OrderType, Product

_WHAT = "basket margin"
_PATH = "/od/v1/orders/basket/margin"
_TYPES = {OrderType.LIMIT: "L", OrderType.SL: "SL"}
_PRODUCTS = {Product.MIS: "MIS", Product.CNC: "CNC"}


class _Margin(msgspec.Struct, rename="camel"):
    current_order_margin: Decimal


def basket_request(access: Access, requests: Sequence[OrderRequest]) -> WireRequest:
    """Return the question; raises ``ValueError`` for quantities that are no whole lots."""
    return access.post(_PATH, [_row(access, request) for request in requests])


def margin_of(data: bytes | msgspec.Raw) -> BasketMargin:
    """Return what the orders need together; Alice Blue does not show them apart. Raises ``BrokerUnavailable``."""
    rows = decoded(data, list[_Margin], broker=SPEC.slug, what=_WHAT)
    if len(rows) != 1:
        raise malformed(SPEC.slug, _WHAT, f"{len(rows)} rows")
    required = rows[0].current_order_margin
    if not required.is_finite():
        raise malformed(SPEC.slug, _WHAT, f"currentOrderMargin {required} is not a number")
    return BasketMargin(required=required)


def _row(access: Access, request: OrderRequest) -> dict[str, str]:
    is_stop = request.order_type is OrderType.SL
    return {
        "exchange": request.exchange,
        "tradingSymbol": request.symbol,
        "price": str(checked_price(request.price, "price")),
        "qty": str(counted(SPEC, request)),
        "product": _PRODUCTS.get(request.product, access.carry_product),
        "priceType": _TYPES[request.order_type],
        "triggerPrice": str(checked_price(request.trigger_price, "trigger_price")) if is_stop else "",
        "transType": request.side.value[0],
    }
