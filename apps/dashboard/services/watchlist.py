"""A person's watchlist: search, add, remove."""

import re

from django.db import transaction
from django.db.models import Case, Max, When

from apps.markets import clock
from apps.markets.models import Instrument, WatchlistItem
from apps.users.models import User
from bus import commands

MOST_ITEMS = 50
MOST_FOUND = 12
_WORD = re.compile(r"[A-Z0-9.&-]+")


class WatchlistFull(ValueError):
    """No room for another instrument."""


def search(text: str) -> list[Instrument]:
    """Return tradable instruments whose symbol has every word (``NIFTY 24800 CE``), the underlying itself first."""
    words = _WORD.findall(text.upper())[:6]
    if not words:
        return []
    found = Instrument.objects.tradable(clock.trading_date(clock.now()))
    for word in words:
        found = found.filter(symbol__icontains=word)
    rank = Case(When(symbol=words[0], then=0), When(underlying=words[0], then=1), default=2)
    return list(found.order_by(rank, "expiry", "kind", "underlying", "strike", "right")[:MOST_FOUND])


@transaction.atomic
def add(user: User, instrument: Instrument) -> WatchlistItem:
    """Put an instrument on the list (again: nothing happens). Raises ``WatchlistFull``."""
    mine = WatchlistItem.objects.select_for_update().filter(user=user)
    existing = mine.filter(instrument=instrument).first()
    if existing is not None:
        return existing
    if mine.count() >= MOST_ITEMS:
        raise WatchlistFull(f"A watchlist holds {MOST_ITEMS} instruments at most.")
    last = WatchlistItem.objects.filter(user=user).aggregate(last=Max("position"))["last"] or 0
    item, _ = WatchlistItem.objects.get_or_create(user=user, instrument=instrument, defaults={"position": last + 1})
    commands.refresh_subscriptions()
    return item


def remove(user: User, item_id: int) -> Instrument | None:
    """Take one item off the person's own list and return its instrument; ``None`` when it was not there."""
    with transaction.atomic():
        item = WatchlistItem.objects.filter(user=user, pk=item_id).select_related("instrument").first()
        if item is None:
            return None
        item.delete()
        commands.refresh_subscriptions()
    return item.instrument
