"""What a contract's price messages add up to, where each tells only what changed, in texts. Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache

from domain.broker import RawTick
from domain.prices import PRICE_SCALE

_DIGITS = len(str(PRICE_SCALE)) - 1
_PRICE = re.compile(rf"(-?[0-9]+)(?:\.([0-9]{{1,{_DIGITS}}}))?")


@dataclass(slots=True)
class Shown:
    """A contract as shown so far; prices scaled, times epoch milliseconds."""

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

    def tick(self) -> RawTick | None:
        """Return the contract's tick; ``None`` before its first price."""
        if not self.last_price:
            return None
        return RawTick(
            self.token,
            self.last_price,
            self.bid,
            self.ask,
            self.bid_quantity,
            self.ask_quantity,
            self.volume,
            self.open_interest,
            self.close,
            self.exchange_at,
        )


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
