"""What a terminal knows of a symbol."""

from decimal import Decimal
from typing import Any

from domain.prices import to_decimal
from simulator.market.contracts import CFDS, Cfd
from simulator.market.types import Listing, Market, MarketQuote

EXCHANGE = "MT5"
BY_NAME = {cfd.family.underlying: cfd for cfd in CFDS}
IOC_ONLY = 2
INSTANT, FULL = 1, 4


def listing_of(market: Market, name: str) -> Listing | None:
    """Return the listing of a symbol."""
    return market.find(EXCHANGE, name)


def units_of(volume: Decimal, cfd: Cfd) -> int:
    """Return lots in units; 0 for part of a step and for too little or too much."""
    count, rest = divmod(volume, cfd.step)
    return 0 if rest or volume > cfd.largest else int(count)


def lots_of(units: int, name: str) -> float:
    """Return units in lots."""
    return float(units * BY_NAME[name].step)


def symbol_info(market: Market, cfd: Cfd) -> dict[str, Any]:
    """Return a symbol's properties, by the names of ``SymbolInfo*``."""
    name, tick = cfd.family.underlying, cfd.family.future_tick
    listing = listing_of(market, name)
    quote = market.quote(listing.token) if listing else MarketQuote(token=0)
    return {
        "name": name,
        "digits": cfd.digits,
        "point": float(tick),
        "trade_tick_size": float(tick),
        "trade_tick_value": float(tick * cfd.contract_size),
        "trade_contract_size": float(cfd.contract_size),
        "volume_min": float(cfd.step),
        "volume_max": float(cfd.largest),
        "volume_step": float(cfd.step),
        "trade_stops_level": 0,
        "trade_freeze_level": 0,
        "filling_mode": IOC_ONLY,
        "trade_exemode": INSTANT,
        "trade_mode": FULL,
        "currency_profit": "USD",
        "currency_base": name[:3],
        "visible": True,
        **prices(quote),
    }


def prices(quote: MarketQuote) -> dict[str, float]:
    """Return the touch; what is quoted over the counter has no last price."""
    return {"bid": float(to_decimal(quote.bid)), "ask": float(to_decimal(quote.ask)), "last": 0.0}


def tick(market: Market, name: str) -> dict[str, Any] | None:
    """Return a symbol's last tick; ``None`` for one nobody lists."""
    listing = listing_of(market, name)
    if listing is None:
        return None
    quote = market.quote(listing.token)
    at = quote.exchange_at
    return {"time": at // 1000, "time_msc": at, **prices(quote), "volume": 0, "flags": 6, "volume_real": 0.0}
