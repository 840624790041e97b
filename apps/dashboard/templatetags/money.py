"""Figures and times in templates."""

from datetime import datetime
from decimal import Decimal

from django import template
from django.utils import timezone

from apps.dashboard import figures, wording
from apps.markets import clock
from domain.clock import IST

register = template.Library()


@register.filter
def inr(amount: Decimal | None) -> str:
    """Return rupees, grouped: 3,42,118.50."""
    return figures.rupees(amount)


@register.filter
def signed(amount: Decimal | None) -> str:
    """Return rupees with the sign in front: +1,790.75."""
    return figures.signed_rupees(amount)


@register.filter
def price(value: Decimal | None, decimals: int | None = None) -> str:
    """Return a price with the contract's decimals, or as many as it has."""
    return figures.price_text(value, decimals)


@register.filter
def units(quantity: int | None) -> str:
    """Return a grouped quantity."""
    return figures.units_text(quantity)


@register.filter
def move(amount: Decimal | None) -> str:
    """Return ``up``, ``down`` or ``flat``."""
    return figures.direction(amount)


@register.filter
def span(seconds: float | None) -> str:
    """Return a span in words; nothing for ``None``."""
    return "" if seconds is None else figures.span_text(seconds)


@register.filter
def ist(at: datetime | None) -> str:
    """Return an instant in IST: only the time today, with the date on other days."""
    if at is None:
        return figures.NOTHING
    local, today = at.astimezone(IST), timezone.now().astimezone(IST).date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%d %b %H:%M}"


@register.filter
def close_words(reason: str) -> str:
    """Return why a trade was left, in words."""
    return wording.close_words(reason)


@register.filter
def ist_exact(at: datetime) -> str:
    """Return an instant in IST to the millisecond: steps of an order lie close together."""
    return f"{at.astimezone(IST):%H:%M:%S.%f}"[:-3]


@register.filter
def age_seconds(at: datetime) -> int:
    """Return how long ago an instant was, in market time."""
    return max(int((clock.now() - at).total_seconds()), 0)


@register.filter
def wall_age(at: datetime) -> int:
    """Return how long ago an instant of the wall clock was, in seconds."""
    return max(int((timezone.now() - at).total_seconds()), 0)


@register.filter
def unlocalised(amount: Decimal) -> str:
    """Return an amount as machines read it."""
    return f"{amount:f}"
