"""What orders would need. https://kite.trade/docs/connect/v3/margins/"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from brokers.orders import counted
from brokers.payloads import decoded, malformed
from brokers.transport import WireRequest
from brokers.zerodha.access import Access
from brokers.zerodha.spec import SPEC
from domain.broker import BasketMargin
from domain.orders import OrderRequest

_WHAT = "basket margin"


class _Total(msgspec.Struct):
    total: Decimal


class _Basket(msgspec.Struct):
    final: _Total
    orders: list[_Total]


def basket_request(access: Access, requests: Sequence[OrderRequest]) -> WireRequest:
    """Return the question; raises ``ValueError`` for quantities that are no whole lots."""
    rows = [_row(request) for request in requests]
    return access.request("POST", "/margins/basket", query=(("consider_positions", "true"),), json=rows)


def margin_of(data: bytes | msgspec.Raw, *, count: int) -> BasketMargin:
    """Return the margin, the benefit of hedges and positions taken off; raises ``BrokerUnavailable``."""
    basket = decoded(data, _Basket, broker=SPEC.slug, what=_WHAT)
    if len(basket.orders) != count:
        raise malformed(SPEC.slug, _WHAT, f"{len(basket.orders)} rows for {count}")
    return BasketMargin(required=basket.final.total, separate=tuple(order.total for order in basket.orders))


def _row(request: OrderRequest) -> dict[str, str | int | float]:
    return {
        "exchange": request.exchange,
        "tradingsymbol": request.symbol,
        "transaction_type": request.side.value,
        "variety": "regular",
        "product": request.product.value,
        "order_type": request.order_type.value,
        "quantity": counted(SPEC, request),
        "price": float(request.price),
        "trigger_price": float(request.trigger_price),
    }
