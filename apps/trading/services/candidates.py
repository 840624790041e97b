"""The orders a claim may choose from, with everything that decides about them, in one read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from bus import clock
from domain.orders import Mode, OrderStatus


@dataclass(slots=True)
class Candidate:
    """One PENDING order; ``reconciled_epoch``, ``positions_read_at`` and ``fills_applied_at`` are its lane's state,
    ``algo_id`` is what its strategy is registered as at the account's broker, or ""."""

    pk: int
    account_id: int
    account_mode: str
    broker: str
    user_id: int
    intent_id: int
    mode: str
    kind: str
    tenant_id: int
    expires_at: datetime | None
    strategy_id: int
    leg_id: int
    instrument_id: int
    exchange: str
    symbol: str
    lot_size: int
    client_order_id: str
    side: str
    quantity: int
    product: str
    order_type: str
    validity: str
    price: Decimal
    trigger_price: Decimal
    reconciled_epoch: int | None
    positions_read_at: datetime | None
    fills_applied_at: datetime | None
    algo_id: str
    is_signed_in: bool

    @property
    def lane(self) -> tuple[int, str]:
        """The account and mode it goes out in."""
        return self.account_id, self.mode

    @property
    def is_live(self) -> bool:
        """Whether real money moves."""
        return self.mode == Mode.LIVE


_READ = """
SELECT o.id, o.account_id, a.mode, a.broker, a.user_id, o.intent_id, i.mode, i.kind, i.tenant_id, i.expires_at,
       t.strategy_id, i.leg_id, o.instrument_id, n.exchange, n.symbol, n.lot_size, o.client_order_id, o.side,
       o.quantity, o.product, o.order_type, o.validity, o.price, o.trigger_price,
       s.reconciled_epoch, s.positions_read_at, s.fills_applied_at, COALESCE(g.algo_id, ''),
       EXISTS (SELECT FROM broker_accounts_brokersession b
               WHERE b.account_id = o.account_id AND b.lost_at IS NULL AND b.expires_at > %(today)s)
FROM trading_order o
JOIN broker_accounts_brokeraccount a ON a.id = o.account_id
JOIN trading_intent i ON i.id = o.intent_id
JOIN trading_trade t ON t.id = i.trade_id
JOIN markets_instrument n ON n.id = o.instrument_id
LEFT JOIN strategies_algoid g ON g.strategy_id = t.strategy_id AND g.broker = a.broker
LEFT JOIN trading_accountstate s ON s.account_id = o.account_id AND s.mode = i.mode
WHERE o.status = %(pending)s AND a.shard = %(shard)s AND o.account_id = ANY(%(accounts)s)
  AND (i.retry_at IS NULL OR i.retry_at <= %(wall)s)
ORDER BY i.urgency, o.id
LIMIT %(at_most)s
FOR UPDATE OF o SKIP LOCKED
"""


def read_candidates(
    shard: int, accounts: Collection[int], *, wall: datetime, at_most: int | None = None
) -> list[Candidate]:
    """Return the accounts' sendable orders, locked, the most urgent first; rows another transaction holds wait a pass.

    Sessions are judged by this machine's own clock, as everywhere.
    """
    values: dict[str, Any] = {
        "pending": OrderStatus.PENDING.value,
        "shard": shard,
        "accounts": list(accounts),
        "wall": wall,
        "today": clock.now(),
        "at_most": at_most,
    }
    with connection.cursor() as cursor:
        cursor.execute(_READ, values)
        return [Candidate(*row) for row in cursor.fetchall()]
