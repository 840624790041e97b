"""What orders would need. https://upstox.com/developer/api-documentation/margin/"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from brokers.orders import counted
from brokers.payloads import decoded, malformed
from brokers.transport import WireRequest
from brokers.upstox.access import Access
from brokers.upstox.names import checked_key, wire_product
from brokers.upstox.spec import SPEC
from domain.broker import BasketMargin
from domain.orders import OrderRequest

MOST_AT_ONCE = 20
_WHAT = "basket margin"


class _Order(msgspec.Struct):
    total_margin: Decimal


class _Basket(msgspec.Struct):
    margins: list[_Order]
    final_margin: Decimal


def basket_request(access: Access, requests: Sequence[OrderRequest]) -> WireRequest:
    """Return the question; raises ``ValueError`` for what Upstox cannot be asked about."""
    if not 0 < len(requests) <= MOST_AT_ONCE:
        raise ValueError(f"between 1 and {MOST_AT_ONCE} orders can be asked about, not {len(requests)}")
    return access.question("/v2/charges/margin", json={"instruments": [_row(request) for request in requests]})


def margin_of(data: bytes | msgspec.Raw, *, count: int) -> BasketMargin:
    """Return the margin, the benefit of hedges taken off; raises ``BrokerUnavailable``."""
    basket = decoded(data, _Basket, broker=SPEC.slug, what=_WHAT)
    if len(basket.margins) != count:
        raise malformed(SPEC.slug, _WHAT, f"{len(basket.margins)} rows for {count}")
    return BasketMargin(required=basket.final_margin, separate=tuple(one.total_margin for one in basket.margins))


def _row(request: OrderRequest) -> dict[str, str | int | float]:
    return {
        "instrument_key": checked_key(request.token, request.exchange),
        "quantity": counted(SPEC, request),
        "product": wire_product(request.product),
        "transaction_type": request.side.value,
        "price": float(request.price),
    }
