"""The futures exchange's market messages as ticks: the book of one socket, the trades of the other. Pure.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams
"""

from dataclasses import dataclass

import msgspec

from brokers.binance.ids import FUTURES_MARK
from brokers.binance.spec import FUTURES
from brokers.binance.ticker import Trade, check_answer, scaled
from brokers.steps import StepOf, checked_step
from domain.broker import RawTick
from domain.prices import PRICE_SCALE

_Level = tuple[str, str]


class _Ticker(msgspec.Struct, tag_field="e", tag="24hrTicker"):
    """Of the last 24 hours, every two seconds; ``o`` is the price they began with."""

    s: str
    c: str
    o: str
    v: str
    E: int


class _Book(msgspec.Struct, tag_field="e", tag="depthUpdate"):
    """The best levels of both sides, best first."""

    s: str
    b: list[_Level]
    a: list[_Level]
    E: int


class _Event(msgspec.Struct):
    data: _Ticker | Trade | _Book


_EVENTS = msgspec.json.Decoder(_Event)


@dataclass(slots=True)
class _Seen:
    """What is known of one contract; a tick needs both its halves."""

    token: str
    step: int
    last_price: int = 0
    volume: int = 0
    close: int = 0
    at: int = 0
    bid: int = 0
    ask: int = 0
    bid_quantity: int = 0
    ask_quantity: int = 0
    has_day: bool = False
    has_book: bool = False

    def took(self, event: _Ticker | Trade | _Book) -> None:
        """Take over what an event says; raises ``ValueError``."""
        if isinstance(event, Trade):
            self.last_price, self.at = scaled(event.p), max(self.at, event.T)
        elif isinstance(event, _Book):
            bid, bid_quantity = self._best(event.b)
            ask, ask_quantity = self._best(event.a)
            self.bid, self.bid_quantity, self.ask, self.ask_quantity = bid, bid_quantity, ask, ask_quantity
            self.at, self.has_book = max(self.at, event.E), True
        else:
            last_price, close, volume = scaled(event.c), scaled(event.o), scaled(event.v) // self.step
            self.last_price, self.close, self.volume = last_price, close, volume
            self.at, self.has_day = max(self.at, event.E), True

    def _best(self, side: list[_Level]) -> tuple[int, int]:
        return (scaled(side[0][0]), scaled(side[0][1]) // self.step) if side else (0, 0)


class FuturesTickers:
    """What both sockets said of each contract, put together."""

    def __init__(self, step_of: StepOf) -> None:
        self._step_of = step_of
        self._seen: dict[str, _Seen] = {}

    def read(self, message: bytes) -> RawTick | None:
        """Return the tick of a message; ``None`` for one that is none, or comes before its contract is known whole.

        Raises ``ValueError`` for a malformed message, ``LookupError`` for a contract of unknown step.
        """
        try:
            event = _EVENTS.decode(message).data
        except (msgspec.MsgspecError, UnicodeDecodeError):
            check_answer(message)
            return None
        seen = self._seen.get(event.s) or self._new(event.s)
        seen.took(event)
        return _tick(seen) if seen.has_day and seen.has_book else None

    def _new(self, symbol: str) -> _Seen:
        step = int(checked_step(self._step_of, FUTURES, symbol) * PRICE_SCALE)
        self._seen[symbol] = _Seen(f"{FUTURES_MARK}{symbol}", step)
        return self._seen[symbol]


def _tick(seen: _Seen) -> RawTick:
    return RawTick(
        seen.token,
        seen.last_price,
        seen.bid,
        seen.ask,
        seen.bid_quantity,
        seen.ask_quantity,
        seen.volume,
        0,
        seen.close,
        seen.at,
    )
