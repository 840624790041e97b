"""Lots on the wire, units everywhere else."""

from collections.abc import Callable

from domain.broker import BrokerSpec
from domain.orders import OrderRequest

LotSizeOf = Callable[[str, str], int]
"""(exchange, broker's symbol) to units per lot. Raises ``LookupError`` for a contract nobody knows.

Only asked for exchanges whose orders the broker counts in lots (``BrokerSpec.quantity_in_lots``).
"""


def unknown_lots(exchange: str, symbol: str) -> int:
    """A ``LotSizeOf`` for those who handle no contract counted in lots; always raises ``LookupError``."""
    raise LookupError(f"the lot size of {exchange}:{symbol} is not known")


class SentLots:
    """A ``LotSizeOf`` that knows the contracts orders were sent for before anybody is asked.

    A master may list a contract after whoever is asked was made, and an order says its lot itself.
    """

    def __init__(self, otherwise: LotSizeOf) -> None:
        self._otherwise = otherwise
        self._sent: dict[tuple[str, str], int] = {}

    def note(self, request: OrderRequest) -> None:
        """Remember the lot of an order that is about to be sent."""
        if request.lot_size > 0:
            self._sent[request.exchange, request.symbol] = request.lot_size

    def __call__(self, exchange: str, symbol: str) -> int:
        return self._sent.get((exchange, symbol)) or self._otherwise(exchange, symbol)


def units_per_count(spec: BrokerSpec, exchange: str, symbol: str, lot_size_of: LotSizeOf) -> int:
    """Return how many units the broker's quantity 1 means; raises ``LookupError`` where nobody knows."""
    if exchange not in spec.quantity_in_lots:
        return 1
    lot_size = lot_size_of(exchange, symbol)
    if lot_size <= 0:
        raise LookupError(f"the lot size of {exchange}:{symbol} is {lot_size}")
    return lot_size


def wire_quantity(spec: BrokerSpec, *, exchange: str, quantity: int, lot_size: int) -> int:
    """Return the broker's count of a quantity in units; raises ``ValueError`` unless it is whole lots."""
    if quantity <= 0 or lot_size <= 0 or quantity % lot_size:
        raise ValueError(f"quantity {quantity} is not a positive multiple of the lot size {lot_size}")
    return quantity // lot_size if exchange in spec.quantity_in_lots else quantity
