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
from apps.trading.services.orders import build_orders
from bus import commands
from domain.exit_plan import ExitPlan, to_json
from domain.orders import ExitReason, IntentKind, IntentStatus, TradeStatus


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


def enter_wave(*, wave: Wave, planned: Sequence[PlannedTrade], skips: Sequence[Skip], now: datetime) -> list[Trade]:
    """Write a wave's verdicts, trades, intents and PENDING orders; wake each shard once after the commit.

    Raises ``django.db.IntegrityError`` when another delivery of the signal was faster: nothing is written then.
    """
    with transaction.atomic():
        trades = Trade.objects.bulk_create([_trade(wave, plan, now) for plan in planned])
        pairs = list(zip(trades, planned, strict=True))
        legs = TradeLeg.objects.bulk_create([leg for trade, plan in pairs for leg in _legs(trade, plan)])
        intents = Intent.objects.bulk_create([_intent(wave, leg, now) for leg in legs])
        prices = [planned_leg.price for plan in planned for planned_leg in plan.legs]
        Order.objects.bulk_create(
            [
                order
                for intent, price in zip(intents, prices, strict=True)
                for order in build_orders(intent, quantity=intent.quantity, price=price, attempt=0)
            ]
        )
        _write_verdicts(wave, planned, skips)
        record_all(_audit(wave, intents))
        commands.wake_execution(plan.account.shard for plan in planned)
        announce_trades(trades)
    return trades


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


def _legs(trade: Trade, plan: PlannedTrade) -> list[TradeLeg]:
    return [
        TradeLeg(trade=trade, position=number, instrument=leg.instrument, side=leg.side, quantity=leg.quantity)
        for number, leg in enumerate(plan.legs, start=1)
    ]


def _intent(wave: Wave, leg: TradeLeg, now: datetime) -> Intent:
    trade = leg.trade
    return Intent(
        tenant_id=wave.tenant_id,
        account_id=trade.account_id,
        signal_id=wave.signal_id,
        wave=wave,
        trade=trade,
        leg=leg,
        kind=IntentKind.ENTRY,
        side=leg.side,
        quantity=leg.quantity,
        mode=trade.mode,
        status=IntentStatus.NEW,
        reason=ExitReason.SIGNAL,
        expires_at=trade.entry_deadline_at,
        created_at=now,
    )


def _write_verdicts(wave: Wave, planned: Sequence[PlannedTrade], skips: Sequence[Skip]) -> None:
    taken = [WaveVerdict(wave=wave, strategy_map_id=p.strategy_map_id, account=p.account, taken=True) for p in planned]
    skipped = [
        WaveVerdict(
            wave=wave,
            strategy_map_id=skip.strategy_map_id,
            account_id=skip.account_id,
            taken=False,
            reason=skip.reason,
            detail=skip.detail[:200],
        )
        for skip in skips
    ]
    WaveVerdict.objects.bulk_create(taken + skipped)


def _audit(wave: Wave, intents: Sequence[Intent]) -> list[Entry]:
    return [
        Entry(
            kind="intent_created",
            object_type="trading.intent",
            object_id=intent.pk,
            tenant_id=wave.tenant_id,
            data={"kind": intent.kind, "side": intent.side, "quantity": intent.quantity, "account": intent.account_id},
        )
        for intent in intents
    ]
