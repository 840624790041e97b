"""Signing in: one answer to every stranger, a limit, and the risk disclosure."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from apps.audit.models import AuditEvent
from apps.dashboard.brands import load_brand
from apps.dashboard.services.attempts import MOST_FAILURES
from apps.tenants.models import Tenant
from apps.users.models import User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def person() -> User:
    tenant = Tenant.objects.create(slug="house", name="House")
    return User.objects.create_user(f"{uuid.uuid4().hex}@house.test", PASSWORD, tenant=tenant)


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/login/", {"email": email, "password": password, **more})


def refusal(response: Any) -> str:
    (text,) = re.findall(r'role="alert">([^<]+)<', response.content.decode())
    return str(text)


def test_the_right_pair_opens_the_dashboard(person: User) -> None:
    client = Client()
    assert sign_in(client, person.email.upper())["Location"] == "/"
    assert client.get("/").status_code == 200


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(person: User) -> None:
    wrong = sign_in(Client(), person.email, "not the password")
    unknown = sign_in(Client(), f"{uuid.uuid4().hex}@house.test", "not the password")
    assert refusal(wrong) == refusal(unknown)
    assert wrong.status_code == unknown.status_code == 200


@pytest.mark.parametrize("switched_off", ["person", "tenant"])
def test_who_is_switched_off_stays_outside_and_is_put_out(person: User, switched_off: str) -> None:
    client = Client()
    sign_in(client, person.email)
    target: Any = person if switched_off == "person" else person.tenant
    type(target).objects.filter(pk=target.pk).update(is_active=False)
    assert client.get("/")["Location"].startswith("/login/")
    assert "do not match" in refusal(sign_in(Client(), person.email))


def test_guessing_is_stopped_for_the_pair_of_address_and_mail_only(person: User) -> None:
    client = Client()
    for _ in range(MOST_FAILURES):
        sign_in(client, person.email, "guess")
    blocked = sign_in(client, person.email)
    assert blocked.status_code == 429
    assert "Too many attempts" in refusal(blocked)
    forged = client.post(
        "/login/", {"email": person.email, "password": PASSWORD}, headers={"X-Forwarded-For": "203.0.113.9"}
    )
    assert forged.status_code == 429
    assert sign_in(Client(REMOTE_ADDR="203.0.113.7"), person.email).status_code == 302


def test_a_trusted_proxy_may_say_where_the_caller_is(person: User, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    for _ in range(MOST_FAILURES):
        sign_in(Client(headers={"X-Forwarded-For": "198.51.100.1"}), person.email, "guess")
    assert sign_in(Client(headers={"X-Forwarded-For": "198.51.100.1"}), person.email).status_code == 429
    assert sign_in(Client(headers={"X-Forwarded-For": "198.51.100.2"}), person.email).status_code == 302


def test_a_form_without_its_token_is_refused(person: User) -> None:
    assert sign_in(Client(enforce_csrf_checks=True), person.email).status_code == 403


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_way_back_never_leads_elsewhere(person: User, target: str) -> None:
    assert sign_in(Client(), person.email, next=target)["Location"] == "/"


def test_the_session_key_changes_at_sign_in_and_ends_at_sign_out(person: User) -> None:
    client = Client()
    client.get("/login/")
    sign_in(client, person.email)
    key = client.cookies[next(name for name in client.cookies if "session" in name)].value
    assert client.get("/logout/").status_code == 405
    client.post("/logout/")
    stolen = Client()
    stolen.cookies[next(iter(client.cookies))] = key
    assert stolen.get("/").status_code == 302


def test_the_risk_disclosure_is_shown_until_acknowledged_and_kept_on_record(person: User) -> None:
    client, risk = Client(), load_brand("vayda").risk
    assert escape(risk.paragraphs[0]) in client.get("/login/").content.decode()
    sign_in(client, person.email)
    assert 'id="risk"' in client.get("/").content.decode()
    assert client.post("/risk/acknowledge/")["Location"] == "/"
    assert 'id="risk"' not in client.get("/").content.decode()
    event = AuditEvent.objects.get(kind="risk_disclosure_acknowledged")
    assert (event.actor, event.data["version"]) == (person, risk.version)


def test_every_sign_in_asks_again(person: User) -> None:
    client = Client()
    sign_in(client, person.email)
    client.post("/risk/acknowledge/")
    client.post("/logout/")
    sign_in(client, person.email)
    assert 'id="risk"' in client.get("/").content.decode()


@pytest.mark.parametrize(("slug", "status"), [("terms", 200), ("privacy", 200), ("risk", 200), ("nothing", 404)])
def test_legal_texts_are_open_to_everybody(slug: str, status: int) -> None:
    assert Client().get(f"/legal/{slug}/").status_code == status
