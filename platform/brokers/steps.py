"""Fractions on the wire, whole units everywhere else: at the venues of ``domain.venues`` a unit is a quantity step."""

from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal

StepOf = Callable[[str, str], Decimal]
"""(exchange, broker's symbol) to what one unit is there. Raises ``LookupError`` for a contract nobody knows."""


def unknown_steps(exchange: str, symbol: str) -> Decimal:
    """A ``StepOf`` for those who trade in whole units; always raises ``LookupError``."""
    raise LookupError(f"the quantity step of {exchange}:{symbol} is not known")


def checked_step(step_of: StepOf, exchange: str, symbol: str) -> Decimal:
    """Return the step; raises ``LookupError`` where nobody knows it or it is none."""
    step = step_of(exchange, symbol)
    if not step.is_finite() or step <= 0:
        raise LookupError(f"the quantity step of {exchange}:{symbol} is {step}")
    return step


def amount_text(units: int, step: Decimal) -> str:
    """Return units as the venue writes them, to the step's last digit; raises ``ValueError`` for none."""
    if units <= 0:
        raise ValueError(f"quantity {units} is not positive")
    return format(units * step, "f")


def units_in(amount: Decimal, step: Decimal) -> int:
    """Return an amount as whole units; raises ``ValueError`` for one that is no number of them."""
    if not amount.is_finite() or amount % step:
        raise ValueError(f"{amount} is not a multiple of the quantity step {step}")
    return int(amount / step)


def whole_units(amount: Decimal, step: Decimal) -> int:
    """Return how many whole units an amount holds; what is less than one stays behind."""
    return int((amount / step).to_integral_value(rounding=ROUND_FLOOR))
