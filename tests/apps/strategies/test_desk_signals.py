"""The signal inspector: the payload, every verdict, and nothing to write."""

from datetime import datetime

from django.test import Client
from django.urls import reverse

from apps.risk.services.halts import set_halt
from apps.strategies.models import Signal
from apps.strategies.services.routing import route
from apps.trading.models import Trade
from apps.users.models import Role, User
from tests.apps.strategies.desk_rig import PASSWORD
from tests.cast import Cast


def test_the_inspector_shows_the_payload_and_every_verdict(desk: Client, prices: Cast, now: datetime) -> None:
    set_halt(scope="ACCOUNT", reason="drill", actor=None, account_id=prices.account.pk)
    payload = {"action": "buy", "comment": "<script>alert(1)</script>"}
    signal = Signal.objects.create(
        tenant=prices.tenant, strategy=prices.strategy, kind="ENTRY", dedupe_key="x", received_at=now, payload=payload
    )
    route(signal.pk, now=now)

    text = desk.get(reverse("admin:strategies_signal_change", args=[signal.pk])).content.decode()

    assert "&quot;action&quot;: &quot;buy&quot;" in text
    assert "<script>alert(1)" not in text
    table = text[text.index("data-verdicts") : text.index("</table>", text.index("data-verdicts"))]
    assert "HALTED: Halted" in table
    assert "Account halted: drill" in table
    assert "Took part" in table
    assert reverse("admin:trading_trade_change", args=[Trade.objects.get().pk]) in table
    assert table.count("trader@house.test") == 2


def test_a_signal_cannot_be_written(desk: Client, prices: Cast, now: datetime) -> None:
    signal = Signal.objects.create(
        tenant=prices.tenant, strategy=prices.strategy, kind="ENTRY", dedupe_key="x", received_at=now
    )
    assert desk.post(reverse("admin:strategies_signal_change", args=[signal.pk]), {"kind": "EXIT"}).status_code == 403
    assert desk.get(reverse("admin:strategies_signal_add")).status_code == 403
    assert desk.post(reverse("admin:strategies_signal_delete", args=[signal.pk]), {"post": "yes"}).status_code == 403


def test_another_tenants_operator_finds_no_signal(cast: Cast, now: datetime) -> None:
    signal = Signal.objects.create(
        tenant=cast.tenant, strategy=cast.strategy, kind="ENTRY", dedupe_key="x", received_at=now
    )
    client = Client()
    client.force_login(
        User.objects.create_user(
            "boss@elsewhere.test", PASSWORD, tenant=cast.outsider.tenant, role=Role.OPERATOR, is_staff=True
        )
    )
    assert client.get(reverse("admin:strategies_signal_change", args=[signal.pk])).status_code in (302, 404)
    assert f"#{signal.pk}" not in client.get(reverse("admin:strategies_signal_changelist")).content.decode()
