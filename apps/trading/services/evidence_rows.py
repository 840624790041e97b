"""How rows of Postgres become records of the evidence: which columns are read, and what is made of them."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from apps.audit.models import AuditEvent
from apps.markets.models import BrokerInstrument
from apps.trading.models import ChangeRequest
from apps.trading.services.names import PAPER, serving_broker
from brokers.catalog import spec_of
from bus.leases import is_dead
from bus.models import Heartbeat
from domain.exit_plan import from_json
from domain.invariants.evidence import AuditRow, HeartbeatRow, IntentRow, OrderRow, TradeRow
from domain.orders import LIVE_TRADES, IntentKind, Mode

ORDER, TRADE, ACCOUNT = "trading.order", "trading.trade", "broker_accounts.brokeraccount"

STATUS_OF = {
    "order_submitted": "SUBMITTED",
    "order_denied": "DENIED",
    "order_aborted": "ABORTED",
    "order_absent": "ABSENT",
    "order_parked": "PARKED",
    "mode_live": Mode.LIVE.value,
    "mode_forced_to_paper": Mode.PAPER.value,
    "mode_held_on_paper": Mode.PAPER.value,
}
"""The states that audit entries tell of by their kind alone."""

_STANDING_BY = "standing_by"
"""What a process that refuses to trade says of itself with its heartbeat."""

CHUNK = 5000
"""How many rows are fetched at once."""

ORDER_FIELDS = (
    "pk",
    "client_order_id",
    "account_id",
    "intent_id",
    "slice_number",
    "attempt",
    "side",
    "quantity",
    "status",
    "filled_quantity",
    "average_price",
    "broker_order_id",
    "epoch",
    "created_at",
    "claimed_at",
    "submitted_at",
    "finished_at",
    "instrument_id",
    "intent__leg_id",
    "intent__trade_id",
    "intent__mode",
    "intent__kind",
    "intent__expires_at",
    "account__broker",
    "account__client_id",
    "account__shard",
    "instrument__exchange",
    "instrument__symbol",
    "instrument__lot_size",
    "instrument__freeze_quantity",
)
INTENT_FIELDS = (
    "pk",
    "tenant_id",
    "account_id",
    "trade_id",
    "leg_id",
    "leg__position",
    "kind",
    "side",
    "quantity",
    "mode",
    "status",
    "signal__strategy_id",
    "signal__dedupe_key",
    "signal__tenant_id",
    "filled_quantity",
    "created_at",
    "finished_at",
)
TRADE_FIELDS = (
    "pk",
    "tenant_id",
    "account_id",
    "strategy_id",
    "mode",
    "status",
    "strategy__tenant_id",
    "wave__signal__tenant_id",
    "square_off_at",
    "gross_pnl",
    "opened_at",
    "closed_at",
)
LEG_FIELDS = (
    "pk",
    "trade_id",
    "instrument_id",
    "side",
    "quantity",
    "entry_quantity",
    "entry_value",
    "exit_quantity",
    "exit_value",
    "instrument__multiplier",
    "exit_reason",
    "handed_over",
)
FILL_FIELDS = ("pk", "account_id", "order_id", "exchange_trade_id", "quantity", "price", "filled_at")
EXTERNAL_FIELDS = ("account_id", "broker_order_id", "symbol", "side", "quantity", "filled_quantity", "status")
HALT_FIELDS = ("pk", "scope", "created_at", "released_at", "tenant_id", "strategy_id", "account_id")

Names = Mapping[tuple[str, int], tuple[str, str]]
"""What a broker calls an instrument: exchange and symbol by slug and instrument id."""


def broker_names() -> Names:
    rows = BrokerInstrument.objects.values_list("broker", "instrument_id", "exchange", "symbol")
    return {(broker, pk): (exchange, symbol) for broker, pk, exchange, symbol in rows.iterator(chunk_size=CHUNK)}


Moves = Mapping[int, list[tuple[datetime, int]]]
"""When each account left which shard, in order."""


def moves_of_accounts() -> Moves:
    moves: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    rows = AuditEvent.objects.filter(object_type=ACCOUNT, kind="account_moved").order_by("pk")
    for account_id, at, data in rows.values_list("object_id", "at", "data"):
        if account_id is not None:
            moves[account_id].append((at, int(data["from"])))
    return moves


def lease_of(shard: int) -> str:
    return f"execution.{shard}"


def _shard_at(row: Mapping[str, Any], moves: Moves) -> int:
    """Return the shard that claimed an order: the one its account left next, or has not left."""
    claimed_at = row["claimed_at"]
    later = (shard for at, shard in moves.get(row["account_id"], []) if claimed_at is not None and at >= claimed_at)
    return next(later, row["account__shard"])


Reductions = Mapping[int, frozenset[int]]
"""The smaller totals that were asked of brokers, by order."""


def reductions_of_orders() -> Reductions:
    asked = ChangeRequest.objects.filter(quantity__isnull=False, sent_at__isnull=False)
    found: dict[int, set[int]] = defaultdict(set)
    for order_id, quantity in asked.values_list("order_id", "quantity"):
        if quantity is not None:
            found[order_id].add(quantity)
    return {order_id: frozenset(quantities) for order_id, quantities in found.items()}


def order_row(row: Mapping[str, Any], names: Names, moves: Moves, reductions: Reductions) -> OrderRow:
    broker = serving_broker(row["account__broker"], row["intent__mode"])
    own = (row["instrument__exchange"], row["instrument__symbol"])
    exchange, symbol = own if broker == PAPER else names.get((broker, row["instrument_id"]), ("", ""))
    return OrderRow(
        pk=row["pk"],
        tag=row["client_order_id"],
        account_id=row["account_id"],
        intent_id=row["intent_id"],
        leg_id=row["intent__leg_id"],
        trade_id=row["intent__trade_id"],
        mode=row["intent__mode"],
        kind=row["intent__kind"],
        broker=broker,
        client_id=row["account__client_id"],
        exchange=exchange,
        symbol=symbol,
        lot_size=row["instrument__lot_size"],
        freeze_quantity=row["instrument__freeze_quantity"],
        side=row["side"],
        quantity=row["quantity"],
        status=row["status"],
        filled_quantity=row["filled_quantity"],
        average_price=row["average_price"],
        slice_number=row["slice_number"],
        attempt=row["attempt"],
        broker_order_id=row["broker_order_id"],
        lease=lease_of(_shard_at(row, moves)),
        epoch=row["epoch"],
        market=row["instrument__exchange"],
        may_shrink=row["intent__kind"] == IntentKind.EXIT and spec_of(broker).reduces_only,
        created_at=row["created_at"],
        claimed_at=row["claimed_at"],
        submitted_at=row["submitted_at"],
        expires_at=row["intent__expires_at"],
        finished_at=row["finished_at"],
        reduced_to=reductions.get(row["pk"], frozenset()),
    )


def intent_row(*row: Any) -> IntentRow:
    strategy_id, dedupe_key = row[11:13]
    signal = "" if strategy_id is None else f"{strategy_id}:{dedupe_key}"
    fields = (*row[:11], signal, *row[13:])
    return IntentRow(*fields)


def trade_row(*row: Any) -> TradeRow:
    *facts, touched_at, flip_of, plan = row
    fields = (*facts, facts[5] not in LIVE_TRADES or _is_plan(plan), touched_at, flip_of)
    return TradeRow(*fields)


def _is_plan(plan: dict[str, Any]) -> bool:
    try:
        from_json(plan)
    except msgspec.ValidationError:
        return False
    return True


def heartbeat_row(beat: Heartbeat) -> HeartbeatRow:
    newest = beat.detail.get("newest_tick_ms")
    return HeartbeatRow(
        process=beat.process,
        build=beat.build,
        at=beat.beat_at,
        started_at=beat.started_at,
        is_gone=is_dead(beat.holder),
        is_standing_by=bool(beat.detail.get(_STANDING_BY)),
        prices_age=beat.beat_at.timestamp() - newest / 1000 if isinstance(newest, int) else None,
    )


def audit_row(
    pk: int, kind: str, object_type: str, object_id: int | None, at: datetime, data: dict[str, Any]
) -> AuditRow:
    filled = data.get("filled")
    return AuditRow(
        pk=pk,
        kind=kind,
        object_type=object_type,
        object_id=object_id,
        at=at,
        status=str(data.get("status") or STATUS_OF.get(kind, "")),
        filled=filled if isinstance(filled, int) else None,
    )
