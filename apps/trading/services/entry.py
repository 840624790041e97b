"""Entering: one wave's trades, intents and orders for all accounts, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from apps.audit.services.record import Entry, record_all
from apps.broker_accounts.models import BrokerAccount
from apps.markets.models import Instrument
from apps.trading.models import Intent, Order, Trade, TradeLeg, Wave, WaveVerdict
from apps.trading.services.announce import announce_trades
from apps.trading.services.orders import new_client_order_id, parts_of
from apps.trading.services.rows import insert_columns, insert_rows
from bus import commands, failpoints
from domain.exit_plan import ExitPlan, to_json
from domain.orders import ExitReason, IntentKind, IntentStatus, OrderStatus, OrderType, TradeStatus


@dataclass(frozen=True, slots=True)
class PlannedLeg:
    """One leg as it will be sent: quantity in units, the limit in rupees."""

    instrument: Instrument
    side: str
    quantity: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class PlannedTrade:
    """What one map takes of a wave."""

    strategy_map_id: int
    account: BrokerAccount
    product: str
    legs: tuple[PlannedLeg, ...]
    exit_plan: ExitPlan
    square_off_at: datetime | None
    entry_deadline_at: datetime
    trading_date: date


@dataclass(frozen=True, slots=True)
class Skip:
    """Why one map takes no part."""

    strategy_map_id: int
    account_id: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Leg:
    """One leg of one written trade."""

    trade: Trade
    position: int
    planned: PlannedLeg


def enter_wave(*, wave: Wave, planned: Sequence[PlannedTrade], skips: Sequence[Skip], now: datetime) -> list[Trade]:
    """Write a wave's verdicts, trades, intents and PENDING orders; wake each shard once after the commit.

    Raises ``django.db.IntegrityError`` when another delivery of the signal was faster: nothing is written then.
    """
    with transaction.atomic():
        trades = insert_rows([_trade(wave, plan, now) for plan in planned])
        pairs = zip(trades, planned, strict=True)
        legs = [_Leg(trade, n, leg) for trade, plan in pairs for n, leg in enumerate(plan.legs, start=1)]
        intents = _write_intents(wave, legs, _write_legs(legs), now)
        failpoints.reach("entry.intents_written")
        _write_orders(legs, intents, now)
        _write_verdicts(wave, planned, skips)
        record_all(_audit(wave, legs, intents))
        commands.wake_execution(plan.account.shard for plan in planned)
        announce_trades(trades)
    return list(trades)


def _trade(wave: Wave, plan: PlannedTrade, now: datetime) -> Trade:
    return Trade(
        tenant_id=wave.tenant_id,
        account=plan.account,
        strategy_id=wave.strategy_id,
        strategy_map_id=plan.strategy_map_id,
        wave=wave,
        mode=plan.account.mode,
        product=plan.product,
        status=TradeStatus.PENDING,
        exit_plan=to_json(plan.exit_plan),
        square_off_at=plan.square_off_at,
        entry_deadline_at=plan.entry_deadline_at,
        trading_date=plan.trading_date,
        created_at=now,
    )


def _write_legs(legs: Sequence[_Leg]) -> list[int]:
    return insert_columns(
        TradeLeg,
        each={
            "trade_id": [leg.trade.pk for leg in legs],
            "position": [leg.position for leg in legs],
            "instrument_id": [leg.planned.instrument.pk for leg in legs],
            "side": [leg.planned.side for leg in legs],
            "quantity": [leg.planned.quantity for leg in legs],
        },
        shared={},
    )


def _write_intents(wave: Wave, legs: Sequence[_Leg], ids: Sequence[int], now: datetime) -> list[int]:
    return insert_columns(
        Intent,
        each={
            "account_id": [leg.trade.account_id for leg in legs],
            "trade_id": [leg.trade.pk for leg in legs],
            "leg_id": ids,
            "side": [leg.planned.side for leg in legs],
            "quantity": [leg.planned.quantity for leg in legs],
            "mode": [leg.trade.mode for leg in legs],
            "expires_at": [leg.trade.entry_deadline_at for leg in legs],
        },
        shared={
            "tenant_id": wave.tenant_id,
            "signal_id": wave.signal_id,
            "wave_id": wave.pk,
            "kind": IntentKind.ENTRY,
            "status": IntentStatus.NEW,
            "reason": ExitReason.SIGNAL,
            "created_at": now,
        },
    )


def _write_orders(legs: Sequence[_Leg], intents: Sequence[int], now: datetime) -> None:
    """Write one PENDING order per slice."""
    parts = [
        (leg, intent_id, number, quantity)
        for leg, intent_id in zip(legs, intents, strict=True)
        for number, quantity in enumerate(parts_of(leg.planned.instrument, leg.planned.quantity))
    ]
    insert_columns(
        Order,
        each={
            "account_id": [leg.trade.account_id for leg, *_ in parts],
            "intent_id": [intent_id for _, intent_id, *_ in parts],
            "instrument_id": [leg.planned.instrument.pk for leg, *_ in parts],
            "slice_number": [number for *_, number, _ in parts],
            "client_order_id": [new_client_order_id(leg.trade.account.broker) for leg, *_ in parts],
            "side": [leg.planned.side for leg, *_ in parts],
            "quantity": [quantity for *_, quantity in parts],
            "product": [leg.trade.product for leg, *_ in parts],
            "price": [leg.planned.price for leg, *_ in parts],
        },
        shared={"order_type": OrderType.LIMIT, "status": OrderStatus.PENDING, "created_at": now},
    )


def _write_verdicts(wave: Wave, planned: Sequence[PlannedTrade], skips: Sequence[Skip]) -> None:
    insert_columns(
        WaveVerdict,
        each={
            "strategy_map_id": [*(one.strategy_map_id for one in planned), *(one.strategy_map_id for one in skips)],
            "account_id": [*(plan.account.pk for plan in planned), *(skip.account_id for skip in skips)],
            "taken": [*(True for _ in planned), *(False for _ in skips)],
            "reason": [*("" for _ in planned), *(skip.reason for skip in skips)],
            "detail": [*("" for _ in planned), *(skip.detail[:200] for skip in skips)],
        },
        shared={"wave_id": wave.pk},
    )


def _audit(wave: Wave, legs: Sequence[_Leg], intents: Sequence[int]) -> list[Entry]:
    return [
        Entry(
            kind="intent_created",
            object_type="trading.intent",
            object_id=intent_id,
            tenant_id=wave.tenant_id,
            data={
                "kind": IntentKind.ENTRY,
                "side": leg.planned.side,
                "quantity": leg.planned.quantity,
                "account": leg.trade.account_id,
            },
        )
        for leg, intent_id in zip(legs, intents, strict=True)
    ]
