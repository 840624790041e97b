"""The socket's price messages, decoded and merged. Pure.

``{"topic":"smd+8314","conid":8314,"31":"189.60","_updated":1712596911593,..}`` shows what changed; a contract's first
message shows all of it.
"""

from functools import lru_cache

import msgspec

from brokers.ibkr.quotes import count
from brokers.rows import MalformedRow
from brokers.shown import Shown
from brokers.shown import scaled as plainly_scaled
from domain.broker import RawTick


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


def read_message(message: bytes | str) -> Message:
    """Return a message of the socket; raises ``ValueError`` for what is none."""
    try:
        return _MESSAGES.decode(message)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a message of the socket: {error}") from error


class Board:
    """The contracts of one connection. ``malformed`` counts messages that could not be used."""

    def __init__(self) -> None:
        self._shown: dict[int, Shown] = {}
        self.malformed = 0

    def take(self, message: Message) -> RawTick | None:
        """Return the tick a price message makes; ``None`` for other messages, and for one that cannot be used."""
        if message.conid is None or not message.topic.startswith("smd+"):
            return None
        shown = self._shown.get(message.conid)
        if shown is None:
            shown = self._shown[message.conid] = Shown(str(message.conid))
        try:
            _merge(shown, message)
        except (ValueError, MalformedRow):
            self.malformed += 1
            return None
        return shown.tick()


@lru_cache(maxsize=65_536)
def scaled(text: str) -> int:
    """Return a price as ``domain.prices`` scales it, without the letter of a close ("C") or a halt ("H").

    Raises ``ValueError`` for what is no plain decimal.
    """
    price = text[1:] if text.startswith(("C", "H")) else text
    return plainly_scaled(price.replace(",", ""))


_counted = lru_cache(maxsize=65_536)(count)


def _merge(shown: Shown, message: Message) -> None:
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
