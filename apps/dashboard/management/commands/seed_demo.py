"""``manage.py seed_demo --output seed.json``: make the demo deployment's people, accounts and strategies."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.dashboard.services.demo import UnknownBrokers, seed_demo, simulator_clients
from apps.markets.clock import now

CLIENTS_FILE = "simulator-clients.json"
"""In STATE_DIR: the customers the simulated exchange serves."""


class Command(BaseCommand):
    """Seeds the demo; refuses to touch a deployment that is not one."""

    help = "Make the demo deployment's people, accounts and strategies; safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add ``--output``."""
        parser.add_argument("--output", type=Path, help="Write the logins here (0600) instead of to the terminal.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed and write the logins."""
        if not settings.DEMO:
            raise CommandError("This deployment is not a demo (DEMO is off): nothing was changed.")
        text = json.dumps(self.seed(), indent=2)
        output: Path | None = options["output"]
        if output is None:
            self.stdout.write(text)
            return
        _write_private(settings.STATE_DIR / CLIENTS_FILE, json.dumps(simulator_clients(), indent=2))
        _write_private(output, text)

    def seed(self) -> dict[str, Any]:
        """Make or complete it; return what a person needs to use it."""
        try:
            return seed_demo(now=now(), brokers=settings.DEMO_BROKERS)
        except UnknownBrokers as error:
            raise CommandError(str(error)) from None


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")
