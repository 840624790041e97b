"""The demo deployment: an operator, five traders, twenty accounts, two strategies. Safe to run at every start.

Passwords, keys and webhook tokens follow from the installation's SECRET_KEY, so that they can be printed again without
being stored anywhere in the clear.
"""

import base64
import hashlib
import hmac
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.broker_accounts.models import AccountMode, BrokerAccount, ModeReason
from apps.broker_accounts.services.credentials import set_credentials
from apps.markets.models import CalendarHorizon, Instrument, WatchlistItem
from apps.markets.services.calendar import ensure_demo_sessions, seed_calendar
from apps.plans.models import Plan, Subscription
from apps.strategies.models import Strategy, StrategyLeg, StrategyMap, WebhookToken
from apps.tenants.models import Tenant
from apps.users.models import Role, User
from apps.users.services.api_keys import ensure_key

DOMAIN = "demo.vayda.local"
TRADERS = 5
LIVE_EACH = PAPER_EACH = 2
FEED_CLIENT = "DEMO20"
INDICES = {"NIFTY": "NIFTY", "BANKNIFTY": "BANKNIFTY"}


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


def seed_demo(*, now: datetime) -> dict[str, Any]:
    """Make or complete the demo, and return what a person needs to use it."""
    with transaction.atomic():
        tenant, _ = Tenant.objects.get_or_create(slug="demo", defaults={"name": "Demo desk", "brand": settings.BRAND})
        plan, _ = Plan.objects.get_or_create(tenant=tenant, name="Demo", defaults={"max_accounts": 50})
        operator = _person(tenant, "operator", Role.OPERATOR)
        strategies = [_call_buyer(tenant), _straddle_seller(tenant)]
        _account(operator, "zerodha", FEED_CLIENT, label="Market feed", is_feed=True)
        traders = [_trader(tenant, number, plan, strategies) for number in range(1, TRADERS + 1)]
        tokens = {strategy.slug: _webhook(strategy) for strategy in strategies}
    _open_the_market(now)
    return {
        "operator": asdict(operator_login(operator)),
        "traders": [asdict(trader) for trader in traders],
        "webhook_token": tokens[strategies[0].slug],
        "webhooks": {slug: f"/hooks/tradingview/{token}/" for slug, token in tokens.items()},
    }


def operator_login(user: User) -> DemoLogin:
    """Return a demo person's login."""
    return DemoLogin(user.email, _secret(f"password:{user.email}", 16))


def _secret(purpose: str, length: int) -> str:
    digest = hmac.new(settings.SECRET_KEY.encode(), f"demo:{purpose}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().replace("-", "x").replace("_", "y")[:length]


def _person(tenant: Tenant, name: str, role: Role) -> User:
    email = f"{name}@{DOMAIN}"
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(
            email, _secret(f"password:{email}", 16), tenant=tenant, role=role, is_staff=role == Role.OPERATOR
        )
    return user


def _trader(tenant: Tenant, number: int, plan: Plan, strategies: list[Strategy]) -> DemoTrader:
    user = _person(tenant, f"trader{number:02}", Role.TRADER)
    Subscription.objects.get_or_create(user=user, plan=plan, defaults={"starts_on": date(2026, 1, 1)})
    accounts = _accounts(user, number)
    for strategy in strategies:
        for position, account in enumerate(accounts, start=1):
            StrategyMap.objects.get_or_create(
                strategy=strategy, account=account, defaults={"lot_multiplier": Decimal(1 + position % 2)}
            )
    _watch(user)
    api_key = _secret(f"key:{user.email}", 40)
    ensure_key(user=user, name="Demo", secret=api_key)
    login = operator_login(user)
    shown = tuple(
        {"id": a.pk, "broker": a.broker, "client_id": a.client_id, "mode": a.wanted_mode, "label": a.label}
        for a in accounts
    )
    return DemoTrader(login.email, login.password, api_key, shown)


def _accounts(user: User, number: int) -> list[BrokerAccount]:
    first = (number - 1) * LIVE_EACH + 1
    live = [
        _account(user, "zerodha", f"DEMO{first + offset:02}", label=f"Zerodha {offset + 1} (simulated)")
        for offset in range(LIVE_EACH)
    ]
    paper = [
        _account(user, "paper", f"PAPER{number}{offset + 1}", label=f"Paper {offset + 1}")
        for offset in range(PAPER_EACH)
    ]
    return live + paper


def _account(user: User, broker: str, client_id: str, *, label: str, is_feed: bool = False) -> BrokerAccount:
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
        low = client_id.lower()  # the simulated exchange's clients have keys that follow from their names
        set_credentials(account=account, fields={"api_key": f"{low}key", "api_secret": f"{low}secret"}, actor=None)
    return account


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


def _webhook(strategy: Strategy) -> str:
    token = _secret(f"webhook:{strategy.slug}", 32)
    digest = hashlib.sha256(token.encode()).hexdigest()
    WebhookToken.objects.get_or_create(token_hash=digest, defaults={"strategy": strategy})
    return token


def _watch(user: User) -> None:
    for position, (underlying, symbol) in enumerate(INDICES.items()):
        index, _ = Instrument.objects.get_or_create(
            exchange="NSE_INDEX", underlying=underlying, kind="INDEX", defaults={"symbol": symbol, "name": symbol}
        )
        WatchlistItem.objects.get_or_create(user=user, instrument=index, defaults={"position": position})


def _open_the_market(now: datetime) -> None:
    """The demo trades whenever it is started, also where the real calendar is not confirmed that far."""
    today = now.date()
    seed_calendar(date_from=today - timedelta(days=7), date_to=today + timedelta(days=60))
    ensure_demo_sessions(now)
    CalendarHorizon.objects.filter(confirmed_through__lt=today + timedelta(days=120)).update(
        confirmed_through=today + timedelta(days=400), source="demo"
    )
