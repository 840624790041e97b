"""The socket's touchline messages, decoded and merged. Pure.

The first message of a contract (``tk``) shows all of it, the following ones (``tf``) only what changed. All values are
strings; a contract is named by exchange and token, because tokens are unique on their exchange only.
"""

import msgspec

from brokers.shown import Shown, scaled
from domain.broker import RawTick


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


def read_message(message: bytes | str) -> Message:
    """Return a message of the socket; raises ``ValueError`` for what is none."""
    try:
        return _MESSAGES.decode(message)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a message of the socket: {error}") from error


class Touchlines:
    """The contracts of one connection. ``malformed`` counts messages that could not be used."""

    def __init__(self) -> None:
        self._shown: dict[tuple[str, str], Shown] = {}
        self.malformed = 0

    def take(self, message: Message) -> RawTick | None:
        """Return the tick a price message makes; ``None`` for other messages, and for one that cannot be used."""
        if message.t not in ("tf", "tk"):
            return None
        key = (message.e, message.tk)
        if message.t == "tk":
            self._shown[key] = Shown(f"{message.e}|{message.tk}")
        shown = self._shown.get(key)
        try:
            if shown is None:
                raise ValueError("an update before the contract was shown whole")
            _merge(shown, message)
        except ValueError:
            self.malformed += 1
            return None
        return shown.tick()


def _merge(shown: Shown, message: Message) -> None:
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
