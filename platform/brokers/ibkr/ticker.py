"""The socket's price messages, decoded and merged. Pure.

``{"topic":"smd+8314","conid":8314,"31":"189.60","_updated":1712596911593,..}`` shows what changed; a contract's first
message shows all of it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from brokers.ibkr.quotes import count
from brokers.rows import MalformedRow
from domain.broker import RawTick
from domain.prices import PRICE_SCALE

_DIGITS = len(str(PRICE_SCALE)) - 1
_PRICE = re.compile(rf"[CH]?(-?[0-9]+)(?:\.([0-9]{{1,{_DIGITS}}}))?")


class Message(msgspec.Struct, gc=False):
    """What any message may hold that matters here; ``None`` where it says nothing."""

    topic: str = ""
    conid: int | None = None
    last: str | None = msgspec.field(default=None, name="31")
    bid: str | None = msgspec.field(default=None, name="84")
    ask: str | None = msgspec.field(default=None, name="86")
    bid_size: str | None = msgspec.field(default=None, name="88")
    ask_size: str | None = msgspec.field(default=None, name="85")
    volume: str | None = msgspec.field(default=None, name="7762")
    close: str | None = msgspec.field(default=None, name="7741")
    option_interest: str | None = msgspec.field(default=None, name="7638")
    future_interest: str | None = msgspec.field(default=None, name="7697")
    updated: int = msgspec.field(default=0, name="_updated")


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


class Board:
    """The contracts of one connection. ``malformed`` counts messages that could not be used."""

    def __init__(self) -> None:
        self._shown: dict[int, _Shown] = {}
        self.malformed = 0

    def take(self, message: Message) -> RawTick | None:
        """Return the tick a price message makes; ``None`` for other messages, and for one that cannot be used."""
        if message.conid is None or not message.topic.startswith("smd+"):
            return None
        shown = self._shown.get(message.conid)
        if shown is None:
            shown = self._shown[message.conid] = _Shown(str(message.conid))
        try:
            _merge(shown, message)
        except (ValueError, MalformedRow):
            self.malformed += 1
            return None
        return _tick(shown) if shown.last_price else None


@lru_cache(maxsize=65_536)
def scaled(text: str) -> int:
    """Return a price as ``domain.prices`` scales it; raises ``ValueError`` for what is no plain decimal.

    Remembered, because the same few thousand prices come all day.
    """
    match = _PRICE.fullmatch(text.replace(",", ""))
    if match is None:
        raise ValueError(f"{text!r} is not a price")
    whole, part = match[1], match[2] or ""
    return int(whole + part + "0" * (_DIGITS - len(part)))


_counted = lru_cache(maxsize=65_536)(count)


def _merge(shown: _Shown, message: Message) -> None:
    if message.last is not None:
        shown.last_price = scaled(message.last)
    if message.bid is not None:
        shown.bid = scaled(message.bid)
    if message.ask is not None:
        shown.ask = scaled(message.ask)
    if message.bid_size is not None:
        shown.bid_quantity = _counted(message.bid_size)
    if message.ask_size is not None:
        shown.ask_quantity = _counted(message.ask_size)
    if message.volume is not None:
        shown.volume = _counted(message.volume)
    if message.close is not None:
        shown.close = scaled(message.close)
    interest = message.option_interest or message.future_interest
    if interest is not None:
        shown.open_interest = _counted(interest)
    if message.updated:
        shown.exchange_at = message.updated


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
