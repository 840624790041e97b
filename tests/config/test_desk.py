"""Every page of the operators' desk, opened by everybody who might."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent, AuditSeal
from apps.audit.services.chain import GENESIS, digest_of
from apps.audit.services.record import record
from apps.broker_accounts.models import LoginAttempt
from apps.markets.models import InstrumentSync
from apps.notifications.models import Notification
from apps.risk.models import DayStop
from apps.risk.services.halts import set_halt
from apps.strategies.models import Signal, WebhookToken
from apps.trading.models import (
    AccountState,
    ExternalOrder,
    Fill,
    Order,
    PaperAccount,
    PaperFill,
    PaperOrder,
    PaperPosition,
    Position,
    Trade,
    Wave,
    WaveVerdict,
)
from apps.trading.services.entry import PlannedLeg, PlannedTrade, enter_wave
from apps.users.models import Role, User
from apps.users.services.api_keys import create_key
from bus.models import Fate, Heartbeat, Lease, Term
from domain.exit_plan import ExitPlan, Level
from tests.cast import Cast, publish_price

PAGES = sorted(admin.site._registry.items(), key=lambda entry: entry[0]._meta.label_lower)
IDS = [model._meta.label_lower for model, _ in PAGES]


@pytest.fixture
def world(cast: Cast, now: datetime) -> Cast:
    """At least one row of every model on the desk, all of the house."""
    publish_price(cast.call, "100")
    signal = Signal.objects.create(
        tenant=cast.tenant, strategy=cast.strategy, kind="ENTRY", dedupe_key="one", received_at=now
    )
    wave = Wave.objects.create(tenant=cast.tenant, strategy=cast.strategy, signal=signal, kind="ENTRY")
    WaveVerdict.objects.create(wave=wave, strategy_map=cast.maps[0], account=cast.account, taken=True)
    _trade(cast, wave, now)
    order = Order.objects.get()
    Fill.objects.create(
        account=cast.account, order=order, exchange_trade_id="T1", quantity=65, price=100, filled_at=now
    )
    _books(cast, now)
    _house(cast, now)
    return cast


def _trade(cast: Cast, wave: Wave, now: datetime) -> None:
    WaveVerdict.objects.all().delete()
    plan = ExitPlan(stop=Level("PERCENT", Decimal(20)))
    leg = PlannedLeg(cast.call, "BUY", 65, Decimal(103))
    planned = PlannedTrade(
        strategy_map_id=cast.maps[0].pk,
        account=cast.account,
        product="MIS",
        legs=(leg,),
        exit_plan=plan,
        square_off_at=None,
        entry_deadline_at=now + timedelta(seconds=60),
        trading_date=now.date(),
    )
    enter_wave(wave=wave, planned=[planned], skips=[], now=now)


def _books(cast: Cast, now: datetime) -> None:
    account = cast.account
    Position.objects.create(account=account, mode="LIVE", instrument=cast.call, product="MIS", quantity=65, read_at=now)
    AccountState.objects.create(account=account, mode="LIVE", positions_read_at=now)
    ExternalOrder.objects.create(
        account=account, broker_order_id="E1", symbol="X", side="BUY", quantity=1, status="FILLED"
    )
    PaperAccount.objects.create(account=cast.paper_account, cash=1)
    paper = {"account": cast.paper_account, "exchange": "NFO", "symbol": "X", "side": "BUY", "quantity": 1}
    rest = {"product": "MIS", "order_type": "LIMIT", "validity": "DAY", "price": 1, "trigger_price": 0}
    times = {"placed_at": now, "updated_at": now}
    PaperOrder.objects.create(order_id="P1", client_order_id="C1", status="OPEN", **paper, **rest, **times)
    PaperFill.objects.create(order_id="P1", trade_id="F1", price=1, filled_at=now, **paper)
    PaperPosition.objects.create(
        account=cast.paper_account,
        exchange="NFO",
        symbol="X",
        product="MIS",
        quantity=1,
        average_price=1,
        last_price=1,
        multiplier=1,
    )


def _house(cast: Cast, now: datetime) -> None:
    create_key(user=cast.trader, name="robot")
    LoginAttempt.objects.create(account=cast.account, ok=False, code="MANUAL", message="a person has to sign in")
    Notification.objects.create(tenant=cast.tenant, user=cast.trader, level="PAGE", code="X", key="x", text="Look.")
    set_halt(scope="TENANT", reason="a test", actor=cast.operator, tenant_id=cast.tenant.pk)
    DayStop.objects.create(strategy_map=cast.maps[0], trading_date=now.date(), reason="DAY_LOSS", net_pnl=-1)
    WebhookToken.objects.create(strategy=cast.strategy, token_hash="0" * 64)
    record("made", cast.account, tenant_id=cast.tenant.pk, actor=cast.operator)
    event = AuditEvent.objects.order_by("pk").last()
    assert event is not None
    AuditSeal.objects.create(event=event, previous=GENESIS, digest=digest_of(event, GENESIS))
    InstrumentSync.objects.create(broker="zerodha", rows=1, finished_at=timezone.now())
    Heartbeat.objects.create(process="feed", holder="h:1:2", build="dev", started_at=now, beat_at=timezone.now())
    Term.objects.create(lease="feed", epoch=2, holder="h:1:1", fate=Fate.EXPIRED, ended_at=now)
    Lease.objects.create(name="feed", epoch=3, holder="h:1:2", until=timezone.now())


@pytest.fixture
def chief(db: None) -> User:
    """An admin of the installation."""
    return User.objects.create_superuser("chief@vayda.test", "correct horse battery")


@pytest.fixture
def outsider(world: Cast) -> User:
    """Another tenant's operator."""
    return User.objects.create_user(
        "operator@elsewhere.test",
        "correct horse battery",
        tenant=world.outsider.tenant,
        role=Role.OPERATOR,
        is_staff=True,
    )


