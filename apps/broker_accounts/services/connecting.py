"""A person's sign-in at a broker, as far as the web process takes part: it starts it and hands the code on.

Nothing here is unsealed: the sessions worker builds the broker's address and exchanges the code.
"""

import re
from collections.abc import MutableMapping
from typing import Any

from django.core.cache import cache
from django.db import transaction

from apps.audit.services.record import record
from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services.links import BadState, LoginState, login_page_key, new_state, read_state
from apps.users.models import User
from bus import commands

_SESSION_KEY = "broker_logins"
_OPEN_AT_ONCE = 5
_CODE = re.compile(r"[A-Za-z0-9_\-.]{1,128}")

Session = MutableMapping[str, Any]


class BadCode(ValueError):
    """What the broker sent back is no one-use code, or it says the sign-in failed."""


def begin(*, account: BrokerAccount, user: User, session: Session) -> str:
    """Start a sign-in and return its state, which works once, in this browser session, for ten minutes."""
    text, state = new_state(account_id=account.pk, user_id=user.pk)
    kept = dict(session.get(_SESSION_KEY, {}))
    kept[state.nonce] = account.pk
    session[_SESSION_KEY] = dict(list(kept.items())[-_OPEN_AT_ONCE:])
    with transaction.atomic():
        record("sign_in_started", account, tenant_id=account.tenant_id, actor=user)
        commands.prepare_login(account.pk, text)
    return text


def page_of(text: str, *, account_id: int, user: User, session: Session) -> str:
    """Return the broker's page of a sign-in under way, or "" while the worker has not said; raises ``BadState``."""
    state = _state(text, user, session)
    if state.account_id != account_id:
        raise BadState("the state is for another account")
    return str(cache.get(login_page_key(text)) or "")


def finish(*, broker: str, state: str, code: str, status: str, user: User, session: Session) -> int:
    """Use a state up and hand the broker's code to the worker; returns the account.

    Raises ``BadState`` and ``BadCode``. That the right customer signed in is checked when the code is exchanged.
    """
    known = _state(state, user, session)
    kept = dict(session[_SESSION_KEY])
    del kept[known.nonce]
    session[_SESSION_KEY] = kept
    if status not in ("", "success") or _CODE.fullmatch(code) is None:
        raise BadCode("the broker did not say that the sign-in succeeded")
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
