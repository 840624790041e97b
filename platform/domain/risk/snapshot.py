"""What is armed, as plain facts: for an operator's page, for logs, for tests."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.orders import ExitReason
from domain.risk.book import ArmedMap, ArmedTrade, Cause, Scope, Slot
from domain.risk.forms import Form
from domain.risk.rules import DataState, EntryEvent, TrailMoved
from domain.risk.watch import FAR, Watch


@dataclass(frozen=True, slots=True)
class FormView:
    """A rule's value and where its marks stand; ``value`` None while it rests on data that is not LIVE."""

    value: int | None
    levels: Mapping[ExitReason | EntryEvent, int]
    best: int | None
    counting: int  # the most ticks counted towards any mark


@dataclass(frozen=True, slots=True)
class SlotView:
    """A leg, or the entry (``leg_id`` 0); ``latched_until`` None while armed."""

    leg_id: int
    latched_until: datetime | None
    cause: Cause | None
    rules: FormView | None


@dataclass(frozen=True, slots=True)
class TradeView:
    """A trade under watch."""

    trade_id: int
    map_id: int
    version: int
    slots: tuple[SlotView, ...]
    pnl: FormView | None


@dataclass(frozen=True, slots=True)
class MapView:
    """A map's day; ``day`` None without limits or open legs."""

    map_id: int
    realised: int
    day: FormView | None


@dataclass(frozen=True, slots=True)
class WatchView:
    """An instrument; nothing can fire while ``low < price < high`` (None: no such price)."""

    instrument_id: int
    state: DataState
    last_price: int | None
    low: int | None
    high: int | None
    references: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything an engine holds."""

    now: datetime
    trades: tuple[TradeView, ...]
    maps: tuple[MapView, ...]
    instruments: tuple[WatchView, ...]
    ticks: int
    dropped: int


def take_snapshot(
    *,
    now: datetime,
    trades: Iterable[ArmedTrade],
    maps: Iterable[ArmedMap],
    watches: Iterable[Watch],
    states: Mapping[int, DataState],
    ticks: int,
    dropped: int,
) -> Snapshot:
    """Return the views, each kind in the order of its ids."""
    return Snapshot(
        now=now,
        trades=tuple(sorted((_trade(trade) for trade in trades), key=lambda view: view.trade_id)),
        maps=tuple(sorted((_map(armed) for armed in maps), key=lambda view: view.map_id)),
        instruments=tuple(sorted((_watch(watch, states) for watch in watches), key=lambda view: view.instrument_id)),
        ticks=ticks,
        dropped=dropped,
    )


def _trade(trade: ArmedTrade) -> TradeView:
    return TradeView(
        trade_id=trade.rules.trade_id,
        map_id=trade.rules.map_id,
        version=trade.rules.version,
        slots=tuple(_slot(slot) for slot in trade.all_slots()),
        pnl=_form(trade.form),
    )


def _slot(slot: Slot) -> SlotView:
    return SlotView(slot.leg_id, latched_until=slot.released_at, cause=slot.cause, rules=_form(slot.form))


def _map(armed: ArmedMap) -> MapView:
    return MapView(armed.map_id, realised=armed.realised, day=_form(armed.form))


def _form(form: Form | None) -> FormView | None:
    if form is None:
        return None
    return FormView(
        value=form.show(form.value()) if form.is_ready() else None,
        levels={mark.reason: form.show(mark.level) for mark in form.marks if mark.reason is not None},
        best=form.show(form.trailing.best) if form.trailing else None,
        counting=max((mark.count for mark in form.marks), default=0),
    )


def _watch(watch: Watch, states: Mapping[int, DataState]) -> WatchView:
    return WatchView(
        instrument_id=watch.instrument_id,
        state=states.get(watch.instrument_id, DataState.LIVE),
        last_price=watch.recent[-1] if watch.recent else None,
        low=watch.low if abs(watch.low) != FAR else None,
        high=watch.high if abs(watch.high) != FAR else None,
        references=watch.references,
    )


def trail_moved(form: Form) -> TrailMoved:
    """Return where the form's trail stands."""
    trailing, slot = form.trailing, next(form.owner.slots())
    assert trailing is not None  # noqa: S101
    return TrailMoved(
        trade_id=slot.trade.rules.trade_id,
        leg_id=slot.leg_id if form.owner.scope is Scope.LEG else 0,
        best=form.show(trailing.best),
        stop=None if trailing.floor is None else form.show(trailing.floor),
    )
