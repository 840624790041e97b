"""What is refused before acceptance (nothing booked) and what is rejected after it (shown in the book)."""

from decimal import Decimal

import pytest

from domain.orders import OrderType, Product, Side, Validity
from simulator.exchange.types import OrderState, Reason, Refusal

D = Decimal
REFUSED = [
    ({"symbol": "NIFTY26NOV1CE"}, Reason.UNKNOWN_SYMBOL),
    ({"exchange": "BFO"}, Reason.UNKNOWN_SYMBOL),
    ({"exchange": "NSE", "symbol": "NIFTY 50"}, Reason.NOT_TRADABLE),
    ({"quantity": 0}, Reason.QUANTITY),
    ({"quantity": -65}, Reason.QUANTITY),
    ({"quantity": 64}, Reason.LOT),
    ({"quantity": 65 * 28}, Reason.FREEZE),
    ({"price": D("90.01")}, Reason.TICK),
    ({"price": D(0)}, Reason.PRICE),
    ({"price": D(-5)}, Reason.PRICE),
    ({"price": D("NaN")}, Reason.PRICE),
    ({"price": D("Infinity")}, Reason.PRICE),
    ({"product": Product.CNC}, Reason.PRODUCT),
    ({"exchange": "NSE", "symbol": "RELIANCE", "product": Product.NRML, "price": D(1400)}, Reason.PRODUCT),
    ({"order_type": OrderType.SL, "price": D(115)}, Reason.TRIGGER),
    ({"order_type": OrderType.SL, "price": D(115), "trigger_price": D("110.02")}, Reason.TICK),
    ({"order_type": OrderType.SL, "price": D(109), "trigger_price": D(110)}, Reason.TRIGGER),
    ({"order_type": OrderType.SL, "price": D(95), "trigger_price": D(90)}, Reason.TRIGGER),
    (
        {"order_type": OrderType.SL, "side": Side.SELL, "price": D(105), "trigger_price": D(110)},
        Reason.TRIGGER,
    ),
    ({"tag": "with space"}, Reason.TAG),
    ({"tag": "x" * 65}, Reason.TAG),
    (
        {
            "exchange": "MCX",
            "symbol": "CRUDEOIL26DECFUT",
            "quantity": 100,
            "price": D(5400),
            "validity": Validity.IOC,
        },
        Reason.VALIDITY,
    ),
    ({"exchange": "MCX", "symbol": "CRUDEOIL26DECFUT", "quantity": 1, "price": D(5400)}, Reason.LOT),
    ({"exchange": "MCX", "symbol": "CRUDEOIL26DECFUT", "quantity": 10_100, "price": D(5400)}, Reason.FREEZE),
]


@pytest.mark.parametrize(("fields", "reason"), REFUSED)
def test_a_wrong_order_is_refused_with_a_reason_and_not_booked(desk, fields, reason) -> None:
    with pytest.raises(Refusal) as refused:
        desk.place(**fields)
    assert refused.value.reason is reason
    assert refused.value.message
    assert desk.exchange.orders("C1") == []
    assert desk.seen == []


@pytest.mark.parametrize("quantity", [65, 1755])
def test_a_lot_and_the_largest_slice_below_freeze_are_accepted(desk, quantity) -> None:
    assert desk.place(quantity=quantity, tag="A1b2").state is OrderState.OPEN


def test_a_price_outside_the_bands_is_rejected_in_the_book(desk) -> None:
    order = desk.place(price=D(900))
    assert (order.state, order.reason) == (OrderState.REJECTED, Reason.BAND)
    assert "circuit" in order.message
    assert desk.exchange.trades("C1") == []


def test_too_little_money_is_rejected_in_the_book(desk) -> None:
    desk.exchange.open_account("C1", cash=D(5000))
    order = desk.place(price=D(90))
    assert (order.state, order.reason) == (OrderState.REJECTED, Reason.MARGIN)
    assert order.message == ("Insufficient funds. Required margin is 5850.00 but available margin is 5000.00.")


def test_crude_trades_in_barrels_of_a_hundred(desk) -> None:
    desk.market.set_price(desk.token("CRUDEOIL26DECFUT", "MCX"), D(5400))
    desk.tick()
    order = desk.place(exchange="MCX", symbol="CRUDEOIL26DECFUT", quantity=100, price=D(5450), product=Product.MIS)
    assert order.state is OrderState.COMPLETE
    (position,) = desk.exchange.positions("C1")
    assert (position.quantity, position.buy_value) == (100, order.average_price * 100)


def test_delivery_shares_cannot_be_sold_short(desk) -> None:
    order = desk.place(
        exchange="NSE", symbol="RELIANCE", product=Product.CNC, side=Side.SELL, quantity=10, price=D(1400)
    )
    assert (order.state, order.reason) == (OrderState.REJECTED, Reason.POSITION)
