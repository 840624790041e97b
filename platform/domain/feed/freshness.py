"""Whether a price may be believed: silence is never taken for a quiet market."""

from dataclasses import dataclass
from enum import StrEnum


class Freshness(StrEnum):
    """What is known of an instrument's price."""

    LIVE = "LIVE"
    STALE = "STALE"  # the stream is silent; quotes are polled instead
    FROZEN = "FROZEN"  # the exchange itself holds the price still: the closing auction of the index


@dataclass(frozen=True, slots=True)
class Moment:
    """What an instrument's market does now.

    ``opened_at`` is when it was first seen open, on the clock of the ages; ``stands_still`` is true in the
    closing auction, for the instruments whose price it holds.
    """

    is_open: bool
    opened_at: float = 0.0
    stands_still: bool = False


def judge(
    before: Freshness,
    *,
    now: float,
    ticked_at: float,
    subscribed_at: float,
    moment: Moment,
    stale_after: float,
) -> Freshness:
    """Return the state of one instrument; times are seconds of one clock, ``ticked_at`` 0 before any tick.

    A closed market changes nothing. A subscription has ``stale_after`` seconds for its first tick.
    """
    if moment.stands_still:
        return Freshness.FROZEN
    if not moment.is_open:
        return before
    if ticked_at > 0 and now - ticked_at <= stale_after:
        return Freshness.LIVE
    waited = now - max(ticked_at, subscribed_at, moment.opened_at)
    return Freshness.STALE if waited > stale_after else before
