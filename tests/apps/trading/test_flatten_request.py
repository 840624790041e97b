"""Flattening asked for as a deed of its own: by whom, how far, and the whole platform only by two."""

from datetime import datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount
from apps.notifications.models import Notification
from apps.risk.models import FlattenRequest, Halt, HaltScope
from apps.trading.models import Intent, Trade
from apps.trading.services.flatten import Target
from apps.trading.services.flatten_request import Asked, FlattenRefused, ask_to_flatten, confirm_flatten
from apps.users.models import Role, User
from tests.apps.dashboard.scene import make_trade
from tests.cast import Cast, make_account, make_strategy, publish_price

PASSWORD = "correct horse battery"
PLATFORM = Target(HaltScope.PLATFORM, 0, None, "the whole platform")


@pytest.fixture
def foreign(cast: Cast) -> BrokerAccount:
    return make_account(cast.outsider, "paper", "PAPER9", mode="PAPER")


@pytest.fixture
def trades(cast: Cast, now: datetime, foreign: BrokerAccount) -> list[Trade]:
    """A trade of the live account, one of the paper account, one of another tenant."""
    publish_price(cast.call, "39.85")
    theirs = make_strategy(foreign.tenant, name="Theirs", slug="theirs")
    return [
        make_trade(cast.account, [cast.call], strategy=cast.strategy, now=now, key="a"),
        make_trade(cast.paper_account, [cast.call], strategy=make_strategy(cast.tenant, slug="other"), now=now),
        make_trade(foreign, [cast.call], strategy=theirs, now=now),
    ]


@pytest.fixture
def chiefs(db: None) -> list[User]:
    return [User.objects.create_superuser(f"{name}@vayda.test", PASSWORD) for name in ("chief", "deputy")]


def leaving() -> set[int]:
    return set(Intent.objects.filter(kind="EXIT").values_list("trade_id", flat=True))


def ask(target: Target, user: User, now: datetime, wall: datetime | None = None) -> Asked:
    wall = wall or timezone.now()
    return ask_to_flatten(target=target, user=user, reason="drill", halt=False, now=now, wall=wall)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(("scope", "left"), [("ACCOUNT", [0]), ("STRATEGY", [0]), ("TENANT", [0, 1])])
def test_a_target_is_left_at_once_and_no_more_than_it(
    cast: Cast, now: datetime, trades: list[Trade], scope: str, left: list[int]
) -> None:
    pk = {"ACCOUNT": cast.account.pk, "STRATEGY": cast.strategy.pk, "TENANT": cast.tenant.pk}[scope]
    target = Target(HaltScope(scope), pk, cast.tenant.pk, "it")
    asked = ask(target, cast.operator, now)
    assert asked.trades == len(left)
    assert leaving() == {trades[number].pk for number in left}
    assert not Halt.objects.exists()
    row = FlattenRequest.objects.get()
    assert (row.confirmed_by, row.trades) == (cast.operator, len(left))
    assert AuditEvent.objects.filter(kind="flatten_confirmed", actor=cast.operator).count() == 1


def test_the_whole_platform_waits_for_a_second_person(
    cast: Cast, now: datetime, trades: list[Trade], chiefs: list[User]
) -> None:
    wall = timezone.now()
    asked = ask(PLATFORM, chiefs[0], now, wall=wall)
    assert asked.trades is None
    assert leaving() == set()
    assert Notification.objects.get(code="FLATTEN_ASKED").level == "PAGE"
    with pytest.raises(FlattenRefused, match="second person"):
        confirm_flatten(request=asked.request, user=chiefs[0], now=now, wall=wall)
    with pytest.raises(FlattenRefused):
        confirm_flatten(request=asked.request, user=cast.operator, now=now, wall=wall)
    assert leaving() == set()
    assert confirm_flatten(request=asked.request, user=chiefs[1], now=now, wall=wall + timedelta(minutes=9)) == 3
    assert leaving() == {trade.pk for trade in trades}
    with pytest.raises(FlattenRefused, match="before"):
        confirm_flatten(request=asked.request, user=chiefs[1], now=now, wall=wall)


