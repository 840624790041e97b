"""From a slug to a live broker: the wire is reachable from here, so this is for the workers alone."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

import aiohttp

from brokers.adapter import Account, Adapter, OnOrder
from brokers.aliceblue.adapter import ADAPTER as ALICEBLUE
from brokers.binance.adapter import ADAPTER as BINANCE
from brokers.catalog import UnknownBroker
from brokers.flattrade.adapter import ADAPTER as FLATTRADE
from brokers.fyers.adapter import ADAPTER as FYERS
from brokers.ibkr.adapter import ADAPTER as IBKR
from brokers.kotak.adapter import ADAPTER as KOTAK
from brokers.lots import LotSizeOf, unknown_lots
from brokers.mastertrust.adapter import ADAPTER as MASTERTRUST
from brokers.mt5.adapter import ADAPTER as MT5
from brokers.mt5.desk import BridgeDesk
from brokers.paper.adapter import ADAPTER as PAPER
from brokers.paper.client import PaperDesk
from brokers.steps import StepOf, unknown_steps
from brokers.transport import shared_connector
from brokers.upstox.adapter import ADAPTER as UPSTOX
from brokers.zerodha.adapter import ADAPTER as ZERODHA
from domain.broker import Broker, Credentials, Endpoint, Login, MarketData, MarketFeed, OrderStream

__all__ = [
    "ADAPTERS",
    "BridgeDesk",
    "Desk",
    "PaperDesk",
    "adapter_of",
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

_ADAPTERS = (
    PAPER,
    ZERODHA,
    FLATTRADE,
    FYERS,
    KOTAK,
    IBKR,
    ALICEBLUE,
    BINANCE,
    MASTERTRUST,
    UPSTOX,
    MT5,
)

ADAPTERS: Mapping[str, Adapter] = MappingProxyType({one.spec.slug: one for one in _ADAPTERS})
"""Every broker that can be reached, by slug."""

Desk = PaperDesk | BridgeDesk
"""What an account is handed whose broker is no host to call: a paper account's book, a bridge's room."""

_T = TypeVar("_T")


def connect(
    slug: str,
    credentials: Credentials,
    endpoint: Endpoint,
    *,
    timeout: float = ORDER_SECONDS,
    lot_size_of: LotSizeOf = unknown_lots,
    step_of: StepOf = unknown_steps,
    connector: aiohttp.BaseConnector | None = None,
    desk: Desk | None = None,
) -> Broker:
    """Return the broker of an account; nothing is sent yet.

    ``lot_size_of`` is asked for contracts the broker counts in lots, ``step_of`` for those of which it counts
    fractions. ``connector`` is the process's shared
    pool (``shared_connector``); ``desk`` is what an account of no host trades on. Raises ``UnknownBroker`` and, for
    missing credentials or a missing desk, ``BrokerError`` with code ``CREDENTIALS`` or ``DESK``.
    """
    account = Account(credentials, endpoint, timeout, connector, lot_size_of, desk=desk, step_of=step_of)
    return _made(adapter_of(slug).broker, slug, account)


def connect_feed(
    slug: str,
    credentials: Credentials,
    endpoint: Endpoint,
    *,
    timeout: float = ORDER_SECONDS,
    lot_size_of: LotSizeOf = unknown_lots,
    step_of: StepOf = unknown_steps,
    connector: aiohttp.BaseConnector | None = None,
    on_order: OnOrder | None = None,
    silence_seconds: float | None = None,
    desk: Desk | None = None,
) -> MarketFeed:
    """Return one market-data socket, not yet open; order updates that come along go to ``on_order``.

    ``silence_seconds`` without a byte end it; ``None`` leaves that to the adapter.
    """
    account = Account(
        credentials,
        endpoint,
        timeout,
        connector,
        lot_size_of,
        on_order=on_order,
        silence_seconds=silence_seconds,
        step_of=step_of,
        desk=desk,
    )
    return _made(adapter_of(slug).feed, slug, account)


def connect_order_stream(
    slug: str,
    credentials: Credentials,
    endpoint: Endpoint,
    *,
    timeout: float = ORDER_SECONDS,
    lot_size_of: LotSizeOf = unknown_lots,
    step_of: StepOf = unknown_steps,
    connector: aiohttp.BaseConnector | None = None,
) -> OrderStream:
    """Return one account's order updates, not yet open."""
    account = Account(credentials, endpoint, timeout, connector, lot_size_of, step_of=step_of)
    return _made(adapter_of(slug).order_stream, slug, account)


def connect_market_data(
    slug: str,
    credentials: Credentials,
    endpoint: Endpoint,
    *,
    timeout: float = MASTER_SECONDS,
    lot_size_of: LotSizeOf = unknown_lots,
    step_of: StepOf = unknown_steps,
    connector: aiohttp.BaseConnector | None = None,
    equities: frozenset[str] = frozenset(),
    desk: Desk | None = None,
) -> MarketData:
    """Return polled quotes and the instrument master; ``equities`` names the stocks to list as well."""
    account = Account(
        credentials, endpoint, timeout, connector, lot_size_of, equities=equities, step_of=step_of, desk=desk
    )
    return _made(adapter_of(slug).market_data, slug, account)


def connect_login(
    slug: str,
    credentials: Credentials,
    endpoint: Endpoint,
    *,
    timeout: float = ORDER_SECONDS,
    connector: aiohttp.BaseConnector | None = None,
    desk: Desk | None = None,
) -> Login:
    """Return the sign-in of an account."""
    account = Account(credentials, endpoint, timeout, connector, unknown_lots, desk=desk)
    return _made(adapter_of(slug).login, slug, account)


def _made(maker: Callable[[Account], _T] | None, slug: str, account: Account) -> _T:
    if maker is None:
        raise UnknownBroker(slug)
    return maker(account)


def adapter_of(slug: str) -> Adapter:
    """Return a broker's adapter; raises ``UnknownBroker``."""
    try:
        return ADAPTERS[slug]
    except KeyError:
        raise UnknownBroker(slug) from None
