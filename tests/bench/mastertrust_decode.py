"""Ticks a second through the decoder of Master Trust's binary socket, beside the bare cost of unpacking the same bytes.

Run as ``PYTHONPATH=.:platform python -m tests.bench.mastertrust_decode``. The socket sends one packet to a message;
here they are market data of 500 instruments. Rounds alternate, the median of each core's own seconds is kept, so that
other work on the machine does not count.
"""

from collections.abc import Callable, Sequence
from random import Random
from statistics import median
from struct import Struct
from time import process_time

from brokers.mastertrust.ticker import decode
from tests.bench.record import Figure, record

INSTRUMENTS = 500
MESSAGES = 100_000
ROUNDS = 5
NFO = 2

_PACKET = Struct(">BBI8I2Q12I")


def main() -> None:
    """Measure and record the figure."""
    messages = drawn()
    floors, rates = [], []
    for _ in range(ROUNDS):
        floors.append(rate(lambda: sum(1 for one in messages if _PACKET.unpack(one))))
        rates.append(rate(lambda: sum(len(decode(one).ticks) for one in messages)))
    record([Figure("feed", "decode of Master Trust packets", median(rates), "ticks/s", median(floors), ">= 50,000")])


def rate(work: Callable[[], int]) -> float:
    """Return messages per second of processor time."""
    started = process_time()
    count = work()
    spent = process_time() - started
    if count != MESSAGES:
        raise RuntimeError(f"{count} of {MESSAGES} messages made a tick")
    return count / spent


def drawn() -> Sequence[bytes]:
    """Return market data of random instruments at random prices."""
    chance = Random(5)
    return [_packet(chance) for _ in range(MESSAGES)]


def _packet(chance: Random) -> bytes:
    price, count, at = chance.randrange(1_000, 1_000_000) * 5, chance.randrange(10**7), 1_790_000_000
    head = (1, NFO, chance.randrange(INSTRUMENTS))
    trades = (price, at, 65, count, price - 5, 650, price + 5, 1300)
    day = (price, at, price, price, price, price - 50, price, price, 5, 10 * price, 123_500, 120_000)
    return _PACKET.pack(*head, *trades, count, count, *day)


if __name__ == "__main__":
    main()
