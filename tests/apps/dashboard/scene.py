"""Trades, orders and positions to look at, on top of the shared cast."""

from datetime import datetime, timedelta
from decimal import Decimal

from apps.broker_accounts.models import BrokerAccount
from apps.markets.models import Instrument
from apps.strategies.models import Signal, Strategy, StrategyMap
from apps.trading.models import Fill, Intent, Order, Position, Trade, TradeLeg, Wave
from domain.clock import IST
from domain.orders import IntentStatus, OrderStatus, TradeStatus

ENTRY = Decimal("42.10")


def make_wave(strategy: Strategy, *, now: datetime, key: str) -> Wave:
    """Make an entry signal and its wave."""
    signal = Signal.objects.create(
        tenant=strategy.tenant, strategy=strategy, kind="ENTRY", dedupe_key=key, status="ROUTED", received_at=now
    )
    return Wave.objects.create(tenant=strategy.tenant, strategy=strategy, signal=signal, kind="ENTRY", created_at=now)


def make_trade(
    account: BrokerAccount,
    instruments: list[Instrument],
    *,
    strategy: Strategy,
    now: datetime,
    side: str = "SELL",
    entry: Decimal = ENTRY,
    lots: int = 1,
    key: str = "scene",
) -> Trade:
    """Make an open trade with one filled leg per instrument, stop at 130 % and target at 50 % of the entry."""
    wave = make_wave(strategy, now=now, key=f"{key}-{account.pk}")
    trade = Trade.objects.create(
        tenant=account.tenant,
        account=account,
        strategy=strategy,
        strategy_map=StrategyMap.objects.filter(strategy=strategy, account=account).first(),
        wave=wave,
        mode=account.mode,
        product="MIS",
        status=TradeStatus.OPEN,
        entry_deadline_at=now + timedelta(minutes=1),
        trading_date=now.astimezone(IST).date(),
        created_at=now,
        opened_at=now,
        square_off_at=now + timedelta(hours=4),
        charges=Decimal("23.45"),
    )
    for position, instrument in enumerate(instruments, start=1):
        make_leg(trade, instrument, position=position, side=side, entry=entry, lots=lots, now=now)
    return trade


def make_leg(
    trade: Trade, instrument: Instrument, *, position: int, side: str, entry: Decimal, lots: int, now: datetime
) -> TradeLeg:
    """Make one filled leg with its order and fill."""
    quantity = instrument.lot_size * lots
    leg = TradeLeg.objects.create(
        trade=trade,
        position=position,
        instrument=instrument,
        side=side,
        quantity=quantity,
        entry_quantity=quantity,
        entry_value=entry * quantity,
        stop_price=entry * Decimal("1.3") if side == "SELL" else entry * Decimal("0.7"),
        target_price=entry / 2 if side == "SELL" else entry * Decimal("1.5"),
    )
    order = make_order(leg, status=OrderStatus.FILLED, now=now, filled=quantity, price=entry)
    Fill.objects.create(
        account=trade.account,
        order=order,
        exchange_trade_id=f"X{order.pk}",
        quantity=quantity,
        price=entry,
        filled_at=now,
    )
    Position.objects.update_or_create(
        account=trade.account,
        mode=trade.mode,
        instrument=instrument,
        product="MIS",
        defaults={"quantity": -quantity if side == "SELL" else quantity, "average_price": entry, "read_at": now},
    )
    return leg


def make_order(
    leg: TradeLeg,
    *,
    status: OrderStatus,
    now: datetime,
    filled: int = 0,
    price: Decimal = ENTRY,
    code: str = "",
    reason: str = "",
) -> Order:
    """Make an entry order of a leg in some state."""
    trade = leg.trade
    intent = Intent.objects.filter(leg=leg, kind="ENTRY").first() or Intent.objects.create(
        tenant=trade.tenant,
        account=trade.account,
        signal=trade.wave.signal,
        wave=trade.wave,
        trade=trade,
        leg=leg,
        kind="ENTRY",
        side=leg.side,
        quantity=leg.quantity,
        mode=trade.mode,
        status=IntentStatus.DONE,
        filled_quantity=leg.quantity,
    )
    number = Order.objects.count() + 1
    return Order.objects.create(
        account=trade.account,
        intent=intent,
        instrument=leg.instrument,
        attempt=number,
        client_order_id=f"V7Q{number:09d}",
        broker_order_id=f"2611160000{number:05d}",
        side=leg.side,
        quantity=leg.quantity,
        product="MIS",
        order_type="LIMIT",
        price=price,
        status=status,
        filled_quantity=filled,
        average_price=price if filled else Decimal(0),
        reason_code=code,
        reason=reason,
        created_at=now,
        submitted_at=now + timedelta(milliseconds=12),
        acknowledged_at=now + timedelta(milliseconds=96),
    )
