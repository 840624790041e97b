"""I6 and I9: no exit is lost, and no position stands where nothing looks after it and nobody knows."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.invariants.evidence import Breach, HeartbeatRow, IntentRow, LegRow, TradeRow
from domain.invariants.ledger_rules import MAY_FILL
from domain.invariants.view import View
from domain.orders import LIVE_TRADES, OPEN_INTENTS, IntentKind, Mode, TradeStatus

EXIT_WITHIN = timedelta(seconds=2)
"""From a trigger or the cut-off to the exit intent."""

SETTLING = timedelta(seconds=5)
"""What settling decides, such as to leave a wave that filled in part, the next sweep acts on."""

SENT_WITHIN = timedelta(seconds=60)
"""An exit that can be sent has an order at the broker within this."""

FLAT_WITHIN = timedelta(minutes=2)
"""From the cut-off until somebody is told of what is not flat."""

PRICES_WITHIN = 3.0
"""Seconds: how old the newest price may be before polling or a person takes over."""

LOOPS_SILENT_AFTER = timedelta(seconds=30)
TOLD_WITHIN = timedelta(seconds=75)
"""A loop's silence counts after half a minute and is looked for every minute: then somebody was told."""

_OVER = frozenset({TradeStatus.CLOSED, TradeStatus.ENTRY_FAILED})


def no_exit_lost(view: View) -> Iterator[Breach]:
    """I6: a leg that must go flat has its open exit; a trade past its cut-off is leaving, in time, and is flat or told
    of; a trade that is over holds nothing."""
    for trade in view.trades:
        held = [leg for leg in view.legs_of_trade.get(trade.pk, []) if leg.open_quantity]
        if trade.status in _OVER and held:
            yield Breach("I6", f"trade {trade.pk}", f"is {trade.status} and holds {_holds(held)}")
        if trade.status in LIVE_TRADES:
            for leg in held:
                yield from _is_leaving(view, trade, leg)
            yield from _past_cut_off(view, trade, held)
        if view.calm_since is not None:
            yield from _left_in_time(view, trade, view.calm_since)


def _holds(legs: list[LegRow]) -> str:
    return ", ".join(f"{leg.open_quantity} of leg {leg.pk}" for leg in legs)


def _is_leaving(view: View, trade: TradeRow, leg: LegRow) -> Iterator[Breach]:
    is_settling = trade.touched_at is not None and view.at - trade.touched_at <= SETTLING
    must = (bool(leg.exit_reason) and not is_settling) or _is_due(view, trade, EXIT_WITHIN)
    has_exit = any(one.status in OPEN_INTENTS for one in view.exits_of_leg.get(leg.pk, []))
    if must and not has_exit:
        why = leg.exit_reason or f"the cut-off at {trade.square_off_at}"
        yield Breach("I6", f"leg {leg.pk}", f"must go flat for {why}, holds {leg.open_quantity} and has no open exit")


def exits_under_way(view: View) -> Iterator[Breach]:
    """I6, where nothing was forgotten but nothing happens: an open exit has an order at the broker, or its last one has
    only just ended, or somebody was told why it waits."""
    for leg in view.legs:
        if leg.open_quantity:
            for intent in view.exits_of_leg.get(leg.pk, []):
                if intent.status in OPEN_INTENTS and _is_stuck(view, leg, intent) and not _told_of_exit(view, intent):
                    why = f"holds {leg.open_quantity}, its exit {intent.pk} has no order at the broker"
                    yield Breach("I6", f"leg {leg.pk}", f"{why} and nobody was told")


def _is_stuck(view: View, leg: LegRow, intent: IntentRow) -> bool:
    exits = [one for one in view.orders_of_leg.get(leg.pk, []) if one.intent_id == intent.pk]
    if any(one.status in MAY_FILL for one in exits) or not all(view.is_open(one.market) for one in exits):
        return False
    ends = [one.finished_at for one in exits if one.finished_at is not None]
    newest = max([*ends, *([intent.created_at] if intent.created_at else [])], default=None)
    return newest is not None and view.market_at - newest > view.in_market_time(SENT_WITHIN)


def _told_of_exit(view: View, intent: IntentRow) -> bool:
    keys = (f"exit-size:{intent.pk}", f"EXIT_REFUSED:{intent.pk}", f"square-off-late:{intent.trade_id}")
    return any(key in view.told for key in keys) or _told(view, f"exit-blocked:{intent.pk}:")


def _is_due(view: View, trade: TradeRow, grace: timedelta) -> bool:
    return trade.square_off_at is not None and view.market_at > trade.square_off_at + view.in_market_time(grace)


def _past_cut_off(view: View, trade: TradeRow, held: list[LegRow]) -> Iterator[Breach]:
    """The job that tells runs every minute."""
    if held and _is_due(view, trade, FLAT_WITHIN + TOLD_WITHIN) and f"square-off-late:{trade.pk}" not in view.told:
        yield Breach("I6", f"trade {trade.pk}", f"holds {_holds(held)} past {trade.square_off_at}, and nobody was told")


