"""What calls weigh: 6000 a minute for everything together, and 50 new orders in ten seconds.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits. A bucket's name is a weight, or ``order``.
"""

from collections.abc import Mapping, Sequence

from simulator.faces.limits import Window

ORDER, WEIGHT = "order", "weight"

WINDOWS: Mapping[str, Sequence[Window]] = {
    WEIGHT: (Window(calls=6000, seconds=60, name="1 MINUTE"),),
    ORDER: (
        Window(calls=50, seconds=10, name="10 SECOND"),
        Window(calls=160_000, seconds=86_400, name="1 DAY"),
    ),
}


def rate_limits() -> list[dict[str, object]]:
    """Return the limits as ``exchangeInfo`` tells them."""
    return [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 160_000},
    ]
