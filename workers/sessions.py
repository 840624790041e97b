"""Queue ``sessions``: who is signed in at which broker, and the contracts their masters list."""

import logging
from collections.abc import Iterable
from functools import partial

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings

from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services import login, postbacks
from apps.markets.clock import now
from apps.trading.services import day_start
from brokers.catalog import NEVER_CLOSED, UnknownBroker
from bus import clock, commands
from domain.broker import BrokerError
from workers import logins, masters
from workers.desk import account_credentials
from workers.life import show_life
from workers.masters import lot_size_at
from workers.turns import only_one

log = logging.getLogger(__name__)


@worker_ready.connect
def _start(**_: object) -> None:
    """Start-up is recovery: whoever should be signed in by now is."""
    if settings.PROCESS == "sessions":
        show_life("sessions")
        prepare_day.delay()


@shared_task(name="workers.sessions.prepare_day")
def prepare_day() -> None:
    """Sign in, then read the masters that are due."""
    login_wave()
    sync_due_instruments()


@shared_task(name="workers.sessions.login_wave")
def login_wave() -> None:
    """Sign in every account whose turn it is: from before the first open to the last close of the day, and at any hour
    where the broker's markets never close."""
    brokers = None if day_start.is_near_session(now(), lead=day_start.SIGN_IN_LEAD) else NEVER_CLOSED
    with only_one("login wave") as alone:
        due = login.due_accounts(wall=clock.now(), brokers=brokers) if alone else []
        results = _keep(logins.sign_in_all(due))
    if results:
        log.info("login wave", extra={"accounts": len(results), "outcomes": login.attempts_by_code(results)})


@shared_task(name="workers.sessions.sign_in_account")
def sign_in_account(account_id: int) -> None:
    """Sign one account in now, however often it failed before."""
    _keep([logins.sign_in_one(_active(account_id))])


@shared_task(name="workers.sessions.exchange_login")
def exchange_login(account_id: int, request_token: str) -> None:
    """Finish the sign-in a person began at the broker."""
    _keep([logins.sign_in_one(_active(account_id), request_token=request_token)])


@shared_task(name="workers.sessions.prepare_login")
def prepare_login(account_id: int, state: str) -> None:
    """Leave the address of the broker's sign-in page for the browser that waits."""
    try:
        logins.leave_login_page(_active(account_id), state)
    except BrokerError as error:
        _keep([login.Refused(_active(account_id), error.code, error.message)])


@shared_task(name="workers.sessions.check_postback")
def check_postback(account_id: int, body: str) -> None:
    """Verify an order update somebody posted; a genuine one makes the account's books be read."""
    try:
        account, (slug, credentials) = _active(account_id), account_credentials(account_id)
        postbacks.check(account=account, body=body, credentials=credentials, lot_size_of=partial(lot_size_at, slug))
    except (postbacks.Forged, BrokerError) as error:
        log.warning("postback refused", extra={"account": account_id, "reason": str(error)})


@shared_task(name="workers.sessions.sync_due_instruments")
def sync_due_instruments() -> None:
    """Read the masters of the day that are not in yet."""
    with only_one("instrument sync") as alone:
        done: set[str] = set()
        # Asked anew after each: a broker somebody signed in to meanwhile has its turn, too, and none has two.
        while alone and (due := [one for one in masters.due_brokers(now=now(), wall=clock.now()) if one not in done]):
            masters.sync(due[0])
            done.add(due[0])


@shared_task(name="workers.sessions.sync_instruments")
def sync_instruments(broker: str) -> None:
    """Read one broker's master now."""
    try:
        masters.sync(broker)
    except UnknownBroker as error:
        log.warning("no such broker", extra={"reason": str(error)})


@shared_task(name="workers.sessions.force_paper")
def force_paper() -> None:
    """Send accounts without today's session to paper."""
    show_life("sessions")
    day_start.force_paper(now=now(), wall=clock.now())


def _keep(results: Iterable[login.Result]) -> list[login.Result]:
    """Write down what became of sign-ins as they end; the first at its broker is who can read its contracts."""
    kept = []
    for result in results:
        login.record_result(result)
        day_start.tell_results([result], wall=clock.now())
        kept.append(result)
    if any(isinstance(result, login.SignedIn) for result in kept):
        commands.sync_due_instruments()
    return kept


def _active(account_id: int) -> BrokerAccount:
    return BrokerAccount.objects.active().select_related("tenant", "user").get(pk=account_id)
