"""Ticks a second through the pure risk engine, beside the bare cost of decoding the same ticks.

Run as ``PYTHONPATH=.:platform python -m tests.bench.engine``. The floor, the engine and both together are measured in
turn, several rounds, and the medians are kept; a million ticks over 500 instruments each. In the quiet cases prices
stay within all levels; in the others they walk until about a quarter of the legs have been left.
"""

import gc
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from statistics import median
from time import process_time

import msgspec

from domain.prices import PRICE_SCALE
from domain.risk import DayLimits, LegRules, PnlRules, RiskEngine, TradeRules
from domain.ticks import Tick
from tests.bench.record import Figure, record

INSTRUMENTS = 500
TICKS = 1_000_000
BATCH = 64
ROUNDS = 3
START = datetime(2026, 8, 18, 4, 0, tzinfo=UTC)
MILLISECONDS = int(START.timestamp() * 1000)
ENTRY = 1_000 * PRICE_SCALE
NEAREST, FARTHEST = 10, 400  # paisa between the entry and the levels
QUARTER = 130  # how far prices walk for a quarter of the stops to be reached
PAISA = PRICE_SCALE // 100


Arm = Callable[[], RiskEngine]


@dataclass(frozen=True, slots=True)
class Case:
    """An armed engine, and how far prices walk (paisa either side of the entry)."""

    name: str
    reach: int
    arm: Arm


def main() -> None:
    """Measure every case against the floor and record the figures."""
    record([figure for case in CASES for figure in measure(case)])


def measure(case: Case) -> list[Figure]:
    """Return the case's figures: the engine alone, decode and engine together, each beside decode alone."""
    payloads = encode(walk(case.reach))
    batches = decode(payloads)
    rounds = [one_round(case, payloads, batches) for _ in range(ROUNDS)]
    floor, alone, both, fired = (median(column) for column in zip(*rounds, strict=True))
    target = "" if fired else ">= 0.33 of floor"
    return [
        Figure("engine", f"{case.name}: engine alone", alone, "ticks/s", floor, ">= 1,000,000"),
        Figure("engine", f"{case.name}: decode + engine", both, "ticks/s", floor, target),
        Figure("engine", f"{case.name}: legs fired", fired, "legs"),
    ]


def one_round(case: Case, payloads: Sequence[bytes], batches: Sequence[Sequence[Tick]]) -> tuple[float, ...]:
    """Return ticks/s of decode alone, of the engine alone and of both, and how many legs fired."""
    floor = rate(lambda: decode_only(payloads))
    engine = case.arm()
    alone = rate(lambda: feed(engine, batches))
    fired = count_latched(engine)
    engine = case.arm()
    both = rate(lambda: decode_and_feed(engine, payloads))
    return floor, alone, both, fired


def rate(work: Callable[[], None]) -> float:
    """Return ticks per second of this process's time on a core, the collector quiet as in a long-running worker."""
    gc.collect()
    gc.freeze()
    started = process_time()
    work()
    spent = process_time() - started
    gc.unfreeze()
    return TICKS / spent


def decode_only(payloads: Sequence[bytes]) -> None:
    """The floor: read every batch and do nothing with it."""
    read = msgspec.msgpack.Decoder(list[Tick]).decode
    for payload in payloads:
        read(payload)


def decode_and_feed(engine: RiskEngine, payloads: Sequence[bytes]) -> None:
    """What the worker's loop does between the bus and the exits."""
    read = msgspec.msgpack.Decoder(list[Tick]).decode
    for payload in payloads:
        engine.on_ticks(read(payload))


def feed(engine: RiskEngine, batches: Iterable[Sequence[Tick]]) -> None:
    """The engine alone."""
    for batch in batches:
        engine.on_ticks(batch)


def decode(payloads: Iterable[bytes]) -> list[list[Tick]]:
    """Return the batches."""
    return [msgspec.msgpack.decode(payload, type=list[Tick]) for payload in payloads]


