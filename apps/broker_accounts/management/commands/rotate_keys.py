"""``manage.py rotate_keys``: seals every stored credential anew; exit code 1 where something could not be opened.

To replace the master key: put the new one into MASTER_KEY and the old one into MASTER_KEYS_BEFORE, restart every
process, run this, and take MASTER_KEYS_BEFORE away again.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.broker_accounts.services.key_rotation import rotate_keys
from apps.tenants.models import Tenant


class Command(BaseCommand):
    """Give tenants new data keys."""

    help = "Seal every stored credential and session with a new data key, wrapped by the MASTER_KEY in force."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take one tenant's slug."""
        parser.add_argument("--tenant", default="", help="The slug of one tenant; without it, all of them.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was sealed anew; raises ``CommandError`` for what no key opens, and for an unknown tenant."""
        tenants = Tenant.objects.order_by("slug")
        chosen = tenants.filter(slug=options["tenant"]) if options["tenant"] else tenants
        if options["tenant"] and not chosen:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        lost: list[str] = []
        for tenant in chosen:
            done = rotate_keys(tenant)
            lost += [f"{tenant}: {name}" for name in done.lost]
            self.stdout.write(f"{tenant}: {done.accounts} accounts and {done.sessions} sessions sealed anew")
        if lost:
            raise CommandError(f"No key opens: {'; '.join(lost)}. Their credentials must be written again.")
