"""Ticks to the eighth decimal.

Postgres copies the table, and builds its indexes anew, under an ACCESS EXCLUSIVE lock: seconds for a hundred thousand
instruments, in which nobody reads them. Run it while no market that is traded is open. Whoever waits longer than
``lock_timeout`` for that lock gives up and may simply run it again.
"""

from decimal import Decimal

from django.db import migrations

import apps.markets.fields


class Migration(migrations.Migration):
    dependencies = [("markets", "0005_bridge")]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '5s';"
            "ALTER TABLE markets_instrument ALTER COLUMN tick_size TYPE numeric(20, 8)",
            state_operations=[
                migrations.AlterField(
                    "instrument",
                    "tick_size",
                    apps.markets.fields.PriceField(decimal_places=8, default=Decimal("0.05"), max_digits=20),
                )
            ],
        )
    ]
