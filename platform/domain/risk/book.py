"""The armed things: a slot per leg, a trade, a map."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from domain.orders import ExitReason
from domain.risk.forms import Form
from domain.risk.rules import DayLimits, EntryEvent, LegRules, TradeRules

ENTRY_SLOT = 0
"""The leg id of a trade's entry: it is asked for and latched like a leg."""


class Scope(IntEnum):
    """Whose rule fired; the narrower one speaks when two are equally urgent."""

    LEG = 0
    TRADE = 1
    MAP = 2
    CLOCK = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a slot is latched, to be looked up again when the latch is released."""

    scope: Scope
    reason: ExitReason | EntryEvent


class Slot:
    """One leg (or the entry) of an armed trade: what fires once, and is asked again until it is disarmed.

    ``released_at`` is the end of its latch, ``None`` while it is armed.
    """

    __slots__ = ("cause", "form", "leg_id", "released_at", "trade")

    scope = Scope.LEG

    def __init__(self, trade: "ArmedTrade", leg_id: int) -> None:
        self.trade = trade
        self.leg_id = leg_id
        self.form: Form | None = None
        self.released_at: datetime | None = None
        self.cause: Cause | None = None

    def slots(self) -> Iterator["Slot"]:
        """Yield itself."""
        yield self

    def latch(self, until: datetime, cause: Cause) -> None:
        """Stop firing until then."""
        self.released_at = until
        self.cause = cause
        if self.form:
            self.form.sleep()

    def release(self) -> Cause | None:
        """Fire again; wake the rules that may speak for this leg. Returns what it was latched for."""
        cause, self.cause, self.released_at = self.cause, None, None
        for form in self.voices():
            form.wake()
        return cause

    def voices(self) -> Iterator[Form]:
        """Yield the forms that may fire for this leg: its own, its trade's, its map's."""
        forms = [self.form] if self.leg_id == ENTRY_SLOT else [self.form, self.trade.form, self.trade.map.form]
        yield from (form for form in forms if form)

    def voice(self, scope: Scope) -> Form | None:
        """Return the form of that scope."""
        return next((form for form in self.voices() if form.owner.scope == scope), None)

    def standing(self, now: datetime) -> ExitReason | EntryEvent | None:
        """Return the reason that no price can take back: a halt, or a time that has come."""
        rules = self.trade.rules
        if self.leg_id == ENTRY_SLOT:
            return EntryEvent.TIMEOUT if rules.entry_expires_at and rules.entry_expires_at <= now else None
        if self.trade.halt:
            return self.trade.halt
        return ExitReason.SQUARE_OFF if rules.square_off_at and rules.square_off_at <= now else None


class ArmedTrade:
    """A trade under watch. ``halt`` is why it was told to flatten, ``None`` while it was not."""

    __slots__ = ("entry", "form", "halt", "legs", "map", "rules")

    scope = Scope.TRADE

    def __init__(self, rules: TradeRules, owner: "ArmedMap") -> None:
        self.rules = rules
        self.map = owner
        self.form: Form | None = None
        self.legs = {leg.leg_id: Slot(self, leg.leg_id) for leg in rules.legs}
        self.entry = Slot(self, ENTRY_SLOT) if rules.entry or rules.entry_expires_at else None
        self.halt: ExitReason | None = None

    def slots(self) -> Iterator[Slot]:
        """Yield the legs."""
        yield from self.legs.values()

    def all_slots(self) -> Iterator[Slot]:
        """Yield the legs and the entry."""
        yield from self.slots()
        if self.entry:
            yield self.entry

    def own_forms(self) -> Iterator[Form]:
        """Yield the trade's own forms, the map's excepted."""
        forms = [self.form, *(slot.form for slot in self.all_slots())]
        yield from (form for form in forms if form)

    def instruments(self) -> Iterator[int]:
        """Yield the instruments to subscribe, one for each use."""
        yield from (leg.instrument_id for leg in self.rules.legs)
        if self.rules.entry:
            yield self.rules.entry.instrument_id


class ArmedMap:
    """A strategy map: its trades under watch, its day limits, what it has realised today (scaled rupees)."""

    __slots__ = ("form", "limits", "map_id", "realised", "trades")

    scope = Scope.MAP

    def __init__(self, map_id: int) -> None:
        self.map_id = map_id
        self.trades: dict[int, ArmedTrade] = {}
        self.limits: DayLimits | None = None
        self.realised = 0
        self.form: Form | None = None

    def slots(self) -> Iterator[Slot]:
        """Yield the legs of all its trades."""
        for trade in self.trades.values():
            yield from trade.slots()

    def open_legs(self) -> Iterator[LegRules]:
        """Yield the rules of all its open legs."""
        for trade in self.trades.values():
            yield from trade.rules.legs
