"""What the market feed needs of the process it runs in: its account, its database, and who wants its news."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from bus.connection import AsyncBusClient
from domain.broker import BrokerSpec, MarketData, MarketFeed
from domain.clock import MarketClock
from domain.feed.subscriptions import Want

T = TypeVar("T")

References = Sequence[tuple[Want, Iterable[int]]]


class Database(Protocol):
    """Runs blocking code on the loop's database thread."""

    async def __call__(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T: ...


@dataclass(frozen=True, slots=True)
class Source:
    """A feed account that is signed in. ``key`` names the session, so that a lost one can be marked."""

    account_id: int
    key: str
    spec: BrokerSpec
    make_feed: Callable[[], MarketFeed]
    data: MarketData


@dataclass(frozen=True, slots=True)
class Outage:
    """The whole feed fell silent (``is_over`` false) or ticks again."""

    began_at: datetime
    is_over: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """What the feed needs of the process it runs in.

    ``pick`` returns the account to use, another than the one that just failed where there is one, or ``None``.
    ``needs`` runs on the database thread and returns who needs which instruments.
    """

    db: Database
    redis: AsyncBusClient
    pick: Callable[[int | None], Awaitable[Source | None]]
    needs: Callable[[], References]
    session_lost: Callable[[Source, str], Awaitable[None]]
    tell_state: Callable[[dict[str, Any]], Awaitable[None]]
    tell_outage: Callable[[Outage], Awaitable[None]]
    wall: Callable[[], datetime]
    clock: MarketClock


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall seconds."""

    stale_after: float
    flush: float = 0.003
    watch: float = 0.25
    refresh: float = 2.0
    linger: float = 60.0
    retry: float = 1.0
    outage_factor: float = 3.0
