"""Ticks a second through the decoder of Fyers' binary socket (HSM), beside the bare cost of reading the same integers.

Run as ``PYTHONPATH=.:platform python -m tests.bench.hsm_decode``. Messages hold updates of 20 instruments out of 500
that change a third of their fields; the floor unpacks them and makes nothing of them. Rounds alternate, the median of
each core's own seconds is kept, so that other work on the machine does not count.
"""

from collections.abc import Callable, Sequence
from random import Random
from statistics import median
from struct import Struct, pack
from time import process_time

from brokers.fyers.hsm import Topics
from tests.bench.record import Figure, record

INSTRUMENTS = 500
UPDATES = 20
MESSAGES = 5_000
ROUNDS = 5
FIELDS = 21
UNCHANGED = -(1 << 31)

_RECORD = Struct(f">BHB{FIELDS}i")


def main() -> None:
    """Measure and record the figure."""
    messages = drawn()
    floors, rates = [], []
    for _ in range(ROUNDS):
        floors.append(rate(lambda: sum(map(unpack_all, messages))))
        rates.append(rate(lambda: decode_all(messages)))
    record([Figure("feed", "decode of HSM updates", median(rates), "ticks/s", median(floors), ">= 50,000")])


def rate(work: Callable[[], int]) -> float:
    """Return ticks per second of processor time."""
    started = process_time()
    count = work()
    spent = process_time() - started
    if count != MESSAGES * UPDATES:
        raise RuntimeError(f"{count} of {MESSAGES * UPDATES} updates made a tick")
    return count / spent


def decode_all(messages: Sequence[bytes]) -> int:
    """What the feed does with each message."""
    topics = shown()
    return sum(len(topics.take(message).ticks) for message in messages)


def unpack_all(message: bytes) -> int:
    """Return how many records a message has, each of them unpacked."""
    return sum(1 for _ in _RECORD.iter_unpack(message[9:]))


def shown() -> Topics:
    """Return a connection on which every instrument was shown whole."""
    topics = Topics()
    for number in range(INSTRUMENTS):
        name = f"sf|nse_fo|{number}".encode()
        values = pack(f">B{FIELDS}i", FIELDS, *([4210] * FIELDS))
        snapshot = pack(">BHB", 83, number, len(name)) + name + values + pack(">2xHB", 1, 2) + bytes(3)
        topics.take(_message([snapshot]))
    return topics


def drawn() -> list[bytes]:
    """Return messages about random instruments at random prices."""
    chance = Random(5)
    return [_message([_update(chance) for _ in range(UPDATES)]) for _ in range(MESSAGES)]


def _update(chance: Random) -> bytes:
    values = [chance.randrange(1, 10**7) if place % 3 == 0 else UNCHANGED for place in range(FIELDS)]
    return _RECORD.pack(85, chance.randrange(INSTRUMENTS), FIELDS, *values)


def _message(records: Sequence[bytes]) -> bytes:
    body = pack(">IH", 1, len(records)) + b"".join(records)
    return pack(">HB", len(body) + 1, 6) + body


if __name__ == "__main__":
    main()
