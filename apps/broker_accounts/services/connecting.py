"""A person's sign-in at a broker, as far as the web process takes part: it starts it and hands the code on.

Nothing here is unsealed: the sessions worker builds the broker's address and exchanges the code.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

from django.core.cache import cache
from django.db import transaction

from apps.audit.services.record import record
from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services.links import BadState, LoginState, login_page_key, new_state, read_state
from apps.users.models import User
from brokers.catalog import spec_of
from bus import commands
from domain.broker_spec import SignInDenied

_SESSION_KEY = "broker_logins"
_NEWEST_KEY = "broker_logins_newest"
_OPEN_AT_ONCE = 5

Session = MutableMapping[str, Any]


class BadCode(ValueError):
    """What the broker sent back is no one-use code, or it says the sign-in failed."""


def begin(*, account: BrokerAccount, user: User, session: Session) -> str:
    """Start a sign-in and return its state, which works once, in this browser session, for ten minutes.

    Where the broker hands no state back, only the newest sign-in of the browser session at that broker counts.
    """
    text, state = new_state(account_id=account.pk, user_id=user.pk)
    kept = dict(session.get(_SESSION_KEY, {}))
    kept[state.nonce] = account.pk
    session[_SESSION_KEY] = dict(list(kept.items())[-_OPEN_AT_ONCE:])
    session[_NEWEST_KEY] = {**session.get(_NEWEST_KEY, {}), account.broker: text}
    with transaction.atomic():
        record("sign_in_started", account, tenant_id=account.tenant_id, actor=user)
        commands.prepare_login(account.pk, text)
    return text


def begin_with_keys(*, account: BrokerAccount, user: User) -> None:
    """Ask for a sign-in with what the account holds; there is no page of the broker's to pass."""
    with transaction.atomic():
        record("sign_in_started", account, tenant_id=account.tenant_id, actor=user)
        commands.sign_in_account(account.pk)


def page_of(text: str, *, broker: str, account_id: int, user: User, session: Session) -> str:
    """Return the broker's page of a sign-in under way, or "" while the worker has not said; raises ``BadState``."""
    state = _state(text, user, session)
    if state.account_id != account_id:
        raise BadState("the state is for another account")
    if not spec_of(broker).sign_in.returns_state and session.get(_NEWEST_KEY, {}).get(broker) != text:
        raise BadState("a newer sign-in at this broker was begun in this browser")
    return str(cache.get(login_page_key(text)) or "")


def finish(*, broker: str, query: Mapping[str, str], user: User, session: Session) -> int:
    """Use a state up and hand the code of a callback's query to the worker; returns the account.

    Raises ``BadState``, ``BadCode`` and ``UnknownBroker``. That the right customer signed in is checked when the code
    is exchanged.
    """
    sign_in = spec_of(broker).sign_in
    text = query.get("state", "") if sign_in.returns_state else _newest(broker, session)
    known = _state(text, user, session)
    _use_up(known, text, session)
    try:
        code = sign_in.code_of(query)
    except SignInDenied as error:
        raise BadCode(str(error)) from error
    account = BrokerAccount.objects.for_user(user).active().filter(pk=known.account_id, broker=broker).first()
    if account is None:
        raise BadState("the account is not yours any more")
    with transaction.atomic():
        record("sign_in_returned", account, tenant_id=account.tenant_id, actor=user)
        commands.exchange_login(account.pk, code)
    return account.pk


def _state(text: str, user: User, session: Session) -> LoginState:
    state = read_state(text)
    if state.user_id != user.pk or session.get(_SESSION_KEY, {}).get(state.nonce) != state.account_id:
        raise BadState("the state belongs to another sign-in")
    return state


def _newest(broker: str, session: Session) -> str:
    """Return the state of the sign-in a callback without one belongs to: the browser's last at the broker."""
    text = session.get(_NEWEST_KEY, {}).get(broker)
    if text is None:
        raise BadState("no sign-in at this broker is under way in this browser, or a newer one took its place")
    return str(text)


def _use_up(state: LoginState, text: str, session: Session) -> None:
    kept, newest = session[_SESSION_KEY], session.get(_NEWEST_KEY, {})
    session[_SESSION_KEY] = {nonce: account for nonce, account in kept.items() if nonce != state.nonce}
    session[_NEWEST_KEY] = {broker: known for broker, known in newest.items() if known != text}
