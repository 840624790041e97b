"""The operators' screen of what is not as it should be."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.risk.models import FlattenRequest
from apps.risk.services.halts import halt_account, set_halt
from apps.trading.models import AccountState, Intent, Order, Trade
from apps.trading.services.chain_watch import watch_chain
from apps.trading.services.under_watch import Row, under_watch
from apps.users.models import Role, User
from bus.models import Heartbeat, Lease
from domain.orders import OrderStatus
from tests.apps.dashboard.scene import make_order, make_trade
from tests.cast import Cast


@pytest.fixture
def wall() -> datetime:
    return timezone.now()


@pytest.fixture
def trade(cast: Cast, now: datetime) -> Trade:
    return make_trade(cast.account, [cast.call], strategy=cast.strategy, now=now)


@pytest.fixture
def elsewhere(cast: Cast) -> User:
    return User.objects.create_user(
        "op@elsewhere.test", "x" * 12, tenant=cast.outsider.tenant, role=Role.OPERATOR, is_staff=True
    )


def rows(user: User, key: str, wall: datetime) -> tuple[Row, ...]:
    return next(section.rows for section in under_watch(user, wall=wall) if section.key == key)


def unknown_order(trade: Trade, now: datetime, wall: datetime, **fields: Any) -> Order:
    leg = trade.legs.get()
    order = make_order(leg, status=OrderStatus.UNKNOWN, now=now, code="TIMEOUT")
    Order.objects.filter(pk=order.pk).update(**{"claimed_at": wall - timedelta(seconds=42), "absent_reads": 2} | fields)
    return order


def test_an_order_nobody_can_account_for_is_shown_with_age_and_account(
    cast: Cast, now: datetime, wall: datetime, trade: Trade, elsewhere: User
) -> None:
    order = unknown_order(trade, now, wall)
    (row,) = rows(cast.operator, "orders", wall)
    assert (row.row, row.age, row.is_urgent) == (order, 42.0, True)
    assert "AB1234" in row.whose
    assert "TIMEOUT" in row.says
    assert rows(elsewhere, "orders", wall) == ()


@pytest.mark.parametrize(("status", "note", "shown"), [("BLOCKED", "No session.", True), ("WORKING", "", False)])
def test_an_exit_that_cannot_go_on_says_why(
    cast: Cast, wall: datetime, trade: Trade, elsewhere: User, status: str, note: str, shown: bool
) -> None:
    leg = trade.legs.get()
    intent = Intent.objects.create(
        tenant=trade.tenant, account=trade.account, trade=trade, leg=leg, kind="EXIT", side="BUY", quantity=65,
        mode="LIVE", status=status, note=note,
    )  # fmt: skip
    assert [row.row for row in rows(cast.operator, "exits", wall)] == ([intent] if shown else [])
    assert [row.says for row in rows(cast.operator, "exits", wall)] == ([note] if shown else [])
    assert rows(elsewhere, "exits", wall) == ()


def test_halts_name_code_words_and_author(cast: Cast, wall: datetime, elsewhere: User) -> None:
    halt_account(account_id=cast.account.pk, reason_code="BROKER_DOWN", reason="five failures in a row")
    set_halt(scope="TENANT", reason="a drill", actor=cast.operator, tenant_id=cast.tenant.pk)
    by_hand, automatic = rows(cast.operator, "halts", wall)
    assert automatic.says == ("BROKER_DOWN: The broker does not answer. five failures in a row (by the platform)")
    assert (automatic.is_urgent, by_hand.is_urgent) == (True, False)
    assert cast.operator.email in by_hand.says
    assert rows(elsewhere, "halts", wall) == ()


def test_accounts_whose_books_were_not_read_by_their_owner_are_shown(cast: Cast, wall: datetime) -> None:
    Lease.objects.create(name="execution.0", epoch=7, holder="h:1:2", until=wall + timedelta(seconds=20))
    AccountState.objects.create(account=cast.account, mode="LIVE", reconciled_epoch=6, orders_read_at=wall)
    says = {row.row.pk: row.says for row in rows(cast.operator, "accounts", wall)}
    assert says[cast.account.pk].startswith("Not reconciled")
    assert says[cast.paper_account.pk] == "Its books were never read."
    AccountState.objects.update(reconciled_epoch=7)
    assert [row.row.pk for row in rows(cast.operator, "accounts", wall)] == [cast.paper_account.pk]
    AccountState.objects.update(error_code="BROKER_DOWN", error="five failures")
    assert "BROKER_DOWN: five failures" in {row.says for row in rows(cast.operator, "accounts", wall)}


def _beat(
    process: str, wall: datetime, *, build: str = "b2", silent: int = 0, started: int = 60, **detail: Any
) -> None:
    Heartbeat.objects.create(
        process=process,
        holder="h:1:2",
        build=build,
        started_at=wall - timedelta(seconds=started),
        beat_at=wall - timedelta(seconds=silent),
        detail=detail,
    )


def test_processes_show_silence_and_foreign_builds(cast: Cast, wall: datetime) -> None:
    Lease.objects.create(name="signals", epoch=1, holder="h:1:2", until=wall + timedelta(seconds=20))
    _beat("signals", wall, silent=31)
    _beat("web", wall, silent=31)
    _beat("jobs", wall, build="b1", started=600)
    found = {row.what: row for row in rows(cast.operator, "processes", wall)}
    assert (found["signals"].is_urgent, found["web"].is_urgent, found["jobs"].is_urgent) == (True, False, True)
    assert "no sign of life" in found["signals"].says
    assert found["jobs"].says == "build b1, not b2, which started last"


@pytest.mark.parametrize(("state", "silent", "shown"), [("live", 0, False), ("delayed", 0, True), ("live", 60, True)])
def test_only_feeds_that_are_not_live_are_shown(
    cast: Cast, wall: datetime, state: str, silent: int, shown: bool
) -> None:
    _beat("feed", wall, state=state, silent=silent, newest_tick_ms=int(wall.timestamp() * 1000) - 9000)
    found = rows(cast.operator, "feeds", wall)
    assert [row.what for row in found] == (["feed"] if shown else [])
    assert all(8.9 < (row.age or 0) < 9.1 for row in found)


def test_leases_show_holder_and_epoch_and_those_that_ran_out(cast: Cast, wall: datetime) -> None:
    Lease.objects.create(name="feed", epoch=3, holder="h:1:2", until=wall + timedelta(seconds=5))
    Lease.objects.create(name="signals", epoch=9, holder="h:3:4", until=wall - timedelta(seconds=5))
    held, lost = rows(cast.operator, "leases", wall)
    assert (held.whose, held.says, held.is_urgent) == ("h:1:2", "epoch 3", False)
    assert (lost.says, lost.age, lost.is_urgent) == ("epoch 9, run out", 5.0, True)


def test_the_last_verification_of_the_chain_is_shown(cast: Cast, wall: datetime) -> None:
    assert rows(cast.operator, "chain", wall) == ()
    watch_chain()
    (row,) = rows(cast.operator, "chain", timezone.now())
    assert (row.what, row.is_urgent) == ("Intact", False)
    (old,) = rows(cast.operator, "chain", timezone.now() + timedelta(days=2))
    assert old.is_urgent


def test_the_screen_links_every_row_to_a_page_that_opens(
    cast: Cast, now: datetime, wall: datetime, trade: Trade
) -> None:
    unknown_order(trade, now, wall)
    halt_account(account_id=cast.account.pk, reason_code="FLIP", reason="short by 65")
    FlattenRequest.objects.create(scope="TENANT", tenant=cast.tenant, reason="x", asked_by=cast.operator)
    Lease.objects.create(name="feed", epoch=3, holder="h:1:2", until=wall)
    _beat("feed", wall, silent=60)
    watch_chain()
    for person in (cast.operator, User.objects.create_superuser("chief@vayda.test", "x" * 12)):
        client = Client()
        client.force_login(person)
        page = client.get(reverse("admin:trading_trade_under_watch"))
        lines = [row for section in page.context["sections"] for row in section["rows"]]
        links = [line["href"] for line in lines if line["href"]]
        assert len(links) >= 7
        assert {client.get(link).status_code for link in links} == {200}
        assert len({line["id"] for line in lines}) == len(lines)
        part = client.get(reverse("admin:trading_trade_under_watch"), headers={"HX-Request": "true"})
        assert "<html" not in part.content.decode()
        assert "Checking" not in part.content.decode()


def test_managers_and_traders_are_kept_out(cast: Cast) -> None:
    cast.manager.is_staff = True
    cast.manager.save()
    for person, status in ((cast.manager, 404), (cast.trader, 302)):
        client = Client()
        client.force_login(person)
        assert client.get(reverse("admin:trading_trade_under_watch")).status_code == status
