"""Two hundred accounts signed in for the day, one wave.

Run as ``PYTHONPATH=.:platform python -m tests.bench.installation login_wave``. From the command to the last session in
the database, and until the last account's books were read and it may trade. The broker's own limit of calls a second
spaces the sign-ins: the floor is what that limit alone would take.
"""

import time
from datetime import UTC, datetime

from apps.broker_accounts.models import BrokerSession
from apps.trading.models import AccountState
from brokers.catalog import spec_of
from bus import commands
from tests.bench.crowd import make_unsigned
from tests.bench.installation import Installation, add_clients, tokens_of, wait_for
from tests.bench.record import Figure

ACCOUNTS = 200
WITHIN = 240.0


def measure(installation: Installation) -> list[Figure]:
    """Return how long the wave took, beside the broker's limit and the bare sign-ins."""
    names = [f"MORN{number:03}" for number in range(ACCOUNTS)]
    bare = [f"NAKD{number:03}" for number in range(ACCOUNTS)]
    add_clients(installation, [*names, *bare])
    started = time.monotonic()
    tokens_of(installation, bare)
    raw = time.monotonic() - started
    asked_at = datetime.now(tz=UTC)
    accounts = make_unsigned("morning", names)
    commands.prepare_day()
    sessions = BrokerSession.objects.filter(account__in=accounts)
    wait_for(lambda: sessions.count() == ACCOUNTS, within=WITHIN, message="every sign-in")
    signed_in = (max(sessions.values_list("opened_at", flat=True)) - asked_at).total_seconds()
    read = AccountState.objects.filter(account__in=accounts, mode="LIVE", reconciled_epoch__gt=0)
    wait_for(lambda: read.count() == ACCOUNTS, within=WITHIN, message="every account's books")
    tradable = (datetime.now(tz=UTC) - asked_at).total_seconds()
    limit = (ACCOUNTS - 1) / spec_of("zerodha").limits.reads
    return [
        Figure("login_wave", f"{ACCOUNTS} accounts signed in", signed_in, "s", limit, "<= 1.5"),
        Figure("login_wave", "signed in and their books read", tradable, "s", limit),
        Figure("login_wave", "bare sign-ins, no limit kept", raw, "s"),
    ]
