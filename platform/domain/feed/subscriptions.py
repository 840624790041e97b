"""What to subscribe: who needs which instrument, ranked, within the broker's limit."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum


class Want(IntEnum):
    """Why an instrument is needed; the smaller, the more important."""

    TRADE = 0
    ORDER = 1
    UNDERLYING = 2
    LEG = 3
    WATCHLIST = 4


@dataclass(frozen=True, slots=True)
class Need:
    """Counted references to one instrument."""

    instrument_id: int
    counts: Mapping[Want, int]

    @property
    def rank(self) -> tuple[int, int, int]:
        """Sorts the most important first; of equals the one more often referred to."""
        return min(self.counts), -sum(self.counts.values()), self.instrument_id


@dataclass(frozen=True, slots=True)
class Plan:
    """What changes; ``refused`` are needed instruments the limit leaves out, to be polled instead."""

    subscribe: Sequence[int]
    unsubscribe: Sequence[int]
    refused: Sequence[int]


def collect(references: Iterable[tuple[Want, Iterable[int]]]) -> list[Need]:
    """Count references per instrument."""
    counted: dict[int, Counter[Want]] = {}
    for want, ids in references:
        for instrument_id in ids:
            counted.setdefault(instrument_id, Counter())[want] += 1
    return [Need(instrument_id, counts) for instrument_id, counts in counted.items()]


def plan(needs: Iterable[Need], *, subscribed: Mapping[int, float], limit: int, now: float, linger: float) -> Plan:
    """Return the changes from what is subscribed to what is needed.

    ``subscribed`` gives when each instrument was last needed: one nobody needs any more stays for ``linger``
    seconds, so that a price moving around a strike does not flap, unless its place is wanted.
    """
    ranked = [need.instrument_id for need in sorted(needs, key=lambda need: need.rank)]
    kept, refused = ranked[:limit], ranked[limit:]
    wanted = set(kept)
    spare = _lingering(subscribed, wanted | set(refused), now - linger)[: max(0, limit - len(kept))]
    staying = wanted.union(spare)
    return Plan(
        subscribe=[instrument_id for instrument_id in kept if instrument_id not in subscribed],
        unsubscribe=[instrument_id for instrument_id in subscribed if instrument_id not in staying],
        refused=refused,
    )


def _lingering(subscribed: Mapping[int, float], needed: Collection[int], oldest: float) -> list[int]:
    free = [one for one, needed_at in subscribed.items() if one not in needed and needed_at >= oldest]
    return sorted(free, key=lambda one: -subscribed[one])
