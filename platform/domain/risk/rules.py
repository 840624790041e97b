"""The rules a caller arms and the facts the engine answers with.

Prices and rupee amounts are integers of ``domain.prices.PRICE_SCALE`` to the rupee; ``domain.risk.levels``
makes them from percentages and points. Shares of a level are parts per million (``PPM``). Times are aware.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.orders import ExitReason

PPM = 1_000_000
MAX_CONFIRM_TICKS = 20
MULTIPLIER_SCALE = 100_000_000


class RuleError(ValueError):
    """A rule cannot mean anything: a level of zero, a quantity of zero, a leg named twice."""


class EntryEvent(StrEnum):
    """What the engine says of a trade that is not in the market yet."""

    TIMEOUT = "ENTRY_TIMEOUT"
    TRIGGER = "ENTRY_TRIGGER"


class DataState(StrEnum):
    """How far an instrument's price can be believed.

    STALE: nothing new for too long. FROZEN: the exchange holds the value still (the index in the closing
    auction). No price trigger fires on either; time triggers do.
    """

    LIVE = "LIVE"
    STALE = "STALE"
    FROZEN = "FROZEN"


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise RuleError(message)


def _aware(moment: datetime | None, name: str) -> None:
    _require(moment is None or moment.tzinfo is not None, f"{name} needs a time zone")


@dataclass(frozen=True, slots=True)
class Confirm:
    """How a spike is told from a move.

    ``ticks`` consecutive ticks at or beyond the level are needed (1: the first tick fires); ``buffer_ppm``
    pushes the level further out by that share of itself.
    """

    ticks: int = 2
    buffer_ppm: int = 0

    def __post_init__(self) -> None:
        _require(
            1 <= self.ticks <= MAX_CONFIRM_TICKS,
            f"confirm ticks must be 1 to {MAX_CONFIRM_TICKS}, not {self.ticks}",
        )
        _require(0 <= self.buffer_ppm < PPM, f"buffer must be from 0 to below 100 %, not {self.buffer_ppm} ppm")


@dataclass(frozen=True, slots=True)
class PriceTrail:
    """A stop that follows a leg's best confirmed price and only tightens.

    The stop stands ``distance`` points plus ``distance_ppm`` of the best price behind it, once
    ``activate_at`` was reached (``None``: from the entry price on). It moves when the best price improves by
    ``step`` or more. At ``cost_at`` the stop moves at least to the entry price. ``best`` is the best price
    already reached, as reported by ``TrailMoved``, so that a restart does not loosen the stop.
    """

    distance: int = 0
    distance_ppm: int = 0
    activate_at: int | None = None
    step: int = 1
    cost_at: int | None = None
    best: int | None = field(default=None, compare=False)  # progress, not a rule: it makes no trail another one

    def __post_init__(self) -> None:
        _require(self.follows or self.cost_at is not None, "a trail needs a distance or a move to cost")
        _require(self.distance >= 0 and self.distance_ppm >= 0, "a trail's distance cannot be negative")
        _require(self.step > 0, "a trail's step must be positive")

    @property
    def follows(self) -> bool:
        """Whether the stop follows the price; otherwise it only moves to cost."""
        return self.distance > 0 or self.distance_ppm > 0


@dataclass(frozen=True, slots=True)
class PnlTrail:
    """Lock-and-trail on a trade's P&L, in scaled rupees.

    At a profit of ``at`` the profit ``lock`` is kept; every further ``every`` of profit raises the kept
    profit by ``by``. ``every`` 0: locked once, never raised. ``best`` is the best P&L already reached.
    """

    at: int
    lock: int
    every: int = 0
    by: int = 0
    best: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _require(self.lock < self.at, "the locked profit must be below the profit that locks it")
        _require(0 <= self.by <= self.every, "the lock cannot rise faster than the profit")


@dataclass(frozen=True, slots=True)
class PnlRules:
    """Limits on the combined P&L of a trade's legs in scaled rupees; a stop is usually negative."""

    stop: int | None = None
    target: int | None = None
    trail: PnlTrail | None = None

    def __post_init__(self) -> None:
        both = self.stop is not None and self.target is not None
        _require(not both or (self.stop or 0) < (self.target or 0), "the P&L stop must be below the P&L target")


