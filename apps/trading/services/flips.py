"""Positions that somebody else's order turned to the other side while ours was under way.

An exit is sized so that it cannot cross zero by what was known when it was sent. Hardly any broker has a reduce-only
order, and without one somebody who leaves the same position in the broker's own app within that moment turns it round
all the same. What our own exit has contributed to that, and no unit more, is taken over as a trade of its own and left
at once like any other; the account is halted until a person has looked.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Sum

from apps.audit.services.record import record
from apps.markets.models import BrokerInstrument
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.risk.services.halts import halt_account
from apps.trading.models import AccountState, ExternalOrder, Fill, Intent, Order, Position, Trade, TradeLeg
from apps.trading.services.announce import announce_trades
from apps.trading.services.clamp import POSITION_MAX_AGE, SENT
from apps.trading.services.exit import request_exit
from domain.orders import LIVE_TRADES, ExitReason, IntentKind, Mode, Side, TradeStatus

log = logging.getLogger(__name__)

WINDOW = timedelta(seconds=60)
"""How long after our own fill a position on the other side is put down to it."""

OVERLAP = timedelta(seconds=5)
"""How much later than our fill somebody else's order may be seen and still have been under way beside it."""

MOST_URGENT = 0


@dataclass(frozen=True, slots=True)
class Flip:
    """One turned position: the leg we left, units to bring back, what they came in at, and whose orders did it."""

    leg: TradeLeg
    quantity: int
    price: Decimal
    others: tuple[ExternalOrder, ...]


def flatten_flips(*, shard: int, now: datetime, wall: datetime) -> list[Trade]:
    """Halt accounts with a turned position, and bring it back where the account allows it; returns the new trades.

    Safe to repeat: what is on its way back is not taken over again.
    """
    trades = []
    for leg in _suspects(shard, wall):
        flip = _flip_of(leg, wall)
        if flip is None:
            continue
        with transaction.atomic():
            _halt_and_tell(flip)
            if leg.trade.account.flatten_flips:
                trades.append(_bring_back(flip, now=now, wall=wall))
    return trades


def _suspects(shard: int, wall: datetime) -> QuerySet[TradeLeg]:
    """Legs left a moment ago in whose contract and product the broker now shows the other side."""
    same = Position.objects.filter(
        account_id=OuterRef("trade__account_id"),
        mode=Mode.LIVE,
        instrument_id=OuterRef("instrument_id"),
        product=OuterRef("trade__product"),
    )
    is_short, is_long = Exists(same.filter(quantity__lt=0)), Exists(same.filter(quantity__gt=0))
    turned = Q(is_short, side=Side.BUY) | Q(is_long, side=Side.SELL)
    recent = TradeLeg.objects.filter(
        turned,
        trade__account__shard=shard,
        trade__mode=Mode.LIVE,
        trade__touched_at__gte=wall - WINDOW,
        trade__flip_of__isnull=True,
        exit_quantity__gt=0,
    )
    return recent.select_related("trade__account", "instrument").order_by("pk")


def _flip_of(leg: TradeLeg, wall: datetime) -> Flip | None:
    """Return what is to be brought back; ``None`` while anything about it may still move, or nothing is ours."""
    if not _is_settled(leg, wall):
        return None
    exits = Fill.objects.filter(order__intent__leg=leg, order__intent__kind=IntentKind.EXIT)
    recent = exits.filter(recorded_at__gte=wall - WINDOW).aggregate(quantity=Sum("quantity"), last=Max("recorded_at"))
    if not recent["quantity"]:
        return None
    others = _others(leg, before=recent["last"] + OVERLAP)
    excess = exits.aggregate(quantity=Sum("quantity"))["quantity"] - leg.exit_quantity
    brought_back = TradeLeg.objects.filter(trade__flip_of=leg).aggregate(quantity=Sum("quantity"))["quantity"] or 0
    caused = sum(one.theirs for one in others) + max(0, excess - brought_back)
    quantity = min(_turned(leg), recent["quantity"] - brought_back, caused)
    quantity -= quantity % leg.instrument.lot_size
    return Flip(leg, quantity, _price(leg, others), tuple(others)) if quantity > 0 else None


def _is_settled(leg: TradeLeg, wall: datetime) -> bool:
    """Whether the position was read after the last fill, a moment ago, and no order of ours can move it any more."""
    state = AccountState.objects.filter(account=leg.trade.account, mode=Mode.LIVE).first()
    if state is None or state.positions_read_at is None or wall - state.positions_read_at > POSITION_MAX_AGE:
        return False
    if state.fills_applied_at is not None and state.positions_read_at <= state.fills_applied_at:
        return False
    if Trade.objects.filter(flip_of__instrument=leg.instrument, account=leg.trade.account, status__in=LIVE_TRADES):
        return False
    ours = Order.objects.filter(account=leg.trade.account, instrument=leg.instrument, intent__mode=Mode.LIVE)
    return not ours.filter(status__in=SENT).exists()


