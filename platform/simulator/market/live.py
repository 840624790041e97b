"""A market that moves: seeded, repeatable, cheap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from simulator.market.types import Candle, Level, Listing, MarketQuote


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """``volatility_scale`` multiplies realised (not implied) volatility; ``auction_freeze`` freezes the
    published index value 15:15 to 15:35 IST as the closing auction does.
    """

    volatility_scale: float = 1.0
    auction_freeze: bool = False


class LiveMarket:
    """The seeded market; implements ``Market`` and adds the controls. ``start`` is the market time of the
    first price.
    """

    def __init__(self, *, seed: int, start: datetime, settings: MarketSettings = MarketSettings()) -> None:
        self.listings: Mapping[int, Listing] = {}
        self.halted = False
        raise NotImplementedError

    def find(self, exchange: str, symbol: str) -> Listing | None:
        """Return the listing of a trading symbol, or ``None``."""
        raise NotImplementedError

    def quote(self, token: int) -> MarketQuote:
        """Return the current quote. Raises ``KeyError`` for an unlisted token."""
        raise NotImplementedError

    def depth(self, token: int) -> tuple[Sequence[Level], Sequence[Level]]:
        """Return five bids and five asks, best first; none for an index."""
        raise NotImplementedError

    def step(self, now: datetime) -> Sequence[int]:
        """Move to ``now`` and return the tokens that changed; cheap when called more often than prices
        change.
        """
        raise NotImplementedError

    def next_change(self) -> datetime | None:
        """Return when the next price is due."""
        raise NotImplementedError

    def candles(self, token: int, *, start: datetime, end: datetime, width: timedelta) -> Sequence[Candle]:
        """Return bars: today's as traded, earlier days' made up from the seed (the same at every call)."""
        raise NotImplementedError

    def underlying_price(self, underlying: str) -> int:
        """Return the scaled moving spot, 0 for an unknown underlying."""
        raise NotImplementedError

    def shock(self, underlying: str, percent: Decimal) -> None:
        """Move an underlying and all its contracts at the next step. Raises ``KeyError`` for an unknown one."""
        raise NotImplementedError

    def set_price(self, token: int, price: Decimal) -> None:
        """Move an index, equity or future to a price (its whole family follows); pin an option to it until
        released.
        """
        raise NotImplementedError

    def release(self, token: int) -> None:
        """Let a pinned option follow its underlying again."""
        raise NotImplementedError

    def freeze(self, underlying: str, *, on: bool = True) -> None:
        """Freeze the published index (or equity) price while its derivatives go on, as in the closing
        auction.
        """
        raise NotImplementedError

    def halt(self, *, on: bool = True) -> None:
        """Stop every price; the exchange rejects orders meanwhile."""
        raise NotImplementedError
