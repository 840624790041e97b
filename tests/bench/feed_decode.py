"""Ticks a second through the decoder of Kite's binary frames, beside the bare cost of unpacking the same packets.

Run as ``PYTHONPATH=.:platform python -m tests.bench.feed_decode``. Frames hold 100 packets each of 500 instruments;
the floor unpacks the same fields of the same packets and makes nothing of them. Rounds alternate, the median is kept.
"""

from collections.abc import Callable, Sequence
from random import Random
from statistics import median
from struct import Struct, pack
from time import perf_counter

from brokers.zerodha.ticker import decode
from tests.bench.record import Figure, record

INSTRUMENTS = 500
PACKETS = 100
FRAMES = 2_000
ROUNDS = 5
NFO = 2

_FULL = Struct(">Ii8xI20xi4xI8xIIi52xIi52x")
_QUOTE = Struct(">Ii8xI20xi")


def main() -> None:
    """Measure both packet forms and record the figures."""
    record([measure("full", full_packet, _FULL), measure("quote", quote_packet, _QUOTE)])


def measure(name: str, packet: Callable[[Random], bytes], form: Struct) -> Figure:
    """Return ticks per second of one packet form over its floor."""
    frames = framed(packet, form)
    floors, rates = [], []
    for _ in range(ROUNDS):
        floors.append(rate(lambda: unpack_only(frames, form)))
        rates.append(rate(lambda: decode_all(frames)))
    return Figure("feed", f"decode of {name} packets", median(rates), "ticks/s", median(floors), ">= 50,000")


def rate(work: Callable[[], int]) -> float:
    """Return ticks per second."""
    started = perf_counter()
    ticks = work()
    spent = perf_counter() - started
    if ticks != FRAMES * PACKETS:
        raise RuntimeError(f"{ticks} ticks of {FRAMES * PACKETS} were decoded")
    return ticks / spent


def decode_all(frames: Sequence[bytes]) -> int:
    """What the feed does with each frame."""
    return sum(len(decode(frame).ticks) for frame in frames)


def unpack_only(frames: Sequence[bytes], form: Struct) -> int:
    """The floor: the fields and nothing else."""
    count, step = 0, form.size + 2
    for frame in frames:
        for offset in range(4, len(frame), step):
            form.unpack_from(frame, offset)
            count += 1
    return count


def framed(packet: Callable[[Random], bytes], form: Struct) -> list[bytes]:
    """Return frames of random packets."""
    chance = Random(5)
    length = pack(">H", form.size)
    return [pack(">H", PACKETS) + b"".join(length + packet(chance) for _ in range(PACKETS)) for _ in range(FRAMES)]


def full_packet(chance: Random) -> bytes:
    """A packet with depth."""
    price = chance.randrange(5, 50_000)
    return _FULL.pack(token(chance), price, 10_000, price, 500, 1_790_000_000, 65, price - 5, 65, price + 5)


def quote_packet(chance: Random) -> bytes:
    """A packet without depth."""
    price = chance.randrange(5, 50_000)
    return _QUOTE.pack(token(chance), price, 10_000, price)


def token(chance: Random) -> int:
    """One of the instruments of the derivatives segment."""
    return (35_000 + chance.randrange(INSTRUMENTS)) << 8 | NFO


if __name__ == "__main__":
    main()
