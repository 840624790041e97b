"""Who may keep a socket open, asked of Postgres every few seconds for all of them at once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.sessions.models import Session
from django.db.models import Count, Sum
from django.utils import timezone

from apps.dashboard.people import may_sign_in
from apps.dashboard.services.market import is_any_open
from apps.markets import clock
from apps.trading.models import ExternalOrder, Intent, Order, Trade
from apps.trading.wording import CHECKING
from apps.users.models import User
from domain.orders import IntentKind, IntentStatus

SIGNED_OUT_NOTICE = "SIGNED_OUT"
Fingerprint = tuple[int, ...]


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
    """Read everything the live process checks again and again, in seven queries whatever the number of sockets."""
    people = User.objects.filter(pk__in=user_ids).select_related("tenant")
    sessions = Session.objects.filter(session_key__in=session_keys, expire_date__gt=timezone.now())
    return Access(
        standings={user.pk: standing_of(user) for user in people if may_sign_in(user)},
        sessions=frozenset(sessions.values_list("session_key", flat=True)),
        fingerprints=fingerprints(),
        is_open=is_any_open(clock.now()),
    )


def fingerprints() -> dict[int, Fingerprint]:
    """Return, per account where something is open, numbers that change with what the pages show of it: live trades and
    their versions, orders being checked, exits held up, and orders placed outside the platform since yesterday."""
    exits = Intent.objects.filter(kind=IntentKind.EXIT, status=IntentStatus.BLOCKED)
    outside = ExternalOrder.objects.filter(seen_at__gt=timezone.now() - timedelta(days=1))
    counted = (
        Trade.objects.live().order_by().values_list("account_id").annotate(Count("pk"), Sum("version")),
        Order.objects.filter(status__in=CHECKING).order_by().values_list("account_id").annotate(Count("pk"), Sum("pk")),
        exits.order_by().values_list("account_id").annotate(Count("pk"), Sum("pk")),
        outside.order_by().values_list("account_id").annotate(Count("pk"), Sum("filled_quantity")),
    )
    found: dict[int, list[int]] = {}
    for number, rows in enumerate(counted):
        for account_id, count, total in rows:
            found.setdefault(account_id, [0] * 2 * len(counted))[2 * number : 2 * number + 2] = [count, total]
    return {account_id: tuple(numbers) for account_id, numbers in found.items()}


def prints_of(account_ids: Iterable[int], known: dict[int, Fingerprint]) -> dict[int, Fingerprint]:
    """Return the fingerprints of some accounts."""
    return {key: known[key] for key in account_ids if key in known}
