"""What may be done on the operators' desk, by whom, and that it is kept."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services.credentials import credentials_of
from apps.notifications.models import Notification
from apps.plans.models import Plan, Subscription
from apps.trading.models import Order, Trade
from apps.users.models import ApiKey, Role, User
from apps.users.services.api_keys import find_key
from bus import commands
from tests.cast import Cast
from tests.config.desk_rig import PASSWORD, add, client_of, secret_in, told


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[object, ...]]]:
    found: list[tuple[str, tuple[object, ...]]] = []
    monkeypatch.setattr(commands, "_on_commit", lambda task, queue, *args: found.append((task, args)))
    return found


# people -------------------------------------------------------------------------------------------------------------


def test_an_operator_makes_a_trader_whose_password_is_shown_once(cast: Cast, desk: Client) -> None:
    answer = add(desk, "users_user", email="New@House.test", name="New", role="trader", is_active="on")
    assert answer.status_code == 302
    made = User.objects.get(email="new@house.test")
    assert (made.tenant, made.role, made.is_staff, made.is_superuser) == (cast.tenant, "trader", False, False)
    password = secret_in(told(answer))
    assert made.check_password(password)
    assert AuditEvent.objects.filter(kind="desk_added", object_type="users.user", object_id=made.pk).exists()


def test_an_operator_makes_no_admin(cast: Cast, desk: Client) -> None:
    answer = add(desk, "users_user", email="boss@house.test", role="admin", is_active="on")
    assert answer.status_code == 200
    assert not User.objects.filter(email="boss@house.test").exists()


def test_an_operator_promotes_nobody_to_admin_and_touches_none(cast: Cast, desk: Client) -> None:
    url = reverse("admin:users_user_change", args=[cast.trader.pk])
    desk.post(url, {"email": cast.trader.email, "role": "admin", "is_active": "on"})
    cast.trader.refresh_from_db()
    assert cast.trader.role == Role.TRADER
    boss = User.objects.create_user("boss@house.test", PASSWORD, tenant=cast.tenant, role=Role.ADMIN, is_staff=True)
    url = reverse("admin:users_user_change", args=[boss.pk])
    assert desk.post(url, {"email": "taken@house.test", "role": "trader"}).status_code == 403
    reset = reverse("admin:users_user_new_password", args=[boss.pk])
    desk.post(reset, {"password": PASSWORD})
    boss.refresh_from_db()
    assert boss.check_password(PASSWORD)


def test_nobody_makes_people_in_another_tenant(cast: Cast, desk: Client) -> None:
    elsewhere = cast.outsider.tenant
    assert elsewhere is not None
    add(desk, "users_user", email="spy@house.test", role="trader", is_active="on", tenant=elsewhere.pk)
    assert User.objects.get(email="spy@house.test").tenant == cast.tenant
    answer = add(desk, "users_user", email="spy2@house.test", role="trader", is_active="on", manager=cast.outsider.pk)
    assert answer.status_code == 200
    assert not User.objects.filter(email="spy2@house.test").exists()


def test_a_promotion_opens_the_desk(cast: Cast, desk: Client) -> None:
    url = reverse("admin:users_user_change", args=[cast.trader.pk])
    answer = desk.post(url, {"email": cast.trader.email, "role": "manager", "is_active": "on"})
    assert answer.status_code == 302
    cast.trader.refresh_from_db()
    assert (cast.trader.role, cast.trader.is_staff) == ("manager", True)


def test_an_operator_does_not_change_the_own_role(cast: Cast, desk: Client) -> None:
    url = reverse("admin:users_user_change", args=[cast.operator.pk])
    desk.post(url, {"email": cast.operator.email, "name": "Still", "role": "trader"})
    cast.operator.refresh_from_db()
    assert (cast.operator.role, cast.operator.is_active, cast.operator.name) == ("operator", True, "Still")


def test_a_new_password_needs_ones_own(cast: Cast, desk: Client) -> None:
    url = reverse("admin:users_user_new_password", args=[cast.trader.pk])
    assert desk.get(url).status_code == 200
    assert desk.post(url, {"password": "wrong"}).status_code == 422
    cast.trader.refresh_from_db()
    assert cast.trader.check_password(PASSWORD)
    password = secret_in(told(desk.post(url, {"password": PASSWORD})))
    cast.trader.refresh_from_db()
    assert cast.trader.check_password(password)


def test_an_api_key_is_shown_once_and_revoked(cast: Cast, desk: Client) -> None:
    answer = add(desk, "users_apikey", user=cast.trader.pk, name="robot", can_trade="on")
    secret = secret_in(told(answer))
    found = find_key(secret)
    assert found is not None
    assert found.user == cast.trader
    assert secret in desk.get(reverse("admin:users_apikey_changelist")).content.decode()  # the message, this once
    page = desk.get(reverse("admin:users_apikey_change", args=[found.pk])).content.decode()
    assert secret not in page
    assert found.key_hash not in page
    desk.post(reverse("admin:users_apikey_changelist"), {"action": "revoke", "_selected_action": [found.pk]})
    assert find_key(secret) is None


def test_no_key_for_another_tenants_people(cast: Cast, desk: Client) -> None:
    assert add(desk, "users_apikey", user=cast.outsider.pk, name="robot").status_code == 200
    assert not ApiKey.objects.exists()


# accounts -----------------------------------------------------------------------------------------------------------


def _account_fields(cast: Cast, **changes: object) -> dict[str, object]:
    fields = {"user": cast.other_trader.pk, "broker": "zerodha", "client_id": "ZZ0001", "wanted_mode": "LIVE"}
    return {**fields, "is_active": "on", "shard": 0, "paper_cash": "1000000", **changes}


def test_an_account_is_made_in_its_clients_tenant(cast: Cast, desk: Client) -> None:
    answer = add(desk, "broker_accounts_brokeraccount", **_account_fields(cast))
    assert answer.status_code == 302
    made = BrokerAccount.objects.get(client_id="ZZ0001")
    assert (made.tenant, made.mode, made.wanted_mode) == (cast.tenant, "PAPER", "LIVE")


@pytest.mark.parametrize(
    "changes",
    [
        {"broker": "paper"},
        {"broker": "nobody"},
        {"shard": 7},
        {"client_id": "AB1234"},
        {"client_id": ""},
    ],
)
def test_a_wrong_account_is_refused_with_a_reason(cast: Cast, desk: Client, changes: dict[str, object]) -> None:
    before = BrokerAccount.objects.count()
    answer = add(desk, "broker_accounts_brokeraccount", **_account_fields(cast, **changes))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    assert BrokerAccount.objects.count() == before


def test_no_account_for_another_tenants_client(cast: Cast, desk: Client) -> None:
    fields = _account_fields(cast, user=cast.outsider.pk)
    assert add(desk, "broker_accounts_brokeraccount", **fields).status_code == 200


def test_credentials_are_written_and_never_shown(cast: Cast, desk: Client, sent: list[Any]) -> None:
    url = reverse("admin:broker_accounts_brokeraccount_credentials", args=[cast.account.pk])
    page = desk.get(url).content.decode()
    assert "api_secret-of-AB1234" not in page
    fields = {"api_key": "new-key", "api_secret": "new-secret"}
    assert desk.post(url, fields | {"password": "wrong"}).status_code == 422
    answer = desk.post(url, fields | {"password": "wrong"}).content.decode()
    assert "new-secret" not in answer
    assert desk.post(url, {"api_key": "only", "password": PASSWORD}).status_code == 422
    assert desk.post(url, fields | {"password": PASSWORD}).status_code == 302
    cast.account.refresh_from_db()
    assert credentials_of(cast.account).fields == fields
    event = AuditEvent.objects.filter(kind="credentials_set").latest("pk")
    assert (event.actor, "new-secret" in str(event.data)) == (cast.operator, False)
    assert ("workers.sessions.sign_in_account", (cast.account.pk,)) in sent
    page = desk.get(reverse("admin:broker_accounts_brokeraccount_change", args=[cast.account.pk])).content.decode()
    assert "new-key" not in page


def test_accounts_are_held_on_paper_and_let_go(cast: Cast, desk: Client) -> None:
    url = reverse("admin:broker_accounts_brokeraccount_changelist")
    desk.post(url, {"action": "to_paper", "_selected_action": [cast.account.pk]})
    cast.account.refresh_from_db()
    assert (cast.account.mode, cast.account.mode_reason) == ("PAPER", "OPERATOR")
    desk.post(url, {"action": "off_hold", "_selected_action": [cast.account.pk]})
    cast.account.refresh_from_db()
    assert cast.account.mode == "LIVE"


def test_sign_ins_are_asked_for(cast: Cast, desk: Client, sent: list[Any]) -> None:
    url = reverse("admin:broker_accounts_brokeraccount_changelist")
    rows = [cast.account.pk, cast.paper_account.pk]
    desk.post(url, {"action": "sign_in_now", "_selected_action": rows})
    assert sent == [("workers.sessions.sign_in_account", (cast.account.pk,))]


def test_an_account_with_an_order_under_way_stays_in_its_shard(
    cast: Cast, desk: Client, trade: Trade, settings: Any
) -> None:
    settings.SHARDS = 2
    Order.objects.update(status="SUBMITTED")
    url = reverse("admin:broker_accounts_brokeraccount_change", args=[cast.account.pk])
    fields = {"wanted_mode": "LIVE", "is_active": "on", "shard": 1, "paper_cash": "1000000"}
    assert desk.post(url, fields).status_code == 200
    Order.objects.update(status="ABORTED")
    assert desk.post(url, fields).status_code == 302
    cast.account.refresh_from_db()
    assert cast.account.shard == 1


def test_the_wanted_mode_goes_by_the_service(cast: Cast, desk: Client) -> None:
    url = reverse("admin:broker_accounts_brokeraccount_change", args=[cast.account.pk])
    fields = {"wanted_mode": "PAPER", "is_active": "on", "shard": 0, "paper_cash": "1000000", "label": "Mine"}
    assert desk.post(url, fields).status_code == 302
    cast.account.refresh_from_db()
    assert (cast.account.mode, cast.account.wanted_mode, cast.account.label) == ("PAPER", "PAPER", "Mine")
    assert AuditEvent.objects.filter(kind="mode_chosen", actor=cast.operator).exists()


# the rest -----------------------------------------------------------------------------------------------------------


def test_notifications_are_acknowledged_once(cast: Cast, desk: Client) -> None:
    note = Notification.objects.create(tenant=cast.tenant, level="PAGE", code="X", key="x", text="Look.")
    url = reverse("admin:notifications_notification_changelist")
    for _ in range(2):
        desk.post(url, {"action": "acknowledge", "_selected_action": [note.pk]})
    note.refresh_from_db()
    assert note.acknowledged_at is not None
    assert AuditEvent.objects.filter(kind="notification_acknowledged", actor=cast.operator).count() == 1


def test_plans_and_subscriptions_stay_in_their_tenant(cast: Cast, desk: Client) -> None:
    assert add(desk, "plans_plan", name="Gold", max_accounts=3, allows_live="on", is_active="on").status_code == 302
    gold = Plan.objects.get(name="Gold")
    assert gold.tenant == cast.tenant
    fields = {"user": cast.trader.pk, "plan": gold.pk, "starts_on": "2026-11-01"}
    assert add(desk, "plans_subscription", **fields).status_code == 302
    theirs = Plan.objects.exclude(tenant=cast.tenant).first()
    assert theirs is not None
    before = Subscription.objects.count()
    assert add(desk, "plans_subscription", **(fields | {"plan": theirs.pk})).status_code == 200
    assert Subscription.objects.count() == before


def test_only_the_installations_admins_make_tenants(cast: Cast, desk: Client, chief: User) -> None:
    fields = {"name": "Third", "slug": "third", "brand": "vayda", "is_active": "on"}
    assert add(desk, "tenants_tenant", **fields).status_code == 403
    change = reverse("admin:tenants_tenant_change", args=[cast.tenant.pk])
    assert desk.post(change, fields).status_code == 403
    assert add(client_of(chief), "tenants_tenant", **fields).status_code == 302


def test_the_chain_is_verified_from_the_desk(cast: Cast, desk: Client) -> None:
    answer = desk.get(reverse("admin:audit_auditevent_verify_chain"))
    assert "intact" in told(answer)


def test_nothing_of_the_ledger_can_be_changed_or_deleted(cast: Cast, chief: User, trade: Trade) -> None:
    client, order = client_of(chief), Order.objects.get()
    for page, pk in (("trading_order", order.pk), ("trading_trade", trade.pk)):
        assert client.post(reverse(f"admin:{page}_change", args=[pk]), {"status": "FILLED"}).status_code == 403
        assert client.post(reverse(f"admin:{page}_delete", args=[pk]), {"post": "yes"}).status_code == 403
        assert client.get(reverse(f"admin:{page}_add")).status_code == 403
