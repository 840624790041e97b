"""Profit and loss in the contract's currency. ``quantity`` is units, ``multiplier`` what one unit gains per 1 of price.

Nothing here is rounded: half-up to the paisa happens at output. Charges are apart, in ``domain.charges``.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from domain.orders import Side
from domain.prices import to_paisa


@dataclass(frozen=True, slots=True)
class Execution:
    """A fill as P&L sees it; ``quantity`` is units, above zero."""

    side: Side
    quantity: int
    price: Decimal

    @property
    def signed_quantity(self) -> int:
        """Units, negative when sold."""
        return self.side.sign * self.quantity


@dataclass(frozen=True, slots=True)
class Book:
    """What a row of executions leaves open, at what average, and what it realised in rupees."""

    quantity: int
    average_price: Decimal
    realised: Decimal


def net_shown(*, gross: Decimal, charges: Decimal) -> Decimal:
    """Return profit after charges for output: of the two as they are shown beside it, so that the three add up."""
    return to_paisa(gross) - to_paisa(charges)


def unrealized_pnl(*, quantity: int, average_price: Decimal, last_price: Decimal, multiplier: Decimal) -> Decimal:
    """Return the open profit in rupees; quantity is signed units, negative when short."""
    return (last_price - average_price) * quantity * multiplier


def net_quantity(executions: Iterable[Execution]) -> int:
    """Return the signed units still open."""
    return sum(execution.signed_quantity for execution in executions)


def cash_flow(executions: Iterable[Execution], *, multiplier: Decimal) -> Decimal:
    """Return what was received minus what was paid: of a flat book, exactly its realised profit."""
    flows = (-execution.signed_quantity * execution.price for execution in executions)
    return sum(flows, Decimal(0)) * multiplier


def average_fill_price(executions: Sequence[Execution]) -> Decimal:
    """Return the quantity-weighted price of fills of one side; raises ``ValueError`` for none."""
    units = sum(execution.quantity for execution in executions)
    if not units:
        raise ValueError("no fills to average")
    return sum((execution.price * execution.quantity for execution in executions), Decimal(0)) / units


def realised_fifo(executions: Iterable[Execution], *, multiplier: Decimal) -> Book:
    """Match each closing fill with the oldest open ones: the books for tax and audit."""
    lots: deque[tuple[int, Decimal]] = deque()  # signed units and price, oldest first, all of one sign
    realised = Decimal(0)
    for execution in executions:
        left = execution.signed_quantity
        while left and lots and lots[0][0] * left < 0:
            units, price = lots.popleft()
            closed = min(abs(units), abs(left)) * (1 if units > 0 else -1)
            realised += (execution.price - price) * closed
            left += closed
            if units != closed:
                lots.appendleft((units - closed, price))
        if left:
            lots.append((left, execution.price))
    quantity = sum(units for units, _ in lots)
    cost = sum((units * price for units, price in lots), Decimal(0))
    return Book(quantity, cost / quantity if quantity else Decimal(0), realised * multiplier)


def realised_average(executions: Iterable[Execution], *, multiplier: Decimal) -> Book:
    """Match each closing fill with the average of all open ones: the books as brokers show them.

    Fractions inside, so that a flat book agrees with ``realised_fifo`` to the last digit.
    """
    quantity, average, realised = 0, Fraction(0), Fraction(0)
    for execution in executions:
        change, price = execution.signed_quantity, Fraction(execution.price)
        if quantity * change >= 0:
            average = (average * quantity + price * change) / (quantity + change)
        else:
            closed = min(abs(quantity), abs(change)) * (1 if quantity > 0 else -1)
            realised += (price - average) * closed
            average = average if abs(change) < abs(quantity) else price
        quantity += change
    return Book(quantity, _decimal(average) if quantity else Decimal(0), _decimal(realised) * multiplier)


def points(legs: Iterable[tuple[Side, Decimal, Decimal]]) -> Decimal:
    """Return the summed price moves of legs, gains positive; a leg is (entry side, entry, exit)."""
    return sum((side.sign * (left - entered) for side, entered, left in legs), Decimal(0))


def day_pnl(*, realised_today: Decimal, unrealized_now: Decimal, unrealized_at_previous_close: Decimal) -> Decimal:
    """Return what today changed; both marks are of positions at their entry prices.

    ``unrealized_at_previous_close`` is that of all carried into the day, also of what was closed since.
    """
    return realised_today + unrealized_now - unrealized_at_previous_close


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