def _left_in_time(view: View, trade: TradeRow, calm_since: datetime) -> Iterator[Breach]:
    """What was open before its cut-off, and still at it, has an exit of no later than two seconds after."""
    cut_off = trade.square_off_at
    within = view.in_market_time(EXIT_WITHIN)
    if cut_off is None or not calm_since <= cut_off <= view.market_at - within:
        return
    if trade.opened_at is None or trade.opened_at > cut_off or (trade.closed_at and trade.closed_at <= cut_off):
        return
    for leg in view.legs_of_trade.get(trade.pk, []):
        exits = [one for one in view.exits_of_leg.get(leg.pk, []) if one.created_at is not None]
        first = min((one.created_at for one in exits if one.created_at is not None), default=None)
        if first is not None and first > cut_off + within:
            yield Breach("I6", f"leg {leg.pk}", f"cut off at {cut_off}, its exit was asked for at {first}")


def closed_is_flat(view: View) -> Iterator[Breach]:
    """I6 at the broker: what our orders of an over trade's leg bought and sold there, and what it took over of somebody
    else's, comes to nothing."""
    order_of = {one.owner: view.order_of_tag.get(one.tag) for one in view.book_orders}
    net = view.held_elsewhere(before=False)
    for leg in view.legs:
        if view.is_taken_over(leg):
            net[leg.pk] = net.get(leg.pk, 0) + leg.entry_quantity
    for fill in view.book_fills:
        order = order_of.get(fill.owner)
        if order is not None:
            change = fill.quantity if order.kind == IntentKind.ENTRY else -fill.quantity
            net[order.leg_id] = net.get(order.leg_id, 0) + change
    for leg in view.legs:
        trade = view.trade_of_pk.get(leg.trade_id)
        if trade is not None and trade.mode == Mode.LIVE and trade.status in _OVER and net.get(leg.pk, 0):
            yield Breach("I6", f"leg {leg.pk}", f"trade {trade.pk} is {trade.status}, the broker holds {net[leg.pk]}")


def none_naked(view: View) -> Iterator[Breach]:
    """I9, first half: each live trade that holds something has rules that can be read, or somebody was told."""
    for trade in _held_trades(view):
        if not trade.has_rules and not _told(view, f"unwatched:{trade.pk}:"):
            yield Breach("I9", f"trade {trade.pk}", "its rules cannot be read, and nobody was told")


def engine_watches(view: View) -> Iterator[Breach]:
    """I9, second half: while a trade holds something whose market is open, the engine and the feed show life and prices
    are fresh, or somebody was told."""
    held = sum(1 for trade in _held_trades(view) if _is_traded(view, trade))
    if held:
        for process in ("signals", "feed"):
            yield from _is_alive(view, process, held)


def _is_traded(view: View, trade: TradeRow) -> bool:
    orders = (one for leg in view.legs_of_trade.get(trade.pk, []) for one in view.orders_of_leg.get(leg.pk, []))
    return any(view.is_open(order.market) for order in orders)


def _held_trades(view: View) -> list[TradeRow]:
    return [trade for trade in view.trades if trade.status in LIVE_TRADES and _is_held(view, trade)]


def _is_held(view: View, trade: TradeRow) -> bool:
    return any(leg.open_quantity for leg in view.legs_of_trade.get(trade.pk, []))


def _told(view: View, beginning: str) -> bool:
    return any(key.startswith(beginning) for key in view.told)


def _is_alive(view: View, process: str, trades: int) -> Iterator[Breach]:
    beats = [one for one in view.evidence.heartbeats if one.process == process or one.process.startswith(f"{process}.")]
    newest = max(beats, key=lambda one: one.at, default=None)
    if newest is None:
        yield Breach("I9", process, f"never showed life while {trades} trades are open")
    elif view.at - newest.at > LOOPS_SILENT_AFTER + TOLD_WITHIN and not _was_told(view, "PROCESS_SILENT", newest.at):
        yield Breach("I9", process, f"is silent since {newest.at} with {trades} trades open, and nobody was told")
    else:
        yield from _has_prices(view, newest, trades)


def _has_prices(view: View, beat: HeartbeatRow, trades: int) -> Iterator[Breach]:
    age = beat.prices_age
    if age is not None and age > PRICES_WITHIN and not _told_of_prices(view, beat.at - timedelta(seconds=age)):
        yield Breach("I9", beat.process, f"has prices {age:.1f} s old with {trades} trades open, and nobody was told")


def _told_of_prices(view: View, since: datetime) -> bool:
    return _was_told(view, "FEED_SILENT", since)


def _was_told(view: View, code: str, since: datetime) -> bool:
    return any(one.code == code and one.at >= since for one in view.evidence.notifications)
