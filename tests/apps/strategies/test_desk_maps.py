"""Who trades a strategy, on the desk: one by one, many in the list, and nobody across tenants."""

from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.strategies.models import Signal, StrategyMap
from apps.users.models import User
from tests.apps.strategies.desk_rig import PASSWORD, errors
from tests.cast import Cast, make_account, make_strategy


def test_only_the_own_tenants_rows_are_offered(desk: Client, cast: Cast) -> None:
    theirs = make_strategy(cast.outsider.tenant, name="Their secret")
    make_account(cast.outsider, "paper", "THEIRS1", mode="PAPER")
    Signal.objects.create(
        tenant=theirs.tenant, strategy=theirs, kind="ENTRY", dedupe_key="x", received_at=timezone.now()
    )
    for url in (
        reverse("admin:strategies_strategymap_add"),
        reverse("admin:strategies_strategymap_changelist"),
        reverse("admin:strategies_signal_changelist"),
        reverse("admin:strategies_webhooktoken_changelist"),
    ):
        text = desk.get(url).content.decode()
        assert "Their secret" not in text, url
        assert "THEIRS1" not in text, url


@pytest.mark.parametrize("foreign", ["strategy", "account"])
def test_a_foreign_id_in_a_form_is_refused(desk: Client, cast: Cast, foreign: str) -> None:
    values = {
        "strategy": make_strategy(cast.tenant, slug="own", name="Own").pk,
        "account": cast.account.pk,
    }
    values[foreign] = (
        make_strategy(cast.outsider.tenant).pk
        if foreign == "strategy"
        else make_account(cast.outsider, "paper", "THEIRS1", mode="PAPER").pk
    )

    response = desk.post(reverse("admin:strategies_strategymap_add"), values | {"lot_multiplier": "1"})

    assert "text-red" in errors(response)
    assert StrategyMap.objects.count() == 2


def test_not_even_an_admin_maps_across_tenants(cast: Cast) -> None:
    chief = Client()
    chief.force_login(User.objects.create_superuser("chief@vayda.test", PASSWORD))
    theirs = make_account(cast.outsider, "paper", "THEIRS1", mode="PAPER")

    response = chief.post(
        reverse("admin:strategies_strategymap_add"),
        {"strategy": cast.strategy.pk, "account": theirs.pk, "lot_multiplier": "1"},
    )

    assert "another tenant" in errors(response)


def edit_list(desk: Client, rows: list[StrategyMap], **changes: str) -> HttpResponse:
    """Send the list's form back with the first row changed."""
    form: dict[str, Any] = {"form-TOTAL_FORMS": len(rows), "form-INITIAL_FORMS": len(rows), "_save": "Save"}
    for number, row in enumerate(rows):
        values = {"id": row.pk, "lot_multiplier": "1", "is_active": "on"} | (changes if number == 0 else {})
        form |= {f"form-{number}-{name}": value for name, value in values.items()}
    return desk.post(reverse("admin:strategies_strategymap_changelist"), form)


def test_many_maps_are_edited_in_the_list(desk: Client, cast: Cast) -> None:
    assert edit_list(desk, cast.maps, lot_multiplier="2.5", day_loss_limit="5000").status_code == 302
    cast.maps[0].refresh_from_db()
    assert (cast.maps[0].lot_multiplier, cast.maps[0].day_loss_limit) == (Decimal("2.5"), Decimal(5000))


@pytest.mark.parametrize("multiplier", ["0", "-1", "NaN", "1e5", "two"])
def test_a_multiplier_that_is_none_changes_nothing(desk: Client, cast: Cast, multiplier: str) -> None:
    assert edit_list(desk, cast.maps, lot_multiplier=multiplier).status_code == 200
    assert set(StrategyMap.objects.values_list("lot_multiplier", flat=True)) == {Decimal(1)}


def test_one_foreign_id_among_many_is_not_edited(desk: Client, cast: Cast) -> None:
    theirs = StrategyMap.objects.create(
        strategy=make_strategy(cast.outsider.tenant), account=make_account(cast.outsider, "paper", "T1", mode="PAPER")
    )

    edit_list(desk, [theirs, *cast.maps], lot_multiplier="9")
    desk.post(
        reverse("admin:strategies_strategymap_changelist"),
        {"action": "switch_off", "_selected_action": [theirs.pk, cast.maps[0].pk]},
    )

    theirs.refresh_from_db()
    cast.maps[0].refresh_from_db()
    assert (theirs.lot_multiplier, theirs.is_active) == (Decimal(1), True)
    assert cast.maps[0].is_active is False


def test_a_manager_reads_the_own_clients_maps_and_changes_none(cast: Cast) -> None:
    cast.manager.is_staff = True
    cast.manager.save()
    StrategyMap.objects.create(
        strategy=cast.strategy, account=make_account(cast.other_trader, "paper", "NOTMINE", mode="PAPER")
    )
    client = Client()
    client.force_login(cast.manager)
    url = reverse("admin:strategies_strategymap_changelist")

    text = client.get(url).content.decode()
    client.post(url, {"action": "switch_off", "_selected_action": [cast.maps[0].pk]})
    edit_list(client, cast.maps, lot_multiplier="9")

    assert "AB1234" in text
    assert "NOTMINE" not in text
    assert not StrategyMap.objects.filter(is_active=False).exists()
    assert not StrategyMap.objects.filter(lot_multiplier=9).exists()
    assert client.get(reverse("admin:strategies_signal_changelist")).status_code == 403