def test_an_old_request_has_lapsed(now: datetime, trades: list[Trade], chiefs: list[User]) -> None:
    wall = timezone.now()
    asked = ask(PLATFORM, chiefs[0], now, wall=wall)
    with pytest.raises(FlattenRefused, match="ten minutes"):
        confirm_flatten(request=asked.request, user=chiefs[1], now=now, wall=wall + timedelta(minutes=11))
    assert leaving() == set()


def test_the_database_itself_refuses_one_person_for_the_platform(chiefs: list[User]) -> None:
    with pytest.raises(IntegrityError, match="platform_flatten_takes_two"):
        FlattenRequest.objects.create(scope="PLATFORM", reason="x", asked_by=chiefs[0], confirmed_by=chiefs[0])


def test_nobody_flattens_what_they_do_not_run(cast: Cast, now: datetime, trades: list[Trade]) -> None:
    elsewhere = User.objects.create_user("op@elsewhere.test", PASSWORD, tenant=cast.outsider.tenant, role=Role.OPERATOR)
    target = Target(HaltScope.ACCOUNT, cast.account.pk, cast.tenant.pk, "it")
    for person in (elsewhere, cast.manager, cast.trader):
        with pytest.raises(FlattenRefused):
            ask(target, person, now)
    with pytest.raises(FlattenRefused):
        ask(PLATFORM, cast.operator, now)
    assert not FlattenRequest.objects.exists()


def test_two_admins_flatten_everything_from_the_desk(cast: Cast, trades: list[Trade], chiefs: list[User]) -> None:
    first, second = (client_of(chief) for chief in chiefs)
    url = first.get(reverse("admin:risk_flattenrequest_everything"))["Location"]
    full = {"typed": "FLATTEN", "reason": "runaway", "password": PASSWORD, "halt": "on"}
    assert first.post(url, full | {"typed": "yes"}).status_code == 422
    assert first.post(url, full).status_code == 302
    row = FlattenRequest.objects.get()
    agree = reverse("admin:risk_flattenrequest_agree", args=[row.pk])
    answers = {"typed": "FLATTEN", "password": PASSWORD}
    refused = first.post(agree, answers)
    assert "second person" in " ".join(str(one) for one in get_messages(refused.wsgi_request))
    assert leaving() == set()
    assert second.post(agree, answers | {"password": "wrong"}).status_code == 422
    assert second.post(agree, answers).status_code == 302
    assert len(leaving()) == 3
    assert Halt.objects.active().get().scope == "PLATFORM"


def test_an_operator_flattens_the_own_tenant_and_sees_only_its_requests(
    cast: Cast, trades: list[Trade], chiefs: list[User]
) -> None:
    desk = client_of(cast.operator)
    url = desk.get(reverse("admin:risk_flattenrequest_everything"))["Location"]
    assert url.endswith(f"?tenant={cast.tenant.pk}")
    for forbidden in ("?platform=1", f"?tenant={cast.outsider.tenant_id}"):
        assert desk.get(reverse("admin:trading_trade_flatten") + forbidden).status_code == 404
    desk.post(url, {"typed": "FLATTEN", "reason": "runaway", "password": PASSWORD})
    assert leaving() == {trades[0].pk, trades[1].pk}
    theirs = FlattenRequest.objects.create(
        scope="TENANT", tenant=cast.outsider.tenant, reason="secret", asked_by=chiefs[0]
    )
    shown = desk.get(reverse("admin:risk_flattenrequest_changelist")).content.decode()
    assert "runaway" in shown
    assert "secret" not in shown
    agree = reverse("admin:risk_flattenrequest_agree", args=[theirs.pk])
    assert desk.post(agree, {"typed": "FLATTEN", "password": PASSWORD}).status_code == 404
