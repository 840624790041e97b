"""Sign-ins at a broker that hands no state back: the browser's own session says which one came home."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services import links
from apps.users.models import User
from bus import commands
from tests.cast import Cast, make_account

Sent = list[tuple[str, tuple[object, ...]]]


@pytest.fixture
def account(cast: Cast) -> BrokerAccount:
    return make_account(cast.trader, "flattrade", "FT0001", mode="PAPER")


@pytest.fixture
def sent(cast: Cast, account: BrokerAccount, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Codes handed to the worker, at once instead of after the test's commit."""
    found: Sent = []
    monkeypatch.setattr(commands, "_on_commit", lambda task, queue, *args: found.append((task, args)))
    return found


def client_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def begin(client: Client, account: BrokerAccount) -> str:
    answer = client.post(reverse("broker_accounts:connect", args=[account.broker, account.pk]))
    return parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]


def callback(browser: Client, broker: str = "flattrade", **query: str) -> int:
    return browser.get(f"/hooks/{broker}/callback/", query or {"request_code": "c1"}).status_code


def codes(sent: Sent) -> list[tuple[object, ...]]:
    return [args for task, args in sent if task.endswith("exchange_login")]


@pytest.mark.parametrize("name", ["request_code", "code"])
def test_the_code_reaches_the_worker_once(cast: Cast, account: BrokerAccount, sent: Sent, name: str) -> None:
    client = client_of(cast.trader)
    begin(client, account)
    assert callback(client, **{name: "c1", "client": "FT0001"}) == 302
    assert callback(client, **{name: "c1"}) == 403
    assert codes(sent) == [(account.pk, "c1")]


def test_only_the_browser_that_began_is_listened_to(cast: Cast, account: BrokerAccount, sent: Sent) -> None:
    state = begin(client_of(cast.trader), account)
    for person in (cast.trader, cast.other_trader, cast.outsider):
        client = client_of(person)
        assert callback(client) == 403
        assert callback(client, request_code="c1", state=state) == 403
    assert callback(Client()) == 302  # to the sign-in page of ours
    assert codes(sent) == []


def test_the_next_person_at_the_browser_inherits_nothing(cast: Cast, account: BrokerAccount, sent: Sent) -> None:
    client = client_of(cast.trader)
    begin(client, account)
    client.force_login(cast.outsider)
    assert callback(client) == 403
    assert codes(sent) == []


def test_a_session_of_somebody_else_is_not_enough(cast: Cast, account: BrokerAccount, sent: Sent) -> None:
    client, other = client_of(cast.trader), client_of(cast.outsider)
    begin(client, account)
    session = other.session
    for key in ("broker_logins", "broker_logins_newest"):
        session[key] = client.session[key]
    session.save()
    assert callback(other) == 403
    assert codes(sent) == []


def test_the_newest_of_two_counts(cast: Cast, account: BrokerAccount, sent: Sent) -> None:
    second = make_account(cast.trader, "flattrade", "FT0002", mode="PAPER")
    client = client_of(cast.trader)
    first_state = begin(client, account)
    begin(client, second)
    opened = client.get(
        reverse("broker_accounts:open", args=["flattrade", account.pk]), {"state": first_state, "looks": "1"}
    )
    assert opened.status_code == 403
    assert "a newer sign-in" in opened.content.decode()
    assert callback(client, request_code="c2") == 302
    refused = client.get("/hooks/flattrade/callback/", {"request_code": "c1"})
    assert refused.status_code == 403
    assert "newer one took its place" in refused.content.decode()
    assert codes(sent) == [(second.pk, "c2")]


def test_sign_ins_at_two_brokers_do_not_disturb_each_other(cast: Cast, account: BrokerAccount, sent: Sent) -> None:
    client = client_of(cast.trader)
    begin(client, account)
    state = begin(client, cast.account)
    assert callback(client) == 302
    assert callback(client, "zerodha", request_token="k1", status="success") == 403  # Kite hands the state back
    assert callback(client, "zerodha", request_token="k1", status="success", state=state) == 302
    assert codes(sent) == [(account.pk, "c1"), (cast.account.pk, "k1")]


def test_a_late_return_is_refused(
    cast: Cast, account: BrokerAccount, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(cast.trader)
    begin(client, account)
    monkeypatch.setattr(links, "STATE_SECONDS", -1)
    assert callback(client) == 403
    assert codes(sent) == []


@pytest.mark.parametrize(
    "query",
    [
        {"error": "denied"},
        {"request_code": ""},
        {"request_code": "a b"},
        {"request_code": "x" * 2001},
        {"request_token": "k1", "status": "success"},
    ],
)
def test_a_denied_sign_in_uses_the_state_up(
    cast: Cast, account: BrokerAccount, sent: Sent, query: dict[str, str]
) -> None:
    client = client_of(cast.trader)
    begin(client, account)
    assert callback(client, **query) == 400
    assert callback(client) == 403
    assert codes(sent) == []


def test_codes_longer_than_kites_pass_where_the_broker_has_them(cast: Cast, account: BrokerAccount, sent: Sent) -> None:
    client = client_of(cast.trader)
    begin(client, account)
    assert callback(client, request_code="x" * 500) == 302
    assert codes(sent) == [(account.pk, "x" * 500)]


def test_an_account_given_away_meanwhile_is_not_signed_in(cast: Cast, account: BrokerAccount, sent: Sent) -> None:
    client = client_of(cast.trader)
    begin(client, account)
    BrokerAccount.objects.filter(pk=account.pk).update(user=cast.other_trader)
    assert callback(client) == 403
    assert codes(sent) == []


def test_a_broker_nobody_knows_has_no_callback(cast: Cast, sent: Sent) -> None:
    assert callback(client_of(cast.trader), "nobody") == 404
    assert callback(client_of(cast.trader), "paper") == 403
    assert codes(sent) == []
