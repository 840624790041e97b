"""What the risk engine must watch, read from the trades; and what it found, written down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import msgspec
from django.db import connection
from django.db.models import F, Sum

from apps.markets.models import Instrument
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.risk.models import DayStop
from apps.trading.models import Trade, TradeLeg
from apps.trading.services.exit import request_exit
from apps.trading.services.settle import realised
from domain.exit_plan import ExitPlan, from_json, offset_of
from domain.orders import LIVE_TRADES, ExitReason, Side
from domain.prices import to_decimal, to_scaled
from domain.risk import DayLimits, Fired, LegRules, PnlRules, RuleError, TradeRules, TrailMoved
from domain.risk.levels import TrailOffsets, confirmation, leg_rules

AT_ONCE = 200
"""How many legs one exit transaction takes: a square-off of everything must not lock everything."""


@dataclass(frozen=True, slots=True)
class WatchList:
    """Rules of live trades, trades that need no watching any more, and what each map has realised today."""

    rules: tuple[TradeRules, ...]
    over: frozenset[int]
    realised: dict[int, int]


def watch_list(*, on: date, since: datetime | None = None, trade_ids: Iterable[int] | None = None) -> WatchList:
    """Return what to watch: everything live, or of that only what was touched ``since`` or is named."""
    rows = Trade.objects.order_by("pk")
    if trade_ids is not None:
        rows = rows.filter(pk__in=list(trade_ids))
    elif since is not None:
        rows = rows.filter(touched_at__gte=since)
    else:
        rows = rows.filter(status__in=LIVE_TRADES)
    trades = list(rows)
    legs = _legs_of(trades)
    rules = [rule for trade in trades if (rule := _rules_or_page(trade, legs[trade.pk])) is not None]
    watched = {rule.trade_id for rule in rules}
    maps = {trade.strategy_map_id for trade in trades if trade.strategy_map_id is not None}
    return WatchList(
        rules=tuple(rules),
        over=frozenset(trade.pk for trade in trades if trade.pk not in watched),
        realised=realised_by_map(maps, on=on),
    )


def _legs_of(trades: Sequence[Trade]) -> dict[int, list[TradeLeg]]:
    """Return each trade's legs with their contracts; a prefetch would make two querysets for every trade."""
    found: dict[int, list[TradeLeg]] = {trade.pk: [] for trade in trades}
    legs = list(TradeLeg.objects.filter(trade_id__in=list(found)).order_by("trade_id", "position"))
    contracts = Instrument.objects.in_bulk({leg.instrument_id for leg in legs})
    for leg in legs:
        leg.instrument = contracts[leg.instrument_id]
        found[leg.trade_id].append(leg)
    return found


def _rules_or_page(trade: Trade, legs: Sequence[TradeLeg]) -> TradeRules | None:
    """One trade whose rules mean nothing must not leave the others unwatched: its operators are paged."""
    try:
        return rules_of(trade, legs)
    except (RuleError, msgspec.ValidationError) as error:
        notify(
            key=f"unwatched:{trade.pk}:{trade.version}",
            code="TRADE_UNWATCHED",
            text=f"Trade {trade.pk} cannot be watched: {error}",
            tenant_id=trade.tenant_id,
            level=Level.PAGE,
        )
        return None


def rules_of(trade: Trade, legs: Sequence[TradeLeg]) -> TradeRules | None:
    """Return a trade's rules, made of all its legs; ``None`` when it holds nothing that could be left."""
    held = [leg for leg in legs if leg.open_quantity > 0]
    if trade.status not in LIVE_TRADES or not held:
        return None
    plan = from_json(trade.exit_plan)
    return TradeRules(
        trade_id=trade.pk,
        map_id=trade.strategy_map_id or -trade.pk,  # without a map a trade is a day of its own
        version=trade.version,
        legs=tuple(_leg_rules(leg, plan) for leg in held),
        pnl=_pnl_rules(legs, plan),
        realised=to_scaled(sum((realised(leg) for leg in legs), Decimal(0))),
        day=_day_limits(plan),
        square_off_at=trade.square_off_at,
        confirm=confirmation(ticks=plan.confirm_ticks, buffer_percent=plan.buffer_percent),
    )


