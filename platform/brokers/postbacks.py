"""Order updates that brokers post to us: verified, then normalised. Pure, so the web process may hold it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from brokers.catalog import UnknownBroker
from brokers.lots import LotSizeOf, unknown_lots
from brokers.zerodha import mapping as zerodha
from domain.orders import BrokerOrder

BODY_LIMIT = 64_000
VERIFIERS: Mapping[str, Callable[..., BrokerOrder]] = MappingProxyType({"zerodha": zerodha.postback_order})


def postback_order(
    slug: str,
    body: bytes,
    headers: Mapping[str, str],
    secret: str,
    *,
    lot_size_of: LotSizeOf = unknown_lots,
) -> BrokerOrder:
    """Return the order a verified postback hints at; the order book stays the truth.

    Raises ``UnknownBroker`` for a broker that posts nothing, ``ValueError`` for anything forged, malformed,
    oversized, or counted in lots of a contract ``lot_size_of`` does not know.
    """
    if slug not in VERIFIERS:
        raise UnknownBroker(slug)
    if len(body) > BODY_LIMIT:
        raise ValueError(f"a postback of {len(body)} bytes is too long")
    return VERIFIERS[slug](body, headers, secret=secret, lot_size_of=lot_size_of)