def _client(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def _urls(model: type[Model], rows: list[Model]) -> Iterator[str]:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    yield reverse(f"{name}_changelist")
    for row in rows:
        yield reverse(f"{name}_change", args=[row.pk])


def _seen_by(person: User, page: Any) -> list[Any]:
    request = RequestFactory().get("/")
    request.user = person
    return list(page.get_queryset(request))


def _allowed(person: User, page: Any) -> bool:
    request = RequestFactory().get("/")
    request.user = person
    return bool(page.has_view_permission(request))


@pytest.mark.parametrize(("model", "page"), PAGES, ids=IDS)
def test_every_page_opens_for_the_installations_admin(model: Any, page: Any, world: Cast, chief: User) -> None:
    rows = _seen_by(chief, page)
    client = _client(chief)
    for url in _urls(model, rows[:2]):
        assert client.get(url).status_code == 200, url
    adds = client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"))
    assert adds.status_code in (200, 403)


@pytest.mark.parametrize(("model", "page"), PAGES, ids=IDS)
def test_an_operator_sees_the_own_tenants_rows(model: Any, page: Any, world: Cast) -> None:
    client = _client(world.operator)
    if not _allowed(world.operator, page):
        assert client.get(next(_urls(model, []))).status_code == 403
        return
    rows = _seen_by(world.operator, page)
    assert rows or not model._default_manager.exists()
    for url in _urls(model, rows[:2]):
        assert client.get(url).status_code == 200, url


SHARED = {"markets", "bus", "django_celery_beat", "contenttypes"}


@pytest.mark.parametrize(("model", "page"), PAGES, ids=IDS)
def test_an_operator_of_another_tenant_sees_nothing_of_ours(model: Any, page: Any, world: Cast, outsider: User) -> None:
    if model._meta.app_label in SHARED:
        return
    ours = [row for row in _seen_by(world.operator, page) if row not in _theirs(model, world, outsider)]
    assert not {row.pk for row in ours} & {row.pk for row in _seen_by(outsider, page)}
    client = _client(outsider)
    for url in list(_urls(model, ours[:2]))[1:]:
        answer = client.get(url)
        assert answer.status_code in (302, 403, 404), url


def _theirs(model: Any, world: Cast, outsider: User) -> list[Any]:
    """Rows that rightly are the outsider's own; the two tenants share none."""
    del world
    return list(model._default_manager.filter(pk=outsider.pk)) if model is User else []


@pytest.mark.parametrize(("model", "page"), PAGES, ids=IDS)
def test_traders_and_strangers_are_sent_away(model: Any, page: Any, world: Cast) -> None:
    url = next(_urls(model, []))
    answer = Client().get(url)
    assert answer.status_code == 302
    assert "/login/" in answer.headers["Location"]
    assert _client(world.trader).get(url).status_code == 302


def test_a_manager_sees_only_the_own_clients(world: Cast) -> None:
    world.manager.is_staff = True
    world.manager.save()
    accounts = _client(world.manager).get(reverse("admin:broker_accounts_brokeraccount_changelist"))
    assert b"AB1234" in accounts.content
    people = _client(world.manager).get(reverse("admin:users_user_changelist"))
    assert world.trader.email.encode() in people.content
    assert world.other_trader.email.encode() not in people.content
    change = reverse("admin:users_user_change", args=[world.trader.pk])
    assert _client(world.manager).post(change, {"name": "Changed"}).status_code == 403
    assert _client(world.manager).get(reverse("admin:risk_halt_changelist")).status_code == 403


def test_the_first_page_shows_the_figures(world: Cast) -> None:
    page = _client(world.operator).get(reverse("admin:index"))
    assert page.status_code == 200
    text = page.content.decode()
    for title in ("Active traders", "Live accounts", "Open trades", "Feed", "Halts in force"):
        assert f'data-figure="{title}"' in text
    assert "'unsafe-eval'" in page.headers["Content-Security-Policy"]


def test_the_relaxed_policy_is_the_desks_alone(world: Cast) -> None:
    page = _client(world.trader).get("/")
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_the_menu_leads_only_where_one_may_look(world: Cast) -> None:
    page = _client(world.operator).get(reverse("admin:index")).content.decode()
    assert reverse("admin:trading_trade_changelist") in page
    assert reverse("admin:django_celery_beat_periodictask_changelist") not in page


def test_a_trades_page_tells_its_whole_story(world: Cast) -> None:
    trade = Trade.objects.get()
    page = _client(world.operator).get(reverse("admin:trading_trade_change", args=[trade.pk])).content.decode()
    assert "data-timeline" in page
    assert world.call.symbol in page


def test_orders_are_found_by_both_their_ids(world: Cast) -> None:
    order = Order.objects.get()
    Order.objects.filter(pk=order.pk).update(broker_order_id="240000000000001")
    client = _client(world.operator)
    for wanted in (order.client_order_id, "240000000000001"):
        page = client.get(reverse("admin:trading_order_changelist"), {"q": wanted}).content.decode()
        assert order.client_order_id in page
    page = client.get(reverse("admin:trading_order_changelist"), {"q": "nothing-like-it"}).content.decode()
    assert order.client_order_id not in page


def test_what_is_done_on_the_desk_reaches_the_trail(world: Cast) -> None:
    kind = ContentType.objects.get_for_model(User)
    LogEntry.objects.log_actions(world.operator.pk, [world.trader], CHANGE, "Renamed.", single_object=True)
    event = AuditEvent.objects.latest("pk")
    assert (event.kind, event.actor, event.object_type) == ("desk_changed", world.operator, "users.user")
    assert event.tenant_id == world.tenant.pk
    assert kind.model == "user"
