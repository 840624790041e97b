"""The markets of the world beside the Indian one: each moves by itself, and all of them are one to the exchange."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from domain.venues import venue_of
from simulator.market.bars import AROUND_THE_CLOCK
from simulator.market.contracts import COIN_FAMILIES, list_coins
from simulator.market.live import LiveMarket, MarketSettings, Stock
from simulator.market.types import Candle, Level, Listing, MarketQuote

COIN_STOCK = Stock(COIN_FAMILIES, list_coins, AROUND_THE_CLOCK)


class WorldMarket(LiveMarket):
    """The live Indian market, and in ``coins`` Binance's.

    ``listings`` are the Indian ones; whatever else is asked by token, name or underlying is answered for both. The
    Indian prices are those a market without coins would show.
    """

    def __init__(self, *, seed: int, start: datetime, settings: MarketSettings = MarketSettings()) -> None:
        self.coins = LiveMarket(seed=seed, start=start, settings=settings, stock=COIN_STOCK)
        super().__init__(seed=seed, start=start, settings=settings)

    def find(self, exchange: str, symbol: str) -> Listing | None:
        """Return the listing of a trading symbol, or ``None``."""
        return self.coins.find(exchange, symbol) if venue_of(exchange).never_closes else super().find(exchange, symbol)

    def quote(self, token: int) -> MarketQuote:
        """Return the current quote. Raises ``KeyError`` for an unlisted token."""
        return self.coins.quote(token) if token in self.coins.listings else super().quote(token)

    def depth(self, token: int) -> tuple[Sequence[Level], Sequence[Level]]:
        """Return five bids and five asks, best first; none for an index."""
        return self.coins.depth(token) if token in self.coins.listings else super().depth(token)

    def underlying_price(self, underlying: str) -> int:
        """Return the scaled moving spot, 0 for an unknown underlying."""
        return super().underlying_price(underlying) or self.coins.underlying_price(underlying)

    def step(self, now: datetime) -> Sequence[int]:
        """Move all markets to ``now`` and return the tokens that changed."""
        return [*super().step(now), *self.coins.step(now)]

    def next_change(self) -> datetime | None:
        """Return when the next price is due anywhere; ``None`` while halted."""
        due = [at for at in (super().next_change(), self.coins.next_change()) if at is not None]
        return min(due, default=None)

    def candles(self, token: int, *, start: datetime, end: datetime, width: timedelta) -> Sequence[Candle]:
        """Return bars, as each market makes them."""
        if token in self.coins.listings:
            return self.coins.candles(token, start=start, end=end, width=width)
        return super().candles(token, start=start, end=end, width=width)

    def shock(self, underlying: str, percent: Decimal) -> None:
        """Move an underlying and all its contracts at the next step; raises as one market does."""
        if underlying in COIN_FAMILIES:
            self.coins.shock(underlying, percent)
        else:
            super().shock(underlying, percent)

    def set_price(self, token: int, price: Decimal) -> None:
        """Move what a token stands on to a price; raises as one market does."""
        if token in self.coins.listings:
            self.coins.set_price(token, price)
        else:
            super().set_price(token, price)

    def release(self, token: int) -> None:
        """Let a pinned contract follow its underlying again."""
        if token in self.coins.listings:
            self.coins.release(token)
        else:
            super().release(token)

    def freeze(self, underlying: str, *, on: bool = True) -> None:
        """Freeze a published price while its derivatives go on; raises ``KeyError`` for an unknown one."""
        if underlying in COIN_FAMILIES:
            self.coins.freeze(underlying, on=on)
        else:
            super().freeze(underlying, on=on)

    def halt(self, *, on: bool = True) -> None:
        """Stop every price everywhere; the exchange rejects orders meanwhile."""
        super().halt(on=on)
        self.coins.halt(on=on)
