"""Upstox's call limits, per user and API. https://upstox.com/developer/api-documentation/rate-limiting/"""

from collections.abc import Sequence

from simulator.faces.limits import Window

ORDERS = "orders"

_LONG = (Window(500, 60), Window(2000, 1800))


class Windows(dict[str, Sequence[Window]]):
    """Orders have ten a second, whatever their call; every other API has fifty of its own."""

    def __missing__(self, api: str) -> Sequence[Window]:
        return (Window(50, 1), *_LONG)


WINDOWS = Windows({ORDERS: (Window(10, 1), *_LONG)})
