"""Ticks a second through the decoder of Upstox's Protocol Buffers, beside the bare cost of making the same ticks.

Run as ``PYTHONPATH=.:platform python -m tests.bench.upstox_decode``. Messages tell of 20 options each in full mode with
five levels, as the face encodes them; the floor makes the ticks from numbers that are already read. Rounds alternate,
the median of each core's own seconds is kept, so that other work on the machine does not count.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from statistics import median
from time import process_time

from brokers.upstox.ticker import decode
from domain.broker import RawTick
from domain.prices import PRICE_SCALE
from simulator.faces.upstox.names import key_of
from simulator.faces.upstox.packets import Mode, Type, feed, response
from simulator.market.contracts import list_contracts
from simulator.market.types import Level, Listing, MarketQuote
from tests.bench.record import Figure, record

PER_MESSAGE = 20
MESSAGES = 2_000
TICKS = MESSAGES * PER_MESSAGE
ROUNDS = 5
AT = 1_790_000_000_123

_TICK = 5 * PRICE_SCALE // 100


def main() -> None:
    """Measure and record the figure."""
    messages = drawn()
    ticks = [tick for message in messages for tick in decode(message).ticks]
    floors, rates = [], []
    for _ in range(ROUNDS):
        floors.append(rate(lambda: sum(1 for tick in ticks if remade(tick))))
        rates.append(rate(lambda: sum(len(decode(message).ticks) for message in messages)))
    record([Figure("feed", "decode of Upstox messages", median(rates), "ticks/s", median(floors), ">= 50,000")])


def rate(work: Callable[[], int]) -> float:
    """Return ticks per second of processor time."""
    started = process_time()
    count = work()
    spent = process_time() - started
    if count != TICKS:
        raise RuntimeError(f"{count} of {TICKS} ticks were made")
    return count / spent


def remade(tick: RawTick) -> RawTick:
    """Return the same tick made anew."""
    return RawTick(
        tick.token,
        tick.last_price,
        tick.bid,
        tick.ask,
        tick.bid_quantity,
        tick.ask_quantity,
        tick.volume,
        tick.open_interest,
        tick.close,
        tick.exchange_at,
    )


def drawn() -> list[bytes]:
    """Return messages about random contracts at random prices."""
    chance = Random(5)
    listings = [row for row in list_contracts(datetime(2026, 11, 20, 4, tzinfo=UTC)) if row.strike is not None]
    return [_message(chance, chance.sample(listings, PER_MESSAGE)) for _ in range(MESSAGES)]


def _message(chance: Random, listings: Sequence[Listing]) -> bytes:
    return response(Type.LIVE, {key_of(listing): _feed(chance, listing) for listing in listings}, at=AT)


def _feed(chance: Random, listing: Listing) -> bytes:
    price = chance.randrange(200, 200_000) * _TICK
    bids = [Level(price - step * _TICK, 65 * chance.randrange(1, 100), 3) for step in range(1, 6)]
    asks = [Level(price + step * _TICK, 65 * chance.randrange(1, 100), 3) for step in range(1, 6)]
    quote = MarketQuote(
        token=listing.token,
        last_price=price,
        last_quantity=65,
        volume=chance.randrange(10**7),
        open_interest=chance.randrange(10**7),
        average_price=price,
        open=price,
        high=price + 9 * _TICK,
        low=price - 9 * _TICK,
        close=price + _TICK,
        total_buy_quantity=10**6,
        total_sell_quantity=10**6,
        last_trade_at=AT - 100,
        exchange_at=AT,
    )
    return feed(listing, quote, (bids, asks), Mode.FULL)


if __name__ == "__main__":
    main()
