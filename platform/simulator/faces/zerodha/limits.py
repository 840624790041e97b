"""Kite's call limits, per api_key: counted in calendar seconds, as the documentation words them."""

from enum import StrEnum

from simulator.faces.limits import Window


class Bucket(StrEnum):
    """Which limit a call counts against."""

    ORDER = "order"
    QUOTE = "quote"
    HISTORICAL = "historical"
    OTHER = "other"


WINDOWS: dict[str, tuple[Window, ...]] = {
    Bucket.ORDER: (Window(10, 1), Window(400, 60), Window(5000, 86_400)),
    Bucket.QUOTE: (Window(1, 1),),
    Bucket.HISTORICAL: (Window(3, 1),),
    Bucket.OTHER: (Window(10, 1),),
}
