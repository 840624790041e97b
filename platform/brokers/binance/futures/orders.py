"""Order calls of the futures exchange: limit orders under our own client order id, in one-way mode.

https://developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api. Orders that wait for a trigger
are another service there (``-4120``), with a book of its own: none is placed.
"""

from brokers.binance.access import Access
from brokers.binance.ids import Named, named
from brokers.binance.orders import VALIDITIES, amount_of
from brokers.binance.spec import SPEC
from brokers.orders import check_placeable, check_words, checked_price
from brokers.transport import WireRequest
from domain.orders import OrderChange, OrderRequest


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of a new order; raises ``ValueError`` for what the exchange cannot take.

    Without a position side it is an order of one-way mode: an account in hedge mode refuses it (``-4061``).
    """
    check_placeable(SPEC, request)
    access.check(request.symbol)
    exit_only = {"reduceOnly": "true"} if request.reduce_only else {}
    return access.signed(
        "POST",
        "order",
        symbol=request.symbol,
        side=request.side,
        type="LIMIT",
        timeInForce=VALIDITIES[request.validity],
        quantity=amount_of(access, request.symbol, request),
        price=format(checked_price(request.price, "price"), "f"),
        newClientOrderId=request.client_order_id,
        newOrderRespType="ACK",
        **exit_only,
    )


def modify_request(access: Access, broker_order_id: str, change: OrderChange) -> WireRequest:
    """Return the request that gives a resting order a new price and total; raises ``ValueError``.

    Side, price and quantity are always said: the call has no "as it is".
    """
    order = named(broker_order_id)
    check_words(SPEC, access.exchange, change.order_type)
    if change.side is None or change.price is None:
        raise ValueError(f"{SPEC.name} wants side and price of an order that is changed")
    return access.signed(
        "PUT",
        "order",
        symbol=order.symbol,
        side=change.side,
        quantity=amount_of(access, order.symbol, change),
        price=format(checked_price(change.price, "price"), "f"),
        **_which(order),
    )


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id nobody here gave."""
    order = named(broker_order_id)
    return access.signed("DELETE", "order", symbol=order.symbol, **_which(order))


def _which(order: Named) -> dict[str, str]:
    return {"orderId": order.number} if order.number else {"origClientOrderId": order.client_order_id}
