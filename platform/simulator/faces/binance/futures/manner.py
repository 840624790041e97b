"""What an order of the futures exchange is beside its price: kept as the order's variety."""

from typing import NamedTuple

_REDUCES = "reduceOnly"


class Manner(NamedTuple):
    """``kind`` LIMIT or MARKET, ``lasts`` GTC, IOC or GTX; whether it may only reduce a position."""

    kind: str
    lasts: str
    reduces: bool

    @property
    def variety(self) -> str:
        """The manner in one word."""
        return " ".join([self.kind, self.lasts, *([_REDUCES] if self.reduces else [])])


def manner_of(variety: str) -> Manner:
    """Return the manner of an order; one placed by hand has none of its own."""
    kind, lasts, *rest = variety.split() if " " in variety else ("LIMIT", "GTC")
    return Manner(kind, lasts, _REDUCES in rest)
