"""What the lists show, and how they are narrowed and paged."""

from base64 import b64encode
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from apps.strategies.models import Signal
from apps.trading.models import Order, Trade, TradeLeg
from bus.connection import redis_client
from bus.ticks import LAST
from tests.apps.api.conftest import Api, Scene, api_of
from tests.cast import publish_price


def test_an_open_trade_is_marked_at_the_last_price(scene: Scene, trader: Api) -> None:
    trade = scene.trade(scene.cast.account)

    row = trader.get(f"trades/{trade.pk}/").json()

    expected = {
        "id": trade.pk,
        "account": scene.cast.account.pk,
        "strategy": scene.cast.strategy.pk,
        "strategy_slug": "morning-call",
        "status": "OPEN",
        "mode": "LIVE",
        "gross_pnl": "650.00",
        "charges": "21.12",
        "net_pnl": "628.88",
        "closed_at": None,
        "close_reason": "",
    }
    assert expected.items() <= row.items()
    leg = row["legs"][0]
    assert {
        "instrument": "NIFTY23NOV2626000CE",
        "exchange": "NFO",
        "side": "BUY",
        "quantity": 65,
        "open_quantity": 65,
        "entry_price": "100.00",
        "exit_price": None,
        "last_price": "110.00",
    }.items() <= leg.items()


def test_a_short_leg_gains_when_the_price_falls(scene: Scene, trader: Api) -> None:
    TradeLeg.objects.update(side="SELL")
    assert trader.rows("trades/", account=scene.cast.account.pk)[0]["gross_pnl"] == "-650.00"


def test_half_left_counts_realised_and_open_together(scene: Scene, trader: Api) -> None:
    trade = scene.trade(scene.cast.account)
    trade.legs.update(quantity=130, entry_quantity=130, entry_value=13000, exit_quantity=65, exit_value=Decimal("7800"))

    row = trader.get(f"trades/{trade.pk}/").json()

    assert row["gross_pnl"] == "1950.00"  # 65 x 20 realised, 65 x 10 open
    assert row["legs"][0]["exit_price"] == "120.00"


def test_an_open_trade_without_a_price_has_no_profit_rather_than_a_wrong_one(scene: Scene, trader: Api) -> None:
    redis_client().delete(LAST)

    row = trader.rows("trades/")[0]

    assert (row["gross_pnl"], row["net_pnl"], row["legs"][0]["last_price"]) == (None, None, None)
    assert row["charges"] == "21.12"


def test_a_closed_trade_shows_what_its_fills_made(scene: Scene, trader: Api) -> None:
    Trade.objects.update(
        status="CLOSED", gross_pnl=Decimal("1790.75"), charges=Decimal("104.1099"), close_reason="SIGNAL"
    )
    publish_price(scene.cast.call, "999")

    row = trader.rows("trades/")[0]

    assert (row["gross_pnl"], row["charges"], row["net_pnl"]) == ("1790.75", "104.11", "1686.64")
    assert row["close_reason"] == "SIGNAL"


def test_an_average_keeps_its_digits(scene: Scene, trader: Api) -> None:
    TradeLeg.objects.update(entry_value=Decimal("6500.01"))
    assert trader.rows("trades/")[0]["legs"][0]["entry_price"] == "100.00015385"


def test_orders_show_both_ids_status_and_reason(scene: Scene, trader: Api) -> None:
    order = Order.objects.get(account=scene.cast.account)
    Order.objects.filter(pk=order.pk).update(reason_code="MARGIN", reason="Insufficient funds", status="REJECTED")

    row = trader.get(f"orders/{order.pk}/").json()

    assert {
        "client_order_id": order.client_order_id,
        "broker_order_id": order.broker_order_id or f"B{order.pk}",
        "status": "REJECTED",
        "reason_code": "MARGIN",
        "reason": "Insufficient funds",
        "side": "BUY",
        "kind": "ENTRY",
        "mode": "LIVE",
        "price": "103.00",
        "quantity": 65,
        "trade": order.intent.trade_id,
        "account": scene.cast.account.pk,
    }.items() <= row.items()


def test_fills_and_positions_and_accounts(scene: Scene, trader: Api) -> None:
    account = scene.cast.account
    fill = trader.rows("fills/", account=account.pk)[0]
    position = trader.rows("positions/", account=account.pk)[0]
    own = trader.get(f"accounts/{account.pk}/").json()

    assert (fill["price"], fill["quantity"], fill["side"], fill["mode"]) == ("100.00", 65, "BUY", "LIVE")
    assert (position["quantity"], position["last_price"], position["unrealized_pnl"]) == (65, "110.00", "650.00")
    assert (own["mode"], own["available_funds"], own["user"]) == ("LIVE", "50000.50", "trader@house.test")
    assert not {"sealed_credentials", "sealed_token"} & set(own)