def _leg_rules(leg: TradeLeg, plan: ExitPlan) -> LegRules:
    distance = offset_of(plan.trail)
    return leg_rules(
        leg_id=leg.pk,
        instrument_id=leg.instrument_id,
        quantity=Side(leg.side).sign * leg.open_quantity,
        entry_price=leg.entry_value / leg.entry_quantity,
        tick_size=leg.instrument.tick_size,
        multiplier=leg.instrument.multiplier,
        stop=offset_of(plan.stop),
        target=offset_of(plan.target),
        trail=TrailOffsets(distance=distance, activate_after=offset_of(plan.trail_after)) if distance else None,
        best=leg.best_price,
    )


def _pnl_rules(legs: Sequence[TradeLeg], plan: ExitPlan) -> PnlRules | None:
    if plan.trade_stop is None and plan.trade_target is None:
        return None
    premium = sum((leg.entry_value * leg.instrument.multiplier for leg in legs), Decimal(0))
    stop = -to_scaled(plan.trade_stop.rupees(premium)) if plan.trade_stop else None
    target = to_scaled(plan.trade_target.rupees(premium)) if plan.trade_target else None
    return PnlRules(stop=stop, target=target)


def _day_limits(plan: ExitPlan) -> DayLimits | None:
    if plan.day_loss is None and plan.day_target is None:
        return None
    return DayLimits(
        loss=to_scaled(plan.day_loss) if plan.day_loss else None,
        target=to_scaled(plan.day_target) if plan.day_target else None,
        confirm=confirmation(ticks=plan.confirm_ticks),
    )


def realised_by_map(maps: Iterable[int], *, on: date) -> dict[int, int]:
    """Return each map's realised net rupees of a trading date, scaled."""
    wanted = list(maps)
    rows = (
        Trade.objects.filter(strategy_map_id__in=wanted, trading_date=on)
        .values("strategy_map_id")
        .annotate(net=Sum(F("gross_pnl") - F("charges")))
    )
    return dict.fromkeys(wanted, 0) | {row["strategy_map_id"]: to_scaled(row["net"]) for row in rows}


def act_on(fired: Sequence[Fired], *, now: datetime, trading_date: date) -> int:
    """Turn what fired into exits, merged with whatever is under way; returns the number of legs asked for."""
    by_reason: dict[ExitReason, list[int]] = {}
    for one in fired:
        if isinstance(one.reason, ExitReason):
            by_reason.setdefault(one.reason, []).extend(one.leg_ids)
    for reason in sorted(by_reason, key=lambda reason: reason.urgency):
        legs = by_reason[reason]
        for start in range(0, len(legs), AT_ONCE):
            request_exit(leg_ids=legs[start : start + AT_ONCE], reason=reason, now=now)
    _stop_the_day(fired, trading_date)
    return sum(len(legs) for legs in by_reason.values())


def _stop_the_day(fired: Sequence[Fired], trading_date: date) -> None:
    stopped = {
        one.map_id: one
        for one in fired
        if one.reason in (ExitReason.DAY_LOSS, ExitReason.DAY_TARGET) and one.map_id > 0
    }
    DayStop.objects.bulk_create(
        [
            DayStop(
                strategy_map_id=map_id, trading_date=trading_date, reason=one.reason, net_pnl=to_decimal(one.trigger)
            )
            for map_id, one in stopped.items()
        ],
        ignore_conflicts=True,
    )


def keep_trails(moved: Sequence[TrailMoved]) -> None:
    """Write down how far trails have come, so that a restart does not loosen them."""
    rows = [
        (one.leg_id, None if one.stop is None else to_decimal(one.stop), to_decimal(one.best))
        for one in moved
        if one.leg_id
    ]
    if not rows:
        return
    ids, stops, bests = zip(*rows, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_KEEP_TRAILS, [list(ids), list(stops), list(bests)])


_KEEP_TRAILS = """
UPDATE trading_tradeleg AS l SET trail_price = v.stop, best_price = v.best
FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[]) AS v(id, stop, best)
WHERE l.id = v.id
"""
