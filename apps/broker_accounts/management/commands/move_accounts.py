"""``manage.py move_accounts``: moves accounts between execution shards while everything trades."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.querysets import BrokerAccountQuerySet
from apps.broker_accounts.services.sharding import Moved, NoSuchShard, move_all, planned_moves

PAUSE_SECONDS = 0.5


class Command(BaseCommand):
    """Move accounts, or spread them all."""

    help = (
        "Spread all accounts evenly over the shards (--rebalance), or move some (--to with accounts or --from). An "
        "account with an order under way is moved as soon as that order is over; exit code 1 when some had to stay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take which accounts go where."""
        parser.add_argument("accounts", nargs="*", type=int, help="Accounts by number.")
        parser.add_argument(
            "--rebalance", action="store_true", help="Spread every account evenly, by the fewest moves."
        )
        parser.add_argument("--from", dest="source", type=int, help="Every account of this shard.")
        parser.add_argument("--to", dest="target", type=int, help="The shard they go to.")
        parser.add_argument("--wait", type=float, default=60.0, help="Seconds to wait for orders under way.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Move, and say what moved; raises ``CommandError`` for a shard that does not exist and what had to stay."""
        try:
            done = self._move(wanted(options), until=time.monotonic() + options["wait"])
        except NoSuchShard as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(done.moved)} accounts moved.")
        if done.busy:
            raise CommandError(f"Orders under way keep accounts {', '.join(map(str, done.busy))} where they are.")

    def _move(self, left: dict[int, int], *, until: float) -> Moved:
        moved: tuple[int, ...] = ()
        while True:
            done = move_all(left)
            moved += done.moved
            left = {pk: left[pk] for pk in done.busy}
            if not left or time.monotonic() >= until:
                return Moved(moved, done.busy)
            time.sleep(PAUSE_SECONDS)


def wanted(options: dict[str, Any]) -> dict[int, int]:
    """Return account to shard; raises ``CommandError`` unless exactly one way of choosing was used."""
    chosen, source, target = options["accounts"], options["source"], options["target"]
    if options["rebalance"]:
        if chosen or source is not None or target is not None:
            raise CommandError("--rebalance chooses the accounts and their shards itself.")
        return planned_moves()
    if target is None or bool(chosen) == (source is not None):
        raise CommandError("Say --rebalance, or --to with accounts or with --from.")
    rows = BrokerAccount.objects.filter(shard=source) if source is not None else _named(chosen)
    return dict.fromkeys(rows.values_list("pk", flat=True), target)


def _named(numbers: list[int]) -> BrokerAccountQuerySet:
    rows = BrokerAccount.objects.filter(pk__in=numbers)
    unknown = set(numbers) - set(rows.values_list("pk", flat=True))
    if unknown:
        raise CommandError(f"There is no account {', '.join(map(str, sorted(unknown)))}.")
    return rows
