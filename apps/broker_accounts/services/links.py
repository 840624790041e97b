"""Addresses that lead to one account: where brokers post to, where a client signs in, and what a sign-in carries."""

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from apps.broker_accounts.models import BrokerAccount

STATE_SECONDS = 600
_REFERENCE_SALT, _STATE_SALT = "vayda.broker-postback", "vayda.broker-login"
_MARK_LENGTH = 32


class BadState(ValueError):
    """The state a browser came back with is forged, late, used up, or somebody else's."""


def reference_of(account_id: int) -> str:
    """Return an account's unguessable name for postbacks; it changes with the installation's secret key."""
    return f"{account_id}-{_mark(account_id)}"


def account_of(reference: str) -> int | None:
    """Return the account a reference names; ``None`` for anything we did not make."""
    number, _, mark = reference.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    return int(number) if constant_time_compare(mark, _mark(int(number))) else None


def _mark(account_id: int) -> str:
    return salted_hmac(_REFERENCE_SALT, str(account_id), algorithm="sha256").hexdigest()[:_MARK_LENGTH]


def postback_url(account: BrokerAccount) -> str:
    """Return the address to enter at the broker for order updates."""
    return f"{_base()}/hooks/{account.broker}/postback/{reference_of(account.pk)}/"


def callback_url(broker: str) -> str:
    """Return the address to enter at the broker for the end of a sign-in."""
    return f"{_base()}/hooks/{broker}/callback/"


def connect_url(account: BrokerAccount) -> str:
    """Return the page on which a client starts a sign-in."""
    return f"{_base()}/hooks/{account.broker}/connect/{account.pk}/"


def _base() -> str:
    return str(settings.BASE_URL).rstrip("/")


@dataclass(frozen=True, slots=True)
class LoginState:
    """What a sign-in started as."""

    account_id: int
    user_id: int
    nonce: str


def new_state(*, account_id: int, user_id: int) -> tuple[str, LoginState]:
    """Return a signed state and what it says; the nonce belongs into the person's session."""
    state = LoginState(account_id=account_id, user_id=user_id, nonce=secrets.token_urlsafe(16))
    return signing.dumps([state.account_id, state.user_id, state.nonce], salt=_STATE_SALT), state


def read_state(text: str) -> LoginState:
    """Return what a state says; raises ``BadState`` when it is not ours or older than ten minutes."""
    try:
        account_id, user_id, nonce = signing.loads(text, salt=_STATE_SALT, max_age=STATE_SECONDS)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadState("the state is not valid any more") from error
    return LoginState(account_id=account_id, user_id=user_id, nonce=nonce)


def login_page_key(state: str) -> str:
    """Return under which key the sessions worker leaves the broker's page for a state."""
    return "broker-login-page:" + salted_hmac(_STATE_SALT, state, algorithm="sha256").hexdigest()
