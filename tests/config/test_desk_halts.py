"""Halting and flattening from the operators' desk: by whom, how it is meant, and that it is kept."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.risk.models import Halt
from apps.risk.services.halts import set_halt
from apps.trading.models import Order, Trade, TradeLeg
from apps.users.models import Role, User
from tests.cast import Cast, make_strategy
from tests.config.desk_rig import PASSWORD, add, client_of, told


def test_an_operator_halts_the_own_tenant_an_account_and_a_strategy(cast: Cast, desk: Client) -> None:
    assert add(desk, "risk_halt", scope="TENANT", reason="a drill").status_code == 302
    assert add(desk, "risk_halt", scope="ACCOUNT", account=cast.account.pk, reason="odd fills").status_code == 302
    assert add(desk, "risk_halt", scope="STRATEGY", strategy=cast.strategy.pk, reason="a bug").status_code == 302
    rows = list(Halt.objects.order_by("pk").values_list("scope", "tenant", "account", "strategy", "created_by"))
    own = cast.tenant.pk
    assert rows == [
        ("TENANT", own, None, None, cast.operator.pk),
        ("ACCOUNT", own, cast.account.pk, None, cast.operator.pk),
        ("STRATEGY", own, None, cast.strategy.pk, cast.operator.pk),
    ]
    assert AuditEvent.objects.filter(kind="halt_set", actor=cast.operator).count() == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": "PLATFORM", "reason": "too far"},
        {"scope": "ACCOUNT", "reason": "no account"},
        {"scope": "STRATEGY", "reason": "no strategy"},
        {"scope": "TENANT", "reason": ""},
        {"scope": "", "reason": "no scope"},
    ],
)
def test_a_halt_without_target_reason_or_right_is_refused(cast: Cast, desk: Client, fields: dict[str, str]) -> None:
    assert add(desk, "risk_halt", **fields).status_code == 200
    assert not Halt.objects.exists()


def test_an_accounts_page_leads_to_halting_and_flattening_it(cast: Cast, desk: Client) -> None:
    for deed, wanted in (("halt", f'value="{cast.account.pk}" selected'), ("flatten", "Flatten 0 trades")):
        url = reverse(f"admin:broker_accounts_brokeraccount_{deed}", args=[cast.account.pk])
        assert wanted in desk.get(url, follow=True).content.decode()
    foreign = User.objects.create_user(
        "op@elsewhere.test", PASSWORD, tenant=cast.outsider.tenant, role=Role.OPERATOR, is_staff=True
    )
    for deed in ("halt", "flatten", "credentials"):
        url = reverse(f"admin:broker_accounts_brokeraccount_{deed}", args=[cast.account.pk])
        assert client_of(foreign).get(url).status_code == 404


def test_nobody_halts_another_tenants_things(cast: Cast, desk: Client) -> None:
    elsewhere = cast.outsider.tenant
    assert elsewhere is not None
    foreign = make_strategy(elsewhere, slug="theirs", name="Theirs")
    assert add(desk, "risk_halt", scope="STRATEGY", strategy=foreign.pk, reason="x").status_code == 200
    assert not Halt.objects.exists()


def test_a_release_needs_the_password(cast: Cast, desk: Client) -> None:
    halt = set_halt(scope="TENANT", reason="a drill", actor=cast.operator, tenant_id=cast.tenant.pk)
    url = reverse("admin:risk_halt_release", args=[halt.pk])
    assert desk.get(url).status_code == 200
    assert desk.post(url, {"password": "wrong"}).status_code == 422
    assert Halt.objects.active().exists()
    desk.post(url, {"password": PASSWORD})
    halt.refresh_from_db()
    assert halt.released_by == cast.operator


def test_a_platform_halt_takes_a_second_person(cast: Cast, chief: User) -> None:
    client = client_of(chief)
    assert add(client, "risk_halt", scope="PLATFORM", reason="everything").status_code == 302
    halt = Halt.objects.get()
    url = reverse("admin:risk_halt_release", args=[halt.pk])
    assert "second person" in told(client.post(url, {"password": PASSWORD}))
    client_of(cast.operator).post(url, {"password": PASSWORD})
    assert Halt.objects.active().exists()
    other = User.objects.create_superuser("second@vayda.test", PASSWORD)
    client_of(other).post(url, {"password": PASSWORD})
    assert not Halt.objects.active().exists()


def test_halts_are_neither_edited_nor_deleted(cast: Cast, desk: Client) -> None:
    halt = set_halt(scope="TENANT", reason="a drill", actor=cast.operator, tenant_id=cast.tenant.pk)
    change = reverse("admin:risk_halt_change", args=[halt.pk])
    assert desk.post(change, {"reason": "another"}).status_code == 403
    assert desk.post(reverse("admin:risk_halt_delete", args=[halt.pk]), {"post": "yes"}).status_code == 403


def _flatten_url(**target: int) -> str:
    (name, pk), *_ = target.items()
    return f"{reverse('admin:trading_trade_flatten')}?{name}={pk}"


@pytest.mark.parametrize("by", ["account", "strategy"])
def test_flattening_is_typed_out_and_asks_every_trade_to_leave(cast: Cast, desk: Client, trade: Trade, by: str) -> None:
    url = _flatten_url(account=cast.account.pk) if by == "account" else _flatten_url(strategy=cast.strategy.pk)
    assert desk.get(url).status_code == 200
    full = {"typed": "FLATTEN", "reason": "runaway", "password": PASSWORD, "halt": "on"}
    for missing in ({"typed": "flatten"}, {"reason": ""}, {"password": "wrong"}):
        assert desk.post(url, full | missing).status_code == 422
    assert not TradeLeg.objects.exclude(exit_reason="").exists()
    assert desk.post(url, full).status_code == 302
    assert set(TradeLeg.objects.values_list("exit_reason", flat=True)) == {"KILL_SWITCH"}
    assert Halt.objects.active().get().scope == by.upper()
    assert AuditEvent.objects.filter(kind="flatten_asked", actor=cast.operator, object_id=trade.pk).exists()
    assert Order.objects.get().status == "ABORTED"


def test_flattening_without_the_halt_only_leaves(cast: Cast, desk: Client, trade: Trade) -> None:
    answers = {"typed": "FLATTEN", "reason": "news", "password": PASSWORD}
    desk.post(_flatten_url(account=cast.account.pk), answers)
    assert not Halt.objects.exists()
    assert TradeLeg.objects.get().exit_reason == "KILL_SWITCH"


def test_nobody_flattens_what_they_do_not_run(cast: Cast, trade: Trade) -> None:
    foreign = User.objects.create_user(
        "op@elsewhere.test", PASSWORD, tenant=cast.outsider.tenant, role=Role.OPERATOR, is_staff=True
    )
    answers = {"typed": "FLATTEN", "reason": "x", "password": PASSWORD}
    cast.manager.is_staff = True
    cast.manager.save()
    for person in (foreign, cast.manager):
        for url in (_flatten_url(account=cast.account.pk), _flatten_url(strategy=cast.strategy.pk)):
            assert client_of(person).post(url, answers).status_code == 404
    assert client_of(cast.trader).post(_flatten_url(account=cast.account.pk), answers).status_code == 302
    assert not TradeLeg.objects.exclude(exit_reason="").exists()
