"""Several rules may speak for the same leg in one batch: the most urgent one is heard, once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from domain.orders import ExitReason
from domain.risk.book import ArmedTrade, Scope, Slot
from domain.risk.rules import RANK, EntryEvent, Fired

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_milliseconds(moment: datetime) -> int:
    """Return whole epoch milliseconds, rounded down."""
    return (moment - EPOCH) // _MILLISECOND


def to_moment(milliseconds: int) -> datetime:
    """Return the UTC instant of epoch milliseconds."""
    return EPOCH + milliseconds * _MILLISECOND


@dataclass(slots=True, eq=False)  # made by the thousand in a crash: a frozen one costs three times as much
class Hit:
    """A confirmed rule that wants to speak for these legs; ``index`` is the tick's place in its batch.

    ``order`` is urgency first, then time, then the narrower rule.
    """

    slots: tuple[Slot, ...]
    scope: Scope
    reason: ExitReason | EntryEvent
    at: int
    index: int = 0
    instrument_id: int = 0
    trigger: int = 0
    price: int = 0
    order: tuple[int, int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.order = (RANK[self.reason], self.index, self.scope)


@dataclass(slots=True, eq=False)
class Settled:
    """An answer, and the slots it latches with its cause."""

    fired: Fired
    hit: Hit
    slots: list[Slot]

    @property
    def order(self) -> tuple[int, int, int, tuple[int, ...]]:
        """Urgency, time, then ids: the same whatever the order of evaluation."""
        rank, index, _ = self.hit.order
        return (rank, index, self.fired.trade_id, self.fired.leg_ids)


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
    answers = [Settled(_answer(trade, hit, slots), hit, slots) for trade, hit, slots in groups.values()]
    if len(answers) > 1:
        answers.sort(key=_order)
    return answers


def _order(answer: Settled) -> tuple[int, int, int, tuple[int, ...]]:
    return answer.order


def _answer(trade: ArmedTrade, hit: Hit, slots: list[Slot]) -> Fired:
    rules = trade.rules
    return Fired(
        trade_id=rules.trade_id,
        map_id=rules.map_id,
        leg_ids=tuple([leg_id for leg_id, slot in trade.legs.items() if slot in slots]),
        reason=hit.reason,
        instrument_id=hit.instrument_id,
        trigger=hit.trigger,
        price=hit.price,
        at=to_moment(hit.at),
    )
