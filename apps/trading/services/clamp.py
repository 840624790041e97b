"""The exit clamp with the ledgers of the accounts: one read for all exits of a claim."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from apps.trading.services.candidates import Candidate
from domain.exits import exit_quantity
from domain.orders import LIVE_TRADES, UNRESOLVED, IntentKind, OrderStatus, Side

POSITION_MAX_AGE = timedelta(seconds=2)
"""An exit is sized on a position snapshot no older than this."""

SENT = sorted(status.value for status in UNRESOLVED - {OrderStatus.PENDING})
"""What may still fill; PENDING exits are unsent and do not count twice."""


def is_fresh(order: Candidate, *, wall: datetime) -> bool:
    """Whether the lane's position snapshot is recent and younger than the last fill we booked."""
    if order.positions_read_at is None or wall - order.positions_read_at > POSITION_MAX_AGE:
        return False
    return order.fills_applied_at is None or order.positions_read_at > order.fills_applied_at


def clamps(orders: Sequence[Candidate], *, wall: datetime) -> Mapping[int, int | None]:
    """Return the units each exit order may take, ``None`` when the lane's positions must be read first."""
    fresh = [order.pk for order in orders if is_fresh(order, wall=wall)]
    return {order.pk: None for order in orders} | (_allowed(fresh) if fresh else {})


_LEDGERS = """
SELECT o.id, l.side, l.entry_quantity - l.exit_quantity,
  (SELECT coalesce(sum(x.quantity - x.filled_quantity), 0)
     FROM trading_order x JOIN trading_intent y ON y.id = x.intent_id
    WHERE y.leg_id = l.id AND y.kind = %(exit)s AND x.status = ANY(%(sent)s) AND x.id <> o.id),
  (SELECT coalesce(sum(CASE m.side WHEN 'BUY' THEN 1 ELSE -1 END * (m.entry_quantity - m.exit_quantity)), 0)
     FROM trading_trade t JOIN trading_tradeleg m ON m.trade_id = t.id
    WHERE t.account_id = o.account_id AND t.mode = i.mode AND t.status = ANY(%(live)s)
      AND m.instrument_id = l.instrument_id AND NOT m.handed_over),
  (SELECT coalesce(sum(p.quantity), 0) FROM trading_position p
    WHERE p.account_id = o.account_id AND p.mode = i.mode AND p.instrument_id = l.instrument_id)
FROM trading_order o
JOIN trading_intent i ON i.id = o.intent_id
JOIN trading_tradeleg l ON l.id = i.leg_id
WHERE o.id = ANY(%(orders)s)
"""


def _allowed(order_ids: Sequence[int]) -> dict[int, int | None]:
    """Read the leg, what is reserved of it, our own net position in its contract, and the broker's."""
    values: dict[str, Any] = {
        "orders": list(order_ids),
        "exit": IntentKind.EXIT.value,
        "sent": SENT,
        "live": [status.value for status in LIVE_TRADES],
    }
    with connection.cursor() as cursor:
        cursor.execute(_LEDGERS, values)
        return {
            pk: exit_quantity(
                leg_open=leg_open,
                reserved=int(reserved),
                own_net=int(own_net),
                broker_net=int(broker_net),
                leg_sign=Side(side).sign,
            )
            for pk, side, leg_open, reserved, own_net, broker_net in cursor.fetchall()
        }
