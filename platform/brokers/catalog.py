"""Which brokers exist: names and limits only, so that ``apps`` may import it."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from types import MappingProxyType
from urllib.parse import urlsplit

from brokers.aliceblue import spec as aliceblue
from brokers.binance import spec as binance
from brokers.flattrade import spec as flattrade
from brokers.fyers import spec as fyers
from brokers.ibkr import spec as ibkr
from brokers.kotak import spec as kotak
from brokers.mastertrust import spec as mastertrust
from brokers.mt5 import spec as mt5
from brokers.paper import spec as paper
from brokers.upstox import spec as upstox
from brokers.zerodha import spec as zerodha
from domain.broker import BrokerSpec, Endpoint

_MODULES = (
    paper,
    zerodha,
    flattrade,
    fyers,
    kotak,
    ibkr,
    aliceblue,
    binance,
    mastertrust,
    upstox,
    mt5,
)

SPECS: Mapping[str, BrokerSpec] = MappingProxyType({module.SPEC.slug: module.SPEC for module in _MODULES})
"""Every broker by slug."""

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType({module.SPEC.slug: module.ENDPOINT for module in _MODULES})
"""Where each broker really is; a setting may point an account at the simulated exchange instead."""


NEVER_CLOSED = frozenset(slug for slug, spec in SPECS.items() if spec.never_closes)
"""Brokers whose markets trade around the clock."""


class UnknownBroker(LookupError):
    """No broker has this slug."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"no broker is called {slug!r}; known: {', '.join(sorted(SPECS))}")


def spec_of(slug: str) -> BrokerSpec:
    """Return a broker's SPEC; raises ``UnknownBroker``."""
    try:
        return SPECS[slug]
    except KeyError:
        raise UnknownBroker(slug) from None


def endpoint_of(slug: str) -> Endpoint:
    """Return a broker's real hosts; raises ``UnknownBroker``."""
    try:
        return ENDPOINTS[slug]
    except KeyError:
        raise UnknownBroker(slug) from None


def simulated_endpoint(slug: str, url: str) -> Endpoint:
    """Return where the simulated exchange at ``url`` shows a broker; raises ``UnknownBroker``.

    Each of the broker's addresses keeps its path, behind the exchange's and the slug.
    """
    root = url.rstrip("/")
    real = {name: address for name, address in asdict(endpoint_of(slug)).items() if address}
    moved = {name: _moved(address, to=f"{root}/{slug}") for name, address in real.items()}
    return replace(endpoint_of(slug), **moved, simulator_url=root)


def _moved(address: str, *, to: str) -> str:
    parts = urlsplit(address)
    base = to.replace("http", "ws", 1) if parts.scheme in ("ws", "wss") else to
    return f"{base}{parts.path}"
