"""The paper book in the platform's words. Pure."""

from collections.abc import Mapping
from datetime import date, datetime

from brokers.paper.book import ZERO, PaperFill, PaperOrder, PaperPosition, PaperState
from brokers.paper.market import Snapshot, SymbolKey
from domain.clock import IST
from domain.orders import WORKING, BrokerFill, BrokerOrder, BrokerPosition, Funds


def orders_of(state: PaperState, *, today: date) -> list[BrokerOrder]:
    """Return the day's orders and whatever still rests, oldest first."""
    shown = [one for one in state.orders.values() if _day(one.placed_at) == today or one.status in WORKING]
    return [_order(one) for one in sorted(shown, key=lambda one: one.order_id)]


def fills_of(state: PaperState, *, today: date) -> list[BrokerFill]:
    """Return the day's fills."""
    return [_fill(one) for one in state.fills if _day(one.filled_at) == today]


def positions_of(state: PaperState, snapshots: Mapping[SymbolKey, Snapshot]) -> list[BrokerPosition]:
    """Return net positions, closed ones with quantity 0 included."""
    return [_position(one, snapshots.get((one.exchange, one.symbol))) for one in state.positions.values()]


def funds_of(state: PaperState) -> Funds:
    """Return the cash; paper blocks no margin."""
    return Funds(available=state.cash, used=ZERO, total=state.cash)


def _order(order: PaperOrder) -> BrokerOrder:
    return BrokerOrder(
        broker_order_id=order.order_id,
        client_order_id=order.client_order_id,
        exchange=order.exchange,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        filled_quantity=order.filled_quantity,
        average_price=order.average_price,
        status=order.status,
        order_type=order.order_type,
        price=order.price,
        trigger_price=order.trigger_price,
        product=order.product,
        raw_status=order.status.value,
        reason=order.reason,
        updated_at=order.updated_at,
    )


def _fill(fill: PaperFill) -> BrokerFill:
    return BrokerFill(
        broker_order_id=fill.order_id,
        exchange_trade_id=fill.trade_id,
        exchange=fill.exchange,
        symbol=fill.symbol,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        filled_at=fill.filled_at,
    )


def _position(position: PaperPosition, snapshot: Snapshot | None) -> BrokerPosition:
    has_price = snapshot is not None and snapshot.last_price > 0
    return BrokerPosition(
        exchange=position.exchange,
        symbol=position.symbol,
        product=position.product,
        quantity=position.quantity,
        average_price=position.average_price,
        last_price=snapshot.last_price if snapshot is not None and has_price else position.last_price,
        multiplier=position.multiplier,
    )


def _day(at: datetime) -> date:
    return at.astimezone(IST).date()
