"""Postbacks and broker sign-ins at the web's door: nothing is unsealed there, nothing forged gets past."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import signing
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services import credentials, links, sealing
from apps.users.models import User
from bus import commands
from tests.cast import Cast


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[object, ...]]]:
    """Commands, at once instead of after the test's commit."""
    found: list[tuple[str, tuple[object, ...]]] = []
    monkeypatch.setattr(commands, "_on_commit", lambda task, queue, *args: found.append((task, args)))
    return found


@pytest.fixture(autouse=True)
def _web_never_unseals(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the cast is made, opening a sealed value is a failure of the test."""
    request.getfixturevalue("cast")

    def refuse(*args: object, **kwargs: object) -> bytes:
        raise AssertionError("the web process unsealed something")

    monkeypatch.setattr(sealing, "unseal", refuse)
    monkeypatch.setattr(credentials, "unseal", refuse)


def _post(account: BrokerAccount, body: Any, *, reference: str | None = None, broker: str = "zerodha") -> Any:
    url = f"/hooks/{broker}/postback/{reference or links.reference_of(account.pk)}/"
    return Client(enforce_csrf_checks=True).post(url, data=body, content_type="application/json")


def test_a_postback_is_handed_to_the_worker_as_it_came(cast: Cast, sent: list[Any]) -> None:
    body = json.dumps({"order_id": "1", "status": "COMPLETE"})
    assert _post(cast.account, body).status_code == 200
    assert sent == [("workers.sessions.check_postback", (cast.account.pk, body))]


@pytest.mark.parametrize(
    "reference", ["", "x", "1", "1-", "1-0000", "-1-00", "99999999999999999999-00", "٣-00", "1-" + "0" * 32]
)
def test_a_reference_nobody_gave_out_does_not_exist(cast: Cast, sent: list[Any], reference: str) -> None:
    answer = Client().post(f"/hooks/zerodha/postback/{reference}/", "{}", content_type="application/json")
    assert answer.status_code == 404
    assert sent == []


def test_one_accounts_reference_is_not_anothers(cast: Cast, sent: list[Any]) -> None:
    mark = links.reference_of(cast.account.pk).partition("-")[2]
    assert _post(cast.account, "{}", reference=f"{cast.paper_account.pk}-{mark}").status_code == 404


def test_a_reference_counts_at_its_own_broker_and_while_the_account_is_used(cast: Cast, sent: list[Any]) -> None:
    assert _post(cast.account, "{}", broker="paper").status_code == 404
    BrokerAccount.objects.filter(pk=cast.account.pk).update(is_active=False)
    assert _post(cast.account, "{}").status_code == 404
    assert sent == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("not json", 400),
        ("[]", 400),
        ('"text"', 400),
        (b"\xff\xfe", 400),
        ("[" * 40_000, 400),
        (json.dumps({"a": "x" * 64_000}), 413),
        ("x" * 2_000_000, 400),
    ],
)
def test_a_malformed_postback_is_refused_and_changes_nothing(
    cast: Cast, sent: list[Any], body: Any, status: int
) -> None:
    events = AuditEvent.objects.count()
    assert _post(cast.account, body).status_code == status
    assert sent == []
    assert AuditEvent.objects.count() == events


def test_a_postback_is_a_post(cast: Cast) -> None:
    assert Client().get(f"/hooks/zerodha/postback/{links.reference_of(cast.account.pk)}/").status_code == 405


def test_the_references_change_with_the_installations_key(cast: Cast, settings: Any) -> None:
    before = links.reference_of(cast.account.pk)
    settings.SECRET_KEY = "another"
    assert links.reference_of(cast.account.pk) != before
    assert links.account_of(before) is None


# signing in ---------------------------------------------------------------------------------------------------------


def _client(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def _connect_url(account: BrokerAccount) -> str:
    return reverse("broker_accounts:connect", args=[account.broker, account.pk])


def _begin(client: Client, account: BrokerAccount) -> str:
    answer = client.post(_connect_url(account))
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]


def _callback(client: Client, state: str, **query: str) -> Any:
    given = {"state": state, "request_token": "abc123", "status": "success"} | query
    return client.get("/hooks/zerodha/callback/", given)


def test_the_links_in_messages_lead_to_the_pages(cast: Cast) -> None:
    assert urlsplit(links.connect_url(cast.account)).path == _connect_url(cast.account)
    assert urlsplit(links.callback_url("zerodha")).path == reverse("broker_accounts:callback", args=["zerodha"])
    reference = links.reference_of(cast.account.pk)
    wanted = reverse("broker_accounts:postback", args=["zerodha", reference])
    assert urlsplit(links.postback_url(cast.account)).path == wanted


def test_a_sign_in_from_the_click_to_the_code(cast: Cast, sent: list[Any]) -> None:
    client = _client(cast.trader)
    assert client.get(_connect_url(cast.account)).status_code == 200
    state = _begin(client, cast.account)
    assert sent == [("workers.sessions.prepare_login", (cast.account.pk, state))]
    opened = reverse("broker_accounts:open", args=["zerodha", cast.account.pk])
    waiting = client.get(opened, {"state": state, "looks": "0"})
    assert waiting.status_code == 200
    assert waiting.headers["Refresh"].startswith("1; url=/hooks/zerodha/connect/")
    cache.set(links.login_page_key(state), "https://broker.example/login?x=1", 60)
    gone = client.get(opened, {"state": state, "looks": "1"})
    assert (gone.status_code, gone.headers["Location"]) == (302, "https://broker.example/login?x=1")
    sent.clear()
    assert _callback(client, state).status_code == 302
    assert sent == [("workers.sessions.exchange_login", (cast.account.pk, "abc123"))]


def test_a_state_works_once(cast: Cast, sent: list[Any]) -> None:
    client = _client(cast.trader)
    state = _begin(client, cast.account)
    _callback(client, state)
    sent.clear()
    assert _callback(client, state).status_code == 403
    assert sent == []


def test_a_state_of_another_browser_session_is_refused(cast: Cast, sent: list[Any]) -> None:
    state = _begin(_client(cast.trader), cast.account)
    sent.clear()
    assert _callback(_client(cast.trader), state).status_code == 403
    assert sent == []


def test_a_state_of_another_person_is_refused(cast: Cast, sent: list[Any]) -> None:
    state = _begin(_client(cast.trader), cast.account)
    for person in (cast.other_trader, cast.outsider):
        assert _callback(_client(person), state).status_code == 403


def test_a_late_state_is_refused(cast: Cast, sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    client = _client(cast.trader)
    state = _begin(client, cast.account)
    sent.clear()
    later = signing.time.time() + timedelta(seconds=links.STATE_SECONDS + 5).total_seconds()
    monkeypatch.setattr(signing.time, "time", lambda: later)
    with pytest.raises(links.BadState):
        links.read_state(state)


@pytest.mark.parametrize("state", ["", "x", "a:b:c", "WzEsMiwiMyJd:1abc:def"])
def test_a_forged_state_is_refused(cast: Cast, sent: list[Any], state: str) -> None:
    assert _callback(_client(cast.trader), state).status_code == 403
    assert sent == []


@pytest.mark.parametrize(
    "query",
    [
        {"request_token": ""},
        {"request_token": "a b"},
        {"request_token": "x" * 200},
        {"status": "cancelled"},
        {"status": ""},
    ],
)
def test_a_failed_sign_in_hands_nothing_on(cast: Cast, sent: list[Any], query: dict[str, str]) -> None:
    client = _client(cast.trader)
    state = _begin(client, cast.account)
    sent.clear()
    assert _callback(client, state, **query).status_code == 400
    assert sent == []


def test_an_account_given_away_meanwhile_is_not_signed_in(cast: Cast, sent: list[Any]) -> None:
    client = _client(cast.trader)
    state = _begin(client, cast.account)
    sent.clear()
    BrokerAccount.objects.filter(pk=cast.account.pk).update(user=cast.other_trader)
    assert _callback(client, state).status_code == 403
    assert sent == []


def test_foreign_and_paper_accounts_do_not_exist(cast: Cast, sent: list[Any]) -> None:
    for person in (cast.other_trader, cast.outsider):
        for method in ("get", "post"):
            assert getattr(_client(person), method)(_connect_url(cast.account)).status_code == 404
    assert _client(cast.trader).get(_connect_url(cast.paper_account)).status_code == 404
    assert _client(cast.trader).get(f"/hooks/other/connect/{cast.account.pk}/").status_code == 404
    assert sent == []


def test_strangers_sign_in_first(cast: Cast) -> None:
    for url in (_connect_url(cast.account), "/hooks/zerodha/callback/"):
        answer = Client().get(url)
        assert (answer.status_code, "/login/" in answer.headers["Location"]) == (302, True)


def test_a_worker_that_does_not_answer_is_said_to(cast: Cast, sent: list[Any]) -> None:
    client = _client(cast.trader)
    state = _begin(client, cast.account)
    opened = reverse("broker_accounts:open", args=["zerodha", cast.account.pk])
    assert client.get(opened, {"state": state, "looks": "15"}).status_code == 503
    assert client.get(opened, {"state": "forged", "looks": "1"}).status_code == 403


def test_a_page_that_is_no_web_address_is_never_followed(cast: Cast, sent: list[Any]) -> None:
    client = _client(cast.trader)
    state = _begin(client, cast.account)
    cache.set(links.login_page_key(state), "javascript:alert(1)", 60)
    opened = reverse("broker_accounts:open", args=["zerodha", cast.account.pk])
    assert client.get(opened, {"state": state, "looks": "1"}).status_code == 200
