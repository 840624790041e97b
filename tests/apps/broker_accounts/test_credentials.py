"""What an account holds is written by its client or an operator, optional fields too, and shown to nobody."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services import links
from apps.broker_accounts.services.credentials import BadCredentials, credentials_of, set_credentials
from apps.users.models import User
from brokers.catalog import SPECS
from bus import commands
from domain.broker_spec import SignInKind
from tests.cast import Cast, make_account

PASSWORD = "a long password"
KEYS = {"api_key": "new-key", "api_secret": "new-secret"}
PEM = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"


@pytest.fixture
def sent(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr(commands, "_on_commit", lambda task, queue, *args: found.append((task, args)))
    return found


def client_of(person: User) -> Client:
    person.set_password(PASSWORD)
    person.save()
    client = Client()
    client.force_login(person)
    return client


def url_of(account: BrokerAccount) -> str:
    return reverse("broker_accounts:credentials", args=[account.broker, account.pk])


def test_a_client_writes_credentials_and_nobody_reads_them(cast: Cast, sent: list[Any]) -> None:
    client = client_of(cast.trader)
    page = client.get(url_of(cast.account)).content.decode()
    assert "api_secret-of-AB1234" not in page
    assert client.post(url_of(cast.account), KEYS | {"password": "wrong"}).status_code == 422
    assert client.post(url_of(cast.account), {"api_key": "x", "password": PASSWORD}).status_code == 422
    refused = client.post(url_of(cast.account), KEYS | {"proxy": "nonsense", "password": PASSWORD})
    assert refused.status_code == 422
    assert "new-secret" not in refused.content.decode()
    assert sent == []
    proxied = KEYS | {"proxy": "http://me:pass@198.51.100.7.nip.test:3128"}
    assert client.post(url_of(cast.account), proxied | {"password": PASSWORD}).status_code == 302
    cast.account.refresh_from_db()
    assert credentials_of(cast.account).fields == proxied
    event = AuditEvent.objects.filter(kind="credentials_set").latest("pk")
    assert (event.actor, event.data["fields"]) == (cast.trader, ["api_key", "api_secret", "proxy"])
    assert sent == [("workers.sessions.sign_in_account", (cast.account.pk,))]


def test_other_peoples_accounts_have_no_such_page(cast: Cast, sent: list[Any]) -> None:
    for person in (cast.other_trader, cast.outsider, cast.operator):
        client = client_of(person)
        assert client.get(url_of(cast.account)).status_code == 404
        assert client.post(url_of(cast.account), KEYS | {"password": PASSWORD}).status_code == 404
    assert client_of(cast.trader).get(url_of(cast.paper_account)).status_code == 404
    terminal = make_account(cast.trader, "mt5", "7001", mode="PAPER")
    assert client_of(cast.trader).get(url_of(terminal)).status_code == 404
    assert sent == []


@pytest.mark.parametrize("slug", sorted(SPECS))
def test_every_field_of_a_broker_is_asked_for(cast: Cast, slug: str) -> None:
    spec = SPECS[slug]
    if not spec.asked_fields:
        assert spec.sign_in.kind in (SignInKind.NONE, SignInKind.BRIDGE)
        return
    account = make_account(cast.trader, slug, "X1", mode="PAPER")
    page = client_of(cast.trader).get(url_of(account)).content.decode()
    for field in spec.asked_fields:
        assert (f'name="{field.name}"' in page) is not field.operators
        assert not (field.secret and f'type="text" name="{field.name}"' in page)
    assert 'name="proxy"' in page
    desk = client_of(cast.operator)
    asked = desk.get(reverse("admin:broker_accounts_brokeraccount_credentials", args=[account.pk])).content.decode()
    assert all(f'name="{field.name}"' in asked for field in spec.asked_fields)


@pytest.mark.parametrize("slug", sorted(slug for slug, spec in SPECS.items() if spec.sign_in.kind is SignInKind.OAUTH))
def test_our_callback_address_is_shown_and_never_asked_for(cast: Cast, slug: str) -> None:
    account = make_account(cast.trader, slug, "X1", mode="PAPER")
    address = links.callback_url(slug)
    desk, trader = client_of(cast.operator), client_of(cast.trader)
    pages = [
        trader.get(url_of(account)),
        trader.get(reverse("broker_accounts:connect", args=[slug, account.pk])),
        desk.get(reverse("admin:broker_accounts_brokeraccount_credentials", args=[account.pk])),
    ]
    for page in pages:
        assert address in page.content.decode()
        assert "redirect_ur" not in page.content.decode()
    name = SPECS[slug].sign_in.callback_field
    assert not any("redirect" in field.name for field in SPECS[slug].asked_fields)
    if name:
        account.refresh_from_db()
        assert credentials_of(account).fields[name] == address


def test_an_address_kept_from_before_gives_way_to_ours(cast: Cast, settings: Any) -> None:
    account = make_account(cast.trader, "upstox", "UP1", mode="PAPER")
    settings.BASE_URL = "https://desk.example"
    account.refresh_from_db()
    assert credentials_of(account).fields["redirect_url"] == "https://desk.example/hooks/upstox/callback/"


@pytest.mark.parametrize(
    ("slug", "fields"),
    [
        ("zerodha", {"api_key": "only"}),
        ("zerodha", KEYS | {"pairs": "BTCUSDT"}),
        ("upstox", KEYS | {"redirect_url": "https://elsewhere.example/"}),
        ("aliceblue", KEYS | {"carry_product": "MIS"}),
        ("binance", KEYS | {"pairs": "BTC/USDT;"}),
        ("zerodha", KEYS | {"api_secret": "two\nlines"}),
        ("zerodha", KEYS | {"api_secret": "x" * 9000}),
        ("zerodha", KEYS | {"proxy": "socks5://proxy.example:1080"}),
        ("zerodha", KEYS | {"proxy": "http://proxy.example:3128/path"}),
        ("zerodha", KEYS | {"proxy": "http://127.0.0.1:6379"}),
        ("zerodha", KEYS | {"proxy": "http://[::1]:6379"}),
        ("zerodha", KEYS | {"proxy": "http://10.0.0.8:3128"}),
        ("zerodha", KEYS | {"proxy": "http://169.254.169.254"}),
        ("zerodha", KEYS | {"proxy": "http://redis:6379"}),
        ("zerodha", KEYS | {"local_address": "10.0.0.9"}),
        ("zerodha", KEYS | {"proxy": "http://proxy.example:3128", "proxy_inside": "yes"}),
    ],
)
def test_what_a_client_may_not_write_changes_nothing(cast: Cast, slug: str, fields: dict[str, str]) -> None:
    account = make_account(cast.trader, slug, "X1", mode="PAPER")
    account.refresh_from_db()
    before = credentials_of(account)
    with pytest.raises(BadCredentials):
        set_credentials(account=account, fields=fields, actor=cast.trader)
    account.refresh_from_db()
    assert credentials_of(account) == before


@pytest.mark.parametrize(
    ("slug", "fields"),
    [
        ("aliceblue", KEYS | {"carry_product": "NRML"}),
        ("binance", KEYS | {"pairs": "BTCUSDT, ETHUSDT", "api_secret": PEM}),
        ("zerodha", KEYS | {"proxy": "http://10.0.0.8:3128", "local_address": "10.0.0.9"}),
        ("zerodha", KEYS | {"proxy": "https://user:secret@proxy.example:443/"}),
    ],
)
def test_an_operator_writes_what_the_broker_takes(cast: Cast, slug: str, fields: dict[str, str]) -> None:
    account = make_account(cast.trader, slug, "X1", mode="PAPER")
    set_credentials(account=account, fields=fields | {"proxy": fields.get("proxy", "")}, actor=cast.operator)
    account.refresh_from_db()
    mark = {"proxy_inside": "yes"} if "proxy" in fields else {}
    assert credentials_of(account).fields == fields | mark


def test_an_account_with_keys_is_signed_in_without_a_page(cast: Cast, sent: list[Any]) -> None:
    account = make_account(cast.trader, "kotak", "K1", mode="PAPER")
    client = client_of(cast.trader)
    url = reverse("broker_accounts:connect", args=["kotak", account.pk])
    assert "broker's own page" not in client.get(url).content.decode()
    assert client.post(url).status_code == 302
    assert sent == [("workers.sessions.sign_in_account", (account.pk,))]
    assert AuditEvent.objects.filter(kind="sign_in_started").latest("pk").actor == cast.trader
