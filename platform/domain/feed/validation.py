"""Which ticks are believable. What is not is dropped and counted by reason, never repaired."""

from dataclasses import dataclass
from enum import StrEnum


class Refusal(StrEnum):
    """Why a tick was dropped."""

    ZERO = "ZERO"
    NEGATIVE = "NEGATIVE"
    CROSSED = "CROSSED"
    OFF_BAND = "OFF_BAND"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    FUTURE = "FUTURE"
    TOO_LARGE = "TOO_LARGE"
    NOT_A_NUMBER = "NOT_A_NUMBER"


@dataclass(frozen=True, slots=True)
class Band:
    """The day's price limits, scaled as in ``domain.prices``; both ends are tradable."""

    lower: int
    upper: int


@dataclass(slots=True)
class LastSeen:
    """What the next tick of an instrument is held against."""

    exchange_at: int = 0
    band: Band | None = None


LARGEST = 2**63 - 1
"""The largest number a tick is published with."""

FUTURE_MILLISECONDS = 5_000
"""How far an exchange's stamp may run ahead of our clock, in market time."""


def refusal(
    seen: LastSeen, *, last_price: int, bid: int, ask: int, smallest: int, largest: int, exchange_at: int, latest: int
) -> Refusal | None:
    """Return why a tick must be dropped, or ``None``; it does not change ``seen``.

    ``smallest`` is the least of its quantities, ``largest`` its greatest number, ``latest`` the newest stamp that is
    not from the future. A stamp of 0 is absent and proves nothing. Equal stamps are in order: brokers stamp whole
    seconds.
    """
    if largest > LARGEST:
        return Refusal.TOO_LARGE
    if last_price <= 0:
        return Refusal.ZERO if last_price == 0 else Refusal.NEGATIVE
    if bid < 0 or ask < 0 or smallest < 0:
        return Refusal.NEGATIVE
    if bid > ask > 0:
        return Refusal.CROSSED
    if exchange_at and exchange_at < seen.exchange_at:
        return Refusal.OUT_OF_ORDER
    if exchange_at > latest:
        return Refusal.FUTURE
    band = seen.band
    if band is not None and not band.lower <= last_price <= band.upper:
        return Refusal.OFF_BAND
    return None
