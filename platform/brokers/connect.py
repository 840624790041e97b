"""From a slug to a live broker: the wire is reachable from here, so this is for the workers alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import aiohttp

from brokers.catalog import UnknownBroker
from brokers.lots import LotSizeOf, unknown_lots
from brokers.paper.client import PaperBroker, PaperDesk
from brokers.transport import Egress, Wire, shared_connector
from brokers.zerodha.access import Access
from brokers.zerodha.client import ZerodhaBroker, ZerodhaLogin
from brokers.zerodha.feed import OnOrder, ZerodhaFeed, ZerodhaOrderStream, socket_url
from brokers.zerodha.market_data import ZerodhaMarketData
from domain.broker import (
    Broker,
    BrokerError,
    Credentials,
    Endpoint,
    Login,
    MarketData,
    MarketFeed,
    OrderStream,
)

__all__ = [
    "PaperDesk",
    "connect",
    "connect_feed",
    "connect_login",
    "connect_market_data",
    "connect_order_stream",
    "shared_connector",
]

ORDER_SECONDS = 7.0
"""How long an order call may take in all before its answer counts as lost."""

MASTER_SECONDS = 60.0
"""How long a download of the instrument master may take."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Account:
    credentials: Credentials
    endpoint: Endpoint
    timeout: float
    connector: aiohttp.BaseConnector | None
    lot_size_of: LotSizeOf
    desk: PaperDesk | None = None
    on_order: OnOrder | None = None
    equities: frozenset[str] = frozenset()

    def wire(self) -> Wire:
        return Wire(timeout=self.timeout, connector=self.connector, egress=Egress.of(self.credentials))

    def access(self) -> Access:
        return Access.of(self.credentials, self.endpoint)


def connect(
    slug: str,
    credentials: Credentials,
    endpoint: Endpoint,
    *,
    timeout: float = ORDER_SECONDS,
    lot_size_of: LotSizeOf = unknown_lots,
    connector: aiohttp.BaseConnector | None = None,
    desk: PaperDesk | None = None,
) -> Broker:
    """Return the broker of an account; nothing is sent yet.

    ``lot_size_of`` is asked for contracts the broker counts in lots. ``connector`` is the process's shared
    pool (``shared_connector``); ``desk`` is what a paper account trades on. Raises ``UnknownBroker`` and, for
    missing credentials or a missing desk, ``BrokerError`` with code ``CREDENTIALS`` or ``DESK``.
    """
    account = _Account(credentials, endpoint, timeout, connector, lot_size_of, desk=desk)
    return _made(_BROKERS, slug, account)


def connect_feed(
    slug: str,
    credentials: Credentials,
    endpoint: Endpoint,
    *,
    timeout: float = ORDER_SECONDS,
    lot_size_of: LotSizeOf = unknown_lots,
    connector: aiohttp.BaseConnector | None = None,
    on_order: OnOrder | None = None,
) -> MarketFeed:
    """Return one market-data socket, not yet open; order updates that come along go to ``on_order``."""
    account = _Account(credentials, endpoint, timeout, connector, lot_size_of, on_order=on_order)
    return _made(_FEEDS, slug, account)


def connect_order_stream(
    slug: str,
    credentials: Credentials,
    endpoint: Endpoint,
    *,
    timeout: float = ORDER_SECONDS,
    lot_size_of: LotSizeOf = unknown_lots,
    connector: aiohttp.BaseConnector | None = None,
) -> OrderStream:
    """Return one account's order updates, not yet open."""
    return _made(_ORDER_STREAMS, slug, _Account(credentials, endpoint, timeout, connector, lot_size_of))


def connect_market_data(
    slug: str,
    credentials: Credentials,
    endpoint: Endpoint,
    *,
    timeout: float = MASTER_SECONDS,
    lot_size_of: LotSizeOf = unknown_lots,
    connector: aiohttp.BaseConnector | None = None,
    equities: frozenset[str] = frozenset(),
) -> MarketData:
    """Return polled quotes and the instrument master; ``equities`` names the stocks to list as well."""
    account = _Account(credentials, endpoint, timeout, connector, lot_size_of, equities=equities)
    return _made(_MARKET_DATA, slug, account)


def connect_login(
    slug: str,
    credentials: Credentials,
    endpoint: Endpoint,
    *,
    timeout: float = ORDER_SECONDS,
    connector: aiohttp.BaseConnector | None = None,
) -> Login:
    """Return the sign-in of an account."""
    return _made(_LOGINS, slug, _Account(credentials, endpoint, timeout, connector, unknown_lots))


def _made(makers: Mapping[str, Callable[[_Account], _T]], slug: str, account: _Account) -> _T:
    maker = makers.get(slug)
    if maker is None:
        raise UnknownBroker(slug)
    return maker(account)


def _paper(account: _Account) -> Broker:
    if account.desk is None:
        raise BrokerError("DESK", "paper: an account needs its desk (book, prices, clock)")
    return PaperBroker(account.desk)


def _zerodha(account: _Account) -> Broker:
    return ZerodhaBroker(wire=account.wire(), access=account.access(), lot_size_of=account.lot_size_of)


def _zerodha_feed(account: _Account) -> MarketFeed:
    return ZerodhaFeed(
        wire=account.wire(),
        url=socket_url(account.access(), account.endpoint),
        lot_size_of=account.lot_size_of,
        on_order=account.on_order,
    )


def _zerodha_order_stream(account: _Account) -> OrderStream:
    url = socket_url(account.access(), account.endpoint)
    return ZerodhaOrderStream(wire=account.wire(), url=url, lot_size_of=account.lot_size_of)


def _zerodha_market_data(account: _Account) -> MarketData:
    return ZerodhaMarketData(
        wire=account.wire(),
        access=account.access(),
        lot_size_of=account.lot_size_of,
        equities=account.equities,
    )


def _zerodha_login(account: _Account) -> Login:
    return ZerodhaLogin(wire=account.wire(), credentials=account.credentials, endpoint=account.endpoint)


_BROKERS: Mapping[str, Callable[[_Account], Broker]] = MappingProxyType({"paper": _paper, "zerodha": _zerodha})
_FEEDS: Mapping[str, Callable[[_Account], MarketFeed]] = MappingProxyType({"zerodha": _zerodha_feed})
_ORDER_STREAMS: Mapping[str, Callable[[_Account], OrderStream]] = MappingProxyType({"zerodha": _zerodha_order_stream})
_MARKET_DATA: Mapping[str, Callable[[_Account], MarketData]] = MappingProxyType({"zerodha": _zerodha_market_data})
_LOGINS: Mapping[str, Callable[[_Account], Login]] = MappingProxyType({"zerodha": _zerodha_login})
