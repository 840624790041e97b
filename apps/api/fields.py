"""Money and prices in JSON: always text, so that no program reads them as binary fractions."""

from decimal import Decimal

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from domain.prices import FINEST_PRICE, to_paisa, trimmed


@extend_schema_field({"type": "string", "format": "decimal", "example": "1790.75", "nullable": True})
class MoneyField(serializers.Field):  # type: ignore[type-arg]
    """Money of the account's currency with two decimals, rounded half-up."""

    def to_representation(self, value: Decimal) -> str:
        """Return the text."""
        return f"{to_paisa(value):f}"


@extend_schema_field({"type": "string", "format": "decimal", "example": "42.10", "nullable": True})
class PriceField(serializers.Field):  # type: ignore[type-arg]
    """A price with two decimals, or up to eight where it has them (an average, a fine tick)."""

    def to_representation(self, value: Decimal) -> str:
        """Return the text."""
        return price_text(value)


def price_text(value: Decimal) -> str:
    """Write a price without an exponent, with at least two and at most eight decimals."""
    return f"{trimmed(value.quantize(FINEST_PRICE)):f}"