@dataclass(frozen=True, slots=True)
class DayLimits:
    """Limits on a map's day P&L (realised and unrealised), positive scaled rupees; equality counts."""

    loss: int | None = None
    target: int | None = None
    confirm: Confirm = Confirm()

    def __post_init__(self) -> None:
        _require(self.loss is None or self.loss > 0, "a day loss is given as a positive amount")
        _require(self.target is None or self.target > 0, "a day target is given as a positive amount")


@dataclass(frozen=True, slots=True)
class LegRules:
    """One open leg: ``quantity`` is signed units, ``entry_price`` the actual average, levels are prices."""

    leg_id: int
    instrument_id: int
    quantity: int
    entry_price: int
    multiplier: Decimal = Decimal(1)
    stop: int | None = None
    target: int | None = None
    trail: PriceTrail | None = None
    confirm: Confirm | None = None  # None: the trade's

    def __post_init__(self) -> None:
        _require(self.leg_id > 0, "a leg's id must be positive")
        _require(self.quantity != 0, "a leg without quantity has nothing to protect")
        _require(self.entry_price > 0, "an entry price must be positive")
        _require(self.stop is None or self.stop > 0, "a stop must be a positive price")
        _require(self.target is None or self.target > 0, "a target must be a positive price")
        _require(self.multiplier > 0, "a multiplier must be positive")
        _require(self.multiplier * MULTIPLIER_SCALE % 1 == 0, "a multiplier has at most eight decimals")

    @property
    def sign(self) -> int:
        """+1 long, -1 short."""
        return 1 if self.quantity > 0 else -1

    @property
    def weight(self) -> int:
        """Rupees per rupee of price, signed, times ``MULTIPLIER_SCALE``."""
        return self.quantity * int(self.multiplier * MULTIPLIER_SCALE)


@dataclass(frozen=True, slots=True)
class EntryRule:
    """Enter when the price is at or above (``above``) or at or below the level."""

    instrument_id: int
    level: int
    above: bool

    def __post_init__(self) -> None:
        _require(self.level > 0, "an entry level must be a positive price")


@dataclass(frozen=True, slots=True)
class TradeRules:
    """Everything that can make the platform act on one trade.

    ``version`` orders two descriptions of the same trade; the older one is ignored. ``realised`` is the
    scaled rupees its closed legs have made, part of the combined P&L. ``day`` is the map's: the newest one
    given for a map holds.
    """

    trade_id: int
    map_id: int
    version: int = 0
    legs: tuple[LegRules, ...] = ()
    entry: EntryRule | None = None
    entry_expires_at: datetime | None = None
    pnl: PnlRules | None = None
    realised: int = 0
    day: DayLimits | None = None
    square_off_at: datetime | None = None
    confirm: Confirm = Confirm()

    def __post_init__(self) -> None:
        _require(
            len({leg.leg_id for leg in self.legs}) == len(self.legs),
            f"trade {self.trade_id} names a leg twice",
        )
        _aware(self.square_off_at, "square_off_at")
        _aware(self.entry_expires_at, "entry_expires_at")


@dataclass(frozen=True, slots=True)
class Fired:
    """One trade must act.

    ``leg_ids`` are the legs to leave, in the trade's order (empty for an entry event). ``trigger`` is the
    level that was reached: a price for leg and entry rules, scaled rupees of P&L for combined and day rules,
    0 for time triggers. ``instrument_id`` and ``price`` name the tick that fired, 0 for time triggers and for
    P&L asked again.
    """

    trade_id: int
    map_id: int
    leg_ids: tuple[int, ...]
    reason: ExitReason | EntryEvent
    instrument_id: int
    trigger: int
    price: int
    at: datetime


@dataclass(frozen=True, slots=True)
class TrailMoved:
    """A trail tightened: keep ``best`` and give it back after a restart. ``leg_id`` 0: the trade's P&L."""

    trade_id: int
    leg_id: int
    best: int
    stop: int | None


RANK: dict[ExitReason | EntryEvent, int] = {
    **{reason: reason.urgency for reason in ExitReason},
    EntryEvent.TIMEOUT: len(ExitReason),
    EntryEvent.TRIGGER: len(ExitReason) + 1,
}
"""Smaller is more urgent."""
