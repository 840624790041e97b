"""Ticks a second through the decoder of Kotak's SFeed, beside the bare cost of unpacking the same packets.

Run as ``PYTHONPATH=.:platform python -m tests.bench.sfeed_decode``. Frames hold 100 touch lines each of 500 contracts;
the floor unpacks the same fields and makes nothing of them. Rounds alternate, the median of each core's own seconds is
kept, so that other work on the machine does not count.
"""

from collections.abc import Callable, Sequence
from random import Random
from statistics import median
from struct import Struct
from time import process_time

from brokers.kotak.ticker import Decoder
from tests.bench.record import Figure, record

CONTRACTS = 500
PACKETS = 100
FRAMES = 1_000
ROUNDS = 5
NSE_FO = 2

_PACKET = Struct("<HHbB3xI16xqqq4xI8xI16xII6xI37xqi4xqi4x")
"""Header, token, volume, trade and update time, close, last, bids, asks, interest; the best of both sides."""


def main() -> None:
    """Measure and record the figure."""
    frames = framed()
    floors, rates = [], []
    for _ in range(ROUNDS):
        floors.append(rate(lambda: unpack_only(frames)))
        rates.append(rate(lambda: decode_all(frames)))
    record([Figure("feed", "decode of SFeed touch lines", median(rates), "ticks/s", median(floors), ">= 50,000")])


def rate(work: Callable[[], int]) -> float:
    """Return ticks per second of processor time."""
    started = process_time()
    ticks = work()
    spent = process_time() - started
    if ticks != FRAMES * PACKETS:
        raise RuntimeError(f"{ticks} ticks of {FRAMES * PACKETS} were decoded")
    return ticks / spent


def decode_all(frames: Sequence[bytes]) -> int:
    """What the feed does with each frame."""
    decoder = Decoder({NSE_FO: ("nse_fo", 100)}, str)
    return sum(len(decoder.decode(frame).ticks) for frame in frames)


def unpack_only(frames: Sequence[bytes]) -> int:
    """The floor: the fields and nothing else."""
    count = 0
    for frame in frames:
        for offset in range(0, len(frame), _PACKET.size):
            _PACKET.unpack_from(frame, offset)
            count += 1
    return count


def framed() -> list[bytes]:
    """Return frames of random contracts at random prices."""
    chance = Random(5)
    return [b"".join(_packet(chance) for _ in range(PACKETS)) for _ in range(FRAMES)]


def _packet(chance: Random) -> bytes:
    price = chance.randrange(5, 50_000)
    header = (_PACKET.size, 7208, NSE_FO, 4, 35_000 + chance.randrange(CONTRACTS))
    counts = (chance.randrange(10**7), 1_790_000_000, 1_790_000_001)
    return _PACKET.pack(*header, *counts, 10_000, price, 1, 1, 123_500, 650, price - 5, 1_300, price + 5)


if __name__ == "__main__":
    main()
