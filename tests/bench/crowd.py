"""Many live accounts of one person, all following one strategy."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services.credentials import open_session, set_credentials
from apps.plans.models import Plan, Subscription
from apps.strategies.models import Strategy, StrategyLeg, StrategyMap
from apps.strategies.services.tokens import rotate, webhook_url
from apps.tenants.models import Tenant
from apps.users.models import User
from domain.broker import BrokerToken
from tests.bench.installation import lifetime


def make_crowd(name: str, tokens: Mapping[str, str], *, legs: int = 1, **strategy: Any) -> tuple[Strategy, str]:
    """Make an account per signed-in client and a strategy they all follow; returns it with its webhook's address.

    The strategy buys as many calls as it has legs, at the money and above.
    """
    tenant = Tenant.objects.get(slug="demo")
    with transaction.atomic():
        user = _person(tenant, name)
        made = _strategy(tenant, legs, name=name, slug=name, **strategy)
        accounts = [_account(tenant, user, client, token) for client, token in tokens.items()]
        StrategyMap.objects.bulk_create([StrategyMap(strategy=made, account=account) for account in accounts])
    return made, webhook_url(rotate(made, actor=None))


def _person(tenant: Tenant, name: str) -> User:
    user = User.objects.create_user(f"{name}@demo.vayda.local", "correct horse battery", tenant=tenant)
    plan = Plan.objects.create(tenant=tenant, name=name, max_accounts=1000)
    Subscription.objects.create(user=user, plan=plan, starts_on=date(2026, 1, 1))
    return user


def _strategy(tenant: Tenant, legs: int, **fields: Any) -> Strategy:
    strategy = Strategy.objects.create(tenant=tenant, underlying="NIFTY", confirm_ticks=1, **fields)
    for number in range(legs):
        StrategyLeg.objects.create(
            strategy=strategy,
            position=number + 1,
            side="BUY",
            right="CE",
            strike_rule=f"ATM+{number}" if number else "ATM",
            expiry_rule="WEEK0",
        )
    return strategy


def make_unsigned(name: str, clients: Sequence[str]) -> list[BrokerAccount]:
    """Make one person's accounts that want to trade live and are signed in nowhere; the simulated broker knows them."""
    tenant = Tenant.objects.get(slug="demo")
    with transaction.atomic():
        user = _person(tenant, name)
        return [_unsigned(tenant, user, client) for client in clients]


def _unsigned(tenant: Tenant, user: User, client: str) -> BrokerAccount:
    account = BrokerAccount.objects.create(
        tenant=tenant, user=user, broker="zerodha", client_id=client, wanted_mode="LIVE", mode_reason="NO_SESSION"
    )
    set_credentials(account=account, fields={"api_key": f"{client}key", "api_secret": f"{client}secret"}, actor=None)
    return account


def _account(tenant: Tenant, user: User, client: str, token: str) -> BrokerAccount:
    account = BrokerAccount.objects.create(
        tenant=tenant, user=user, broker="zerodha", client_id=client, mode="LIVE", wanted_mode="LIVE"
    )
    set_credentials(account=account, fields={"api_key": f"{client}key", "api_secret": f"{client}secret"}, actor=None)
    now = timezone.now()
    session = BrokerToken(access_token=token, client_id=client, expires_at=now + lifetime())
    open_session(account=account, token=session, trading_date=now.date())
    return account
