"""Turning a fair value into what the market shows: a tick-rounded last price, a touch around it, volume,
depth.

Prices here are scaled integers; fair values and half spreads are float rupees.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import ceil, floor
from random import Random

from domain.instruments import Kind
from domain.prices import PRICE_SCALE, to_scaled
from simulator.market.types import Level, Listing, MarketQuote

DEPTH_LEVELS = 5
TRADE_CHANCE = 0.7
_BAND_STEPS = (0.10, 0.15, 0.20, 0.30, 0.50)
_LPP_RATE, _LPP_FLOOR = 0.40, 20 * PRICE_SCALE  # limit price protection of index options: 40 % or Rs 20
_BAND_USED = 0.9


class Board:
    """One instrument's quote and what is needed to move it. ``lots`` scales its usual size and turnover."""

    def __init__(self, listing: Listing, *, lots: int) -> None:
        self.listing = listing
        self.quote = MarketQuote(token=listing.token)
        self.pinned: float | None = None
        self._tick = to_scaled(listing.tick_size)
        self._lots = lots
        self._turnover = 0.0
        self._has_book = listing.kind is not Kind.INDEX
        self._has_interest = listing.expiry is not None or listing.kind is Kind.PERPETUAL
        self._has_bands = listing.kind not in (Kind.SPOT, Kind.PERPETUAL)

    def set_close(self, fair: float, *, open_interest: int) -> None:
        """Set the previous session's close, and start the day's interest there."""
        self.quote.close = self._rounded(fair)
        interest = open_interest if self._has_interest else 0
        self.quote.open_interest = self.quote.open_interest_high = self.quote.open_interest_low = interest

    def begin_day(self) -> None:
        """Start a new day: the last price becomes the close, the day's figures begin again."""
        quote = self.quote
        quote.close = quote.last_price
        quote.open = quote.high = quote.low = 0
        quote.volume = quote.last_quantity = quote.average_price = 0
        quote.open_interest_high = quote.open_interest_low = quote.open_interest
        self._turnover = 0.0

    def show(self, fair: float, half_spread: float, *, at: int, random: Random) -> None:
        """Show a new fair value at epoch millisecond ``at``."""
        if self.pinned is not None:
            fair = self.pinned
        quote = self.quote
        quote.last_price = last = self._rounded(fair)
        if self._has_book:
            self._set_touch(fair, half_spread, random)
            self._trade(last, at, random)
        quote.open = quote.open or last
        quote.high = max(quote.high, last)
        quote.low = min(quote.low or last, last)
        quote.exchange_at = at
        quote.revision += 1
        if self._has_bands:
            self._set_bands(last)

    def repeat(self, *, at: int) -> None:
        """Show the same price again, later."""
        self.quote.exchange_at = at
        self.quote.revision += 1

    def _rounded(self, fair: float) -> int:
        return max(round(fair * PRICE_SCALE / self._tick), 1) * self._tick

    def _set_touch(self, fair: float, half_spread: float, random: Random) -> None:
        """Quote around the fair value; half spreads are over half a tick, so the last price lies inside."""
        quote, tick = self.quote, self._tick
        middle, half = fair * PRICE_SCALE / tick, half_spread * PRICE_SCALE / tick
        quote.bid = max(floor(middle - half), 1) * tick
        quote.ask = max(ceil(middle + half), quote.bid // tick + 1) * tick
        quote.bid_quantity = self._size(random)
        quote.ask_quantity = self._size(random)
        quote.total_buy_quantity = quote.bid_quantity * 40
        quote.total_sell_quantity = quote.ask_quantity * 40

    def _size(self, random: Random) -> int:
        return self.listing.lot_size * (1 + int(random.expovariate(1.0) * self._lots))

    def _trade(self, last: int, at: int, random: Random) -> None:
        """Print a trade now and then; without one the quote moves and the volume stands."""
        if random.random() > TRADE_CHANCE:
            return
        quote = self.quote
        quantity = self._size(random)
        quote.last_quantity = quantity
        quote.volume += quantity
        quote.last_trade_at = at
        self._turnover += float(last) * quantity
        quote.average_price = round(self._turnover / quote.volume / self._tick) * self._tick
        if self._has_interest:
            self._drift_interest(quantity, random)

    def _drift_interest(self, quantity: int, random: Random) -> None:
        quote = self.quote
        change = quantity if random.random() < 0.5 else -quantity
        quote.open_interest = max(quote.open_interest + change, 0)
        quote.open_interest_high = max(quote.open_interest_high, quote.open_interest)
        quote.open_interest_low = min(quote.open_interest_low, quote.open_interest)

    def _set_bands(self, last: int) -> None:
        quote, tick = self.quote, self._tick
        reach = self._option_reach(last) if self.listing.kind is Kind.OPTION else self._future_reach(last)
        centre = last if self.listing.kind is Kind.OPTION else quote.close
        quote.lower_band = max((centre - reach) // tick, 1) * tick
        quote.upper_band = -(-(centre + reach) // tick) * tick

    def _option_reach(self, last: int) -> int:
        return max(int(last * _LPP_RATE), _LPP_FLOOR)

    def _future_reach(self, last: int) -> int:
        """Return the dynamic operating range: 10 % of the close, widened before the price gets there."""
        close = self.quote.close
        away = abs(last - close)
        rate = next((rate for rate in _BAND_STEPS if away <= _BAND_USED * rate * close), 1.0)
        return int(close * rate)


def depth_of(quote: MarketQuote, listing: Listing) -> tuple[Sequence[Level], Sequence[Level]]:
    """Return five levels a side around the touch; the same for the same revision of the quote."""
    tick = to_scaled(listing.tick_size)
    bids = _levels(quote.bid, -tick, quote.bid_quantity, listing.lot_size, quote)
    asks = _levels(quote.ask, tick, quote.ask_quantity, listing.lot_size, quote)
    return bids, asks


def _levels(touch: int, step: int, quantity: int, lot: int, quote: MarketQuote) -> list[Level]:
    if touch <= 0:
        return []
    mix = quote.token * 2654435761 + quote.revision * 40503 + (step > 0)
    levels = [Level(touch, quantity, 1 + mix % 7)]
    for rank in range(1, DEPTH_LEVELS):
        mix = (mix * 1103515245 + 12345) & 0x7FFFFFFF
        price = touch + rank * step
        if price <= 0:
            break
        levels.append(Level(price, quantity + lot * (mix >> 8) % (lot * 20) // lot * lot, 1 + (mix >> 4) % 9))
    return levels


def interest_of(listing: Listing, distance: int) -> int:
    """Return a plausible opening interest in units: large at round strikes near the money, thin far away."""
    if listing.kind is Kind.FUTURE:
        return listing.lot_size * 180_000
    round_strike = listing.strike is not None and listing.strike % Decimal(500) == 0
    lots = 90_000 * (2 if round_strike else 1) // (4 + distance)
    return listing.lot_size * lots
