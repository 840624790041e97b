"""Operators see contracts, ask for masters, and edit the calendar on record."""

from datetime import date, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.markets.models import Instrument, InstrumentSync, TradingSession
from apps.markets.services.calendar import is_open, seed_calendar
from apps.markets.services.instruments import sync_instruments
from apps.tenants.models import Tenant
from apps.users.models import Role, User
from brokers.catalog import SPECS
from bus import commands
from domain.clock import IST
from tests.apps.markets.conftest import NOW, master

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _listed() -> None:
    sync_instruments(broker="zerodha", rows=master(), now=NOW)
    seed_calendar(date_from=date(2026, 11, 16), date_to=date(2026, 11, 20))


@pytest.fixture
def operator(client: Client) -> Client:
    tenant = Tenant.objects.create(slug="house", name="House")
    user = User(email="operator@demo.vayda.local", tenant=tenant, role=Role.OPERATOR, is_staff=True, is_superuser=True)
    user.set_unusable_password()
    user.save()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    "model", ["instrument", "brokerinstrument", "instrumentsync", "tradingsession", "calendarhorizon"]
)
def test_every_list_opens_and_searches(operator: Client, model: str) -> None:
    address = reverse(f"admin:markets_{model}_changelist")
    assert operator.get(address).status_code == 200
    assert operator.get(address, {"q": "NIFTY"}).status_code == 200


def test_a_stranger_sees_nothing(client: Client) -> None:
    assert client.get(reverse("admin:markets_instrument_changelist")).status_code == 302


def test_contracts_cannot_be_edited(operator: Client) -> None:
    pk = Instrument.objects.get(symbol="NIFTY").pk
    address = reverse("admin:markets_instrument_change", args=[pk])
    assert operator.get(address).status_code == 200
    assert operator.post(address, {"symbol": "OTHER"}).status_code == 403
    assert operator.get(reverse("admin:markets_instrument_add")).status_code == 403


def test_a_master_can_be_asked_for(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(commands, "sync_instruments", asked.append)
    pk = InstrumentSync.objects.get().pk
    assert operator.get(reverse("admin:markets_instrumentsync_sync_now", args=[pk])).status_code == 302
    assert operator.get(reverse("admin:markets_instrumentsync_sync_all")).status_code == 302
    assert operator.get(reverse("admin:markets_instrumentsync_sync_now", args=[0])).status_code == 302
    assert asked[0] == "zerodha"
    assert sorted(asked[1:]) == sorted(SPECS.keys() - {"paper"})


def test_a_stranger_cannot_ask_for_a_master(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(commands, "sync_instruments", asked.append)
    client.get(reverse("admin:markets_instrumentsync_sync_all"))
    assert asked == []


def test_an_edited_session_counts_at_once_is_on_record_and_survives_seeding(
    operator: Client, django_capture_on_commit_callbacks: Any
) -> None:
    row = TradingSession.objects.get(exchange="NFO", trading_date=date(2026, 11, 18))
    morning = datetime(2026, 11, 18, 9, 30, tzinfo=IST)
    assert is_open("NFO", morning)
    form = {
        "exchange": "NFO",
        "trading_date": "2026-11-18",
        "opens_at_0": "2026-11-18",
        "opens_at_1": "10:15:00",
        "closes_at_0": "2026-11-18",
        "closes_at_1": "15:40:00",
        "kind": "REGULAR",
        "source": row.source,
    }
    with django_capture_on_commit_callbacks(execute=True):
        answer = operator.post(reverse("admin:markets_tradingsession_change", args=[row.pk]), form)
    assert answer.status_code == 302, answer.content
    assert not is_open("NFO", morning)
    seed_calendar(date_from=date(2026, 11, 16), date_to=date(2026, 11, 20))
    assert TradingSession.objects.get(pk=row.pk).source == "edited by operator@demo.vayda.local"
    event = AuditEvent.objects.get(kind="calendar_changed")
    assert (event.object_id, event.data["exchange"]) == (row.pk, "NFO")


def test_a_deleted_session_is_on_record(operator: Client) -> None:
    row = TradingSession.objects.get(exchange="NFO", trading_date=date(2026, 11, 18))
    operator.post(reverse("admin:markets_tradingsession_delete", args=[row.pk]), {"post": "yes"})
    assert not TradingSession.objects.filter(pk=row.pk).exists()
    assert AuditEvent.objects.get(kind="calendar_deleted").object_id == row.pk


def test_an_edited_horizon_is_on_record(operator: Client) -> None:
    address = reverse("admin:markets_calendarhorizon_change", args=["NFO"])
    operator.post(address, {"exchange": "NFO", "confirmed_through": "2027-01-31", "source": "seed"})
    event = AuditEvent.objects.get(kind="calendar_changed")
    assert event.data["confirmed_through"] == "2027-01-31"
    assert event.data["source"] == "edited by operator@demo.vayda.local"
