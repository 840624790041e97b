"""Random rule sets and random days for them, small enough that everything happens often."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from hypothesis import strategies as st
from msgspec.structs import replace

from domain.risk.rules import (
    Confirm,
    DataState,
    DayLimits,
    EntryRule,
    LegRules,
    PnlRules,
    PnlTrail,
    PriceTrail,
    TradeRules,
)
from domain.ticks import Tick

START = datetime(2026, 8, 18, 4, 0, tzinfo=UTC)
INSTRUMENTS = st.sampled_from([1, 2, 3])
TRADES = st.sampled_from([11, 12, 13])
MAPS = st.sampled_from([21, 22])
PRICES = st.integers(80, 120)
MOMENTS = st.integers(1, 60).map(lambda seconds: START + timedelta(seconds=seconds))


def optional(strategy):
    return st.none() | strategy


CONFIRMS = st.builds(Confirm, ticks=st.integers(1, 3), buffer_ppm=st.sampled_from([0, 0, 0, 30_000]))


@st.composite
def price_trails(draw) -> PriceTrail:
    distance, ppm = draw(st.sampled_from([(3, 0), (0, 50_000), (2, 20_000), (0, 0)]))
    cost_at = draw(PRICES) if not (distance or ppm) else draw(optional(PRICES))
    return PriceTrail(
        distance=distance,
        distance_ppm=ppm,
        activate_at=draw(optional(PRICES)),
        step=draw(st.integers(1, 4)),
        cost_at=cost_at,
        best=draw(st.sampled_from([None, None, None, 95, 105])),
    )


@st.composite
def pnl_trails(draw) -> PnlTrail:
    at = draw(st.integers(5, 60))
    every = draw(st.sampled_from([0, 1, 5, 20]))
    return PnlTrail(
        at=at,
        lock=at - draw(st.integers(1, 30)),
        every=every,
        by=draw(st.integers(0, every)),
        best=draw(st.sampled_from([None, None, 40])),
    )


PNL_RULES = st.builds(
    PnlRules,
    stop=optional(st.integers(-80, -5)),
    target=optional(st.integers(5, 80)),
    trail=optional(pnl_trails()),
)
DAY_LIMITS = st.builds(
    DayLimits, loss=optional(st.integers(20, 150)), target=optional(st.integers(20, 150)), confirm=CONFIRMS
)
ENTRIES = st.builds(EntryRule, instrument_id=INSTRUMENTS, level=PRICES, above=st.booleans())


@st.composite
def legs(draw, leg_id: int, *, is_bare: bool) -> LegRules:
    """A leg; a bare one has no rules of its own and leaves the field to its trade's and its map's."""
    levels = st.none() if is_bare else optional(PRICES)
    return LegRules(
        leg_id=leg_id,
        instrument_id=draw(INSTRUMENTS),
        quantity=draw(st.sampled_from([1, 2, 5, -1, -2, -5])),
        entry_price=draw(st.integers(95, 105)),
        multiplier=draw(st.sampled_from([Decimal(1), Decimal(1), Decimal("0.1"), Decimal("2.5")])),
        stop=draw(levels),
        target=draw(levels),
        trail=None if is_bare else draw(optional(price_trails())),
        confirm=draw(optional(CONFIRMS)),
    )


@st.composite
def trades(draw) -> TradeRules:
    expires = draw(optional(MOMENTS))
    is_bare = draw(st.booleans())
    return TradeRules(
        trade_id=draw(TRADES),
        map_id=draw(MAPS),
        version=draw(st.integers(0, 3)),
        legs=tuple(draw(legs(leg_id, is_bare=is_bare)) for leg_id in range(1, draw(st.integers(0, 3)) + 1)),
        entry=draw(st.none() | st.none() | ENTRIES),
        entry_expires_at=expires,
        pnl=draw(optional(PNL_RULES)),
        realised=draw(st.sampled_from([0, 0, -10, 15])),
        day=draw(optional(DAY_LIMITS)),
        square_off_at=draw(optional(MOMENTS)),
        confirm=draw(CONFIRMS),
    )


@dataclass(frozen=True)
class Call:
    """A method of the engine and its arguments."""

    name: str
    arguments: tuple
    options: tuple = ()


def call(name: str, *arguments) -> st.SearchStrategy[Call]:
    return st.tuples(*arguments).map(lambda drawn: Call(name, drawn))


@st.composite
def batches(draw) -> list[Tick]:
    """Walks around 100 with gaps, spikes, zeros, repeats and late or unstamped ticks, from one drawn seed."""
    chance = Random(draw(st.integers(0, 1 << 32)))
    prices = {1: 100, 2: 100, 3: 100}
    batch: list[Tick] = []
    for second in range(1, draw(st.integers(2, 30))):
        if batch and chance.random() < 0.05:
            batch.append(batch[-1])
            continue
        instrument_id = chance.choice((1, 2, 3))
        prices[instrument_id] += chance.choice((-12, -4, -2, -1, 0, 1, 2, 4, 12))
        spike = chance.choice((-25, 25)) if chance.random() < 0.07 else 0
        price = 0 if chance.random() < 0.02 else max(prices[instrument_id] + spike, 1)
        stamp = chance.choice([second] * 10 + [0, max(second - 6, 1)])
        received = chance.choice((0, second * 1000))
        batch.append(Tick(instrument_id, price, volume=second, exchange_at=stamp, received_at=received))
    return batch


def in_time(calls: list[Call]) -> list[Call]:
    """Let every batch follow the one before it, save for the late ticks of its beginning."""
    return [
        Call(call.name, ([_later(tick, turn * 28) for tick in call.arguments[0]],)) if call.name == "on_ticks" else call
        for turn, call in enumerate(calls)
    ]


def _later(tick: Tick, seconds: int) -> Tick:
    return replace(tick, exchange_at=tick.exchange_at and tick.exchange_at + seconds)


CALLS = st.one_of(
    *[call("on_ticks", batches())] * 12,
    *[call("on_clock", st.integers(-2, 70).map(lambda seconds: START + timedelta(seconds=seconds)))] * 2,
    *[call("update", trades())] * 2,
    call("arm", trades()),
    call("disarm", TRADES),
    call("realised", MAPS, st.integers(-100, 100)),
    call("set_state", INSTRUMENTS, st.sampled_from(DataState)),
    call("rearm", TRADES, optional(st.integers(0, 3))),
    call("flatten", st.lists(TRADES, min_size=1, max_size=2, unique=True)),
)


def days(*, least: int) -> st.SearchStrategy[tuple[list[TradeRules], list[Call]]]:
    """Rules to arm first, and at least so many calls to make after it."""
    return st.tuples(
        st.lists(trades(), min_size=1, max_size=4),
        st.lists(CALLS, min_size=least, max_size=max(10, 2 * least)).map(in_time),
    )
