"""From what people set (percent, points, rupees) to the engine's levels.

Levels are taken from the actual average entry price and rounded *outwards* to the first tradable price at or
beyond the exact level. A trade can only happen on the tick grid, so rounding outwards never changes which
tick reaches the level; rounding inwards would fire a stop of 30 % at 29.8 %.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from domain.orders import Side
from domain.prices import round_to_tick, to_scaled
from domain.risk.rules import (
    MULTIPLIER_SCALE,
    PPM,
    Confirm,
    LegRules,
    PnlRules,
    PnlTrail,
    PriceTrail,
    RuleError,
)

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Offset:
    """A distance: percent of a base, or points (of price; rupees where the base is an amount)."""

    value: Decimal
    is_percent: bool

    def __post_init__(self) -> None:
        if not (self.value.is_finite() and self.value > 0):
            raise RuleError(f"a distance must be positive, not {self.value}")

    @classmethod
    def percent(cls, value: Decimal | int | str) -> "Offset":
        """Return so many percent of the base."""
        return cls(Decimal(value), is_percent=True)

    @classmethod
    def points(cls, value: Decimal | int | str) -> "Offset":
        """Return so many points, whatever the base."""
        return cls(Decimal(value), is_percent=False)

    def of(self, base: Decimal) -> Decimal:
        """Return the distance for a base."""
        return base * self.value / _HUNDRED if self.is_percent else self.value


@dataclass(frozen=True, slots=True)
class TrailOffsets:
    """A leg's trail as people set it.

    ``activate_after`` and ``cost_after`` are moves from the entry price, ``distance`` in percent is of the
    best price. ``distance`` None: only move to cost. ``activate_after`` None: trail from the entry on.
    """

    distance: Offset | None = None
    activate_after: Offset | None = None
    cost_after: Offset | None = None


def stop_price(*, entry_price: Decimal, side: Side, offset: Offset | None, tick_size: Decimal) -> int | None:
    """Return where a position opened by ``side`` is stopped; ``None`` without offset or positive price."""
    if offset is None:
        return None
    return _price(entry_price - side.sign * offset.of(entry_price), tick_size, up=side is Side.SELL)


def target_price(*, entry_price: Decimal, side: Side, offset: Offset | None, tick_size: Decimal) -> int | None:
    """Return where a position opened by ``side`` is so far ahead; ``None`` without offset or such a price."""
    if offset is None:
        return None
    return _price(entry_price + side.sign * offset.of(entry_price), tick_size, up=side is Side.BUY)


def _price(exact: Decimal, tick_size: Decimal, *, up: bool) -> int | None:
    price = round_to_tick(exact, tick_size, up=up)
    return to_scaled(price) if price > 0 else None


def confirmation(*, ticks: int = 2, buffer_percent: Decimal = Decimal(0)) -> Confirm:
    """Return the spike protection for so many ticks and a buffer in percent (four decimals count)."""
    return Confirm(ticks=ticks, buffer_ppm=_ppm(buffer_percent))


def _ppm(percent: Decimal) -> int:
    return int(percent * (PPM // 100))


def price_trail(
    *,
    entry_price: Decimal,
    side: Side,
    offsets: TrailOffsets,
    tick_size: Decimal,
    best: Decimal | None = None,
) -> PriceTrail | None:
    """Return the trail of a leg; it steps by one tick. ``None`` where it could never come into force."""

    def ahead(offset: Offset | None) -> int | None:
        return target_price(entry_price=entry_price, side=side, offset=offset, tick_size=tick_size)

    activate_at, cost_at = ahead(offsets.activate_after), ahead(offsets.cost_after)
    is_out_of_reach = offsets.activate_after is not None and activate_at is None
    distance = None if is_out_of_reach else offsets.distance
    if distance is None and cost_at is None:
        return None
    return PriceTrail(
        distance=to_scaled(distance.value) if distance and not distance.is_percent else 0,
        distance_ppm=_ppm(distance.value) if distance and distance.is_percent else 0,
        activate_at=activate_at,
        step=to_scaled(tick_size),
        cost_at=cost_at,
        best=None if best is None else to_scaled(best),
    )


def leg_rules(
    *,
    leg_id: int,
    instrument_id: int,
    quantity: int,
    entry_price: Decimal,
    tick_size: Decimal,
    multiplier: Decimal = Decimal(1),
    stop: Offset | None = None,
    target: Offset | None = None,
    trail: TrailOffsets | None = None,
    best: Decimal | None = None,
    confirm: Confirm | None = None,
) -> LegRules:
    """Return a leg's rules from its signed quantity, its average entry price and the distances set for it."""
    side = Side.BUY if quantity > 0 else Side.SELL
    return LegRules(
        leg_id=leg_id,
        instrument_id=instrument_id,
        quantity=quantity,
        entry_price=to_scaled(entry_price),
        multiplier=multiplier,
        stop=stop_price(entry_price=entry_price, side=side, offset=stop, tick_size=tick_size),
        target=target_price(entry_price=entry_price, side=side, offset=target, tick_size=tick_size),
        trail=price_trail(entry_price=entry_price, side=side, offsets=trail, tick_size=tick_size, best=best)
        if trail
        else None,
        confirm=confirm,
    )


def premium(legs: Iterable[LegRules]) -> Decimal:
    """Return the net premium of the legs in rupees, paid or received, as a positive amount."""
    net = sum(leg.entry_price * leg.weight for leg in legs)
    return abs(Decimal(net)) / (MULTIPLIER_SCALE * to_scaled(Decimal(1)))


@dataclass(frozen=True, slots=True)
class LockOffsets:
    """Lock-and-trail as people set it: at ``after`` keep ``lock``; each further ``every`` adds ``by``.

    ``lock`` None keeps the cost (0). Percentages are of the net premium, points are rupees.
    """

    after: Offset
    lock: Offset | None = None
    every: Offset | None = None
    by: Offset | None = None


def pnl_rules(
    *,
    legs: Iterable[LegRules],
    stop: Offset | None = None,
    target: Offset | None = None,
    lock: LockOffsets | None = None,
    best: Decimal | None = None,
) -> PnlRules | None:
    """Return a trade's combined limits; percentages are of the net premium of ``legs``. ``None``: none set.

    Give the legs as they were entered: the base does not shrink when one of them is closed. Raises
    ``RuleError`` for a percentage of a net premium of zero.
    """
    if not (stop or target or lock):
        return None
    base = premium(legs)
    return PnlRules(
        stop=-_amount(stop, base) if stop else None,
        target=_amount(target, base) if target else None,
        trail=_pnl_trail(lock, base, best) if lock else None,
    )


def _pnl_trail(lock: LockOffsets, base: Decimal, best: Decimal | None) -> PnlTrail:
    return PnlTrail(
        at=_amount(lock.after, base),
        lock=_amount(lock.lock, base) if lock.lock else 0,
        every=_amount(lock.every, base) if lock.every else 0,
        by=_amount(lock.by, base) if lock.by else 0,
        best=None if best is None else to_scaled(best),
    )


def _amount(offset: Offset, base: Decimal) -> int:
    amount = to_scaled(offset.of(base))
    if amount <= 0:
        raise RuleError("a percentage of a net premium of zero is no limit: give it in rupees")
    return amount
