"""Telling browsers what changed, after the commit."""

from collections.abc import Iterable

from apps.trading.models import Order, Trade
from bus import live


def announce_trades(trades: Iterable[Trade]) -> None:
    """Announce the trades' new state to their owners."""
    live.announce_all(
        "trade",
        (
            (
                trade.account.user_id,
                {"id": trade.pk, "account": trade.account_id, "status": trade.status, "reason": trade.close_reason},
            )
            for trade in trades
        ),
    )


def announce_orders(orders: Iterable[Order]) -> None:
    """Announce the orders' new state to their owners."""
    live.announce_all(
        "order",
        (
            (
                order.account.user_id,
                {
                    "id": order.pk,
                    "account": order.account_id,
                    "trade": order.intent.trade_id,
                    "status": order.status,
                    "filled": order.filled_quantity,
                    "quantity": order.quantity,
                    "reason": order.reason,
                },
            )
            for order in orders
        ),
    )
