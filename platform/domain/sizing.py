"""From a strategy's lots to the orders of one account. Quantities are units."""

from decimal import ROUND_FLOOR, Decimal

MAX_SLICES = 10


class SizeError(ValueError):
    """The size cannot be traded."""


class LotsRoundToZero(SizeError):
    """The multiplier leaves less than one lot."""


class TooManySlices(SizeError):
    """The quantity needs more orders than are allowed at once."""


def lots_for(*, base_lots: int, multiplier: Decimal) -> int:
    """Return floor(base lots x multiplier); raises ``LotsRoundToZero`` below one."""
    if base_lots < 1 or not multiplier.is_finite() or multiplier < 0:
        raise SizeError(f"{base_lots} lots times {multiplier} is not a size")
    lots = int((base_lots * multiplier).to_integral_value(rounding=ROUND_FLOOR))
    if lots < 1:
        raise LotsRoundToZero(f"{base_lots} lots times {multiplier} is less than one lot")
    return lots


def units_of(lots: int, *, lot_size: int) -> int:
    """Return the units of that many lots."""
    return lots * lot_size


def check_lot_multiple(quantity: int, *, lot_size: int) -> None:
    """Raise ``SizeError`` unless the quantity is a whole number of lots, at least one."""
    if lot_size < 1:
        raise SizeError(f"a lot of {lot_size} units is not a lot")
    if quantity < 1 or quantity % lot_size:
        raise SizeError(f"{quantity} units are not a whole number of lots of {lot_size}")


def largest_slice(*, lot_size: int, freeze_quantity: int | None) -> int | None:
    """Return the most units one order may have, whole lots within the freeze; ``None`` means no limit.

    Raises ``SizeError`` when not even one lot fits.
    """
    if freeze_quantity is None:
        return None
    if freeze_quantity < lot_size:
        raise SizeError(f"the freeze quantity {freeze_quantity} is below one lot of {lot_size}")
    return freeze_quantity // lot_size * lot_size


def slices(quantity: int, lot_size: int, freeze_quantity: int | None, maximum: int = MAX_SLICES) -> tuple[int, ...]:
    """Cut a quantity into orders of whole lots within the freeze quantity; their sum is exact.

    Raises ``SizeError`` for a quantity that is no lot multiple, ``TooManySlices`` above ``maximum`` orders.
    """
    check_lot_multiple(quantity, lot_size=lot_size)
    size = largest_slice(lot_size=lot_size, freeze_quantity=freeze_quantity) or quantity
    full, rest = divmod(quantity, size)
    cut = (size,) * full + ((rest,) if rest else ())
    if len(cut) > maximum:
        raise TooManySlices(f"{quantity} units need {len(cut)} orders of {size}, {maximum} are allowed")
    return cut
