"""The ledger's column of prices."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models

from domain.prices import trimmed

if TYPE_CHECKING:
    PriceField = models.DecimalField  # its generic parameters exist for the type checker alone
else:

    class PriceField(models.DecimalField):
        """A price, or a sum of prices times units, to the eighth decimal: the last one any venue quotes.

        Read back without trailing zeros past two decimals, so that what is shown and sent looks as it was written.
        """

        def __init__(self, *args: Any, max_digits: int = 20, decimal_places: int = 8, **kwargs: Any) -> None:
            super().__init__(*args, max_digits=max_digits, decimal_places=decimal_places, **kwargs)

        def from_db_value(self, value: Decimal | None, expression: object, connection: object) -> Decimal | None:
            """Return what the database gave, trimmed."""
            return None if value is None else trimmed(value)
