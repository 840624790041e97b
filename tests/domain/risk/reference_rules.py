"""The naive engine's rules: levels on one price or on a P&L, long and short apart, all in fractions."""

from dataclasses import dataclass, field
from fractions import Fraction

from domain.orders import ExitReason
from domain.risk.rules import EntryEvent, LegRules, PnlTrail, PriceTrail

MILLION = 1_000_000
EXACT = 100_000_000  # buffers of P&L are rounded down to this part of a scaled rupee
LEG, TRADE, MAP, CLOCK = range(4)
URGENCY = [*ExitReason, EntryEvent.TIMEOUT, EntryEvent.TRIGGER]


def price_buffer(level: int, ppm: int) -> int:
    return level * ppm // MILLION


def pnl_buffer(level: Fraction, ppm: int) -> Fraction:
    return Fraction(abs(level) * EXACT * ppm // MILLION, EXACT)


@dataclass
class Level:
    """A counted level; the side says whether prices (or P&L) at and above it count, or at and below."""

    reason: ExitReason | EntryEvent | None
    level: Fraction
    above: bool
    limit: Fraction  # the level with its buffer
    count: int = 0

    def holds(self, value: Fraction) -> bool:
        return value >= self.limit if self.above else value <= self.limit


@dataclass
class Rule:
    """Levels on one price, or on a P&L; ``positions`` are (instrument, entry, rupees per rupee of price)."""

    scope: int
    ticks: int
    buffer: int
    levels: list[Level]
    instrument_id: int | None = None  # of a price rule
    positions: list[tuple[int, int, Fraction]] = field(default_factory=list)
    realised: int = 0
    awake: bool = True
    leg: LegRules | None = None
    trail: PriceTrail | PnlTrail | None = None
    best: Fraction = Fraction(0)
    stop: Fraction | None = None
    step: Level | None = None

    def exposures(self) -> dict[int, Fraction]:
        if self.instrument_id is not None:
            return {self.instrument_id: Fraction(1)}
        net: dict[int, Fraction] = {}
        for instrument_id, _, exposure in self.positions:
            net[instrument_id] = net.get(instrument_id, Fraction(0)) + exposure
        return {instrument_id: exposure for instrument_id, exposure in net.items() if exposure}

    def value(self, prices: dict[int, int]) -> Fraction:
        if self.instrument_id is not None:
            return Fraction(prices[self.instrument_id])
        pnl = Fraction(self.realised)
        for instrument_id, entry, exposure in self.positions:
            pnl += (prices.get(instrument_id, 0) - entry) * exposure
        return pnl

    def cautious(self, history: dict[int, list[int]], *, above: bool) -> Fraction:
        """The value at those of each instrument's last prices that speak least for being above (or below)."""
        chosen = {}
        for instrument_id, exposure in self.exposures().items():
            window = history[instrument_id][-self.ticks :]
            chosen[instrument_id] = min(window) if above == (exposure > 0) else max(window)
        return self.value(chosen)

    def confirms(self, level: Level, history: dict[int, list[int]]) -> bool:
        if not level.holds(self.value({i: history[i][-1] for i in self.exposures()})):
            level.count = 0
            return False
        level.count += 1
        return level.count >= self.ticks and level.holds(self.cautious(history, above=level.above))

    def see(self, history: dict[int, list[int]]) -> Level | None:
        confirmed = [level for level in self.levels if self.confirms(level, history)]
        if confirmed:
            return min(confirmed, key=lambda level: URGENCY.index(level.reason))
        if self.step is not None and self.confirms(self.step, history):
            self.advance(self.cautious(history, above=self.step.above))
        return None

    def forget(self) -> None:
        for level in [*self.levels, *([self.step] if self.step else [])]:
            level.count = 0

    # -- trails

    def advance(self, reached: Fraction) -> None:
        if isinstance(self.trail, PriceTrail):
            self.advance_price(self.trail, reached)
        elif self.trail is not None:
            self.advance_pnl(self.trail, reached)

    def advance_price(self, trail: PriceTrail, reached: Fraction) -> None:
        assert self.leg is not None
        long, entry = self.leg.quantity > 0, self.leg.entry_price
        better = max if long else min
        self.best = better(self.best, reached)
        best = int(self.best)
        activation = entry if trail.activate_at is None else trail.activate_at
        trails = trail.distance or trail.distance_ppm
        is_active = best >= activation if long else best <= activation
        at_cost = trail.cost_at is not None and (best >= trail.cost_at if long else best <= trail.cost_at)
        candidates, targets = [], []
        if trails:
            gap = trail.distance + best * trail.distance_ppm // MILLION
            if is_active:
                candidates.append(best - gap if long else best + gap)
                targets.append(best + trail.step if long else best - trail.step)
            else:
                targets.append(activation)
        if at_cost:
            candidates.append(entry)
        elif trail.cost_at is not None:
            targets.append(trail.cost_at)
        if candidates:
            self.stand(Fraction(better(candidates)), above=not long)
        nearest = (min if long else max)(targets, default=None)
        self.step = None if nearest is None else Level(None, Fraction(nearest), long, Fraction(nearest))

    def advance_pnl(self, trail: PnlTrail, reached: Fraction) -> None:
        self.best = max(self.best, reached)
        if self.best < trail.at:
            aim: int | None = trail.at
        else:
            raises = (self.best - trail.at) // trail.every if trail.every else 0
            self.stand(Fraction(trail.lock + raises * trail.by), above=False)
            aim = trail.at + (raises + 1) * trail.every if trail.every else None
        self.step = None if aim is None else Level(None, Fraction(aim), True, Fraction(aim))

    def stand(self, stop: Fraction, *, above: bool) -> None:
        if self.stop is not None and (stop >= self.stop if above else stop <= self.stop):
            return
        self.stop = stop
        self.levels = [level for level in self.levels if level.reason is not ExitReason.TRAIL]
        self.levels.append(self.level(ExitReason.TRAIL, stop, above=above))

    def level(self, reason: ExitReason | EntryEvent, level: Fraction | int, *, above: bool) -> Level:
        level = Fraction(level)
        if self.instrument_id is not None:
            gap = Fraction(price_buffer(abs(int(level)), self.buffer))
        else:
            gap = pnl_buffer(level, self.buffer)
        return Level(reason, level, above, level + gap if above else level - gap)
