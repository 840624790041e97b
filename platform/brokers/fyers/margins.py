"""What orders would need. https://myapi.fyers.in/docsv3 (Multiorder Margin Calculator)"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from brokers.fyers.access import Access
from brokers.fyers.answers import BROKER
from brokers.fyers.orders import order_fields
from brokers.payloads import decoded, malformed
from brokers.transport import WireRequest
from domain.broker import BasketMargin
from domain.orders import OrderRequest


class _Margin(msgspec.Struct):
    margin_total: Decimal
    margin_new_order: Decimal


class _Answer(msgspec.Struct):
    data: _Margin


def basket_request(access: Access, requests: Sequence[OrderRequest]) -> WireRequest:
    """Return the question; raises ``ValueError`` for quantities that are no whole lots.

    The order of the orders counts: a hedge is seen where it comes first.
    """
    rows = [{**order_fields(request), "stopLoss": 0.0, "takeProfit": 0.0} for request in requests]
    return access.call("POST", "/multiorder/margin", json={"data": rows})


def margin_of(data: bytes) -> BasketMargin:
    """Return the larger of the two sums Fyers shows; raises ``BrokerUnavailable``."""
    what = "basket margin"
    margin = decoded(data, _Answer, broker=BROKER, what=what, strict=False).data
    sums = (margin.margin_total, margin.margin_new_order)
    if not all(amount.is_finite() for amount in sums):
        raise malformed(BROKER, what, f"{sums} are no sums")
    return BasketMargin(required=max(sums))
