"""The socket's touchline messages, decoded and merged. Pure.

The first message of a contract (``tk``) shows all of it, the following ones (``tf``) only what changed. All values are
strings; a contract is named by exchange and token, because tokens are unique on their exchange only.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from domain.broker import RawTick
from domain.prices import PRICE_SCALE

_DIGITS = len(str(PRICE_SCALE)) - 1
_PRICE = re.compile(rf"(-?[0-9]+)(?:\.([0-9]{{1,{_DIGITS}}}))?")


class Message(msgspec.Struct, gc=False):
    """What any message may hold that matters here; ``None`` where it says nothing."""

    t: str
    s: str | None = None
    k: str | None = None
    e: str = ""
    tk: str = ""
    lp: str | None = None
    bp1: str | None = None
    sp1: str | None = None
    bq1: str | None = None
    sq1: str | None = None
    v: str | None = None
    oi: str | None = None
    c: str | None = None
    ft: str | None = None


_MESSAGES = msgspec.json.Decoder(Message)


@dataclass(slots=True)
class _Shown:
    """What a contract's messages add up to; prices scaled, times epoch milliseconds."""

    token: str
    last_price: int = 0
    bid: int = 0
    ask: int = 0
    bid_quantity: int = 0
    ask_quantity: int = 0
    volume: int = 0
    open_interest: int = 0
    close: int = 0
    exchange_at: int = 0


def read_message(message: bytes | str) -> Message:
    """Return a message of the socket; raises ``ValueError`` for what is none."""
    try:
        return _MESSAGES.decode(message)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a message of the socket: {error}") from error


class Touchlines:
    """The contracts of one connection. ``malformed`` counts messages that could not be used."""

    def __init__(self) -> None:
        self._shown: dict[tuple[str, str], _Shown] = {}
        self.malformed = 0

    def take(self, message: Message) -> RawTick | None:
        """Return the tick a price message makes; ``None`` for other messages, and for one that cannot be used."""
        if message.t not in ("tf", "tk"):
            return None
        key = (message.e, message.tk)
        if message.t == "tk":
            self._shown[key] = _Shown(f"{message.e}|{message.tk}")
        shown = self._shown.get(key)
        try:
            if shown is None:
                raise ValueError("an update before the contract was shown whole")
            _merge(shown, message)
        except ValueError:
            self.malformed += 1
            return None
        return _tick(shown) if shown.last_price else None


@lru_cache(maxsize=65_536)
def scaled(text: str) -> int:
    """Return a price as ``domain.prices`` scales it; raises ``ValueError`` for what is no plain decimal.

    Remembered, because the same few thousand prices come all day.
    """
    match = _PRICE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a price")
    whole, part = match[1], match[2] or ""
    return int(whole + part + "0" * (_DIGITS - len(part)))


def _merge(shown: _Shown, message: Message) -> None:
    if message.lp is not None:
        shown.last_price = scaled(message.lp)
    if message.bp1 is not None:
        shown.bid = scaled(message.bp1)
    if message.sp1 is not None:
        shown.ask = scaled(message.sp1)
    if message.bq1 is not None:
        shown.bid_quantity = int(message.bq1)
    if message.sq1 is not None:
        shown.ask_quantity = int(message.sq1)
    if message.v is not None:
        shown.volume = int(message.v)
    if message.oi is not None:
        shown.open_interest = int(message.oi)
    if message.c is not None:
        shown.close = scaled(message.c)
    if message.ft is not None:
        shown.exchange_at = int(message.ft) * 1000


def _tick(shown: _Shown) -> RawTick:
    return RawTick(
        shown.token,
        shown.last_price,
        shown.bid,
        shown.ask,
        shown.bid_quantity,
        shown.ask_quantity,
        shown.volume,
        shown.open_interest,
        shown.close,
        shown.exchange_at,
    )
