"""Holdings and funds pages, and all accounts side by side."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.trading.models import AccountState, ExternalOrder, Holding, PortfolioRead
from apps.users.models import User
from domain.orders import OrderStatus
from tests.apps.dashboard.conftest import Scene, client_of
from tests.apps.dashboard.scene import make_order
from tests.cast import make_account, sign_in

NEW_PAGES = ["/holdings/", "/funds/"]


def page(user: User, path: str) -> str:
    answer = client_of(user).get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def row(shown: str, name: str) -> str:
    """Return one row of a page, by its id."""
    start = shown.index(f'id="{name}"')
    return shown[start : shown.index("</tr>" if "<tr" in shown[start - 40 : start] else "</li>", start)]


def body_of(shown: str) -> str:
    """Return a page without its head and its choices."""
    return shown[shown.rindex("</select>") :]


@pytest.fixture
def depot(scene: Scene) -> Holding:
    """Ten INFY in the live account, read a minute ago, with its money."""
    read_at = timezone.now() - timedelta(minutes=1)
    account = scene.cast.account
    AccountState.objects.create(
        account=account, mode="LIVE", funds_read_at=read_at, available_funds=90_000, used_funds=10_000,
        total_funds=100_000,
    )  # fmt: skip
    PortfolioRead.objects.create(account=account, read_at=read_at, tried_at=read_at)
    return Holding.objects.create(
        account=account, exchange="NSE", symbol="INFY", quantity=10, pledged=4, average_price=1500, last_price=1620,
        read_at=read_at,
    )  # fmt: skip


def test_a_holding_shows_what_it_is_worth_and_since_when(scene: Scene, depot: Holding) -> None:
    shown = page(scene.cast.trader, "/holdings/")
    found = row(shown, f"holding-{depot.account_id}-NSE-INFY")
    for text in ("INFY", "Zerodha", "AB1234", ">10<", ">4<", "1,500.00", "1,620.00", "16,200.00", "+1,200.00"):
        assert text in found
    assert "Current" in row(shown, f"account-{depot.account_id}")


def test_money_is_shown_with_how_old_it_is(scene: Scene, depot: Holding) -> None:
    shown = page(scene.cast.trader, "/funds/")
    live = row(shown, f"funds-{scene.cast.account.pk}")
    for text in ("Zerodha", "AB1234", "90,000.00", "10,000.00", "1,00,000.00", "Current", 'title="As of"'):
        assert text in live
    paper = row(shown, f"funds-{scene.cast.paper_account.pk}")
    assert "10,00,000.00" in paper
    assert "own figures" in paper


def test_modes_and_currencies_are_never_added(scene: Scene, depot: Holding) -> None:
    coins = make_account(scene.cast.trader, "binance", "COINS1", mode="LIVE")
    sign_in(coins)
    AccountState.objects.create(
        account=coins, mode="LIVE", funds_read_at=timezone.now(), available_funds=700, used_funds=50, total_funds=750
    )
    shown = page(scene.cast.trader, "/funds/")
    head = shown[: shown.index("<table")]
    for text in ("90,000.00", "700.00 USDT", "10,00,000.00"):
        assert text in head
    for added in ("90,700.00", "10,90,000.00"):
        assert added not in shown


def stale(account: BrokerAccount) -> None:
    PortfolioRead.objects.update(read_at=timezone.now() - timedelta(hours=1))
    AccountState.objects.filter(account=account).update(funds_read_at=timezone.now() - timedelta(hours=1))


def signed_out(account: BrokerAccount) -> None:
    BrokerSession.objects.filter(account=account).delete()


def refused(account: BrokerAccount) -> None:
    PortfolioRead.objects.update(error_code="5xx", error="no usable answer <b>")


def never_read(account: BrokerAccount) -> None:
    PortfolioRead.objects.all().delete()
    AccountState.objects.all().delete()


@pytest.mark.parametrize("path", NEW_PAGES)
@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (stale, "Stale"),
        (signed_out, "Sign in at Zerodha Kite"),
        (refused, "Zerodha Kite: no usable answer &lt;b&gt;"),
        (never_read, "Not read yet"),
    ],
)
def test_an_account_says_what_keeps_it_from_being_current(
    scene: Scene, depot: Holding, path: str, cause: Any, text: str
) -> None:
    cause(scene.cast.account)
    shown = page(scene.cast.trader, path)
    mine = row(shown, f"{'account' if path == '/holdings/' else 'funds'}-{scene.cast.account.pk}")
    assert text in mine
    assert "Current" not in mine


def test_a_broker_without_holdings_says_so(scene: Scene) -> None:
    coins = make_account(scene.cast.trader, "binance", "COINS1", mode="LIVE")
    sign_in(coins)
    assert "shows no holdings of their own" in row(page(scene.cast.trader, "/holdings/"), f"account-{coins.pk}")


def test_an_account_on_paper_shows_no_holdings_as_if_they_were_traded_with(scene: Scene, depot: Holding) -> None:
    BrokerAccount.objects.filter(pk=depot.account_id).update(mode="PAPER")
    shown = page(scene.cast.trader, "/holdings/")
    assert "INFY" not in shown
    assert "own figures" in row(shown, f"account-{depot.account_id}")


@pytest.mark.parametrize("path", NEW_PAGES)
def test_an_outsider_and_a_colleague_see_nothing_of_the_trader(scene: Scene, depot: Holding, path: str) -> None:
    for stranger in (scene.cast.outsider, scene.cast.other_trader):
        for address in (path, f"{path}?account={depot.account_id}", f"{path}?broker=zerodha"):
            shown = page(stranger, address)
            for secret in ("INFY", "AB1234", "90,000", "PAPER1"):
                assert secret not in shown
    assert Client().get(path)["Location"].startswith("/login/?next=")
    assert "AB1234" in page(scene.cast.manager, path)


def test_a_refresh_is_asked_for_what_is_shown(scene: Scene, depot: Holding) -> None:
    client = client_of(scene.cast.trader)
    answer = client.post("/portfolio/refresh/", {"page": "funds", "broker": "zerodha"})
    assert answer["Location"] == "/funds/?broker=zerodha"
    assert PortfolioRead.objects.get().asked_by == scene.cast.trader
    assert "1 account is being read" in client.get("/funds/").content.decode()
    client.post("/portfolio/refresh/", {"page": "nonsense"})
    assert "Nothing was asked for" in client.get("/holdings/").content.decode()


def test_nobody_asks_for_the_accounts_of_others(scene: Scene, depot: Holding) -> None:
    for stranger in (scene.cast.outsider, scene.cast.other_trader):
        client_of(stranger).post("/portfolio/refresh/", {"account": depot.account_id})
    assert PortfolioRead.objects.get().asked_at is None
    assert Client().post("/portfolio/refresh/")["Location"].startswith("/login/?next=")
    assert client_of(scene.cast.trader).get("/portfolio/refresh/").status_code == 405
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(scene.cast.trader)
    assert guarded.post("/portfolio/refresh/").status_code == 403
    assert PortfolioRead.objects.get().asked_at is None


@pytest.mark.parametrize("path", ["/orders/", "/trades/", "/positions/", *NEW_PAGES])
def test_pages_show_all_accounts_or_those_the_address_names(scene: Scene, depot: Holding, path: str) -> None:
    cast = scene.cast
    ExternalOrder.objects.create(
        account=cast.account, broker_order_id="9", symbol="X", side="BUY", quantity=1, status="OPEN"
    )
    both = body_of(page(cast.trader, path))
    for text in ("Zerodha Kite", "Paper", "AB1234", "PAPER1"):
        assert text in both
    live, paper = f"account={cast.account.pk}", f"account={cast.paper_account.pk}"
    for query, seen, unseen in (
        (live, "AB1234", "PAPER1"),
        (paper, "PAPER1", "AB1234"),
        ("broker=paper", "PAPER1", "AB1234"),
        (f"broker=zerodha&{paper}", "", "AB1234"),
        (f"{live}&state=", "AB1234", "PAPER1"),
    ):
        body = body_of(page(cast.trader, f"{path}?{query}"))
        assert seen in body
        assert unseen not in body
    body = body_of(page(cast.trader, f"{path}?broker=nobody&account=x"))
    assert "AB1234" in body
    assert "PAPER1" in body


def test_an_order_from_outside_that_rests_says_where_it_is_cancelled(scene: Scene) -> None:
    fields: dict[str, Any] = {"account": scene.cast.account, "symbol": "X", "side": "BUY", "quantity": 1}
    ExternalOrder.objects.create(broker_order_id="1", status=OrderStatus.OPEN, **fields)
    shown = page(scene.cast.trader, "/orders/?state=outside")
    assert "cancel or change it where it was placed" in shown
    assert 'data-dialog="/orders/' not in shown
    ExternalOrder.objects.update(status=OrderStatus.FILLED)
    assert "where it was placed" not in page(scene.cast.trader, "/orders/?state=outside")


def test_a_filter_survives_the_other_one(scene: Scene) -> None:
    leg = scene.live_trade.legs.first()
    assert leg is not None
    make_order(leg, status=OrderStatus.OPEN, now=timezone.now(), price=Decimal(40))
    shown = page(scene.cast.trader, "/orders/?state=working&broker=zerodha")
    assert 'href="?state=filled&amp;broker=zerodha"' in shown
    assert '<input type="hidden" name="state" value="working">' in shown
