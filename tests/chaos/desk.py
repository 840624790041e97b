"""What operators and owners see and do while everything burns. Needs Django set up."""

from django.db.models import Count
from django.utils import timezone

from apps.broker_accounts.models import AccountMode, BrokerAccount, BrokerSession
from apps.risk.models import Halt, HaltScope
from apps.risk.services.halts import FreshSignIn, release_halt, set_halt
from apps.strategies.models import Signal, SignalStatus, Strategy
from apps.trading.models import Intent, Order, Trade, WaveVerdict
from apps.users.models import Role, User
from bus import commands
from domain.orders import LIVE_TRADES, UNRESOLVED


def unsettled() -> dict[str, int]:
    """Return what still moves, nothing once all is quiet."""
    counts = {
        "live trades": Trade.objects.filter(status__in=LIVE_TRADES).count(),
        "unresolved orders": Order.objects.filter(status__in=UNRESOLVED).count(),
        "waiting signals": Signal.objects.filter(status=SignalStatus.ACCEPTED).count(),
    }
    return {name: count for name, count in counts.items() if count}


def totals() -> dict[str, int]:
    """Return what the run made of its alerts."""
    return {
        "signals": Signal.objects.count(),
        "intents": Intent.objects.count(),
        "orders": Order.objects.count(),
        "trades": Trade.objects.count(),
    }


def live_trades_of(slug: str) -> int:
    """Return how many of a strategy's trades are not over."""
    return Trade.objects.filter(strategy__slug=slug, status__in=LIVE_TRADES).count()


def live_accounts() -> int:
    """Return how many accounts trade live now."""
    return BrokerAccount.objects.filter(mode=AccountMode.LIVE).count()


def feed_clients() -> list[str]:
    """Return whose sessions show the platform its prices."""
    return list(BrokerAccount.objects.filter(is_feed=True).order_by("pk").values_list("client_id", flat=True))


def sign_in_the_lost() -> None:
    """What their owners would do when the platform pages them."""
    lost = BrokerAccount.objects.active().filter(wanted_mode=AccountMode.LIVE).exclude(broker="paper")
    for pk in lost.exclude(pk__in=BrokerSession.objects.usable().values("account_id")).values_list("pk", flat=True):
        commands.sign_in_account(pk)


def sign_in(client_id: str) -> None:
    """Ask for a new session of one client, as its owner may at any time."""
    commands.sign_in_account(BrokerAccount.objects.exclude(broker="paper").get(client_id=client_id).pk)


def verdicts() -> dict[str, int]:
    """Return how often accounts took part in a wave, and why they did not: a run in which few did proves little."""
    rows = WaveVerdict.objects.values_list("taken", "reason").annotate(count=Count("pk")).order_by("-count")
    return {"took part" if taken else f"left out: {reason}": count for taken, reason, count in rows}


def halt_strategy(slug: str) -> int:
    """Halt a strategy as its operator; returns the halt."""
    strategy, operator = Strategy.objects.get(slug=slug), _operator()
    halt = set_halt(
        scope=HaltScope.STRATEGY,
        reason="under fire",
        actor=operator,
        tenant_id=operator.tenant_id,
        strategy_id=strategy.pk,
    )
    return halt.pk


def halt_tenant() -> int:
    """Halt everybody of the demo; returns the halt."""
    operator = _operator()
    return set_halt(scope=HaltScope.TENANT, reason="under fire", actor=operator, tenant_id=operator.tenant_id).pk


def release(halt_id: int) -> None:
    """Let entries go on, after signing in again."""
    operator, wall = _operator(), timezone.now()
    release_halt(
        halt=Halt.objects.get(pk=halt_id), actor=operator, now=wall, proof=FreshSignIn(user_id=operator.pk, at=wall)
    )


def _operator() -> User:
    return User.objects.get(role=Role.OPERATOR, tenant__slug="demo")
