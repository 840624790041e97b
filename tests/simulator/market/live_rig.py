"""A live market of a Friday morning, stepped by hand."""

from datetime import datetime, timedelta

from domain.clock import IST
from simulator.market.live import LiveMarket, MarketSettings

START = datetime(2026, 11, 20, 11, 0, tzinfo=IST)
NIFTY = 256265
MINUTE = timedelta(minutes=1)


def market(*, seed: int = 3, start: datetime = START, scale: float = 1.0, freeze: bool = False) -> LiveMarket:
    return LiveMarket(seed=seed, start=start, settings=MarketSettings(volatility_scale=scale, auction_freeze=freeze))


def run(live: LiveMarket, *, seconds: float, every: float = 0.5) -> list[tuple[int, int]]:
    """Step the market and return what it showed."""
    shown = []
    until = live.now + timedelta(seconds=seconds)
    while live.now < until:
        moment = live.now + timedelta(seconds=every)
        shown += [(token, live.quote(token).last_price) for token in live.step(moment)]
    return shown
