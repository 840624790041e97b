"""What can become of a call to a broker, and what a read of its book may show."""

from enum import StrEnum


class Fate(StrEnum):
    """What becomes of one order call."""

    REFUSED = "refused: proved not accepted"
    LIMITED = "429, nothing done"
    LOST = "never delivered"
    MUTE = "done, never answered"
    SLOW = "done, answered three seconds later"
    LATE_8 = "reset at once, done 8 s later"
    LATE_83 = "reset at once, done 83 s later"
    LATE_110 = "reset at once, done 110 s later"
    SAID_400 = "400 timed out, done a second later"
    NO_ID = "200 without an id, done"
    REJECTED_LATER = "an id, then refused by the exchange"
    RACED = "filled before the call arrived"
    LINGERING = "acknowledged, the order lives two seconds longer"


LATE = {Fate.LATE_8: 8.0, Fate.LATE_83: 83.0, Fate.LATE_110: 110.0, Fate.SAID_400: 1.0}
PLACE_FATES = [fate for fate in Fate if fate not in (Fate.RACED, Fate.LINGERING)]
CANCEL_FATES = [Fate.REFUSED, Fate.LIMITED, Fate.LOST, Fate.MUTE, Fate.SLOW, Fate.RACED, Fate.LINGERING]
MODIFY_FATES = [Fate.REFUSED, Fate.LIMITED, Fate.LOST, Fate.MUTE, Fate.SLOW, Fate.RACED]


class Reading(StrEnum):
    """What one read of the order book shows."""

    EMPTY = "an empty book"
    TRUNCATED = "the oldest half only"
    DOWN = "502"
    LIMITED = "429"
