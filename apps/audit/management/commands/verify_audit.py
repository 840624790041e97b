"""``manage.py verify_audit``: checks the audit trail's hash chain; exit code 1 when it is broken."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.audit.services.chain import verify


class Command(BaseCommand):
    """Check the chain from its beginning."""

    help = "Check the audit trail's hash chain from its beginning, and print its head for keeping elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the head that was kept elsewhere."""
        parser.add_argument("--head", default="", help="A digest printed earlier that must be in the chain.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was found; raises ``CommandError`` for a broken chain."""
        state = verify(expected_head=options["head"])
        if not state.is_intact:
            place = f"at event {state.broken_at}: " if state.broken_at else ""
            raise CommandError(f"The audit chain is broken {place}{state.why}.")
        self.stdout.write(f"intact: {state.sealed} events sealed, {state.unsealed} waiting, head {state.head}")
