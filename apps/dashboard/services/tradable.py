"""Whether a signal fired now would find its accounts, its contracts and its prices."""

from apps.broker_accounts.models import AccountMode, BrokerAccount, BrokerSession, ModeReason
from apps.dashboard.services.health import Check, timed
from apps.markets.clock import now
from apps.markets.models import InstrumentSync
from apps.strategies.models import Strategy
from apps.strategies.services.market import look
from apps.trading.models import SkipReason
from bus import clock

_CLOSED = (SkipReason.SESSION_CLOSED, SkipReason.PAST_SQUARE_OFF, SkipReason.CALENDAR_UNCONFIRMED)
"""Reasons that are not a fault of this installation."""


def tradability() -> list[Check]:
    """Ask the login wave and each strategy's contracts and prices: slower than readiness, for starts and drills."""
    return [timed("accounts", _accounts), timed("contracts", _contracts), timed("strategies", _strategies)]


def _accounts() -> tuple[bool, str]:
    waiting = BrokerAccount.objects.active().filter(
        wanted_mode=AccountMode.LIVE, mode_reason=ModeReason.NO_SESSION, login_attempts__isnull=True
    )
    count = waiting.count()
    return count == 0, f"{count} not asked to sign in yet" if count else "all were asked to sign in"


def _contracts() -> tuple[bool, str]:
    """Where a broker's contracts are not read, no order there can name its contract."""
    served = BrokerSession.objects.usable().filter(account__is_active=True).order_by()
    read = InstrumentSync.objects.filter(finished_at__isnull=False, error="").values_list("broker", flat=True)
    missing = sorted(set(served.values_list("account__broker", flat=True)) - set(read))
    return not missing, f"{', '.join(missing)}: not read yet" if missing else "read at every broker"


def _strategies() -> tuple[bool, str]:
    for strategy in Strategy.objects.filter(is_active=True, tenant__is_active=True):
        market = look(strategy, now=now(), wall=clock.now())
        if market.reason and market.reason not in _CLOSED:
            return False, f"{strategy.slug}: {market.reason} {market.detail}"
    return True, "contracts and prices known"
