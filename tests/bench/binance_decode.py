"""Ticks a second through the decoder of Binance's market streams, beside the bare cost of reading the same JSON.

Run as ``PYTHONPATH=.:platform python -m tests.bench.binance_decode``. Half the messages are tickers of 500 pairs, half
trades; the floor reads them and makes nothing of them. Rounds alternate, as in ``noren_decode``.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from statistics import median

import msgspec

from brokers.binance.ticker import Tickers
from tests.bench.noren_decode import MESSAGES, ROUNDS, rate
from tests.bench.record import Figure, record

PAIRS = 500

_JSON = msgspec.json.Decoder()


def main() -> None:
    """Measure and record the figure."""
    messages = drawn()
    floors, rates = [], []
    for _ in range(ROUNDS):
        floors.append(rate(lambda: sum(1 for one in messages if _JSON.decode(one))))
        rates.append(rate(lambda: decode_all(messages)))
    record([Figure("feed", "decode of Binance streams", median(rates), "ticks/s", median(floors), ">= 50,000")])


def decode_all(messages: Sequence[bytes]) -> int:
    """What the feed does with each message."""
    tickers = Tickers(lambda exchange, symbol: Decimal("0.00001"))
    for number in range(PAIRS):
        tickers.read(_ticker(number, 9_000_000))
    return sum(1 for one in messages if tickers.read(one) is not None)


def drawn() -> list[bytes]:
    """Return tickers and trades of random pairs at random prices."""
    chance = Random(5)
    return [_message(number, chance) for number in range(MESSAGES)]


def _message(number: int, chance: Random) -> bytes:
    pair, price = chance.randrange(PAIRS), chance.randrange(1_000, 10_000_000)
    return _ticker(pair, price) if number % 2 else _trade(pair, price)


def _ticker(pair: int, price: int) -> bytes:
    prices = dict.fromkeys(("w", "x", "c", "b", "a", "o", "h", "l"), f"{price / 100:.8f}")
    amounts = dict.fromkeys(("Q", "B", "A", "v", "q", "p"), "12345.67890000")
    times = {"E": 1764442800123, "O": 1764356400123, "C": 1764442800123, "F": 1, "L": 2, "n": 2, "P": "0.110"}
    return _wrapped({"e": "24hrTicker", "s": f"COIN{pair}USDT", **prices, **amounts, **times})


def _trade(pair: int, price: int) -> bytes:
    numbers = {"a": 1, "f": 1, "l": 1, "T": 1764442800123, "E": 1764442800124, "m": True, "M": True}
    return _wrapped({"e": "aggTrade", "s": f"COIN{pair}USDT", "p": f"{price / 100:.8f}", "q": "0.00100000", **numbers})


def _wrapped(data: object) -> bytes:
    return json.dumps({"stream": "any", "data": data}).encode()


if __name__ == "__main__":
    main()
