"""Ticks a second through the decoder of IBKR's JSON socket, beside the bare cost of reading the same JSON.

Run as ``PYTHONPATH=.:platform python -m tests.bench.ibkr_decode``. Messages are updates of 100 contracts, as many as a
user name may watch, that change every field; the floor reads them and makes nothing of them. Rounds alternate, the
median of each core's own seconds is kept, so that other work on the machine does not count.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from statistics import median
from time import process_time

import msgspec

from brokers.ibkr.ticker import Board, read_message
from tests.bench.record import Figure, record

CONTRACTS = 100
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
    record([Figure("feed", "decode of IBKR updates", median(rates), "ticks/s", median(floors), ">= 50,000")])


def rate(work: Callable[[], int]) -> float:
    """Return messages per second of processor time."""
    started = process_time()
    count = work()
    spent = process_time() - started
    if count != MESSAGES:
        raise RuntimeError(f"{count} of {MESSAGES} messages made a tick")
    return count / spent


def decode_all(messages: Sequence[bytes]) -> int:
    """What the feed does with each message."""
    board = Board()
    return sum(1 for one in messages if board.take(read_message(one)) is not None)


def drawn() -> list[bytes]:
    """Return updates of random contracts at random prices."""
    chance = Random(5)
    return [_update(chance) for _ in range(MESSAGES)]


def _update(chance: Random) -> bytes:
    price, conid = chance.randrange(1_000, 1_000_000) * 5, 700_000_000 + chance.randrange(CONTRACTS)
    fields = {"31": price, "84": price - 5, "86": price + 5}
    prices = {name: f"{value / 100:.2f}" for name, value in fields.items()}
    counts = {"7762": str(chance.randrange(10**7)), "88": "650", "85": "1,300", "7638": "123.5K", "7741": "100.10"}
    contract = {"server_id": "q0", "conidEx": str(conid), "conid": conid, "_updated": 1_790_000_000_000, "6119": "q0"}
    return json.dumps({**contract, **prices, **counts, "6509": "RB", "topic": f"smd+{conid}"}).encode()


if __name__ == "__main__":
    main()
