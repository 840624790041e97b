"""Ticks a second through the decoders of Binance's market streams, beside the bare cost of reading the same JSON.

Run as ``PYTHONPATH=.:platform python -m tests.bench.binance_decode``. Half the messages are tickers of 500 pairs, half
trades; of the futures, a third are books of five levels instead. The floor reads them and makes nothing of them. Rounds
alternate, as in ``noren_decode``.
"""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from statistics import median

import msgspec

from brokers.binance.futures.ticker import FuturesTickers
from brokers.binance.ticker import Tickers
from tests.bench.noren_decode import MESSAGES, ROUNDS, rate
from tests.bench.record import Figure, record

PAIRS = 500

_JSON = msgspec.json.Decoder()


def main() -> None:
    """Measure and record the figures."""
    record(
        [
            _figure("decode of Binance streams", drawn(_spot_message), decode_all),
            _figure("decode of Binance futures streams", drawn(_futures_message), decode_all_futures),
        ]
    )


def decode_all(messages: Sequence[bytes]) -> int:
    """What the feed does with each message of the spot market."""
    tickers = Tickers(lambda exchange, symbol: Decimal("0.00001"))
    for number in range(PAIRS):
        tickers.read(_ticker(number, 9_000_000))
    return sum(1 for one in messages if tickers.read(one) is not None)


def decode_all_futures(messages: Sequence[bytes]) -> int:
    """What the feed does with each message of the futures exchange."""
    tickers = FuturesTickers(lambda exchange, symbol: Decimal("0.001"))
    for number in range(PAIRS):
        tickers.read(_day(number, 9_000_000))
        tickers.read(_book(number, 9_000_000))
    return sum(1 for one in messages if tickers.read(one) is not None)


def _figure(name: str, messages: Sequence[bytes], decode: Callable[[Sequence[bytes]], int]) -> Figure:
    floors, rates = [], []
    for _ in range(ROUNDS):
        floors.append(rate(lambda: sum(1 for one in messages if _JSON.decode(one))))
        rates.append(rate(lambda: decode(messages)))
    return Figure("feed", name, median(rates), "ticks/s", median(floors), ">= 50,000")


def drawn(message: Callable[[int, int, int], bytes]) -> list[bytes]:
    """Return messages of random pairs at random prices."""
    chance = Random(5)
    return [message(number, chance.randrange(PAIRS), chance.randrange(1_000, 10_000_000)) for number in range(MESSAGES)]


def _spot_message(number: int, pair: int, price: int) -> bytes:
    return _ticker(pair, price) if number % 2 else _trade(pair, price)


def _futures_message(number: int, pair: int, price: int) -> bytes:
    return (_day, _book, _deal)[number % 3](pair, price)


def _ticker(pair: int, price: int) -> bytes:
    prices = dict.fromkeys(("w", "x", "c", "b", "a", "o", "h", "l"), f"{price / 100:.8f}")
    amounts = dict.fromkeys(("Q", "B", "A", "v", "q", "p"), "12345.67890000")
    times = {"E": 1764442800123, "O": 1764356400123, "C": 1764442800123, "F": 1, "L": 2, "n": 2, "P": "0.110"}
    return _wrapped({"e": "24hrTicker", "s": f"COIN{pair}USDT", **prices, **amounts, **times})


def _trade(pair: int, price: int) -> bytes:
    numbers = {"a": 1, "f": 1, "l": 1, "T": 1764442800123, "E": 1764442800124, "m": True, "M": True}
    return _wrapped({"e": "aggTrade", "s": f"COIN{pair}USDT", "p": f"{price / 100:.8f}", "q": "0.00100000", **numbers})


def _day(pair: int, price: int) -> bytes:
    prices = dict.fromkeys(("p", "w", "c", "o", "h", "l"), f"{price / 100:.2f}")
    amounts = dict.fromkeys(("Q", "v", "q"), "12345.678")
    times = {"E": 1764442800123, "O": 1764356400123, "C": 1764442800123, "F": 1, "L": 2, "n": 2, "P": "0.110"}
    return _wrapped({"e": "24hrTicker", "s": f"COIN{pair}USDT", **prices, **amounts, **times})


def _book(pair: int, price: int) -> bytes:
    side = [[f"{price / 100 + level:.2f}", "12.345"] for level in range(5)]
    numbers = {"E": 1764442800123, "T": 1764442800122, "U": 1, "u": 2, "pu": 0}
    return _wrapped({"e": "depthUpdate", "s": f"COIN{pair}USDT", "b": side, "a": side, **numbers})


def _deal(pair: int, price: int) -> bytes:
    numbers = {"a": 1, "f": 1, "l": 1, "T": 1764442800123, "E": 1764442800124, "m": True}
    return _wrapped({"e": "aggTrade", "s": f"COIN{pair}USDT", "p": f"{price / 100:.2f}", "q": "0.010", **numbers})


def _wrapped(data: object) -> bytes:
    return json.dumps({"stream": "any", "data": data}).encode()


if __name__ == "__main__":
    main()
