"""The demo deployment: an operator, five traders, twenty accounts, two strategies. Safe to run at every start."""

from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services.links import callback_url, postback_url
from apps.dashboard.services.demo_cast import (
    FEED_CLIENT,
    DemoTrader,
    account_of,
    as_trader,
    operator_login,
    person,
    subscribed_trader,
    watch,
    webhook_token,
)
from apps.markets.models import CalendarHorizon
from apps.markets.services.calendar import ensure_demo_sessions, seed_calendar
from apps.plans.models import Plan
from apps.strategies.models import Strategy, StrategyLeg, StrategyMap
from apps.tenants.models import Tenant
from apps.users.models import Role, User

TRADERS = 5
LIVE_EACH = PAPER_EACH = 2
INDICES = ("NIFTY", "BANKNIFTY")


def seed_demo(*, now: datetime) -> dict[str, Any]:
    """Make or complete the demo, and return what a person needs to use it."""
    with transaction.atomic():
        tenant, _ = Tenant.objects.get_or_create(slug="demo", defaults={"name": "Demo desk", "brand": settings.BRAND})
        plan, _ = Plan.objects.get_or_create(tenant=tenant, name="Demo", defaults={"max_accounts": 50})
        operator = person(tenant, "operator", Role.OPERATOR)
        strategies = [_call_buyer(tenant), _straddle_seller(tenant)]
        account_of(operator, "zerodha", FEED_CLIENT, label="Market feed", is_feed=True)
        traders = [_trader(tenant, number, plan, strategies) for number in range(1, TRADERS + 1)]
        tokens = {strategy.slug: webhook_token(strategy) for strategy in strategies}
    _open_the_market(now)
    return {
        "operator": asdict(operator_login(operator)),
        "traders": [asdict(trader) for trader in traders],
        "webhook_token": tokens[strategies[0].slug],
        "webhooks": {slug: f"/hooks/tradingview/{token}/" for slug, token in tokens.items()},
    }


def simulator_clients() -> list[dict[str, Any]]:
    """Return the simulated exchange's customers: every account with a broker, told where to post and return to."""
    accounts = BrokerAccount.objects.exclude(broker="paper").order_by("client_id")
    return [
        {
            "client": account.client_id,
            "api_key": f"{account.client_id.lower()}key",
            "api_secret": f"{account.client_id.lower()}secret",
            "broker": account.broker,
            "postback_url": postback_url(account),
            "redirect_url": callback_url(account.broker),
        }
        for account in accounts
    ]


def _trader(tenant: Tenant, number: int, plan: Plan, strategies: list[Strategy]) -> DemoTrader:
    user = subscribed_trader(tenant, number, plan)
    accounts = _accounts(user, number)
    for strategy in strategies:
        for position, account in enumerate(accounts, start=1):
            StrategyMap.objects.get_or_create(
                strategy=strategy, account=account, defaults={"lot_multiplier": Decimal(1 + position % 2)}
            )
    watch(user, INDICES)
    return as_trader(user, accounts)


def _accounts(user: User, number: int) -> list[BrokerAccount]:
    first = (number - 1) * LIVE_EACH + 1
    live = [
        account_of(user, "zerodha", f"DEMO{first + offset:02}", label=f"Zerodha {offset + 1} (simulated)")
        for offset in range(LIVE_EACH)
    ]
    paper = [
        account_of(user, "paper", f"PAPER{number}{offset + 1}", label=f"Paper {offset + 1}")
        for offset in range(PAPER_EACH)
    ]
    return live + paper


def _call_buyer(tenant: Tenant) -> Strategy:
    strategy, made = Strategy.objects.get_or_create(
        tenant=tenant,
        slug="momentum-call",
        defaults={
            "name": "Momentum call",
            "description": "Buys the at-the-money NIFTY call; 8 % stop, 12 % target, trails after 5 %.",
            "underlying": "NIFTY",
            "stop_value": Decimal(8),
            "target_value": Decimal(12),
            "trail_value": Decimal(4),
            "trail_after": Decimal(5),
        },
    )
    if made:
        StrategyLeg.objects.create(strategy=strategy, side="BUY", right="CE", strike_rule="ATM", expiry_rule="WEEK0")
    return strategy


def _straddle_seller(tenant: Tenant) -> Strategy:
    strategy, made = Strategy.objects.get_or_create(
        tenant=tenant,
        slug="short-straddle",
        defaults={
            "name": "Short straddle",
            "description": "Sells the at-the-money NIFTY call and put; 20 % stop a leg, 15 % combined.",
            "underlying": "NIFTY",
            "on_buy": "EXIT",
            "on_sell": "ENTRY",
            "stop_value": Decimal(20),
            "trade_stop_kind": "PERCENT",
            "trade_stop_value": Decimal(15),
        },
    )
    if made:
        for position, right in enumerate(("CE", "PE"), start=1):
            StrategyLeg.objects.create(
                strategy=strategy, position=position, side="SELL", right=right, strike_rule="ATM", expiry_rule="WEEK0"
            )
    return strategy


def _open_the_market(now: datetime) -> None:
    """The demo trades whenever it is started, also where the real calendar is not confirmed that far."""
    today = now.date()
    seed_calendar(date_from=today - timedelta(days=7), date_to=today + timedelta(days=60))
    ensure_demo_sessions(now)
    CalendarHorizon.objects.filter(confirmed_through__lt=today + timedelta(days=120)).update(
        confirmed_through=today + timedelta(days=400), source="demo"
    )
