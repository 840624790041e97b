"""The order and the change of it that the brokers' tests send, a NIFTY option's two lots, and how a book shows one."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from domain.orders import BrokerOrder, OrderChange, OrderRequest, OrderStatus, OrderType, Product, Side

TAG = "VAYDA000000000000001"


def limit_order(**changes: Any) -> OrderRequest:
    """Return a limit order that sells two lots, with changes: its contract's names at least."""
    base: dict[str, Any] = {
        "client_order_id": TAG,
        "exchange": "NFO",
        "side": Side.SELL,
        "quantity": 130,
        "lot_size": 65,
        "product": Product.MIS,
        "order_type": OrderType.LIMIT,
        "price": Decimal("42.10"),
    }
    return OrderRequest(**(base | changes))


def price_change(**changes: Any) -> OrderChange:
    """Return a change of its price, with changes of its own."""
    base = OrderChange(
        order_type=OrderType.LIMIT,
        quantity=130,
        lot_size=65,
        exchange="NFO",
        price=Decimal("43.05"),
    )
    return replace(base, **changes)


def accepted_row(order_id: str, request: OrderRequest) -> BrokerOrder:
    """Return the order book's row of an order just accepted: open, and nothing of it filled."""
    return BrokerOrder(
        broker_order_id=order_id,
        client_order_id=request.client_order_id,
        exchange=request.exchange,
        symbol=request.symbol,
        side=request.side,
        quantity=request.quantity,
        filled_quantity=0,
        average_price=Decimal(0),
        status=OrderStatus.OPEN,
        order_type=request.order_type,
        price=request.price,
        trigger_price=request.trigger_price,
        product=request.product,
        raw_status="OPEN",
        reason="",
        updated_at=None,
    )
