"""The people of the live benchmark, in bulk."""

from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from apps.broker_accounts.models import BrokerAccount
from apps.markets.models import Instrument, TradingSession, WatchlistItem
from apps.strategies.models import Signal, Strategy, StrategyMap
from apps.tenants.models import Tenant
from apps.trading.models import Trade, TradeLeg, Wave
from apps.users.models import User

_BACKEND = "django.contrib.auth.backends.ModelBackend"


def make_people(count: int, *, watched: int, stalled: int) -> tuple[list[str], list[int]]:
    """Make people with a two-leg trade each; return session cookies and instrument ids.

    The first ``stalled`` people watch ``watched`` instruments, so that their patches are large when all of them move.
    """
    now = timezone.now()
    tenant = Tenant.objects.create(slug="bench", name="Bench")
    instruments = Instrument.objects.bulk_create(_option(number) for number in range(watched))
    TradingSession.objects.create(
        exchange="NFO", trading_date=now.date(), opens_at=now - timedelta(hours=1), closes_at=now + timedelta(hours=9)
    )
    people = User.objects.bulk_create(
        User(email=f"person{number:03d}@bench.test", tenant=tenant, password="!") for number in range(count)
    )
    _trades(tenant, people, instruments)
    WatchlistItem.objects.bulk_create(
        WatchlistItem(user=person, instrument=instrument) for person in people[:stalled] for instrument in instruments
    )
    return [_cookie(person) for person in people], [instrument.pk for instrument in instruments]


def _option(number: int) -> Instrument:
    strike = Decimal(5000 + 50 * number)
    return Instrument(
        exchange="NFO",
        underlying="NIFTY",
        kind="OPT",
        expiry=date(2030, 1, 1),
        strike=strike,
        right="CE",
        symbol=f"NIFTY01JAN30{strike}CE",
        lot_size=65,
    )


def _trades(tenant: Tenant, people: list[User], instruments: list[Instrument]) -> None:
    now = timezone.now()
    strategy = Strategy.objects.create(tenant=tenant, name="Bench", slug="bench", underlying="NIFTY")
    signal = Signal.objects.create(tenant=tenant, strategy=strategy, kind="ENTRY", dedupe_key="1", received_at=now)
    wave = Wave.objects.create(tenant=tenant, strategy=strategy, signal=signal, kind="ENTRY")
    accounts = BrokerAccount.objects.bulk_create(
        BrokerAccount(tenant=tenant, user=person, broker="paper", client_id=f"P{person.pk}") for person in people
    )
    maps = StrategyMap.objects.bulk_create(StrategyMap(strategy=strategy, account=account) for account in accounts)
    trades = Trade.objects.bulk_create(
        Trade(
            tenant=tenant,
            account=own.account,
            strategy=strategy,
            strategy_map=own,
            wave=wave,
            mode="PAPER",
            product="MIS",
            status="OPEN",
            entry_deadline_at=now,
            trading_date=now.date(),
            opened_at=now,
        )
        for own in maps
    )
    TradeLeg.objects.bulk_create(
        TradeLeg(
            trade=trade,
            position=position,
            instrument=instruments[position - 1],
            side="SELL",
            quantity=65 + number,
            entry_quantity=65 + number,
            entry_value=Decimal(100) * (65 + number),
        )
        for number, trade in enumerate(trades)
        for position in (1, 2)
    )


def _cookie(person: User) -> str:
    store = SessionStore()
    store[SESSION_KEY] = str(person.pk)
    store[BACKEND_SESSION_KEY] = _BACKEND
    store[HASH_SESSION_KEY] = person.get_session_auth_hash()
    store.create()
    return f"{settings.SESSION_COOKIE_NAME}={store.session_key}"
