"""Several rules may speak for the same leg in one batch: the most urgent one is heard, once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.orders import ExitReason
from domain.risk.book import ArmedTrade, Cause, Scope, Slot
from domain.risk.rules import RANK, EntryEvent, Fired

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_milliseconds(moment: datetime) -> int:
    """Return whole epoch milliseconds, rounded down."""
    return (moment - EPOCH) // _MILLISECOND


def to_moment(milliseconds: int) -> datetime:
    """Return the UTC instant of epoch milliseconds."""
    return EPOCH + milliseconds * _MILLISECOND


@dataclass(frozen=True, slots=True)
class Hit:
    """A confirmed rule that wants to speak for these legs; ``index`` is the tick's place in its batch."""

    slots: tuple[Slot, ...]
    scope: Scope
    reason: ExitReason | EntryEvent
    at: int
    index: int = 0
    instrument_id: int = 0
    trigger: int = 0
    price: int = 0

    @property
    def order(self) -> tuple[int, int, int]:
        """Urgency first, then time, then the narrower rule."""
        return (RANK[self.reason], self.index, self.scope)

    @property
    def cause(self) -> Cause:
        """What to look up again when the latch is released."""
        return Cause(self.scope, self.reason)


@dataclass(frozen=True, slots=True)
class Settled:
    """An answer and the slots it latches."""

    order: tuple[int, int, int]
    fired: Fired
    slots: tuple[Slot, ...]
    cause: Cause


def settle(hits: Iterable[Hit]) -> list[Settled]:
    """Give every armed slot to its most urgent hit; one answer per hit and trade, the most urgent first."""
    claims: dict[Slot, Hit] = {}
    for hit in hits:
        for slot in hit.slots:
            if slot.released_at is None and (slot not in claims or hit.order < claims[slot].order):
                claims[slot] = hit
    groups: dict[tuple[object, ...], tuple[ArmedTrade, Hit, list[Slot]]] = {}
    for slot, hit in claims.items():
        key = (slot.trade, hit.order, hit.instrument_id, hit.trigger, hit.price)
        groups.setdefault(key, (slot.trade, hit, []))[2].append(slot)
    answers = [_answer(*group) for group in groups.values()]
    answers.sort(key=lambda answer: (*answer.order[:2], answer.fired.trade_id, answer.fired.leg_ids))
    return answers


def _answer(trade: ArmedTrade, hit: Hit, slots: list[Slot]) -> Settled:
    fired = Fired(
        trade_id=trade.rules.trade_id,
        map_id=trade.rules.map_id,
        leg_ids=tuple(slot.leg_id for slot in trade.slots() if slot in slots),
        reason=hit.reason,
        instrument_id=hit.instrument_id,
        trigger=hit.trigger,
        price=hit.price,
        at=to_moment(hit.at),
    )
    return Settled(order=hit.order, fired=fired, slots=tuple(slots), cause=hit.cause)
