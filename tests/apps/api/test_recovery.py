"""What a program is told while things are not as they should be: orders being checked, halts, orders of others."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.risk.models import Halt
from apps.risk.services.halts import halt_account, set_halt
from apps.trading.models import AccountState, ExternalOrder, Order, Position
from tests.apps.api.conftest import Api, Scene, api_of, make_external
from tests.cast import make_strategy


@pytest.mark.parametrize(
    ("status", "text"), [("UNKNOWN", "Checking with the broker"), ("PARKED", "Still checking with the broker")]
)
def test_an_order_being_checked_says_so_in_words_and_since_when(
    scene: Scene, trader: Api, status: str, text: str
) -> None:
    since = timezone.now() - timedelta(seconds=7)
    order = scene.trade(scene.cast.account).intents.get().orders.get()
    Order.objects.filter(pk=order.pk).update(status=status, claimed_at=since)
    row = trader.get(f"orders/{order.pk}/").json()
    assert (row["status"], row["status_text"]) == (status, text)
    assert datetime.fromisoformat(row["checking_since"]) == since
    assert "fail" not in (row["status_text"] + row["status_advice"]).lower()
    assert row["status_advice"]


def test_a_settled_order_is_not_being_checked(scene: Scene, trader: Api) -> None:
    assert {row["status_text"] for row in trader.rows("orders/")} == {"Filled"}
    assert {row["checking_since"] for row in trader.rows("orders/")} == {None}
    assert {row["status_advice"] for row in trader.rows("orders/")} == {""}


def test_an_account_without_a_halt_says_null(scene: Scene, trader: Api) -> None:
    assert [row["halt"] for row in trader.rows("accounts/")] == [None, None]


def test_a_halted_account_carries_code_reason_and_since_and_the_others_do_not(scene: Scene, trader: Api) -> None:
    halt = halt_account(account_id=scene.cast.account.pk, reason_code="SESSION_LOST", reason="token refused")
    halts = {row["id"]: row["halt"] for row in trader.rows("accounts/")}
    told = halts[scene.cast.account.pk]
    assert halts[scene.cast.paper_account.pk] is None
    assert (told["scope"], told["reason_code"]) == ("ACCOUNT", "SESSION_LOST")
    assert told["reason"] == "The broker session was lost"
    assert "Sign in" in told["advice"]
    assert datetime.fromisoformat(told["since"]) == halt.created_at
    Halt.objects.update(released_at=timezone.now())
    assert trader.get(f"accounts/{scene.cast.account.pk}/").json()["halt"] is None


def test_wider_halts_reach_every_account_and_foreign_ones_none(scene: Scene, trader: Api) -> None:
    elsewhere = scene.foreign.tenant
    set_halt(scope="TENANT", reason="theirs", actor=None, tenant_id=elsewhere.pk)
    set_halt(scope="ACCOUNT", reason="theirs", actor=None, tenant_id=elsewhere.pk, account_id=scene.foreign.pk)
    foreign = make_strategy(elsewhere, slug="theirs", name="Theirs")
    set_halt(scope="STRATEGY", reason="theirs", actor=None, tenant_id=elsewhere.pk, strategy_id=foreign.pk)
    assert {row["halt"] for row in trader.rows("accounts/")} == {None}
    set_halt(scope="TENANT", reason="a drill", actor=scene.cast.operator, tenant_id=scene.cast.tenant.pk)
    told = [row["halt"] for row in trader.rows("accounts/")]
    assert [(one["scope"], one["reason"]) for one in told] == [("TENANT", "Halted by your operator: a drill")] * 2


def test_orders_placed_outside_are_listed_in_words(scene: Scene, trader: Api) -> None:
    (row,) = trader.rows("external-orders/", account=scene.cast.account.pk)
    assert row["origin"] == "Placed outside the platform"
    assert (row["instrument"], row["symbol"]) == ("NIFTY23NOV2626000CE", "ZNIFTY23NOV2626000CE")
    assert (row["side"], row["filled_quantity"], row["average_price"]) == ("SELL", 65, "105.50")
    ExternalOrder.objects.filter(pk=row["id"]).update(symbol="UNKNOWNFUT")
    assert trader.rows("external-orders/")[0]["instrument"] is None
    assert trader.rows("external-orders/", status="OPEN") == []
    assert trader.get("external-orders/", mode="LIVE").status_code == 400


def test_a_position_tells_what_of_it_is_ours_and_what_was_traded_outside(scene: Scene, trader: Api) -> None:
    account = scene.cast.account
    AccountState.objects.filter(account=account).update(positions_read_at=timezone.now())
    Position.objects.filter(account=account).update(quantity=0)

    def shown() -> tuple[object, object, object]:
        (row,) = trader.rows("positions/", account=account.pk)
        return row["ledger_quantity"], row["outside_quantity"], row["differs"]

    assert shown() == (65, -65, False)
    Position.objects.filter(account=account).update(quantity=65)
    assert shown() == (65, -65, True)
    ExternalOrder.objects.all().delete()
    assert shown() == (65, 0, False)


def test_products_of_one_contract_are_explained_together(scene: Scene, trader: Api) -> None:
    account = scene.cast.account
    AccountState.objects.filter(account=account).update(positions_read_at=timezone.now())
    make_external(account, broker_order_id="APP-2", side="BUY", quantity=130, filled_quantity=130)
    Position.objects.create(
        account=account, mode="LIVE", instrument=scene.cast.call, product="NRML", quantity=65, read_at=timezone.now()
    )
    assert [row["differs"] for row in trader.rows("positions/", account=account.pk)] == [False, False]


def test_a_position_read_before_the_last_fill_accuses_nobody(scene: Scene, trader: Api) -> None:
    account, at = scene.cast.account, timezone.now()
    Position.objects.filter(account=account).update(quantity=0)
    AccountState.objects.filter(account=account).update(
        positions_read_at=at, fills_applied_at=at + timedelta(seconds=1)
    )
    (row,) = trader.rows("positions/", account=account.pk)
    assert (row["ledger_quantity"], row["outside_quantity"], row["differs"]) == (None, None, False)


def test_an_outsider_sees_no_order_of_ours_and_we_none_of_theirs(scene: Scene) -> None:
    ours = ExternalOrder.objects.get(account=scene.cast.account)
    theirs = ExternalOrder.objects.get(account=scene.foreign)
    assert api_of(scene.cast.outsider).ids("external-orders/") == [theirs.pk]
    assert api_of(scene.cast.trader).ids("external-orders/") == [ours.pk]
    assert api_of(scene.cast.manager).ids("external-orders/") == [ours.pk]
    assert theirs.pk not in api_of(scene.cast.operator).ids("external-orders/")
    assert Decimal(api_of(scene.cast.outsider).rows("external-orders/")[0]["average_price"]) == Decimal("105.5")
