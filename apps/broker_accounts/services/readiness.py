"""Who can trade today and who cannot, with the reason: the operator's board before the open."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.broker_accounts.models import AccountMode, BrokerAccount, BrokerSession, LoginAttempt
from apps.users.models import User


@dataclass(frozen=True, slots=True)
class Ready:
    """One account on the board; ``why`` is empty when all is well, ``signed_in_until`` ``None`` without a session."""

    account: BrokerAccount
    is_ready: bool
    signed_in_until: datetime | None
    last_attempt: LoginAttempt | None
    why: str


def readiness(user: User) -> list[Ready]:
    """Return every active account this person may see, those that cannot trade as their client wants first."""
    accounts = BrokerAccount.objects.for_user(user).active().select_related("user", "tenant")
    return sorted(readiness_of(accounts), key=lambda row: (row.is_ready, row.account.pk))


def readiness_of(accounts: Iterable[BrokerAccount]) -> list[Ready]:
    """Return the state of some accounts, in their order."""
    rows = list(accounts)
    sessions = {one.account_id: one for one in reversed(BrokerSession.objects.usable().filter(account__in=rows))}
    attempts = {
        one.account_id: one
        for one in LoginAttempt.objects.filter(account__in=rows).order_by("account_id", "-at").distinct("account_id")
    }
    return [_ready(account, sessions.get(account.pk), attempts.get(account.pk)) for account in rows]


def _ready(account: BrokerAccount, session: BrokerSession | None, attempt: LoginAttempt | None) -> Ready:
    why = _why(account, session, attempt)
    return Ready(account, not why, session.expires_at if session else None, attempt, why)


def _why(account: BrokerAccount, session: BrokerSession | None, attempt: LoginAttempt | None) -> str:
    if account.broker == "paper" or (account.wanted_mode == AccountMode.PAPER and not account.is_feed):
        return ""
    if session is None:
        return _why_no_session(account, attempt)
    if account.wanted_mode == AccountMode.LIVE and account.mode == AccountMode.PAPER:
        return f"On paper: {account.get_mode_reason_display()}."
    return ""


def _why_no_session(account: BrokerAccount, attempt: LoginAttempt | None) -> str:
    if not account.credentials_set_at:
        return "No credentials are stored."
    if attempt is None:
        return "Nobody has tried to sign in yet."
    if attempt.ok:
        return "The broker session ended."
    return f"{attempt.code}: {attempt.message}" if attempt.message else attempt.code
