"""The people, accounts and addresses a seeded deployment is made of; its strategies are the seed's own.

Its secrets are ``demo_secrets``'s: they can be printed again without being stored anywhere in the clear.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings

from apps.broker_accounts.models import AccountMode, BrokerAccount, ModeReason
from apps.broker_accounts.services import bridge_tokens
from apps.broker_accounts.services.credentials import set_credentials
from apps.dashboard.services import demo_brokers
from apps.dashboard.services.demo_secrets import secret_of
from apps.markets.models import Instrument, WatchlistItem
from apps.plans.models import Plan, Subscription
from apps.strategies.models import Strategy, WebhookToken
from apps.tenants.models import Tenant
from apps.users.models import Role, User
from apps.users.services.api_keys import ensure_key

DOMAIN = "demo.vayda.local"
FEED_CLIENT = "DEMO20"


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """How somebody gets in."""

    email: str
    password: str


@dataclass(frozen=True, slots=True)
class DemoTrader(DemoLogin):
    """A trader with an API key and accounts (id, broker, client_id, mode)."""

    api_key: str
    accounts: tuple[dict[str, Any], ...]


def operator_login(user: User) -> DemoLogin:
    """Return a demo person's login."""
    return DemoLogin(user.email, secret_of(f"password:{user.email}", 16))


def person(tenant: Tenant, name: str, role: Role) -> User:
    """Return somebody of the demo, made the first time."""
    email = f"{name}@{DOMAIN}"
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(
            email, secret_of(f"password:{email}", 16), tenant=tenant, role=role, is_staff=role == Role.OPERATOR
        )
    return user


def account_of(user: User, broker: str, client_id: str, *, label: str, is_feed: bool = False) -> BrokerAccount:
    """Return somebody's account, made the first time; ``client_id`` ends in two digits."""
    wanted = AccountMode.LIVE if broker != "paper" and not is_feed else AccountMode.PAPER
    account, made = BrokerAccount.objects.get_or_create(
        tenant=user.tenant,
        broker=broker,
        client_id=client_id,
        defaults={
            "user": user,
            "label": label,
            "is_feed": is_feed,
            "wanted_mode": wanted,
            "mode": AccountMode.PAPER,
            "mode_reason": ModeReason.CHOSEN if wanted == AccountMode.PAPER else ModeReason.NO_SESSION,
            "shard": (len(client_id) + int(client_id[-2:])) % settings.SHARDS,
        },
    )
    if made and broker != "paper":
        _link(account)
    return account


def _link(account: BrokerAccount) -> None:
    if bridge_tokens.has_bridge(account):
        bridge_tokens.put(account, demo_brokers.bridge_token(account.client_id), actor=None)
        return
    fields = demo_brokers.customer(account.broker, account.client_id).fields
    set_credentials(account=account, fields=dict(fields), actor=None)


def webhook_token(strategy: Strategy) -> str:
    """Return the token of a strategy's webhook."""
    token = secret_of(f"webhook:{strategy.slug}", 32)
    digest = hashlib.sha256(token.encode()).hexdigest()
    WebhookToken.objects.get_or_create(token_hash=digest, defaults={"strategy": strategy})
    return token


def watch(user: User, indices: Iterable[str]) -> None:
    """Put indices on somebody's watchlist, also before any broker listed them."""
    for position, symbol in enumerate(indices):
        index, _ = Instrument.objects.get_or_create(
            exchange="NSE_INDEX", underlying=symbol, kind="INDEX", defaults={"symbol": symbol, "name": symbol}
        )
        WatchlistItem.objects.get_or_create(user=user, instrument=index, defaults={"position": position})


def subscribed_trader(tenant: Tenant, number: int, plan: Plan) -> User:
    """Return one of the traders, entitled by a plan."""
    user = person(tenant, f"trader{number:02}", Role.TRADER)
    Subscription.objects.get_or_create(user=user, plan=plan, defaults={"starts_on": date(2026, 1, 1)})
    return user


def as_trader(user: User, accounts: Sequence[BrokerAccount]) -> DemoTrader:
    """Return how a trader gets in, with an API key made to last."""
    api_key = secret_of(f"key:{user.email}", 40)
    ensure_key(user=user, name="Demo", secret=api_key)
    login = operator_login(user)
    shown = tuple(
        {"id": a.pk, "broker": a.broker, "client_id": a.client_id, "mode": a.wanted_mode, "label": a.label}
        for a in accounts
    )
    return DemoTrader(login.email, login.password, api_key, shown)
