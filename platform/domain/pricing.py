"""Prices of protected limit orders: marketable, inside the exchange's limit price protection, on the tick grid."""

from dataclasses import dataclass
from decimal import Decimal

from domain.orders import Side
from domain.prices import round_to_tick


@dataclass(frozen=True, slots=True)
class Touch:
    """What the market showed last, in rupees; 0 where there is no bid or ask."""

    last_price: Decimal
    bid: Decimal
    ask: Decimal


def protected_price(*, side: Side, touch: Touch, tick_size: Decimal, percent: Decimal) -> Decimal:
    """Return a limit that fills at once in a normal market: last ± max(percent, 5 ticks).

    Raises ``ValueError`` without a last price: nothing is sent blind.
    """
    if touch.last_price <= 0:
        raise ValueError("no last price")
    distance = max(touch.last_price * percent / 100, 5 * tick_size)
    if side is Side.BUY:
        base = max(touch.last_price, touch.ask)
        return round_to_tick(base + distance, tick_size, up=True)
    base = min(touch.last_price, touch.bid) if touch.bid > 0 else touch.last_price
    return max(round_to_tick(base - distance, tick_size, up=False), tick_size)


def touch_price(*, side: Side, touch: Touch, tick_size: Decimal, step: int = 0) -> Decimal:
    """Return a limit at the other side's touch, ``step`` ticks beyond it; at the last price where no book is shown."""
    if touch.last_price <= 0:
        raise ValueError("no last price")
    if side is Side.BUY:
        return round_to_tick((touch.ask or touch.last_price) + step * tick_size, tick_size, up=True)
    return max(round_to_tick((touch.bid or touch.last_price) - step * tick_size, tick_size, up=False), tick_size)


def is_marketable(*, side: Side, price: Decimal, touch: Touch) -> bool:
    """Whether a limit would trade against the touch (or the last price where no book is shown)."""
    if side is Side.BUY:
        return price >= (touch.ask or touch.last_price)
    return price <= (touch.bid or touch.last_price)
