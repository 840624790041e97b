"""Who may keep a socket open, asked of Postgres every few seconds for all of them at once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.contrib.sessions.models import Session
from django.db.models import Count, Sum
from django.utils import timezone

from apps.dashboard.people import may_sign_in
from apps.dashboard.services.market import is_any_open
from apps.markets import clock
from apps.trading.models import Trade
from apps.users.models import User

SIGNED_OUT_NOTICE = "SIGNED_OUT"
Fingerprint = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides which rows a person sees; when it changes, the person's sockets are closed."""

    role: str
    tenant_id: int | None
    manager_id: int | None
    auth_hash: str


@dataclass(frozen=True, slots=True)
class Access:
    """One look: who still has standing, which sessions still exist, how far each account's trades are, market hours."""

    standings: dict[int, Standing]
    sessions: frozenset[str]
    fingerprints: dict[int, Fingerprint]
    is_open: bool


def standing_of(user: User) -> Standing:
    """Return a person's standing."""
    return Standing(user.role, user.tenant_id, user.manager_id, user.get_session_auth_hash())


def look(*, user_ids: Collection[int], session_keys: Collection[str]) -> Access:
    """Read everything the live process checks again and again, in four queries whatever the number of sockets."""
    people = User.objects.filter(pk__in=user_ids).select_related("tenant")
    sessions = Session.objects.filter(session_key__in=session_keys, expire_date__gt=timezone.now())
    return Access(
        standings={user.pk: standing_of(user) for user in people if may_sign_in(user)},
        sessions=frozenset(sessions.values_list("session_key", flat=True)),
        fingerprints=fingerprints(),
        is_open=is_any_open(clock.now()),
    )


def fingerprints() -> dict[int, Fingerprint]:
    """Return, per account with live trades, how many there are and the sum of their versions: it changes with them."""
    rows = Trade.objects.live().order_by().values_list("account_id").annotate(Count("pk"), Sum("version"))
    return {account_id: (count, versions) for account_id, count, versions in rows}


def prints_of(account_ids: Iterable[int], known: dict[int, Fingerprint]) -> dict[int, Fingerprint]:
    """Return the fingerprints of some accounts."""
    return {key: known[key] for key in account_ids if key in known}
