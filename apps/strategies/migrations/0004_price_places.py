"""Distances of stops, targets and trails to the eighth decimal: points of a five-digit pair are small.

Postgres rewrites both tables under an ACCESS EXCLUSIVE lock; they have hundreds of rows, so it is held for milliseconds.
Whoever waits longer than ``lock_timeout`` for it gives up and may simply run it again.
"""

from decimal import Decimal

import django.core.validators
from django.db import migrations

import apps.markets.fields

_COLUMNS = {
    "strategy": ("stop_value", "target_value", "trail_value", "trail_after"),
    "strategymap": ("stop_value", "target_value"),
}


def _field() -> apps.markets.fields.PriceField:
    above_zero = django.core.validators.MinValueValidator(Decimal("1E-8"))
    return apps.markets.fields.PriceField(
        blank=True, decimal_places=8, max_digits=20, null=True, validators=[above_zero]
    )


def _altered(model: str, columns: tuple[str, ...]) -> migrations.RunSQL:
    """Alter all columns in one statement: each of its own would rewrite the table once more."""
    types = ", ".join(f"ALTER COLUMN {name} TYPE numeric(20, 8)" for name in columns)
    return migrations.RunSQL(
        f"SET LOCAL lock_timeout = '5s'; ALTER TABLE strategies_{model} {types}",
        state_operations=[migrations.AlterField(model, name, _field()) for name in columns],
    )


class Migration(migrations.Migration):
    dependencies = [("strategies", "0003_database_time")]

    operations = [_altered(model, columns) for model, columns in _COLUMNS.items()]
