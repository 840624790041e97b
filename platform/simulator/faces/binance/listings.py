"""The pairs this face shows, and the filters their orders must pass."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from domain.instruments import Exchange
from simulator.faces.binance.wire import places
from simulator.market.types import Listing, Market
from simulator.market.world import WorldMarket

QUOTE = "USDT"
MOST_OPEN = 200
LEAST_NOTIONAL = Decimal("0.10")
"""The real one is 5 USDT: here one step of a coin may be traded, so that every quantity can be tried."""

HIGHEST_PRICE = Decimal(1_000_000)
FURTHEST = Decimal(5)
NEAREST = Decimal("0.2")
"""PERCENT_PRICE_BY_SIDE: how many times the last price an order may ask for or offer."""


def spot_listings(market: Market) -> dict[int, Listing]:
    """Return the spot pairs by token."""
    return listings_of(market, Exchange.BINANCE)


def listings_of(market: Market, exchange: Exchange) -> dict[int, Listing]:
    """Return what one of Binance's markets lists, by token; a market that replays India has nothing of it."""
    coins: Mapping[int, Listing] = market.coins.listings if isinstance(market, WorldMarket) else {}
    return {token: one for token, one in coins.items() if one.exchange is exchange}


def base_of(listing: Listing) -> str:
    """Return the coin of a pair."""
    return listing.symbol.removesuffix(QUOTE)


def symbol_info(listing: Listing) -> dict[str, Any]:
    """Return a pair's entry in ``exchangeInfo``."""
    return {
        "symbol": listing.symbol,
        "status": "TRADING",
        "baseAsset": base_of(listing),
        "baseAssetPrecision": 8,
        "quoteAsset": QUOTE,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(listing),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _filters(listing: Listing) -> Sequence[Mapping[str, Any]]:
    step, largest = listing.multiplier, listing.freeze_quantity or 0
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": places(listing.tick_size),
            "maxPrice": places(HIGHEST_PRICE),
            "tickSize": places(listing.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": places(step * listing.lot_size),
            "maxQty": places(step * largest),
            "stepSize": places(step),
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": places(LEAST_NOTIONAL),
            "applyMinToMarket": True,
            "maxNotional": places(Decimal(9_000_000)),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": str(FURTHEST),
            "bidMultiplierDown": str(NEAREST),
            "askMultiplierUp": str(FURTHEST),
            "askMultiplierDown": str(NEAREST),
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MOST_OPEN},
    ]
