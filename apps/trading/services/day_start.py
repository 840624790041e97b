"""Before the open: when the day begins and ends, and who is told what is missing for it."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Max, Min

from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services.links import connect_url
from apps.broker_accounts.services.login import MANUAL, Refused, Result, SignedIn
from apps.broker_accounts.services.modes import force_sessionless_to_paper
from apps.markets.clock import trading_date
from apps.markets.models import SessionKind, TradingSession
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from brokers.catalog import NEVER_CLOSED
from bus import live
from domain.clock import IST

SIGN_IN_LEAD = timedelta(minutes=75)
"""How long before the first open of the day accounts are signed in."""

FORCE_LEAD = timedelta(minutes=10)
"""How long before the first open an account without a session goes to paper."""


def is_near_session(now: datetime, *, lead: timedelta) -> bool:
    """Whether a market trades now or will within ``lead``, by the calendar of the day; no session, no day.

    Markets that never close have no day: their brokers' accounts are signed in at any hour.
    """
    rows = TradingSession.objects.filter(trading_date=trading_date(now))
    if not settings.DEMO:
        rows = rows.exclude(kind=SessionKind.DEMO)
    span = rows.aggregate(first=Min("opens_at"), last=Max("closes_at"))
    return span["first"] is not None and span["first"] - lead <= now < span["last"]


def force_paper(*, now: datetime, wall: datetime) -> int:
    """Send accounts nobody is signed in to to paper around the session, at any hour where the broker's markets never
    close, and tell their owners once a day."""
    brokers = None if is_near_session(now, lead=FORCE_LEAD) else NEVER_CLOSED
    forced = force_sessionless_to_paper(now=wall, brokers=brokers)
    for account in forced:
        _tell_forced(account, _day(wall))
    return len(forced)


def _tell_forced(account: BrokerAccount, day: date) -> None:
    notify(
        key=f"no-session:{account.pk}:{day}",
        code="NO_SESSION",
        text=f"{account}: no broker session today, so new trades are on paper. Sign in: {connect_url(account)}",
        tenant_id=account.tenant_id,
        user_id=account.user_id,
    )


def tell_results(results: Iterable[Result], *, wall: datetime) -> None:
    """Tell the owners of accounts what became of their sign-in; each occasion once a day."""
    for result in results:
        if isinstance(result, SignedIn):
            live.announce([result.account.user_id], "notice", {"code": "SIGNED_IN", "account": result.account.pk})
        elif result.code == MANUAL:
            _tell_manual(result.account, _day(wall))
        else:
            _tell_refused(result, _day(wall))


def _tell_manual(account: BrokerAccount, day: date) -> None:
    notify(
        key=f"sign-in:{account.pk}:{day}",
        code="SIGN_IN_NEEDED",
        text=f"{account}: sign in at the broker to trade live today: {connect_url(account)}",
        tenant_id=account.tenant_id,
        user_id=account.user_id,
        level=Level.INFO,
    )


def _tell_refused(result: Refused, day: date) -> None:
    account = result.account
    notify(
        key=f"sign-in-failed:{account.pk}:{day}:{result.code}"[:120],
        code="SIGN_IN_FAILED",
        text=f"{account}: the sign-in failed ({result.code}): {result.message}",
        tenant_id=account.tenant_id,
        user_id=account.user_id,
    )


def _day(wall: datetime) -> date:
    return wall.astimezone(IST).date()
