"""Net positions by contract and product: average cost, realised profit, the day's and the carried part."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from domain.orders import Product, Side
from domain.prices import to_decimal
from simulator.exchange.types import ClientPosition
from simulator.market.types import Listing, MarketQuote

ZERO = Decimal(0)
REMEMBERED = 50
"""Executions before which a position is kept as it was, for a book that lags."""


@dataclass(slots=True)
class Turnover:
    """Units and rupees traded on one side today."""

    quantity: int = 0
    value: Decimal = ZERO


@dataclass(slots=True)
class Holding:
    """One position as it is kept; values are rupees with the multiplier in."""

    listing: Listing
    product: Product
    quantity: int = 0
    average_price: Decimal = ZERO
    realised: Decimal = ZERO
    overnight_quantity: int = 0
    overnight_price: Decimal = ZERO
    bought: Turnover = field(default_factory=Turnover)
    sold: Turnover = field(default_factory=Turnover)
    _before: "deque[tuple[datetime, Holding]]" = field(
        default_factory=lambda: deque(maxlen=REMEMBERED), init=False, repr=False, compare=False
    )

    def remember(self, now: datetime) -> None:
        """Keep the position as it was before an execution of now."""
        self._before.append((now, replace(self, bought=replace(self.bought), sold=replace(self.sold))))

    def as_of(self, then: datetime) -> "Holding":
        """Return the position as it was, as far back as is remembered."""
        return next((was for at, was in self._before if at > then), self)

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was carried into the day and nothing traded in it."""
        return not (self.overnight_quantity or self.bought.quantity or self.sold.quantity)

    def fill(self, side: Side, quantity: int, price: Decimal) -> None:
        """Take an execution: close what is opposite first, then open the rest."""
        day = self.bought if side is Side.BUY else self.sold
        day.quantity += quantity
        day.value += price * quantity * self.listing.multiplier
        self._move(side.sign * quantity, price)

    def _move(self, change: int, price: Decimal) -> None:
        closing = min(abs(change), abs(self.quantity)) if change * self.quantity < 0 else 0
        if closing:
            sign = 1 if self.quantity > 0 else -1
            self.realised += (price - self.average_price) * closing * sign * self.listing.multiplier
            self.quantity -= sign * closing
        opening = change + closing if change < 0 else change - closing
        if opening:
            value = self.average_price * abs(self.quantity) + price * abs(opening)
            self.quantity += opening
            self.average_price = value / abs(self.quantity)
        elif self.quantity == 0:
            self.average_price = ZERO

    def unrealised(self, last_price: Decimal) -> Decimal:
        """Return the open profit at a price; without a price, none."""
        if last_price <= 0:
            return ZERO
        return (last_price - self.average_price) * self.quantity * self.listing.multiplier

    def roll(self) -> Decimal:
        """Carry the position into the next day and return the profit realised in this one."""
        realised, self.realised = self.realised, ZERO
        self.overnight_quantity, self.overnight_price = self.quantity, self.average_price
        self.bought, self.sold = Turnover(), Turnover()
        self._before.clear()
        return realised

    def shown(self, quote: MarketQuote) -> ClientPosition:
        """Return the position as a book shows it."""
        last = to_decimal(quote.last_price)
        carried = self.overnight_price * abs(self.overnight_quantity) * self.listing.multiplier
        long_carried = max(self.overnight_quantity, 0)
        short_carried = max(-self.overnight_quantity, 0)
        return ClientPosition(
            listing=self.listing,
            product=self.product,
            quantity=self.quantity,
            overnight_quantity=self.overnight_quantity,
            average_price=self.average_price,
            last_price=last,
            close_price=to_decimal(quote.close),
            buy_quantity=self.bought.quantity + long_carried,
            buy_value=self.bought.value + (carried if long_carried else ZERO),
            sell_quantity=self.sold.quantity + short_carried,
            sell_value=self.sold.value + (carried if short_carried else ZERO),
            day_buy_quantity=self.bought.quantity,
            day_buy_value=self.bought.value,
            day_sell_quantity=self.sold.quantity,
            day_sell_value=self.sold.value,
            realised=self.realised,
            unrealised=self.unrealised(last),
        )
