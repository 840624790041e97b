"""Binance's market messages as ticks: the ticker's picture of a second, and the trades in between. Pure.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

from decimal import Decimal, InvalidOperation

import msgspec

from brokers.binance.spec import SPOT
from brokers.steps import StepOf, checked_step
from domain.broker import RawTick
from domain.prices import PRICE_SCALE

_DECIMALS = 8
_WHOLE: tuple[int, ...] = tuple(10 ** (_DECIMALS - digits) for digits in range(_DECIMALS + 1))
"""What makes a number of so many decimals one of hundred-millionths."""

_ZERO = Decimal(0)


class _Ticker(msgspec.Struct, tag_field="e", tag="24hrTicker"):
    s: str
    c: str
    b: str
    B: str
    a: str
    A: str
    x: str
    v: str
    E: int


class Trade(msgspec.Struct, tag_field="e", tag="aggTrade"):
    """Executions of one order at one price, as both markets tell them."""

    s: str
    p: str
    T: int


class _Event(msgspec.Struct):
    data: _Ticker | Trade


class _Any(msgspec.Struct):
    """An answer to one of our messages, or an event of a kind we did not ask for."""

    result: object = None
    error: object = None
    id: object = None


_EVENTS = msgspec.json.Decoder(_Event)
_ANSWERS = msgspec.json.Decoder(_Any)


class Tickers:
    """The last ticker of each pair; what a trade leaves out is taken from it."""

    def __init__(self, step_of: StepOf) -> None:
        self._step_of = step_of
        self._steps: dict[str, int] = {}
        self._last: dict[str, RawTick] = {}

    def read(self, message: bytes) -> RawTick | None:
        """Return the tick of a message; ``None`` for one that is none, or comes before its pair's first ticker.

        Raises ``ValueError`` for a malformed message, ``LookupError`` for a pair of unknown step.
        """
        try:
            event = _EVENTS.decode(message).data
        except (msgspec.MsgspecError, UnicodeDecodeError):
            check_answer(message)
            return None
        return self._pictured(event) if isinstance(event, _Ticker) else self._traded(event)

    def _pictured(self, event: _Ticker) -> RawTick:
        step = self._step(event.s)
        tick = RawTick(
            token=event.s,
            last_price=scaled(event.c),
            bid=scaled(event.b),
            ask=scaled(event.a),
            bid_quantity=scaled(event.B) // step,
            ask_quantity=scaled(event.A) // step,
            volume=scaled(event.v) // step,
            open_interest=0,
            close=scaled(event.x),
            exchange_at=event.E,
        )
        self._last[event.s] = tick
        return tick

    def _traded(self, event: Trade) -> RawTick | None:
        last = self._last.get(event.s)
        if last is None:
            return None
        tick = RawTick(
            last.token,
            scaled(event.p),
            last.bid,
            last.ask,
            last.bid_quantity,
            last.ask_quantity,
            last.volume,
            last.open_interest,
            last.close,
            max(event.T, last.exchange_at),
        )
        self._last[event.s] = tick
        return tick

    def _step(self, symbol: str) -> int:
        if symbol not in self._steps:
            self._steps[symbol] = int(checked_step(self._step_of, SPOT, symbol) * PRICE_SCALE)
        return self._steps[symbol]


def scaled(text: str) -> int:
    """Return a decimal in hundred-millionths; raises ``ValueError`` for what is none.

    The spot market writes eight decimals: without the point that is the number itself. The futures exchange writes as
    many as a contract has.
    """
    whole, _, part = text.partition(".")
    digits = whole + part
    if not digits.isascii():
        raise ValueError(f"{text!r} is not a number")
    if len(part) <= _DECIMALS and digits.isdigit():
        return int(digits) * _WHOLE[len(part)]
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not value.is_finite() or value < _ZERO:
        raise ValueError(f"{text!r} is not a price or quantity")
    return int(value * PRICE_SCALE)


def check_answer(message: bytes) -> None:
    """Raise ``ValueError`` for a message that is neither an event nor an answer to one of ours."""
    try:
        answer = _ANSWERS.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not a message of Binance's: {error}") from None
    if answer.id is None or answer.error is not None:
        raise ValueError("neither a price nor an answer")
