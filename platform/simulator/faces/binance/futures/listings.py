"""The contracts this face shows, the filters their orders must pass, and how their numbers are written."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from domain.instruments import Exchange
from simulator.faces.binance.listings import QUOTE, base_of, listings_of
from simulator.market.types import Listing, Market

EXCHANGE = Exchange.BINANCE_UM
MOST_OPEN = 200
LEAST_NOTIONAL = Decimal(5)
HIGHEST_PRICE = Decimal(4_529_764)
FURTHEST = Decimal(5)
NEAREST = Decimal("0.2")
"""PERCENT_PRICE: how many times the mark price a bid may be at most, an offer at least. The real ones are within a few
percent, so that here every price can be tried."""

TYPES = ("LIMIT", "MARKET")
VALIDITIES = ("GTC", "IOC", "GTX")
_NEVER = 4_133_404_800_000
_LISTED = 1_569_398_400_000


def contracts(market: Market) -> dict[int, Listing]:
    """Return the contracts by token."""
    return listings_of(market, EXCHANGE)


def priced(value: Decimal, listing: Listing) -> str:
    """Return a price with the decimals of its contract."""
    return format(value.quantize(listing.tick_size), "f")


def sized(units: int, listing: Listing) -> str:
    """Return a quantity with the decimals of its contract."""
    return format((units * listing.multiplier).quantize(listing.multiplier), "f")


def decimals(step: Decimal) -> int:
    """Return how many decimals a step has, trailing noughts not counted."""
    exponent = step.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def contract_info(listing: Listing) -> dict[str, Any]:
    """Return a contract's entry in ``exchangeInfo``."""
    return {
        "symbol": listing.symbol,
        "pair": listing.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": _NEVER,
        "onboardDate": _LISTED,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": base_of(listing),
        "quoteAsset": QUOTE,
        "marginAsset": QUOTE,
        "pricePrecision": decimals(listing.tick_size),
        "quantityPrecision": decimals(listing.multiplier),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "filters": _filters(listing),
        "orderTypes": list(TYPES),
        "timeInForce": list(VALIDITIES),
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
    }


def _filters(listing: Listing) -> Sequence[Mapping[str, Any]]:
    largest = listing.freeze_quantity or 0
    sizes = {
        "minQty": sized(listing.lot_size, listing),
        "maxQty": sized(largest, listing),
        "stepSize": sized(1, listing),
    }
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": priced(listing.tick_size, listing),
            "maxPrice": str(HIGHEST_PRICE),
            "tickSize": priced(listing.tick_size, listing),
        },
        {"filterType": "LOT_SIZE", **sizes},
        {"filterType": "MARKET_LOT_SIZE", **sizes},
        {"filterType": "MAX_NUM_ORDERS", "limit": MOST_OPEN},
        {"filterType": "MIN_NOTIONAL", "notional": str(LEAST_NOTIONAL)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": f"{FURTHEST:.4f}",
            "multiplierDown": f"{NEAREST:.4f}",
            "multiplierDecimal": "4",
        },
    ]
