"""The engine: holds armed rules, is shown ticks and the clock, answers what must be left.

It keeps no truth. The caller arms it from the database at start, updates it when rows change, and arms again
whatever it re-reads: a description that says nothing new changes nothing. Two engines side by side are
harmless as long as an exit is unique where it is written.

*Once, and again.* A leg that fired is latched: it is silent for ``refire_after``, then, unless it was
disarmed, it is asked for again if the reason still holds (a level: at the last price, without a second
confirmation; a time or a halt: always). Otherwise it is simply armed again. So an answer that got lost
between here and the exit costs seconds, not the stop. An update keeps the latch; arming afresh or ``rearm``
clears it.

*What never fires.* Ticks that are zero, older than the last one of their instrument, or the same packet a
second time are dropped and counted. Prices of instruments that are not LIVE fire nothing, and a P&L that
rests on one is not judged.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from domain.orders import ExitReason
from domain.risk import build
from domain.risk.alarms import Alarms
from domain.risk.book import ArmedMap, ArmedTrade, Cause, Scope, Slot
from domain.risk.forms import Form, Mark
from domain.risk.hits import Hit, settle, to_milliseconds
from domain.risk.rules import DataState, EntryEvent, Fired, LegRules, TradeRules, TrailMoved
from domain.risk.snapshot import Snapshot, take_snapshot, trail_moved
from domain.risk.watch import Watch, is_repeat
from domain.ticks import Tick

REFIRE_AFTER = timedelta(seconds=5)


class RiskEngine:
    """Armed rules of many trades. Not thread-safe: one loop owns it.

    ``now`` is the clock it starts at; it moves with ``on_clock`` only, which should be called at least every
    second.
    """

    def __init__(self, *, now: datetime, refire_after: timedelta = REFIRE_AFTER) -> None:
        self._now = now
        self._refire_after = refire_after
        self._trades: dict[int, ArmedTrade] = {}
        self._maps: dict[int, ArmedMap] = {}
        self._stale_maps: set[int] = set()  # their P&L form must be built anew
        self._watches: dict[int, Watch] = {}
        self._states: dict[int, DataState] = {}
        self._hits: list[Hit] = []
        self._moved: dict[Form, None] = {}
        self._alarms = Alarms(self._is_current)
        self.ticks = 0
        self.dropped = 0

    # -- what is armed ---------------------------------------------------------------------------------------

    def arm(self, rules: TradeRules) -> None:
        """Watch a trade from scratch: whatever was known of it (latches, trails reached) is forgotten."""
        self._install(rules, before=None)

    def update(self, rules: TradeRules) -> bool:
        """Replace a trade's rules and keep its latches, halt and trails; arms a trade not known yet.

        Returns whether anything changed: the same rules again, or an older version, change nothing. A change
        starts the counting of confirming ticks anew.
        """
        before = self._trades.get(rules.trade_id)
        if before is not None and (rules == before.rules or rules.version < before.rules.version):
            return False
        self._install(rules, before=before)
        return True

    def disarm(self, trade_id: int) -> bool:
        """Forget a trade; returns whether it was known."""
        trade = self._trades.pop(trade_id, None)
        if trade is None:
            return False
        self._remove(trade)
        return True

    def rearm(self, trade_id: int, leg_id: int | None = None) -> None:
        """Release the latch of a leg, of the entry (``ENTRY_SLOT``) or of all; levels are confirmed anew."""
        trade = self._trades.get(trade_id)
        for slot in trade.all_slots() if trade else ():
            if slot.released_at is not None and leg_id in (None, slot.leg_id):
                slot.release()

    def realised(self, map_id: int, amount: int) -> None:
        """Tell what a map has realised today in all, in scaled rupees (the sum, not a difference)."""
        armed = self._map(map_id)
        if armed.realised != amount:
            armed.realised = amount
            self._spoil(armed)

    def set_state(self, instrument_id: int, state: DataState) -> None:
        """Say how far an instrument's price can be believed; counting starts anew on LIVE and on its end."""
        self._states[instrument_id] = state
        watch = self._watches.get(instrument_id)
        live = state is DataState.LIVE
        if watch is None or watch.live == live:
            return
        watch.live = live
        for form in list(watch.forms):
            form.restart()
        watch.refresh()

    def flatten(self, trade_ids: Iterable[int], *, reason: ExitReason = ExitReason.KILL_SWITCH) -> list[Fired]:
        """Ask for all legs of these trades, now and until they are disarmed, whatever their prices do."""
        for trade_id in trade_ids:
            trade = self._trades.get(trade_id)
            if trade is not None:
                trade.halt = reason
                self._hit_clock(tuple(trade.slots()), reason)
        return self._settle()

    # -- what is shown ---------------------------------------------------------------------------------------

    def on_ticks(self, ticks: Sequence[Tick]) -> list[Fired]:
        """Judge a batch in its order; returns what fired, the most urgent first, each leg at most once.

        The loop is one piece because a function call per tick would cost more than everything in it: it looks
        up the instrument, refuses what is not a newer tick, remembers the price and compares it with the
        nearest price on either side at which any rule could matter.
        """
        self._build_maps()
        watches = self._watches
        for index, tick in enumerate(ticks):
            watch = watches.get(tick.instrument_id)
            if watch is None:
                continue
            price = tick.last_price
            last = watch.last
            at = tick.exchange_at
            if price <= 0 or (at and at <= last.exchange_at and (at < last.exchange_at or is_repeat(tick, last))):
                self.dropped += 1
                continue
            watch.last = tick
            watch.recent.append(price)
            if watch.low < price < watch.high:
                continue
            self._cross(watch, tick, index)
        self.ticks += len(ticks)
        return self._settle() if self._hits else []

    def on_clock(self, now: datetime) -> list[Fired]:
        """Move the clock (never back): square-offs, entry timeouts, and whatever must be asked for again."""
        self._now = max(now, self._now)
        self._build_maps()
        self._alarms.ring_due(self._now)
        return self._settle()

    # -- what can be asked -----------------------------------------------------------------------------------

    def instruments(self) -> dict[int, int]:
        """Return the instruments that must be subscribed, with the number of uses of each."""
        return {watch.instrument_id: watch.references for watch in self._watches.values()}

    def versions(self) -> dict[int, int]:
        """Return the armed trades and their rules' versions."""
        return {trade_id: trade.rules.version for trade_id, trade in self._trades.items()}

    def rules(self, trade_id: int) -> TradeRules | None:
        """Return a trade's rules, ``None`` when it is not armed."""
        trade = self._trades.get(trade_id)
        return trade.rules if trade else None

    def trails_moved(self) -> list[TrailMoved]:
        """Return, once, the trails that tightened since the last call, so that they outlive this process."""
        moved, self._moved = self._moved, {}
        return [trail_moved(form) for form in moved if not form.is_dropped]

    def snapshot(self) -> Snapshot:
        """Return everything armed as plain facts, for people and tests."""
        self._build_maps()
        return take_snapshot(
            now=self._now,
            trades=self._trades.values(),
            maps=self._maps.values(),
            watches=self._watches.values(),
            states=self._states,
            ticks=self.ticks,
            dropped=self.dropped,
        )

    # -- arming ----------------------------------------------------------------------------------------------

    def _install(self, rules: TradeRules, *, before: ArmedTrade | None) -> None:
        """Put the new description in place of the old one; instruments in both are not let go in between."""
        old = self._trades.get(rules.trade_id)
        armed = self._map(rules.map_id)
        trade = ArmedTrade(rules, armed)
        self._trades[rules.trade_id] = trade
        for instrument_id in trade.instruments():
            self._watch(instrument_id).references += 1
        self._build_forms(trade, before)
        if before is not None:
            self._inherit(trade, before)
        if old is not None:
            self._remove(old)
        armed.trades[rules.trade_id] = trade
        armed.limits = rules.day or armed.limits
        self._spoil(armed)
        self._set_alarms(trade)

    def _build_forms(self, trade: ArmedTrade, before: ArmedTrade | None) -> None:
        rules = trade.rules
        for leg in rules.legs:
            slot = trade.legs[leg.leg_id]
            old = _leg_form(before, leg)
            slot.form = self._succeed(build.leg_form(leg, slot, self._watches, best=_best(old)), old)
        if rules.entry and trade.entry:
            trade.entry.form = build.entry_form(rules.entry, trade.entry, self._watches)
        old = before.form if before else None
        trade.form = self._succeed(build.trade_form(trade, self._watches, best=_best(old)), old)
        for form in trade.own_forms():
            form.place()

    def _succeed(self, form: Form | None, old: Form | None) -> Form | None:
        """Return the form, which inherits a trail's move that the old one had not reported yet."""
        if form and form.trailing and old in self._moved:
            self._moved[form] = None
        return form

    def _inherit(self, trade: ArmedTrade, before: ArmedTrade) -> None:
        """Keep the halt, and the latches of the legs both descriptions know."""
        trade.halt = before.halt
        known = {slot.leg_id: slot for slot in before.all_slots()}
        for slot in trade.all_slots():
            old = known.get(slot.leg_id)
            if old is not None and old.released_at is not None and old.cause is not None:
                slot.latch(old.released_at, old.cause)
                self._release_later(slot)

    def _remove(self, trade: ArmedTrade) -> None:
        for form in trade.own_forms():
            form.drop()
        armed = trade.map
        armed.trades.pop(trade.rules.trade_id, None)
        self._spoil(armed)
        for instrument_id in trade.instruments():
            watch = self._watches[instrument_id]
            watch.references -= 1
            if not watch.references:
                del self._watches[instrument_id]

    def _watch(self, instrument_id: int) -> Watch:
        watch = self._watches.get(instrument_id)
        if watch is None:
            live = self._states.get(instrument_id, DataState.LIVE) is DataState.LIVE
            watch = self._watches[instrument_id] = Watch(instrument_id, live=live)
        return watch

    def _map(self, map_id: int) -> ArmedMap:
        armed = self._maps.get(map_id)
        if armed is None:
            armed = self._maps[map_id] = ArmedMap(map_id)
        return armed

    def _spoil(self, armed: ArmedMap) -> None:
        """Have the map's form built anew before the next tick, once for however many changes."""
        if armed.form:
            armed.form.drop()
            armed.form = None
        self._stale_maps.add(armed.map_id)

    def _build_maps(self) -> None:
        for map_id in self._stale_maps:
            armed = self._maps[map_id]
            armed.form = build.map_form(armed, self._watches)
            if armed.form:
                armed.form.place()
        self._stale_maps.clear()

    # -- the clock -------------------------------------------------------------------------------------------

    def _set_alarms(self, trade: ArmedTrade) -> None:
        rules = trade.rules
        if rules.square_off_at is not None:
            self._alarms.set(
                rules.square_off_at,
                trade,
                lambda: self._hit_clock(tuple(trade.slots()), ExitReason.SQUARE_OFF),
            )
        if rules.entry_expires_at is not None and trade.entry is not None:
            entry = trade.entry
            self._alarms.set(rules.entry_expires_at, trade, lambda: self._hit_clock((entry,), EntryEvent.TIMEOUT))

    def _release_later(self, slot: Slot) -> None:
        released_at = slot.released_at
        if released_at is not None:
            self._alarms.set(released_at, slot.trade, lambda: self._release(slot, released_at))

    def _is_current(self, trade: ArmedTrade) -> bool:
        return self._trades.get(trade.rules.trade_id) is trade

    def _release(self, slot: Slot, due: datetime) -> None:
        """End a latch: ask again for what stands or still holds, otherwise just be armed."""
        if slot.released_at != due:
            return  # re-armed, and perhaps latched again, since
        cause = slot.release()
        standing = slot.standing(self._now)
        if standing is not None:
            self._hit_clock((slot,), standing)
        elif cause is not None:
            self._hit_again(slot, cause.scope, cause.reason)

    def _hit_again(self, slot: Slot, scope: Scope, reason: ExitReason | EntryEvent) -> None:
        form = slot.voice(scope)
        mark = form.find(reason) if form else None
        if form is None or mark is None or not form.is_ready() or not mark.reached(form.value()):
            return
        watch = form.watches[0] if scope is Scope.LEG else None
        self._hits.append(
            Hit(
                slots=(slot,),
                scope=scope,
                reason=reason,
                at=to_milliseconds(self._now),
                instrument_id=watch.instrument_id if watch else 0,
                trigger=form.show(mark.level),
                price=watch.recent[-1] if watch else 0,
            )
        )

    def _hit_clock(self, slots: tuple[Slot, ...], reason: ExitReason | EntryEvent) -> None:
        self._hits.append(Hit(slots=slots, scope=Scope.CLOCK, reason=reason, at=to_milliseconds(self._now)))

    # -- ticks -----------------------------------------------------------------------------------------------

    def _cross(self, watch: Watch, tick: Tick, index: int) -> None:
        """Show the tick to the forms it concerns, then look for the next prices that matter."""
        for form in watch.due(tick.last_price):
            mark, tightened = form.look()
            if mark is not None:
                form.sleep()
                self._hit_tick(form, mark, tick, index)
                continue
            if tightened:
                self._moved[form] = None
            form.settle(watch)
        watch.refresh()

    def _hit_tick(self, form: Form, mark: Mark, tick: Tick, index: int) -> None:
        assert mark.reason is not None  # noqa: S101
        self._hits.append(
            Hit(
                slots=tuple(form.owner.slots()),
                scope=form.owner.scope,
                reason=mark.reason,
                at=tick.received_at or to_milliseconds(self._now),
                index=index,
                instrument_id=tick.instrument_id,
                trigger=form.show(mark.level),
                price=tick.last_price,
            )
        )

    def _settle(self) -> list[Fired]:
        hits, self._hits = self._hits, []
        answers = settle(hits)
        until = self._now + self._refire_after
        for answer in answers:
            cause = Cause(answer.hit.scope, answer.hit.reason)
            for slot in answer.slots:
                slot.latch(until, cause)
                self._release_later(slot)
        return [answer.fired for answer in answers]


def _best(form: Form | None) -> int | None:
    return form.trailing.best if form and form.trailing else None


def _leg_form(trade: ArmedTrade | None, leg: LegRules) -> Form | None:
    """Return the form of the same leg in an older description, if it is still the same position."""
    old = next((known for known in trade.rules.legs if known.leg_id == leg.leg_id), None) if trade else None
    if trade is None or old is None or (old.instrument_id, old.sign) != (leg.instrument_id, leg.sign):
        return None
    return trade.legs[leg.leg_id].form