@pytest.mark.parametrize(
    ("path", "query", "count"),
    [
        ("trades/", {}, 2),
        ("trades/", {"mode": "LIVE"}, 1),
        ("trades/", {"mode": "paper"}, 1),
        ("trades/", {"mode": "LIVE,PAPER"}, 2),
        ("trades/", {"status": "OPEN"}, 2),
        ("trades/", {"status": "CLOSED"}, 0),
        ("trades/", {"status": "open,closed"}, 2),
        ("trades/", {"strategy": "morning-call"}, 2),
        ("trades/", {"strategy": "another"}, 0),
        ("trades/", {"since": "2026-11-16T10:30:00+05:30"}, 2),
        ("trades/", {"since": "2026-11-16T10:30:01 05:30"}, 0),
        ("trades/", {"since": "2026-11-16T05:00:01Z"}, 0),
        ("orders/", {"status": "FILLED", "mode": "PAPER"}, 1),
        ("orders/", {"strategy": "morning-call"}, 2),
        ("fills/", {"strategy": "morning-call", "mode": "LIVE"}, 1),
        ("positions/", {"mode": "LIVE"}, 1),
        ("accounts/", {"mode": "PAPER"}, 1),
        ("signals/", {"status": "ROUTED", "kind": "ENTRY"}, 1),
        ("signals/", {"status": "EXPIRED"}, 0),
    ],
)
def test_a_list_is_narrowed(scene: Scene, trader: Api, path: str, query: dict[str, str], count: int) -> None:
    assert len(trader.rows(path, **query)) == count


def test_a_strategy_is_named_by_id_or_slug(scene: Scene, trader: Api) -> None:
    assert trader.ids("trades/", strategy=scene.cast.strategy.pk) == trader.ids("trades/", strategy="morning-call")


def test_the_trades_of_a_signal_are_ones_own(scene: Scene, trader: Api) -> None:
    own, foreign = (Signal.objects.get(strategy=one) for one in (scene.cast.strategy, scene.foreign_strategy))
    assert len(trader.rows("trades/", signal=own.pk)) == len(trader.rows("trades/"))
    assert trader.rows("trades/", signal=foreign.pk) == []
    assert trader.rows("trades/", signal=own.pk + 1000) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"signal": "last"}, "signal"),
        ({"status": "SLEEPING"}, "status"),
        ({"mode": "DEMO"}, "mode"),
        ({"account": "abc"}, "account"),
        ({"account": "0"}, "account"),
        ({"account": "9" * 30}, "account"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-11-16T10:30:00"}, "since"),
        ({"strategy": "a'; drop table"}, "strategy"),
        ({"strategy": "a\x00b"}, "strategy"),
        ({"ordering": "account__user__password"}, "ordering"),
        ({"order_by": "-id"}, "order_by"),
        ({"account__user": "1"}, "account__user"),
    ],
)
def test_a_bad_filter_is_refused_by_name(scene: Scene, trader: Api, query: dict[str, str], field: str) -> None:
    response = trader.get("trades/", **query)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "INVALID"
    assert field in error["fields"]


def test_pages_hold_still_while_rows_are_added(scene: Scene, now: datetime) -> None:
    api = api_of(scene.cast.operator)
    everything = api.ids("trades/")
    first = api.get("trades/", page_size=1).json()
    template = scene.trade(scene.cast.account)
    template.pk, template.strategy_map_id, template.created_at = None, None, now + timedelta(seconds=9)
    template.save(force_insert=True)

    found, following = [row["id"] for row in first["results"]], first["next"]
    while following:
        page = api.client.get(following, headers={"Authorization": f"Bearer {api.key}"}).json()
        found, following = found + [row["id"] for row in page["results"]], page["next"]

    assert found == everything == sorted(everything, reverse=True)


@pytest.mark.parametrize("text", ["p=first", "p=1;drop", "p=-1", "p=" + "9" * 40, "o=-1", "o=many", "\xff"])
def test_a_broken_cursor_is_not_found(scene: Scene, trader: Api, text: str) -> None:
    response = trader.get("trades/", cursor=b64encode(text.encode("latin-1")).decode())
    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_a_cursor_that_is_not_even_base64_is_not_found(scene: Scene, trader: Api) -> None:
    assert trader.get("trades/", cursor="%%%").status_code == 404


@pytest.mark.parametrize(
    "path", ["trades/", "orders/", "external-orders/", "fills/", "positions/", "accounts/", "signals/"]
)
def test_a_list_reads_no_more_for_more_rows(scene: Scene, path: str, django_assert_max_num_queries: object) -> None:
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        rows = api_of(scene.cast.operator).rows(path)
    assert rows
