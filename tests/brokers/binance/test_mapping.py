"""Rows in our words: fractions to whole steps, replacements to one order, fees in the coin to an average."""

from decimal import Decimal

import msgspec
import pytest

from brokers.binance.mapping import OrderRow, TradeRow, cost_of, fill_of, order_of, orders_of
from brokers.binance.rows import at
from brokers.rows import MalformedRow
from domain.orders import OrderStatus, OrderType, Side
from tests.brokers.binance.cast import STEPS, samples

STEP = STEPS["BTCUSDT"]


def row(**change: object) -> OrderRow:
    plain = {
        "symbol": "BTCUSDT",
        "orderId": 28,
        "clientOrderId": "tag1",
        "price": "91000.01000000",
        "origQty": "0.00250000",
        "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "type": "LIMIT",
        "side": "BUY",
        "time": 1764442800000,
        "updateTime": 1764442800123,
    }
    return msgspec.convert(plain | change, OrderRow)


def trade(quantity: str, price: str, *, buys: bool = True, fee: str = "0", asset: str = "BNB") -> TradeRow:
    return TradeRow(
        symbol="BTCUSDT",
        id=1,
        orderId=28,
        price=Decimal(price),
        qty=Decimal(quantity),
        commission=Decimal(fee),
        commissionAsset=asset,
        time=1764442800000,
        isBuyer=buys,
    )


def test_the_documentation_s_order():
    (rows,) = samples("spot_rest-api", "All orders (USER_DATA)")
    (order,) = orders_of(msgspec.convert(rows, list[OrderRow]), STEPS)
    assert (order.broker_order_id, order.client_order_id, order.side) == ("LTCBTC:myOrder1", "myOrder1", Side.BUY)
    assert (order.quantity, order.filled_quantity, order.status) == (10, 0, OrderStatus.OPEN)
    assert order.updated_at == at(1499827319559)


def test_the_documentation_s_trade():
    (rows,) = samples("spot_rest-api", "Account trade list (USER_DATA)")
    (one,) = msgspec.convert(rows, list[TradeRow])
    fill = fill_of(one, Decimal(1), {100234: "BNBBTC:tag1"})
    assert (fill.broker_order_id, fill.exchange_trade_id) == ("BNBBTC:tag1", "BNBBTC:28457")
    assert (fill.quantity, fill.price, fill.side) == (12, Decimal("4.000001"), Side.BUY)
    assert fill_of(one, Decimal(1), {}).broker_order_id == "BNBBTC:#100234"


def test_a_quantity_is_counted_in_steps_and_averaged_exactly():
    order = order_of(row(status="FILLED", executedQty="0.0025", cummulativeQuoteQty="227.50001"), STEP)
    assert (order.quantity, order.filled_quantity) == (250, 250)
    assert order.average_price == Decimal("91000.00400000")


def test_a_stop_waits_until_it_works():
    stop = {"type": "STOP_LOSS_LIMIT", "stopPrice": "90000.00000000"}
    assert order_of(row(**stop, isWorking=False), STEP).status is OrderStatus.TRIGGER_PENDING
    assert order_of(row(**stop, isWorking=True), STEP).status is OrderStatus.OPEN
    assert order_of(row(**stop), STEP).order_type is OrderType.SL


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_a_change_replaced_is_one_order_with_what_replaced_it(order):
    rows = [row(status="CANCELED"), row(orderId=29, price="90000.00000000", origQty="0.00300000")]
    (shown,) = orders_of([rows[number] for number in order], STEPS)
    assert (shown.status, shown.price, shown.quantity) == (OrderStatus.OPEN, Decimal(90000), 300)


def test_what_the_replaced_order_had_filled_is_kept():
    filled = {"executedQty": "0.00100000", "cummulativeQuoteQty": "90.00000000"}
    rows = [
        row(status="CANCELED", **filled),
        row(orderId=29, origQty="0.00150000", status="FILLED", executedQty="0.00150000", cummulativeQuoteQty="150"),
    ]
    (shown,) = orders_of(rows, STEPS)
    assert (shown.quantity, shown.filled_quantity, shown.average_price) == (250, 250, Decimal(96000))


@pytest.mark.parametrize(
    "change",
    [
        {"origQty": "0.000000001"},
        {"origQty": "NaN"},
        {"executedQty": "0.00300000"},
        {"executedQty": "-0.00100000"},
        {"status": "SOMETHING NEW"},
        {"type": "LIMIT_OF_SORTS"},
        {"side": "HOLD"},
        {"price": "NaN"},
        {"updateTime": 10**18},
    ],
)
def test_a_malformed_row_is_refused(change):
    with pytest.raises(MalformedRow):
        order_of(row(**change), STEP)


def test_the_average_of_what_is_held():
    bought = [trade("0.002", "90000"), trade("0.002", "92000")]
    assert cost_of(bought, held=Decimal("0.004"), base="BTC", within=STEP) == Decimal(91000)
    sold = [*bought, trade("0.001", "95000", buys=False)]
    assert cost_of(sold, held=Decimal("0.003"), base="BTC", within=STEP) == Decimal(91000)
    again = [trade("0.002", "90000"), trade("0.002", "95000", buys=False), trade("0.001", "80000")]
    assert cost_of(again, held=Decimal("0.001"), base="BTC", within=STEP) == Decimal(80000)


def test_a_fee_in_the_coin_makes_what_is_left_dearer():
    bought = [trade("0.002", "90000", fee="0.000002", asset="BTC")]
    cost = cost_of(bought, held=Decimal("0.001998"), base="BTC", within=STEP)
    assert cost == Decimal("90090.09009009")


def test_executions_that_do_not_add_up_to_the_balance_prove_no_average():
    assert cost_of([trade("0.002", "90000")], held=Decimal("0.5"), base="BTC", within=STEP) is None
    assert cost_of([], held=Decimal("0.5"), base="BTC", within=STEP) is None
