"""What calls weigh at the futures exchange: 2400 a minute together, 300 new orders in ten seconds, 1200 in a minute.

https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info
"""

from collections.abc import Mapping, Sequence

from simulator.faces.binance.limits import ORDER, WEIGHT
from simulator.faces.limits import Window

WINDOWS: Mapping[str, Sequence[Window]] = {
    WEIGHT: (Window(calls=2400, seconds=60, name="minute"),),
    ORDER: (
        Window(calls=300, seconds=10, name="TEN_SECONDS"),
        Window(calls=1200, seconds=60, name="ONE_MINUTE"),
    ),
}


def rate_limits() -> list[dict[str, object]]:
    """Return the limits as ``exchangeInfo`` tells them."""
    return [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
        *order_limits(),
    ]


def order_limits() -> list[dict[str, object]]:
    """Return the limits of orders."""
    return [
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
    ]
