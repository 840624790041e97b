"""What a broker's folder hands to ``brokers.connect``: its SPEC, its hosts, and a maker for each thing it has."""

from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from brokers.lots import LotSizeOf
from brokers.steps import StepOf, unknown_steps
from brokers.transport import Egress, Wire
from domain.broker import (
    Broker,
    BrokerError,
    BrokerSpec,
    Credentials,
    Endpoint,
    Login,
    MarketData,
    MarketFeed,
    OrderStream,
)
from domain.orders import BrokerOrder

OnOrder = Callable[[BrokerOrder], None]


@dataclass(frozen=True, slots=True)
class Account:
    """Everything a maker may need. ``desk`` is what a paper account trades on, ``connector`` the process's pool.

    ``on_order`` is handed order updates that come along on a market socket; ``equities`` names the stocks a master
    lists as well. ``silence_seconds`` is how long a socket may say nothing before it counts as dead (``None``: as long
    as the broker's own heartbeat suggests). ``step_of`` is asked for contracts traded in fractions.
    """

    credentials: Credentials
    endpoint: Endpoint
    timeout: float
    connector: aiohttp.BaseConnector | None
    lot_size_of: LotSizeOf
    desk: object | None = None
    on_order: OnOrder | None = None
    equities: frozenset[str] = frozenset()
    silence_seconds: float | None = None
    step_of: StepOf = unknown_steps

    def wire(self) -> Wire:
        """Return a new HTTP side of the account, not yet open."""
        return Wire(timeout=self.timeout, connector=self.connector, egress=Egress.of(self.credentials))


@dataclass(frozen=True, slots=True)
class Adapter:
    """One broker; ``None`` where it has no such thing. Makers send nothing.

    They raise ``BrokerError`` with code ``CREDENTIALS`` for an account that lacks some.
    """

    spec: BrokerSpec
    endpoint: Endpoint
    broker: Callable[[Account], Broker]
    login: Callable[[Account], Login] | None = None
    market_data: Callable[[Account], MarketData] | None = None
    feed: Callable[[Account], MarketFeed] | None = None
    order_stream: Callable[[Account], OrderStream] | None = None


def credential(spec: BrokerSpec, credentials: Credentials, name: str) -> str:
    """Return a credential field; raises ``BrokerError`` with code ``CREDENTIALS`` where it is missing."""
    value = credentials.fields.get(name, "")
    if not value:
        raise BrokerError("CREDENTIALS", f"{spec.slug}: the account has no {name}")
    return value