def encode(ticks: Sequence[Tick]) -> list[bytes]:
    """Return the batches as the bus carries them."""
    encoder = msgspec.msgpack.Encoder()
    return [encoder.encode(ticks[start : start + BATCH]) for start in range(0, len(ticks), BATCH)]


def walk(reach: int) -> list[Tick]:
    """Return ticks of all instruments in random order, each price a walk reflected ``reach`` paisa from the entry."""
    chance = Random(7)
    away = [0] * INSTRUMENTS
    ticks = []
    for number in range(TICKS):
        instrument = chance.randrange(INSTRUMENTS)
        step = away[instrument] + chance.choice((-5, -5, 5, 5, 0))
        away[instrument] = max(-reach, min(reach, step))
        price = ENTRY + away[instrument] * PAISA
        at = MILLISECONDS + number // 50
        ticks.append(Tick(instrument, price, price - PAISA, price + PAISA, 65, 65, number, 1_000, ENTRY, at, at))
    return ticks


def single_legs(trades: int) -> RiskEngine:
    """Return an engine with that many one-leg trades, half of them short, each with a stop and a target."""
    engine = RiskEngine(now=START)
    chance = Random(11)
    for trade_id in range(1, trades + 1):
        sign = 1 if trade_id % 2 else -1
        stop, target = chance.randrange(NEAREST, FARTHEST), chance.randrange(FARTHEST, 2 * FARTHEST)
        leg = leg_of(trade_id, trade_id % INSTRUMENTS, sign, stop=stop, target=target)
        engine.arm(TradeRules(trade_id=trade_id, map_id=trade_id, legs=(leg,)))
    return opened(engine)


def straddles(trades: int) -> RiskEngine:
    """Return an engine with that many short straddles: two leg stops, a combined stop and target, day limits each."""
    engine = RiskEngine(now=START)
    chance = Random(11)
    worth = 65 * PAISA
    for trade_id in range(1, trades + 1):
        call, put = chance.sample(range(INSTRUMENTS), 2)
        legs = tuple(leg_of(n, instrument, -1, stop=FARTHEST) for n, instrument in ((1, call), (2, put)))
        engine.arm(
            TradeRules(
                trade_id=trade_id,
                map_id=trade_id,
                legs=legs,
                pnl=PnlRules(stop=-2 * FARTHEST * worth, target=2 * FARTHEST * worth),
                day=DayLimits(loss=3 * FARTHEST * worth, target=3 * FARTHEST * worth),
            )
        )
    return opened(engine)


def leg_of(leg_id: int, instrument_id: int, sign: int, *, stop: int, target: int | None = None) -> LegRules:
    """Return one lot with its levels so many paisa from the entry."""
    return LegRules(
        leg_id=leg_id,
        instrument_id=instrument_id,
        quantity=65 * sign,
        entry_price=ENTRY,
        stop=ENTRY - sign * stop * PAISA,
        target=None if target is None else ENTRY + sign * target * PAISA,
    )


def opened(engine: RiskEngine) -> RiskEngine:
    """Show the engine a first tick of every instrument."""
    engine.on_ticks([Tick(instrument, ENTRY) for instrument in range(INSTRUMENTS)])
    return engine


def count_latched(engine: RiskEngine) -> int:
    """Return how many legs were asked for."""
    slots = (slot for trade in engine.snapshot().trades for slot in trade.slots)
    return sum(slot.latched_until is not None for slot in slots)


CASES = (
    Case("10k legs with stop and target", NEAREST - 1, lambda: single_legs(10_000)),
    Case("100k legs with stop and target", NEAREST - 1, lambda: single_legs(100_000)),
    Case("10k legs, a quarter fires", QUARTER, lambda: single_legs(10_000)),
    Case("100k legs, a quarter fires", QUARTER, lambda: single_legs(100_000)),
    Case("25k straddles, 100k rules", FARTHEST // 4, lambda: straddles(25_000)),
)

if __name__ == "__main__":
    main()