def _turned(leg: TradeLeg) -> int:
    """Return the units on the other side that no other leg of ours holds: of the leg's own product, and never more than
    of all products together."""
    rows = Position.objects.filter(account=leg.trade.account, mode=Mode.LIVE, instrument=leg.instrument)
    quantities: dict[str, int] = defaultdict(int)
    for product, quantity in rows.values_list("product", "quantity"):
        quantities[product] += quantity
    for sister in _held_beside(leg):
        quantities[sister.trade.product] -= Side(sister.side).sign * sister.open_quantity
    sign = -Side(leg.side).sign
    return max(0, min(sign * quantities[leg.trade.product], sign * sum(quantities.values())))


def _held_beside(leg: TradeLeg) -> QuerySet[TradeLeg]:
    """The account's other legs in the contract: a short of another strategy is no long that turned."""
    account = leg.trade.account
    held = TradeLeg.objects.filter(trade__account=account, trade__mode=Mode.LIVE, trade__status__in=LIVE_TRADES)
    return held.filter(instrument=leg.instrument).exclude(pk=leg.pk).select_related("trade")


def _others(leg: TradeLeg, *, before: datetime) -> list[ExternalOrder]:
    """Orders outside the platform on our exit's side of the contract, not taken over yet."""
    account = leg.trade.account
    names = BrokerInstrument.objects.filter(broker=account.broker, instrument=leg.instrument).values("symbol")
    rows = ExternalOrder.objects.filter(
        account=account, symbol__in=names, side=Side(leg.side).opposite, seen_at__lte=before
    )
    return [row for row in rows.order_by("-seen_at") if row.theirs > 0]


def _price(leg: TradeLeg, others: Sequence[ExternalOrder]) -> Decimal:
    """What the turned units came in at: the other order's price where it is known, else our own exit's."""
    known = [one.average_price for one in others if one.average_price > 0]
    return known[0] if known else leg.exit_value / leg.exit_quantity


def _halt_and_tell(flip: Flip) -> None:
    account, symbol = flip.leg.trade.account, flip.leg.instrument.symbol
    halt_account(account_id=account.pk, reason_code="FLIP", reason=f"{symbol} had turned to the other side.")
    will = "It is being closed." if account.flatten_flips else "Close it at the broker."
    notify(
        key=f"flip:{flip.leg.pk}",
        code="FLIP",
        text=f"{account}: {symbol} was left here and at the broker at once, {flip.quantity} too many. {will}",
        tenant_id=account.tenant_id,
        user_id=account.user_id,
        level=Level.PAGE,
    )


def _bring_back(flip: Flip, *, now: datetime, wall: datetime) -> Trade:
    """Take the turned units over as a trade that holds them, and leave it at once: before anything else waits."""
    trade = _trade(flip, now, wall)
    leg = TradeLeg.objects.create(
        trade=trade,
        position=1,
        instrument=flip.leg.instrument,
        side=Side(flip.leg.side).opposite,
        quantity=flip.quantity,
        entry_quantity=flip.quantity,
        entry_value=flip.price * flip.quantity,
        exit_reason=ExitReason.EXTERNAL,
    )
    _mark_taken_over(flip)
    record("flip_taken_over", trade, tenant_id=trade.tenant_id, leg=flip.leg.pk, quantity=flip.quantity)
    request_exit(leg_ids=[leg.pk], reason=ExitReason.EXTERNAL, now=now)
    Intent.objects.filter(leg=leg, kind=IntentKind.EXIT).update(urgency=MOST_URGENT)
    announce_trades([trade])
    log.warning("flip", extra={"trade": trade.pk, "leg": flip.leg.pk, "quantity": flip.quantity})
    return trade


def _trade(flip: Flip, now: datetime, wall: datetime) -> Trade:
    left = flip.leg.trade
    return Trade.objects.create(
        tenant_id=left.tenant_id,
        account=left.account,
        strategy_id=left.strategy_id,
        wave_id=left.wave_id,
        mode=left.mode,
        product=left.product,
        status=TradeStatus.OPEN,
        flip_of=flip.leg,
        entry_deadline_at=now,
        trading_date=left.trading_date,
        created_at=now,
        opened_at=now,
        touched_at=wall,
    )


def _mark_taken_over(flip: Flip) -> None:
    left = flip.quantity
    for one in flip.others:
        taken = min(left, one.theirs)
        one.taken_over, left = one.taken_over + taken, left - taken
        one.save(update_fields=["taken_over"])
