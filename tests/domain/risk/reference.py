"""The same rules the slow way: everything judged on every tick, in rupees and prices, long and short apart.

No bands, no heaps, no stamps. It shares the rule and answer types with the engine and nothing else.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from domain.orders import ExitReason
from domain.risk.rules import DataState, EntryEvent, Fired, LegRules, TradeRules
from domain.ticks import Tick
from tests.domain.risk.reference_rules import CLOCK, LEG, MAP, TRADE, URGENCY, Rule

PACKET = ("last_price", "volume", "bid", "ask", "bid_quantity", "ask_quantity", "open_interest")


@dataclass
class Seat:
    """A leg, or the entry (leg id 0), that may be asked for."""

    leg_id: int
    rule: Rule | None
    until: datetime | None = None
    cause: tuple[int, ExitReason | EntryEvent] | None = None


@dataclass
class Trade:
    rules: TradeRules
    seats: dict[int, Seat]
    rule: Rule | None
    halt: ExitReason | None = None
    is_squared: bool = False  # its time came and was announced
    is_expired: bool = False


@dataclass
class Hit:
    reason: ExitReason | EntryEvent
    index: int
    scope: int
    trade: Trade
    seat: Seat
    instrument_id: int
    trigger: int
    price: int
    at: datetime

    @property
    def order(self) -> tuple[int, int, int]:
        return URGENCY.index(self.reason), self.index, self.scope


class NaiveEngine:
    """Same interface as the engine, as far as the comparison needs it."""

    def __init__(self, *, now: datetime, refire_after: timedelta) -> None:
        self.now = now
        self.refire_after = refire_after
        self.trades: dict[int, Trade] = {}
        self.day_rules: dict[int, Rule | None] = {}
        self.limits = {}
        self.sums: dict[int, int] = {}
        self.states: dict[int, DataState] = {}
        self.history: dict[int, list[int]] = {}
        self.last: dict[int, Tick] = {}
        self.dropped = 0

    # -- arming

    def arm(self, rules: TradeRules) -> None:
        self.install(rules, None)

    def update(self, rules: TradeRules) -> bool:
        before = self.trades.get(rules.trade_id)
        if before and (rules == before.rules or rules.version < before.rules.version):
            return False
        self.install(rules, before)
        return True

    def install(self, rules: TradeRules, before: Trade | None) -> None:
        old = self.trades.pop(rules.trade_id, None)
        trade = Trade(rules, {}, None)
        for leg in rules.legs:
            kept = before.seats[leg.leg_id] if before and leg.leg_id in before.seats else None
            trade.seats[leg.leg_id] = Seat(leg.leg_id, self.leg_rule(rules, leg, kept))
        if rules.entry or rules.entry_expires_at:
            trade.seats[0] = Seat(0, self.entry_rule(rules))
        trade.rule = self.trade_rule(rules, before)
        if before:
            trade.halt = before.halt
            for seat in trade.seats.values():
                known = before.seats.get(seat.leg_id)
                if known and known.until:
                    self.latch(seat, known.until, known.cause)
        self.trades[rules.trade_id] = trade
        if rules.day:
            self.limits[rules.map_id] = rules.day
        for map_id in {rules.map_id, *([old.rules.map_id] if old else [])}:
            self.renew_day(map_id)
        self.clean()

    def disarm(self, trade_id: int) -> bool:
        trade = self.trades.pop(trade_id, None)
        if trade:
            self.renew_day(trade.rules.map_id)
            self.clean()
        return trade is not None

    def clean(self) -> None:
        """An instrument nobody needs is not remembered."""
        needed = {leg.instrument_id for trade in self.trades.values() for leg in trade.rules.legs}
        needed |= {trade.rules.entry.instrument_id for trade in self.trades.values() if trade.rules.entry}
        self.history = {i: self.history.get(i, []) for i in needed}
        self.last = {i: tick for i, tick in self.last.items() if i in needed}

    def realised(self, map_id: int, amount: int) -> None:
        if self.sums.get(map_id, 0) != amount:
            self.sums[map_id] = amount
            self.renew_day(map_id)

    # -- rules

    def leg_rule(self, rules: TradeRules, leg: LegRules, kept: Seat | None) -> Rule | None:
        if leg.stop is None and leg.target is None and leg.trail is None:
            return None
        guard = leg.confirm or rules.confirm
        rule = Rule(LEG, guard.ticks, guard.buffer_ppm, [], instrument_id=leg.instrument_id, leg=leg, trail=leg.trail)
        long = leg.quantity > 0
        if leg.stop is not None:
            rule.levels.append(rule.level(ExitReason.STOP_LOSS, leg.stop, above=not long))
        if leg.target is not None:
            rule.levels.append(rule.level(ExitReason.TARGET, leg.target, above=long))
        if leg.trail:
            known = [leg.entry_price] + ([leg.trail.best] if leg.trail.best is not None else [])
            old = kept.rule if kept else None
            if (
                old
                and old.trail
                and old.leg
                and (old.leg.instrument_id, old.leg.quantity > 0) == (leg.instrument_id, long)
            ):
                known.append(int(old.best))
            rule.best = Fraction(max(known) if long else min(known))
            rule.advance(rule.best)
        return rule

    def entry_rule(self, rules: TradeRules) -> Rule | None:
        entry = rules.entry
        if entry is None:
            return None
        rule = Rule(LEG, rules.confirm.ticks, rules.confirm.buffer_ppm, [], instrument_id=entry.instrument_id)
        rule.levels.append(rule.level(EntryEvent.TRIGGER, entry.level, above=entry.above))
        return rule

    def positions(self, legs: tuple[LegRules, ...]) -> list[tuple[int, int, Fraction]]:
        return [(leg.instrument_id, leg.entry_price, leg.quantity * Fraction(leg.multiplier)) for leg in legs]

    def trade_rule(self, rules: TradeRules, before: Trade | None) -> Rule | None:
        pnl = rules.pnl
        if pnl is None or (pnl.stop is None and pnl.target is None and pnl.trail is None):
            return None
        rule = Rule(
            TRADE,
            rules.confirm.ticks,
            rules.confirm.buffer_ppm,
            [],
            positions=self.positions(rules.legs),
            realised=rules.realised,
            trail=pnl.trail,
        )
        if not rule.exposures():
            return None
        if pnl.stop is not None:
            rule.levels.append(rule.level(ExitReason.TRADE_STOP, pnl.stop, above=False))
        if pnl.target is not None:
            rule.levels.append(rule.level(ExitReason.TRADE_TARGET, pnl.target, above=True))
        if pnl.trail:
            kept = before.rule.best if before and before.rule and before.rule.trail else Fraction(0)
            rule.best = max(Fraction(0), Fraction(pnl.trail.best or 0), kept)
            rule.advance(rule.best)
        return rule

    def renew_day(self, map_id: int) -> None:
        limits = self.limits.get(map_id)
        legs = tuple(leg for trade in self.of_map(map_id) for leg in trade.rules.legs)
        self.day_rules[map_id] = None
        if limits is None or (limits.loss is None and limits.target is None):
            return
        rule = Rule(
            MAP,
            limits.confirm.ticks,
            limits.confirm.buffer_ppm,
            [],
            positions=self.positions(legs),
            realised=self.sums.get(map_id, 0),
        )
        if limits.loss is not None:
            rule.levels.append(rule.level(ExitReason.DAY_LOSS, -limits.loss, above=False))
        if limits.target is not None:
            rule.levels.append(rule.level(ExitReason.DAY_TARGET, limits.target, above=True))
        self.day_rules[map_id] = rule if rule.exposures() else None

    def of_map(self, map_id: int) -> list[Trade]:
        return [trade for trade in self.trades.values() if trade.rules.map_id == map_id]

    # -- latches

    def latch(self, seat: Seat, until: datetime, cause: tuple[int, ExitReason | EntryEvent] | None) -> None:
        seat.until, seat.cause = until, cause
        if seat.rule:
            seat.rule.awake = False

    def release(self, trade: Trade, seat: Seat) -> None:
        seat.until = None
        voices = [seat.rule]
        if seat.leg_id:
            voices += [trade.rule, self.day_rules.get(trade.rules.map_id)]
        for rule in voices:
            if rule and not rule.awake:
                rule.awake = True
                rule.forget()

    def rearm(self, trade_id: int, leg_id: int | None = None) -> None:
        trade = self.trades.get(trade_id)
        for seat in trade.seats.values() if trade else ():
            if seat.until and leg_id in (None, seat.leg_id):
                self.release(trade, seat)

    # -- market

    def is_live(self, instrument_id: int) -> bool:
        return self.states.get(instrument_id, DataState.LIVE) is DataState.LIVE

    def set_state(self, instrument_id: int, state: DataState) -> None:
        was_live = self.is_live(instrument_id)
        self.states[instrument_id] = state
        if was_live == self.is_live(instrument_id):
            return
        for rule, _ in self.all_rules():
            if rule.awake and instrument_id in rule.exposures():
                rule.forget()

    def all_rules(self) -> list[tuple[Rule, list[tuple[Trade, Seat]]]]:
        found = []
        for trade in self.trades.values():
            legs = [(trade, seat) for seat in trade.seats.values() if seat.leg_id]
            found += [(seat.rule, [(trade, seat)]) for seat in trade.seats.values() if seat.rule]
            found += [(trade.rule, legs)] if trade.rule else []
        for map_id, rule in self.day_rules.items():
            legs = [(t, seat) for t in self.of_map(map_id) for seat in t.seats.values() if seat.leg_id]
            found += [(rule, legs)] if rule else []
        return found

    def is_ready(self, rule: Rule) -> bool:
        return all(self.is_live(i) and self.history.get(i) for i in rule.exposures())

    def accepts(self, tick: Tick) -> bool:
        last = self.last.get(tick.instrument_id)
        if tick.last_price <= 0:
            return False
        if last is None or not tick.exchange_at:
            return True
        if tick.exchange_at == last.exchange_at:
            return [getattr(tick, name) != getattr(last, name) for name in PACKET].count(True) > 0
        return tick.exchange_at > last.exchange_at

    def on_ticks(self, ticks: list[Tick]) -> list[Fired]:
        hits: list[Hit] = []
        for index, tick in enumerate(ticks):
            if tick.instrument_id not in self.history:
                continue
            if not self.accepts(tick):
                self.dropped += 1
                continue
            self.last[tick.instrument_id] = tick
            self.history[tick.instrument_id].append(tick.last_price)
            for rule, seats in self.all_rules():
                if not rule.awake or tick.instrument_id not in rule.exposures() or not self.is_ready(rule):
                    continue
                level = rule.see(self.history)
                if level is None:
                    continue
                rule.awake = False
                at = datetime.fromtimestamp(tick.received_at / 1000, UTC) if tick.received_at else self.now
                for trade, seat in seats:
                    where = (tick.instrument_id, level.level // 1, tick.last_price)
                    hits.append(Hit(level.reason, index, rule.scope, trade, seat, *where, at))
        return self.settle(hits)

    # -- clock

    def flatten(self, trade_ids: list[int], *, reason: ExitReason = ExitReason.KILL_SWITCH) -> list[Fired]:
        hits = []
        for trade_id in trade_ids:
            trade = self.trades.get(trade_id)
            if trade:
                trade.halt = reason
                hits += [self.clock_hit(reason, trade, seat) for seat in trade.seats.values() if seat.leg_id]
        return self.settle(hits)

    def clock_hit(self, reason: ExitReason | EntryEvent, trade: Trade, seat: Seat) -> Hit:
        return Hit(reason, 0, CLOCK, trade, seat, 0, 0, 0, self.now)

    def on_clock(self, now: datetime) -> list[Fired]:
        self.now = max(now, self.now)
        hits = []
        for trade in self.trades.values():
            for seat in trade.seats.values():
                if seat.until and seat.until <= self.now:
                    cause = seat.cause
                    self.release(trade, seat)
                    hits += self.again(trade, seat, cause)
        for trade in self.trades.values():
            hits += self.times(trade)
        return self.settle(hits)

    def times(self, trade: Trade) -> list[Hit]:
        hits = []
        rules = trade.rules
        if rules.square_off_at and rules.square_off_at <= self.now and not trade.is_squared:
            trade.is_squared = True
            seats = [seat for seat in trade.seats.values() if seat.leg_id]
            hits += [self.clock_hit(ExitReason.SQUARE_OFF, trade, seat) for seat in seats]
        if rules.entry_expires_at and rules.entry_expires_at <= self.now and not trade.is_expired:
            trade.is_expired = True
            hits.append(self.clock_hit(EntryEvent.TIMEOUT, trade, trade.seats[0]))
        return hits

    def again(self, trade: Trade, seat: Seat, cause: tuple[int, ExitReason | EntryEvent] | None) -> list[Hit]:
        rules = trade.rules
        if seat.leg_id == 0 and rules.entry_expires_at and rules.entry_expires_at <= self.now:
            return [self.clock_hit(EntryEvent.TIMEOUT, trade, seat)]
        if seat.leg_id and trade.halt:
            return [self.clock_hit(trade.halt, trade, seat)]
        if seat.leg_id and rules.square_off_at and rules.square_off_at <= self.now:
            return [self.clock_hit(ExitReason.SQUARE_OFF, trade, seat)]
        if cause is None or cause[0] == CLOCK:
            return []
        scope, reason = cause
        rule = {LEG: seat.rule, TRADE: trade.rule, MAP: self.day_rules.get(rules.map_id)}[scope]
        level = next((level for level in rule.levels if level.reason == reason), None) if rule else None
        if rule is None or level is None or not self.is_ready(rule):
            return []
        prices = {i: self.history[i][-1] for i in rule.exposures()}
        if not level.holds(rule.value(prices)):
            return []
        where = (
            (rule.instrument_id, level.level // 1, prices[rule.instrument_id])
            if scope == LEG
            else (0, level.level // 1, 0)
        )
        return [Hit(reason, 0, scope, trade, seat, *where, self.now)]

    def settle(self, hits: list[Hit]) -> list[Fired]:
        best: dict[tuple[int, int], Hit] = {}
        for hit in hits:
            key = (hit.trade.rules.trade_id, hit.seat.leg_id)
            if hit.seat.until is None and (key not in best or hit.order < best[key].order):
                best[key] = hit
        answers: dict[tuple[object, ...], list[int]] = {}
        for hit in best.values():
            self.latch(hit.seat, self.now + self.refire_after, (hit.scope, hit.reason))
            rules = hit.trade.rules
            key = (
                hit.order,
                rules.trade_id,
                rules.map_id,
                hit.reason,
                hit.instrument_id,
                hit.trigger,
                hit.price,
                hit.at,
            )
            answers.setdefault(key, []).append(hit.seat.leg_id)
        fired = []
        for (order, trade_id, map_id, *facts), leg_ids in answers.items():
            legs = tuple(leg.leg_id for leg in self.trades[trade_id].rules.legs if leg.leg_id in leg_ids)
            fired.append((order[:2], trade_id, legs, Fired(trade_id, map_id, legs, *facts)))
        fired.sort(key=lambda entry: entry[:3])
        assert all(before[:3] != after[:3] for before, after in pairwise(fired))
        return [entry[3] for entry in fired]

    def trails(self) -> dict[tuple[int, int], tuple[int, int | None]]:
        """(trade, leg or 0) to (best, stop)."""
        found = {}
        for trade in self.trades.values():
            for leg_id, rule in [
                (0, trade.rule),
                *((seat.leg_id, seat.rule) for seat in trade.seats.values()),
            ]:
                if rule and rule.trail:
                    stop = None if rule.stop is None else rule.stop // 1
                    found[(trade.rules.trade_id, leg_id)] = (rule.best // 1, stop)
        return found
