"""The markets of the world beside the Indian one: each moves by itself, and all of them are one to the exchange."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from domain.instruments import Exchange
from domain.venues import venue_of
from simulator.market.bars import AROUND_THE_CLOCK
from simulator.market.contracts import CFD_FAMILIES, COIN_FAMILIES, list_cfds, list_coins
from simulator.market.live import LiveMarket, MarketSettings, Stock
from simulator.market.types import Candle, Level, Listing, MarketQuote

COIN_STOCK = Stock(COIN_FAMILIES, list_coins, AROUND_THE_CLOCK)
CFD_STOCK = Stock(CFD_FAMILIES, list_cfds, AROUND_THE_CLOCK)


class WorldMarket(LiveMarket):
    """The live Indian market, in ``coins`` Binance's, and in ``cfds`` that of a MetaTrader 5 server.

    ``listings`` are the Indian ones; whatever else is asked by token, name or underlying is answered for all. The
    Indian prices are those a market without the others would show.
    """

    def __init__(self, *, seed: int, start: datetime, settings: MarketSettings = MarketSettings()) -> None:
        self.coins = LiveMarket(seed=seed, start=start, settings=settings, stock=COIN_STOCK)
        self.cfds = LiveMarket(seed=seed, start=start, settings=settings, stock=CFD_STOCK)
        super().__init__(seed=seed, start=start, settings=settings)

    def find(self, exchange: str, symbol: str) -> Listing | None:
        """Return the listing of a trading symbol, or ``None``."""
        if not venue_of(exchange).never_closes:
            return super().find(exchange, symbol)
        return (self.cfds if exchange == Exchange.MT5 else self.coins).find(exchange, symbol)

    def quote(self, token: int) -> MarketQuote:
        """Return the current quote. Raises ``KeyError`` for an unlisted token."""
        other = self._of(token)
        return other.quote(token) if other else super().quote(token)

    def depth(self, token: int) -> tuple[Sequence[Level], Sequence[Level]]:
        """Return five bids and five asks, best first; none for an index."""
        other = self._of(token)
        return other.depth(token) if other else super().depth(token)

    def underlying_price(self, underlying: str) -> int:
        """Return the scaled moving spot, 0 for an unknown underlying."""
        other = self._moving(underlying)
        return other.underlying_price(underlying) if other else super().underlying_price(underlying)

    def step(self, now: datetime) -> Sequence[int]:
        """Move all markets to ``now`` and return the tokens that changed."""
        return [*super().step(now), *self.coins.step(now), *self.cfds.step(now)]

    def next_change(self) -> datetime | None:
        """Return when the next price is due anywhere; ``None`` while halted."""
        changes = (super().next_change(), self.coins.next_change(), self.cfds.next_change())
        return min((at for at in changes if at is not None), default=None)

    def candles(self, token: int, *, start: datetime, end: datetime, width: timedelta) -> Sequence[Candle]:
        """Return bars, as each market makes them."""
        other = self._of(token)
        if other:
            return other.candles(token, start=start, end=end, width=width)
        return super().candles(token, start=start, end=end, width=width)

    def shock(self, underlying: str, percent: Decimal) -> None:
        """Move an underlying and all its contracts at the next step; raises as one market does."""
        other = self._moving(underlying)
        if other:
            other.shock(underlying, percent)
        else:
            super().shock(underlying, percent)

    def set_price(self, token: int, price: Decimal) -> None:
        """Move what a token stands on to a price; raises as one market does."""
        other = self._of(token)
        if other:
            other.set_price(token, price)
        else:
            super().set_price(token, price)

    def release(self, token: int) -> None:
        """Let a pinned contract follow its underlying again."""
        other = self._of(token)
        if other:
            other.release(token)
        else:
            super().release(token)

    def freeze(self, underlying: str, *, on: bool = True) -> None:
        """Freeze a published price while its derivatives go on; raises ``KeyError`` for an unknown one."""
        other = self._moving(underlying)
        if other:
            other.freeze(underlying, on=on)
        else:
            super().freeze(underlying, on=on)

    def halt(self, *, on: bool = True) -> None:
        """Stop every price everywhere; the exchange rejects orders meanwhile."""
        super().halt(on=on)
        self.coins.halt(on=on)
        self.cfds.halt(on=on)

    def _of(self, token: int) -> LiveMarket | None:
        """Return the other market that lists a token, if one does."""
        return next((market for market in (self.coins, self.cfds) if token in market.listings), None)

    def _moving(self, underlying: str) -> LiveMarket | None:
        """Return the other market an underlying moves in, if one does."""
        if underlying in COIN_FAMILIES:
            return self.coins
        return self.cfds if underlying in CFD_FAMILIES else None
