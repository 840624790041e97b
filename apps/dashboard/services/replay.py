"""The deployment a recorded day is replayed on: NIFTY's expiry of 18 August 2026, one straddle, ten paper accounts.

Two strategies sell the same straddle at one lot: one holds it until its exit signal, the other also leaves a leg that
stands 30 % against it. Nothing is measured on the wall clock, so entries have half an hour of market time.
"""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

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
from apps.markets.services.calendar import seed_calendar
from apps.plans.models import Plan
from apps.strategies.models import Strategy, StrategyLeg, StrategyMap
from apps.tenants.models import Tenant
from apps.users.models import Role

DAY = date(2026, 8, 18)
CALL, PUT = "NIFTY18AUG2624200CE", "NIFTY18AUG2624200PE"
HELD, STOPPED = "replay-held", "replay-stopped"
STOP_PERCENT = Decimal(30)
TRADERS = 5
ENTRY_SECONDS = 1800


def seed_replay(*, now: datetime) -> dict[str, Any]:
    """Make or complete the replay's people and strategies, and return what a script needs to use them."""
    with transaction.atomic():
        tenant, _ = Tenant.objects.get_or_create(slug="replay", defaults={"name": "Replay", "brand": settings.BRAND})
        plan, _ = Plan.objects.get_or_create(tenant=tenant, name="Replay", defaults={"max_accounts": 10})
        operator = person(tenant, "operator", Role.OPERATOR)
        strategies = {slug: _straddle(tenant, slug, stop) for slug, stop in ((HELD, None), (STOPPED, STOP_PERCENT))}
        account_of(operator, "zerodha", FEED_CLIENT, label="Market feed", is_feed=True)
        traders = [_trader(tenant, number, plan, strategies) for number in range(1, TRADERS + 1)]
        tokens = {slug: webhook_token(strategy) for slug, strategy in strategies.items()}
    seed_calendar(date_from=now.date() - timedelta(days=7), date_to=now.date() + timedelta(days=7))
    return {
        "operator": asdict(operator_login(operator)),
        "traders": [asdict(trader) for trader in traders],
        "webhook_token": tokens[HELD],
        "webhook_body": '{"action": "sell"}',
        "webhooks": {slug: f"/hooks/tradingview/{token}/" for slug, token in tokens.items()},
    }


def _trader(tenant: Tenant, number: int, plan: Plan, strategies: dict[str, Strategy]) -> DemoTrader:
    """One account each for holding and for stopping, so that the two never share a position."""
    user = subscribed_trader(tenant, number, plan)
    watch(user, ["NIFTY"])
    accounts = []
    for place, (slug, strategy) in enumerate(strategies.items(), start=1):
        account = account_of(user, "paper", f"PAPER{number}{place}", label=slug.removeprefix("replay-").title())
        StrategyMap.objects.get_or_create(strategy=strategy, account=account)
        accounts.append(account)
    return as_trader(user, accounts)


def _straddle(tenant: Tenant, slug: str, stop: Decimal | None) -> Strategy:
    """Every price counts: the recording has one a minute, so a stop is not asked to see it twice."""
    strategy, made = Strategy.objects.get_or_create(
        tenant=tenant,
        slug=slug,
        defaults={
            "name": slug.replace("-", " ").capitalize(),
            "description": f"Sells the 24200 straddle of {DAY:%d %b %Y}.",
            "underlying": "NIFTY",
            "on_buy": "EXIT",
            "on_sell": "ENTRY",
            "stop_value": stop,
            "confirm_ticks": 1,
            "entry_timeout_seconds": ENTRY_SECONDS,
        },
    )
    if made:
        for position, (symbol, right) in enumerate(((CALL, "CE"), (PUT, "PE")), start=1):
            StrategyLeg.objects.create(strategy=strategy, position=position, side="SELL", symbol=symbol, right=right)
    return strategy
