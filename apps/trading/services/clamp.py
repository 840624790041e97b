"""The exit clamp with the ledgers of the accounts: one read for all exits of a claim."""

from collections.abc import Collection, Mapping, Sequence
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


def is_fresh(order: Candidate, *, wall: datetime, filled_since: Collection[int]) -> bool:
    """Whether the lane's position snapshot is recent and younger than the last fill we booked in this contract.

    ``filled_since`` are the orders in whose contract something was booked after their snapshot was read.
    """
    if order.positions_read_at is None or wall - order.positions_read_at > POSITION_MAX_AGE:
        return False
    return order.pk not in filled_since


def clamps(orders: Sequence[Candidate], *, wall: datetime) -> Mapping[int, int | None]:
    """Return the units each exit order may take, ``None`` when the lane's positions must be read first."""
    filled_since = _filled_since(orders)
    fresh = [order.pk for order in orders if is_fresh(order, wall=wall, filled_since=filled_since)]
    return {order.pk: None for order in orders} | (_allowed(fresh) if fresh else {})


_FILLED_SINCE = """
SELECT v.pk
FROM unnest(%(orders)s::bigint[], %(accounts)s::bigint[], %(instruments)s::bigint[], %(read)s::timestamptz[])
  AS v(pk, account, instrument, read_at)
WHERE EXISTS (SELECT FROM trading_fill f JOIN trading_order x ON x.id = f.order_id
              WHERE f.account_id = v.account AND f.recorded_at >= v.read_at AND x.instrument_id = v.instrument)
"""


def _filled_since(orders: Sequence[Candidate]) -> set[int]:
    """Return the orders in whose contract a fill was booked since their snapshot was read.

    Only lanes in which anything was booked since are asked about: a fill in one contract says nothing about another's
    position, and an account that leaves five contracts must not read its positions between every two.
    """
    doubtful = [
        order
        for order in orders
        if order.positions_read_at and order.fills_applied_at and order.positions_read_at <= order.fills_applied_at
    ]
    if not doubtful:
        return set()
    values: dict[str, Any] = {
        "orders": [order.pk for order in doubtful],
        "accounts": [order.account_id for order in doubtful],
        "instruments": [order.instrument_id for order in doubtful],
        "read": [order.positions_read_at for order in doubtful],
    }
    with connection.cursor() as cursor:
        cursor.execute(_FILLED_SINCE, values)
        return {pk for (pk,) in cursor.fetchall()}


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
