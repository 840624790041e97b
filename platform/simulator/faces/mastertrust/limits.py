"""Call limits per client. None are published: ten orders a second are the regulator's, the rest is a guess."""

from enum import StrEnum

from simulator.faces.limits import Window


class Bucket(StrEnum):
    """Which limit a call counts against."""

    ORDER = "order"
    OTHER = "other"


WINDOWS: dict[str, tuple[Window, ...]] = {Bucket.ORDER: (Window(10, 1),), Bucket.OTHER: (Window(20, 1),)}
