"""``manage.py seed_replay --output seed.json``: make the deployment the recorded day is replayed on."""

from typing import Any

from apps.dashboard.management.commands import seed_demo
from apps.dashboard.services.replay import seed_replay
from apps.markets.clock import now


class Command(seed_demo.Command):
    """Seeds the replay; refuses to touch a deployment that is not a demo."""

    help = "Make the people, paper accounts and strategies of the recorded day; safe to repeat."

    def seed(self) -> dict[str, Any]:
        """Make or complete it; return what a script needs to use it."""
        return seed_replay(now=now())
