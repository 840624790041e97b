"""Signing accounts in at their brokers: whose turn it is, one attempt, and what became of it."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as wall_time
from itertools import takewhile

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.audit.services.record import record
from apps.broker_accounts.models import AccountMode, BrokerAccount, BrokerSession, LoginAttempt
from apps.broker_accounts.services.credentials import open_session
from apps.broker_accounts.services.modes import restore_mode
from bus import commands, failpoints
from domain.broker import BrokerError, BrokerToken, Login
from domain.clock import IST

MANUAL = "MANUAL"
FINAL_CODES = frozenset({MANUAL, "CREDENTIALS", "WRONG_CLIENT", "UNKNOWN_BROKER"})
"""Failures that trying again cannot cure: a person must act first."""

ATTEMPTS_A_DAY = 5
"""Failed sign-ins a day after which the waves leave an account alone: brokers lock accounts that knock too often."""

MOST_A_DAY = 30
"""Sign-ins a day, failed or not, after which the waves stop: something else keeps ending the account's sessions."""

PAUSE = timedelta(seconds=90)
UNREACHED = "NO_CONNECTION"
"""Nobody was there to knock at: tried again at the next wave, then after twice as long each time."""

AGAIN, LONGEST_PAUSE = timedelta(seconds=25), timedelta(minutes=10)
_CODE_LENGTH, _MESSAGE_LENGTH = 40, 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in that worked."""

    account: BrokerAccount
    token: BrokerToken


@dataclass(frozen=True, slots=True)
class Refused:
    """A sign-in that did not; ``code`` is the broker's or ours."""

    account: BrokerAccount
    code: str
    message: str


Result = SignedIn | Refused


def due_accounts(*, wall: datetime, brokers: Collection[str] | None = None) -> list[BrokerAccount]:
    """Return the accounts a wave should try now: wanted live or lent to the feed, not signed in, not given up today.

    ``brokers`` limits it to accounts at these.
    """
    wanted = (
        BrokerAccount.objects.active()
        .exclude(broker="paper")
        .filter(Q(wanted_mode=AccountMode.LIVE) | Q(is_feed=True))
        .exclude(pk__in=BrokerSession.objects.usable().values("account_id"))
        .select_related("tenant", "user")
        .order_by("-is_feed", "pk")
    )
    accounts = list(wanted if brokers is None else wanted.filter(broker__in=brokers))
    attempts = _attempts_today(accounts, wall)
    return [account for account in accounts if _may_try(account, attempts.get(account.pk, []), wall)]


def _attempts_today(accounts: Sequence[BrokerAccount], wall: datetime) -> dict[int, list[LoginAttempt]]:
    midnight = datetime.combine(wall.astimezone(IST).date(), wall_time(0), tzinfo=IST)
    rows = LoginAttempt.objects.filter(account__in=accounts, at__gte=midnight).order_by("at")
    found: dict[int, list[LoginAttempt]] = {}
    for row in rows:
        found.setdefault(row.account_id, []).append(row)
    return found


def _may_try(account: BrokerAccount, attempts: Sequence[LoginAttempt], wall: datetime) -> bool:
    """New credentials are a new chance: what was tried before them does not count."""
    since = account.credentials_set_at
    tried = [one for one in attempts if since is None or one.at >= since]
    failed = [one for one in tried if not one.ok]
    if not failed or len(tried) >= MOST_A_DAY:
        return len(tried) < MOST_A_DAY
    last, knocked = failed[-1], [one for one in failed if one.code != UNREACHED]
    return len(knocked) < ATTEMPTS_A_DAY and last.code not in FINAL_CODES and wall - last.at >= _pause(failed)


def _pause(failed: Sequence[LoginAttempt]) -> timedelta:
    """Return how long after the last failure the next attempt may begin."""
    in_a_row = len(list(takewhile(lambda one: one.code == UNREACHED, reversed(failed))))
    return min(AGAIN * 2 ** (in_a_row - 1), LONGEST_PAUSE) if in_a_row else PAUSE


async def attempt(account: BrokerAccount, login: Login, *, now: datetime, request_token: str = "") -> Result:
    """Sign in once, with a person's one-use code where there is one; never raises for what a broker may say."""
    try:
        if request_token:
            token = await login.exchange(request_token=request_token, now=now)
        else:
            token = await login.sign_in(now=now)
    except BrokerError as error:
        return Refused(account, error.code, error.message)
    if token.client_id.upper() != account.client_id.upper():
        return Refused(account, "WRONG_CLIENT", f"{token.client_id} signed in, not {account.client_id}")
    return SignedIn(account, token)


def record_result(result: Result) -> bool:
    """Write down what became of an attempt; a session puts the client's chosen mode in force. ``True`` when signed in.

    The execution shard is told, so that the account's lane opens at once.
    """
    failpoints.reach("login.before_store")
    with transaction.atomic():
        if isinstance(result, Refused):
            _record_refusal(result)
            return False
        account = result.account
        LoginAttempt.objects.create(account=account, ok=True)
        open_session(account=account, token=result.token, trading_date=timezone.now().astimezone(IST).date())
        failpoints.reach("login.token_stored")
        account.refresh_from_db(fields=["wanted_mode", "mode", "mode_reason", "shard", "is_feed"])
        restore_mode(account=account)
        commands.reconcile_account(account.pk, shard=account.shard)
        if account.is_feed:
            commands.refresh_subscriptions()
    failpoints.reach("login.stored")
    return True


def _record_refusal(result: Refused) -> None:
    code, message = result.code[:_CODE_LENGTH], result.message[:_MESSAGE_LENGTH]
    LoginAttempt.objects.create(account=result.account, ok=False, code=code, message=message)
    record("sign_in_failed", result.account, tenant_id=result.account.tenant_id, code=code, message=message)


def attempts_by_code(results: Sequence[Result]) -> Counter[str]:
    """Return how many attempts ended how, for the log."""
    return Counter("OK" if isinstance(one, SignedIn) else one.code for one in results)
