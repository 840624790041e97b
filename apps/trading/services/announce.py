"""Telling browsers what changed, after the commit."""

from collections.abc import Iterable

from apps.trading.models import Order, Trade
from bus import live


def announce_trades(trades: Iterable[Trade]) -> None:
    """Announce the trades' new state to their owners."""
    for trade in trades:
        live.announce(
            [trade.account.user_id],
            "trade",
            {"id": trade.pk, "account": trade.account_id, "status": trade.status, "reason": trade.close_reason},
        )


def announce_orders(orders: Iterable[Order]) -> None:
    """Announce the orders' new state to their owners."""
    for order in orders:
        live.announce(
            [order.account.user_id],
            "order",
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
