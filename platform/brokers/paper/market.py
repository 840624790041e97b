"""What the paper broker knows of the market: the live feed's last word, and the contract's facts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.paper.book import ZERO
from domain.matching import MarketView


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The last price of an instrument (0: none yet), seen at ``at``, with the contract's facts.

    ``bid`` and ``ask`` are 0 where the source shows none. Bands are ``None`` where unknown.
    """

    exchange: str
    symbol: str
    last_price: Decimal
    at: datetime
    tick_size: Decimal
    lot_size: int
    freeze_quantity: int | None = None
    multiplier: Decimal = Decimal(1)
    bid: Decimal = ZERO
    ask: Decimal = ZERO
    bid_quantity: int = 0
    ask_quantity: int = 0
    lower_band: Decimal | None = None
    upper_band: Decimal | None = None

    @property
    def key(self) -> "SymbolKey":
        """(exchange, symbol)."""
        return self.exchange, self.symbol


SymbolKey = tuple[str, str]
PriceSource = Callable[[str, str], Awaitable[Snapshot | None]]
"""(exchange, symbol) to its market; ``None`` for an instrument nobody knows. Raises ``PricesUnavailable``."""


class PricesUnavailable(Exception):
    """The live feed's prices cannot be read now."""


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """How paper orders fill.

    ``slippage_ticks`` is how far from the last price (0: at it); ``None`` fills at the best bid or ask where
    the feed shows one. A price older than ``stale_after`` fills nothing.
    """

    slippage_ticks: int | None = None
    stale_after: timedelta = timedelta(seconds=30)


def is_usable(snapshot: Snapshot, *, now: datetime, settings: PaperSettings) -> bool:
    """Say whether orders may fill at this price."""
    return snapshot.last_price > 0 and now - snapshot.at <= settings.stale_after


def view_of(snapshot: Snapshot, settings: PaperSettings) -> MarketView:
    """Return the market as the matching engine wants it."""
    if settings.slippage_ticks is not None:
        return MarketView(snapshot.last_price, snapshot.tick_size, slippage_ticks=settings.slippage_ticks)
    return MarketView(
        snapshot.last_price,
        snapshot.tick_size,
        bid=snapshot.bid,
        ask=snapshot.ask,
        bid_quantity=snapshot.bid_quantity,
        ask_quantity=snapshot.ask_quantity,
    )
