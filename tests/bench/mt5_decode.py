"""Ticks a second through what a terminal's polls bring, beside the bare cost of reading the same JSON.

Run as ``PYTHONPATH=.:platform python -m tests.bench.mt5_decode``. Each poll has the ticks of 200 symbols; the floor
reads them and makes nothing of them. Rounds alternate, as in ``noren_decode``.
"""

from collections.abc import Sequence
from random import Random
from statistics import median

import msgspec
import orjson

from brokers.mt5.feed import raw_tick
from brokers.mt5.protocol import Tick
from tests.bench.noren_decode import MESSAGES, ROUNDS, rate
from tests.bench.record import Figure, record

SYMBOLS = 200

_TICKS = msgspec.json.Decoder(list[Tick])
_JSON = msgspec.json.Decoder()


def main() -> None:
    """Measure and record the figure."""
    polls = drawn()
    floors, rates = [], []
    for _ in range(ROUNDS):
        floors.append(rate(lambda: sum(len(_JSON.decode(one)) for one in polls)))
        rates.append(rate(lambda: sum(len([raw_tick(tick) for tick in _TICKS.decode(one)]) for one in polls)))
    record([Figure("feed", "decode of MetaTrader 5 ticks", median(rates), "ticks/s", median(floors), ">= 50,000")])


def drawn() -> Sequence[bytes]:
    """Return the ticks of as many polls as make the messages of a round."""
    random, names = Random(1), [f"SYM{number}" for number in range(SYMBOLS)]
    return [orjson.dumps([_tick(name, random) for name in names]) for _ in range(MESSAGES // SYMBOLS)]


def _tick(name: str, random: Random) -> dict[str, object]:
    bid = round(random.uniform(1, 5000), 5)
    return {"symbol": name, "time_msc": 1764442800000, "bid": bid, "ask": round(bid + 0.1, 5), "last": 0.0}


if __name__ == "__main__":
    main()
