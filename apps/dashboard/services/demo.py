"""The demo deployment: an operator, five traders, twenty accounts, their strategies. Safe to run at every start."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services.links import callback_url, postback_url
from apps.dashboard.services import demo_brokers, demo_strategies
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
from apps.strategies.models import Strategy, StrategyMap, WordMeaning
from apps.tenants.models import Tenant
from apps.users.models import Role, User
from brokers.catalog import ENDPOINTS, spec_of
from domain.broker_spec import Capability
from domain.venues import exchanges_of, sources

TRADERS = 5
LIVE_EACH = PAPER_EACH = 2
INDICES = ("NIFTY", "BANKNIFTY")
ALL = "all"
FEED_NUMBER = 20


class UnknownBrokers(ValueError):
    """BROKERS names a broker there is none of."""


def chosen_brokers(names: Sequence[str]) -> list[str]:
    """Return the brokers of BROKERS, ``all`` of them or those it names; raises ``UnknownBrokers``."""
    known = [slug for slug in ENDPOINTS if slug != "paper"]
    wanted = known if list(names) == [ALL] else [name.strip().lower() for name in names if name.strip()]
    strangers = sorted(set(wanted) - set(known))
    if strangers or not wanted:
        raise UnknownBrokers(f"BROKERS must be {ALL} or some of {', '.join(known)}, not {', '.join(strangers) or '-'}")
    return wanted


def seed_demo(*, now: datetime, brokers: Sequence[str] = ("zerodha",)) -> dict[str, Any]:
    """Make or complete the demo, and return what a person needs to use it.

    The live accounts are at ``brokers`` in turn. Raises ``UnknownBrokers``.
    """
    chosen = chosen_brokers(brokers)
    with transaction.atomic():
        tenant, _ = Tenant.objects.get_or_create(slug="demo", defaults={"name": "Demo desk", "brand": settings.BRAND})
        plan, _ = Plan.objects.get_or_create(tenant=tenant, name="Demo", defaults={"max_accounts": 50})
        operator = person(tenant, "operator", Role.OPERATOR)
        strategies = _strategies(tenant, chosen)
        _feeds(operator, chosen)
        traders = [_trader(tenant, number, plan, strategies, chosen) for number in range(1, TRADERS + 1)]
        tokens = {strategy.slug: webhook_token(strategy) for strategy in strategies}
    _open_the_market(now)
    return {
        "operator": asdict(operator_login(operator)),
        "traders": [asdict(trader) for trader in traders],
        "webhook_token": tokens[strategies[0].slug],
        "wave": [strategy.slug for strategy in strategies if strategy.on_buy == WordMeaning.ENTRY],
        "webhooks": {slug: f"/hooks/tradingview/{token}/" for slug, token in tokens.items()},
    }


def simulator_clients() -> list[dict[str, Any]]:
    """Return the simulated exchange's customers: every account with a broker, told where to post and return to."""
    accounts = BrokerAccount.objects.exclude(broker="paper").order_by("client_id")
    return [
        {
            "client": account.client_id,
            "broker": account.broker,
            "postback_url": postback_url(account) if _posts(account) else "",
            "redirect_url": callback_url(account.broker),
            **demo_brokers.customer(account.broker, account.client_id).known,
        }
        for account in accounts
    ]


def _posts(account: BrokerAccount) -> bool:
    return Capability.POSTBACK in spec_of(account.broker).offers


def _strategies(tenant: Tenant, brokers: Sequence[str]) -> list[Strategy]:
    """Return those on NIFTY, and one for each venue abroad that is among the brokers'."""
    abroad = {"binance": demo_strategies.coin_buyer, "mt5": demo_strategies.gold_buyer}
    return [
        demo_strategies.call_buyer(tenant),
        demo_strategies.straddle_seller(tenant),
        *(make(tenant) for slug, make in abroad.items() if slug in brokers),
    ]


def _feeds(operator: User, brokers: Sequence[str]) -> None:
    """One account for the Indian prices, and one for each source of others, as only its own broker shows those."""
    account_of(operator, "zerodha", FEED_CLIENT, label="Market feed", is_feed=True)
    for source in sorted(sources()):
        for slug in (slug for slug in brokers if spec_of(slug).exchanges & exchanges_of(source)):
            name = demo_brokers.client_id(slug, FEED_NUMBER)
            account_of(operator, slug, name, label=f"{spec_of(slug).name} feed", is_feed=True)


def _trader(
    tenant: Tenant, number: int, plan: Plan, strategies: Sequence[Strategy], brokers: Sequence[str]
) -> DemoTrader:
    user = subscribed_trader(tenant, number, plan)
    accounts = _accounts(user, number, brokers)
    for strategy in strategies:
        for position, account in enumerate(accounts, start=1):
            if strategy.exchange in spec_of(account.broker).exchanges:
                StrategyMap.objects.get_or_create(
                    strategy=strategy, account=account, defaults={"lot_multiplier": Decimal(1 + position % 2)}
                )
    watch(user, INDICES)
    return as_trader(user, accounts)


def _accounts(user: User, number: int, brokers: Sequence[str]) -> list[BrokerAccount]:
    first = (number - 1) * LIVE_EACH + 1
    live = [_live(user, first + offset, offset + 1, brokers) for offset in range(LIVE_EACH)]
    paper = [
        account_of(user, "paper", f"PAPER{number}{offset + 1}", label=f"Paper {offset + 1}")
        for offset in range(PAPER_EACH)
    ]
    return live + paper


def _live(user: User, number: int, of_user: int, brokers: Sequence[str]) -> BrokerAccount:
    slug = brokers[(number - 1) % len(brokers)]
    name = demo_brokers.client_id(slug, number)
    return account_of(user, slug, name, label=f"{spec_of(slug).name} {of_user} (simulated)")


def _open_the_market(now: datetime) -> None:
    """The demo trades whenever it is started, also where the real calendar is not confirmed that far."""
    today = now.date()
    seed_calendar(date_from=today - timedelta(days=7), date_to=today + timedelta(days=60))
    ensure_demo_sessions(now)
    CalendarHorizon.objects.filter(confirmed_through__lt=today + timedelta(days=120)).update(
        confirmed_through=today + timedelta(days=400), source="demo"
    )
