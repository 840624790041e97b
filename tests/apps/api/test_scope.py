"""Nobody sees or moves what is not theirs: every address of the API, generated from the URLconf."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern

from apps.api.urls import urlpatterns
from apps.audit.models import AuditEvent
from apps.trading.models import ChangeRequest, ExternalOrder, Fill, Holding, Intent, Order, Position, Trade
from apps.users.models import Role, User
from tests.apps.api.conftest import Api, Scene, api_of
from tests.cast import make_strategy

PUBLIC = {"schema", "docs"}
ROUTES: list[URLPattern] = [pattern for pattern in urlpatterns if pattern.name not in PUBLIC]
WRITES = {"square-off", "cancel-order", "change-order"}
LISTS = sorted(str(p.pattern) for p in ROUTES if "<" not in str(p.pattern) and p.name not in WRITES)
DETAILS = sorted(str(p.pattern) for p in ROUTES if "<int:pk>" in str(p.pattern) and p.name not in WRITES)
ASKED = ["orders/<int:pk>/cancel/", "orders/<int:pk>/change/"]


def owned(scene: Scene, account: Any) -> dict[str, set[int]]:
    """Return the ids of everything that hangs on one account, by the first word of its address."""
    return {
        "accounts": {account.pk},
        "trades": set(Trade.objects.filter(account=account).values_list("pk", flat=True)),
        "orders": set(Order.objects.filter(account=account).values_list("pk", flat=True)),
        "external-orders": set(ExternalOrder.objects.filter(account=account).values_list("pk", flat=True)),
        "fills": set(Fill.objects.filter(account=account).values_list("pk", flat=True)),
        "positions": set(Position.objects.filter(account=account).values_list("pk", flat=True)),
        "holdings": set(Holding.objects.filter(account=account).values_list("pk", flat=True)),
        "order-requests": set(ChangeRequest.objects.filter(account=account).values_list("pk", flat=True)),
        "signals": {Trade.objects.get(account=account).wave.signal_id},
    }


def people(scene: Scene) -> Iterator[tuple[str, User, Any]]:
    """Yield who asks, and an account that is none of their business."""
    cast = scene.cast
    elsewhere = User.objects.create_user(
        "boss@elsewhere.test", "x" * 12, tenant=cast.outsider.tenant, role=Role.OPERATOR
    )
    stranger = User.objects.create_user("stranger@house.test", "x" * 12, tenant=cast.tenant, role=Role.MANAGER)
    yield "outsider", cast.outsider, cast.account
    yield "another trader of the tenant", cast.other_trader, cast.account
    yield "a manager of others", cast.manager, scene.theirs
    yield "a manager of nobody", stranger, cast.account
    yield "another tenant's operator", elsewhere, cast.account
    yield "the tenant's operator", cast.operator, scene.foreign
    yield "the trader", cast.trader, scene.foreign


WHO = [
    "outsider",
    "another trader of the tenant",
    "a manager of others",
    "a manager of nobody",
    "another tenant's operator",
    "the tenant's operator",
    "the trader",
]


@pytest.fixture(params=WHO)
def asked(request: pytest.FixtureRequest, scene: Scene) -> tuple[User, Any]:
    return next((user, account) for who, user, account in people(scene) if who == request.param)


def shares_the_signal(user: User, account: Any) -> bool:
    """One signal goes to many accounts: whoever has an account in the strategy sees the signal itself."""
    return user.tenant == account.tenant and user.accounts.exists() | user.clients.exists()


def assert_verdict_is_hidden(api: Api, account: Any) -> None:
    """The signal is shown, what it meant for the other account is not."""
    signal = api.rows("signals/")[0]
    assert signal["verdicts"]
    assert account.pk not in {verdict["account"] for verdict in signal["verdicts"]}
    assert api.get(f"signals/{signal['id']}/").json()["verdicts"] == signal["verdicts"]


def test_the_lists_are_what_the_urlconf_says() -> None:
    assert [
        *("accounts/", "external-orders/", "fills/", "holdings/", "orders/", "positions/", "signals/", "trades/"),
    ] == LISTS
    assert [path.partition("/")[0] for path in DETAILS] == ["accounts", "order-requests", "orders", "signals", "trades"]


@pytest.mark.parametrize("path", DETAILS)
def test_a_foreign_row_does_not_exist(asked: tuple[User, Any], scene: Scene, path: str) -> None:
    user, account = asked
    noun = path.partition("/")[0]
    api = api_of(user)
    if noun == "signals" and shares_the_signal(user, account):
        assert_verdict_is_hidden(api, account)
        return
    for pk in owned(scene, account)[noun]:
        foreign, absent = api.get(path.replace("<int:pk>", str(pk))), api.get(path.replace("<int:pk>", "999999"))
        assert foreign.status_code == 404
        assert foreign.content == absent.content


@pytest.mark.parametrize("path", LISTS)
def test_a_list_holds_nothing_foreign(asked: tuple[User, Any], scene: Scene, path: str) -> None:
    user, account = asked
    noun = path.partition("/")[0]
    if noun == "signals" and shares_the_signal(user, account):
        assert_verdict_is_hidden(api_of(user), account)
        return
    assert not set(api_of(user).ids(path)) & owned(scene, account)[noun]


@pytest.mark.parametrize(
    "path", ["trades/", "orders/", "external-orders/", "fills/", "positions/", "holdings/", "accounts/"]
)
def test_a_filter_reaches_nothing_foreign(asked: tuple[User, Any], scene: Scene, path: str) -> None:
    user, account = asked
    assert api_of(user).ids(path, account=account.pk) == []


def test_a_foreign_strategy_filter_tells_nothing(scene: Scene) -> None:
    api = api_of(scene.cast.trader)
    for path in ("trades/", "orders/", "fills/", "signals/"):
        foreign = api.get(path, strategy=scene.foreign_strategy.pk).json()["results"]
        assert foreign == api.get(path, strategy=999_999).json()["results"] == []


@pytest.mark.parametrize("what", ["trade", "account"])
def test_a_foreign_square_off_is_404_and_moves_nothing(asked: tuple[User, Any], scene: Scene, what: str) -> None:
    user, account = asked
    target = account.pk if what == "account" else scene.trade(account).pk

    response = api_of(user).post("square-off/", {what: target})

    assert response.status_code == 404
    assert response.json() == {"error": {"code": "NOT_FOUND", "message": "Not found."}}
    assert not Intent.objects.filter(kind="EXIT").exists()
    assert not AuditEvent.objects.filter(kind="exit_requested").exists()


@pytest.mark.parametrize("path", ASKED)
def test_a_foreign_order_is_not_found_and_not_touched(asked: tuple[User, Any], scene: Scene, path: str) -> None:
    user, account = asked
    known = ChangeRequest.objects.count()
    for order in Order.objects.filter(account=account):
        response = api_of(user).post(path.replace("<int:pk>", str(order.pk)), {"price": "99"})
        assert response.status_code == 404
        assert response.json() == {"error": {"code": "NOT_FOUND", "message": "Not found."}}
    assert ChangeRequest.objects.count() == known
    assert not Order.objects.filter(cancel_requested_at__isnull=False).exists()


def test_everything_means_everything_of_ones_own(asked: tuple[User, Any], scene: Scene) -> None:
    user, account = asked
    assert api_of(user).post("square-off/", {"all": True}).status_code == 202
    assert not Intent.objects.filter(kind="EXIT", account=account).exists()


def test_verdicts_on_other_accounts_are_not_shown(scene: Scene) -> None:
    mine = api_of(scene.cast.trader).rows("signals/")[0]
    everybodys = api_of(scene.cast.operator).rows("signals/")[0]

    own = {scene.cast.account.pk, scene.cast.paper_account.pk}
    assert {verdict["account"] for verdict in mine["verdicts"]} == own
    assert {verdict["account"] for verdict in everybodys["verdicts"]} == own | {scene.theirs.pk}
    assert (mine["payload"], everybodys["payload"]) == (None, {"action": "buy"})


def test_a_manager_sees_the_own_clients(scene: Scene) -> None:
    assert set(api_of(scene.cast.manager).ids("accounts/")) == {scene.cast.account.pk, scene.cast.paper_account.pk}


def test_an_operator_sees_the_tenant(scene: Scene) -> None:
    ids = {scene.cast.account.pk, scene.cast.paper_account.pk, scene.theirs.pk}
    assert set(api_of(scene.cast.operator).ids("accounts/")) == ids


def test_a_strategy_nobody_is_mapped_to_is_the_operators_alone(scene: Scene) -> None:
    quiet = make_strategy(scene.cast.tenant, slug="quiet", name="Quiet")
    signal = quiet.signals.create(tenant=scene.cast.tenant, kind="ENTRY", dedupe_key="q", received_at=quiet.created_at)

    assert api_of(scene.cast.trader).get(f"signals/{signal.pk}/").status_code == 404
    assert api_of(scene.cast.operator).get(f"signals/{signal.pk}/").status_code == 200


@pytest.mark.parametrize(
    "path", [*LISTS, *(path.replace("<int:pk>", "1") for path in [*DETAILS, *ASKED]), "square-off/"]
)
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Bearer a b", "Token {}", "Bearer {}x", "Basic {}"])
def test_without_a_valid_key_nothing_is_answered(scene: Scene, path: str, header: str) -> None:
    api = api_of(scene.cast.trader)
    headers = {"Authorization": header.format(api.key)} if header else {}

    response = api.client.get(f"/api/v1/{path}", headers=headers)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", [*LISTS, *DETAILS])
def test_rows_are_read_only(scene: Scene, path: str, method: str) -> None:
    api = api_of(scene.cast.trader)
    noun = path.partition("/")[0]
    pk = next(iter(owned(scene, scene.cast.account)[noun]))
    call = getattr(api.client, method)

    response = call(
        f"/api/v1/{path.replace('<int:pk>', str(pk))}",
        json.dumps({"mode": "LIVE"}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {api.key}"},
    )

    assert response.status_code == 405
