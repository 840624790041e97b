"""Which brokers the live accounts of a run are at, and how long what is slow at these may take.

``random`` deals the brokers of Indian options to the accounts, some or all of them, as the seed has it; ``all`` has
those abroad as well. Who is which follows from the SPECs: a new broker takes part by being in the catalogue.
"""

import random
from collections.abc import Collection

from brokers.catalog import SPECS, spec_of
from domain.broker_spec import BrokerSpec
from domain.invariants.wire_rules import OUR_RATE

RANDOM, ALL, ZERODHA = "random", "all", "zerodha"
OPTIONS = "NFO"
FEWEST = 4
"""How many brokers of Indian options ``random`` deals at least: an account's trouble is to meet its neighbours."""

PROVING_READS = 3
"""Complete reads without an order that prove it absent (``trading.services.resolver``)."""

MINUTE = 60.0
FEW = 10 * OUR_RATE
"""Order calls a minute that a busy account uses up within ten seconds."""

INDIAN = tuple(slug for slug, spec in SPECS.items() if slug != "paper" and OPTIONS in spec.exchanges)
ABROAD = tuple(slug for slug, spec in SPECS.items() if slug != "paper" and OPTIONS not in spec.exchanges)


def dealt(asked: str, *, seed: str) -> tuple[str, ...]:
    """Return the brokers the live accounts get in turn; raises ``UnknownBroker`` for a name that is none."""
    if asked == RANDOM:
        return _at_random(random.Random(f"{seed}:brokers"))
    if asked == ALL:
        return (*INDIAN, *ABROAD)
    return tuple(spec_of(name.strip()).slug for name in asked.split(","))


def _at_random(chance: random.Random) -> tuple[str, ...]:
    return tuple(chance.sample(INDIAN, chance.randint(FEWEST, len(INDIAN))))


def patience(slugs: Collection[str]) -> float:
    """Return how many seconds longer healing may take than where books may be read and orders sent at any time."""
    return max((_patience_of(spec_of(slug)) for slug in slugs), default=0.0)


def _patience_of(spec: BrokerSpec) -> float:
    """Reads that prove an order absent come as far apart as the books allow; a used up minute has to pass."""
    calls = spec.limits.orders_per_minute
    return PROVING_READS * spec.limits.books_seconds + (MINUTE if calls is not None and calls < FEW else 0.0)
