"""Ticks a second through the decoder of Noren's JSON socket, beside the bare cost of reading the same JSON.

Run as ``PYTHONPATH=.:platform python -m tests.bench.noren_decode``. Messages are updates of 500 instruments that change
every field; the floor reads them and makes nothing of them. Rounds alternate, the median of each core's own seconds is
kept, so that other work on the machine does not count.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from statistics import median
from time import process_time

import msgspec

from brokers.noren.ticker import Touchlines, read_message
from tests.bench.record import Figure, record

INSTRUMENTS = 500
MESSAGES = 100_000
ROUNDS = 5

_JSON = msgspec.json.Decoder()


def main() -> None:
    """Measure and record the figure."""
    messages = drawn()
    floors, rates = [], []
    for _ in range(ROUNDS):
        floors.append(rate(lambda: sum(1 for one in messages if _JSON.decode(one))))
        rates.append(rate(lambda: decode_all(messages)))
    record([Figure("feed", "decode of Noren updates", median(rates), "ticks/s", median(floors), ">= 50,000")])


def rate(work: Callable[[], int]) -> float:
    """Return messages per second of processor time."""
    started = process_time()
    count = work()
    spent = process_time() - started
    if count != MESSAGES:
        raise RuntimeError(f"{count} of {MESSAGES} messages made a tick")
    return count / spent


def decode_all(messages: Sequence[str]) -> int:
    """What the feed does with each message."""
    touchlines = shown()
    return sum(1 for one in messages if touchlines.take(read_message(one)) is not None)


def shown() -> Touchlines:
    """Return a connection on which every instrument was shown whole."""
    touchlines = Touchlines()
    for number in range(INSTRUMENTS):
        touchlines.take(read_message(json.dumps({"t": "tk", "e": "NFO", "tk": str(number), "lp": "100.00"})))
    return touchlines


def drawn() -> list[str]:
    """Return updates of random instruments at random prices."""
    chance = Random(5)
    return [_update(chance) for _ in range(MESSAGES)]


def _update(chance: Random) -> str:
    price = chance.randrange(1_000, 1_000_000) * 5
    fields = {"lp": price, "bp1": price - 5, "sp1": price + 5}
    prices = {name: f"{value / 100:.2f}" for name, value in fields.items()}
    counts = {"v": str(chance.randrange(10**7)), "bq1": "650", "sq1": "1300", "oi": "123500", "ft": "1790000000"}
    contract = {"t": "tf", "e": "NFO", "tk": str(chance.randrange(INSTRUMENTS)), "pc": "1.20", "ap": "100.10"}
    return json.dumps({**contract, **prices, **counts})


if __name__ == "__main__":
    main()
