"""Books, positions and money at the futures exchange."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from brokers.binance.futures.mapping import OrderRow, TradeRow, fill_of, names_of, order_of
from brokers.binance.login import BinanceLogin
from brokers.rows import MalformedRow
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable, SessionLost
from domain.orders import OrderStatus, OrderType, Side
from tests.brokers.binance.cast import account, futures_sample
from tests.brokers.binance.test_books import HOUR, Binance, now, run
from tests.brokers.servers import serve

FUTURES = {"pairs": "", "contracts": "BTCUSDT"}
STEP = Decimal("0.001")


def row(number: int, *, at: int, **change: Any) -> dict[str, Any]:
    sample = futures_sample("test_trade_api", "current_all_open_orders_success")[0]
    base = {"orderId": number, "clientOrderId": f"tag{number}", "type": "LIMIT", "time": at, "updateTime": at}
    return sample | base | {"price": "91000.1", "origQty": "0.025", "stopPrice": "0"} | change


def trade(number: int, order: int, *, at: int) -> dict[str, Any]:
    return futures_sample("test_trade_api", "account_trade_list_success")[0] | {
        "id": number,
        "orderId": order,
        "time": at,
    }


def held(symbol: str, amount: str, **change: Any) -> dict[str, Any]:
    sample = futures_sample("test_trade_api", "position_information_v3_success")[0]
    return sample | {"symbol": symbol, "positionAmt": amount} | change


def order_in(name: str, **change: Any) -> OrderRow:
    sample = futures_sample("test_trade_api", name)
    one = sample[0] if isinstance(sample, list) else sample
    return msgspec.json.decode(json.dumps(one | change), type=OrderRow)


def test_the_documentation_s_order_waits_for_its_trigger():
    shown = order_of(order_in("all_orders_success"), Decimal("0.01"), {1917641: "UM:BTCUSDT:abc"})
    assert (shown.broker_order_id, shown.client_order_id, shown.exchange) == ("UM:BTCUSDT:abc", "abc", "BINANCE_UM")
    assert (shown.status, shown.order_type, shown.trigger_price) == (
        OrderStatus.TRIGGER_PENDING,
        OrderType.SL_M,
        Decimal(9300),
    )
    assert (shown.quantity, shown.filled_quantity, shown.average_price) == (40, 0, Decimal(0))
    assert shown.updated_at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1579276756075)


def test_the_documentation_s_liquidation_is_an_order_of_somebody_else():
    shown = order_of(order_in("users_force_orders_success"), STEP, {})
    assert (shown.broker_order_id, shown.status, shown.side) == (
        "UM:BTCUSDT:#6071832819",
        OrderStatus.FILLED,
        Side.SELL,
    )
    assert (shown.filled_quantity, shown.average_price) == (1, Decimal("10913.21000"))


def test_the_documentation_s_execution():
    (sample,) = futures_sample("test_trade_api", "account_trade_list_success")
    shown = fill_of(msgspec.json.decode(json.dumps(sample), type=TradeRow), STEP, {25851813: "UM:BTCUSDT:mine"})
    assert (shown.broker_order_id, shown.exchange_trade_id) == ("UM:BTCUSDT:mine", "UM:BTCUSDT:698759")
    assert (shown.side, shown.quantity, shown.price) == (Side.SELL, 2, Decimal("7819.01"))


@pytest.mark.parametrize(
    "change",
    [
        {"origQty": "0.0005"},
        {"executedQty": "1"},
        {"executedQty": "-0.001"},
        {"status": "SOMETHING NEW"},
        {"type": "ICEBERG"},
        {"side": "HOLD"},
        {"avgPrice": "NaN"},
        {"symbol": ""},
        {"updateTime": 10**18},
    ],
)
def test_a_row_that_is_none_is_refused_by_name(change):
    with pytest.raises(MalformedRow):
        order_of(order_in("query_order_success", **{"origQty": "0.025", **change}), STEP, {})


def test_of_two_orders_of_one_client_order_id_the_last_is_called_by_it():
    rows = [order_in("query_order_success", orderId=number, clientOrderId="same") for number in (8, 7)]
    assert names_of(rows) == {8: "UM:BTCUSDT:same"}


def test_what_rests_is_shown_whatever_its_age_and_what_is_finished_for_a_day():
    old, young = now() - 30 * HOUR, now() - HOUR
    binance = Binance(
        openOrders=[row(1, at=old)],
        allOrders=[row(2, at=old, status="FILLED"), row(3, at=young, status="CANCELED"), row(4, at=young)],
    )
    book = run(binance, lambda broker: broker.order_book(), **FUTURES)
    assert [order.broker_order_id for order in book] == [f"UM:BTCUSDT:tag{number}" for number in (1, 3, 4)]
    assert {query["symbol"] for query in binance.calls("allOrders")} == {"BTCUSDT"}


def test_rows_of_a_contract_nobody_asked_for_spoil_the_book():
    binance = Binance(allOrders=[row(1, at=now(), symbol="ETHUSDT")])
    with pytest.raises(BrokerUnavailable, match="binance allOrders"):
        run(binance, lambda broker: broker.order_book(), **FUTURES)


def test_fills_are_named_as_their_orders_are():
    young = now() - HOUR
    binance = Binance(
        allOrders=[row(1, at=young)],
        userTrades=[trade(5, 1, at=now() - 30 * HOUR), trade(6, 1, at=young), trade(7, 9, at=young)],
    )
    fills = run(binance, lambda broker: broker.trade_book(), **FUTURES)
    assert [(fill.exchange_trade_id, fill.broker_order_id) for fill in fills] == [
        ("UM:BTCUSDT:6", "UM:BTCUSDT:tag1"),
        ("UM:BTCUSDT:7", "UM:BTCUSDT:#9"),
    ]


def test_positions_are_those_of_the_account_s_contracts_signed_in_steps():
    binance = Binance(positionRisk=[held("BTCUSDT", "-0.025"), held("ADAUSDT", "30")])
    (position,) = run(binance, lambda broker: broker.positions(), **FUTURES)
    assert (position.symbol, position.exchange, position.product) == ("BTCUSDT", "BINANCE_UM", "NRML")
    assert (position.quantity, position.multiplier) == (-25, STEP)
    assert (position.average_price, position.last_price) == (Decimal("0.385"), Decimal("0.41047590"))


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_positions_held_apart_are_refused_with_what_to_do(side):
    binance = Binance(positionRisk=[held("ADAUSDT", "30", positionSide=side)])
    with pytest.raises(BrokerError, match="one-way mode") as raised:
        run(binance, lambda broker: broker.positions(), **FUTURES)
    assert raised.value.code == "HEDGE_MODE"


def test_the_wallet_s_money_is_what_it_shows_of_the_account_s_currency():
    wallet = futures_sample("test_account_api", "account_information_v3_success")
    other = wallet["assets"][0] | {"asset": "BNB", "availableBalance": "5", "marginBalance": "5"}
    mine = wallet["assets"][0] | {"availableBalance": "20.5", "marginBalance": "23.5"}
    funds = run(Binance(account=wallet | {"assets": [other, mine]}), lambda broker: broker.funds(), **FUTURES)
    assert (funds.available, funds.used, funds.total) == (Decimal("20.5"), Decimal(3), Decimal("23.5"))
    nothing = run(Binance(account={"assets": []}), lambda broker: broker.funds(), **FUTURES)
    assert nothing.total == 0
    broken = {"assets": [mine | {"marginBalance": "NaN"}]}
    with pytest.raises(BrokerUnavailable, match="binance futures account"):
        run(Binance(account=broken), lambda broker: broker.funds(), **FUTURES)


def test_an_account_of_both_markets_shows_the_books_of_both():
    spot = {
        "symbol": "BTCUSDT",
        "orderId": 1,
        "clientOrderId": "pair",
        "price": "91000.01",
        "origQty": "0.0025",
        "executedQty": "0",
        "cummulativeQuoteQty": "0",
        "status": "NEW",
        "type": "LIMIT",
        "side": "BUY",
        "time": now(),
        "updateTime": now(),
    }
    binance = Binance()
    # The test's server sees the last part of a path only: what each market sends tells them apart.
    binance.pages = lambda path, query: (
        [spot | row(1, at=now(), clientOrderId="both")] if path == "openOrders" else None
    )
    book = run(binance, lambda broker: broker.order_book(), pairs="BTCUSDT", contracts="BTCUSDT")
    assert [order.broker_order_id for order in book] == ["BTCUSDT:both", "UM:BTCUSDT:both"]
    assert [order.quantity for order in book] == [2500, 25]


def test_dead_keys_are_a_lost_session():
    dead = (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action, request ip: 10.0.0.1"})
    with pytest.raises(SessionLost):
        run(Binance(account=dead), lambda broker: broker.funds(), **FUTURES)


def signed_in(answers: Mapping[str, Any], **fields: str) -> tuple[BrokerToken, list[str]]:
    binance = Binance(account={"uid": 354937868, "balances": []}, **answers)

    async def act() -> BrokerToken:
        async with serve(binance) as url:
            login = BinanceLogin(account(url, **fields))
            try:
                return await login.sign_in(now=datetime.now(UTC))
            finally:
                await login.aclose()

    return asyncio.run(act()), [path for path, _ in binance.asked if path != "time"]


def test_an_account_in_hedge_mode_is_not_signed_in_and_told_what_to_do():
    with pytest.raises(BrokerError, match="one-way mode") as raised:
        signed_in({"dual": futures_sample("test_account_api", "get_current_position_mode_success")}, **FUTURES)
    assert raised.value.code == "HEDGE_MODE"


def test_the_mode_is_looked_at_only_where_futures_are_traded():
    token, asked = signed_in({"dual": {"dualSidePosition": False}}, **FUTURES)
    assert (token.access_token, asked) == ("key1", ["account", "dual"])
    assert signed_in({}, pairs="BTCUSDT")[1] == ["account"]
