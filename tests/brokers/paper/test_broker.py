"""The paper broker behaves as a real one: it matches, rests, triggers, refuses, and nets positions."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from brokers.connect import connect
from brokers.paper.market import PaperSettings, PricesUnavailable
from domain.broker import BrokerError, Credentials, Endpoint, Outcome, Verdict
from domain.orders import OrderChange, OrderStatus, OrderType, Product, Side, Validity
from tests.brokers.paper.cast import CALL, CASH, LAST_PRICE_ONLY, Market, broker, request

AT_THE_BOOK = PaperSettings(slippage_ticks=None)


def limit(price: str, **changes: object):
    return request(order_type=OrderType.LIMIT, price=Decimal(price), **changes)


def change(
    price: str | None = None,
    *,
    quantity: int = 130,
    order_type: OrderType = OrderType.LIMIT,
    trigger: str | None = None,
):
    return OrderChange(
        order_type,
        quantity=quantity,
        lot_size=65,
        exchange="NFO",
        price=None if price is None else Decimal(price),
        trigger_price=None if trigger is None else Decimal(trigger),
    )


async def only_order(paper):
    (order,) = await paper.order_book()
    return order


def test_with_no_slippage_a_market_order_fills_at_the_last_price_and_shows_everywhere():
    async def journey() -> None:
        paper = broker(Market())
        wish = request()
        outcome = await paper.place(wish)
        assert outcome.verdict is Verdict.ACKNOWLEDGED
        order = await only_order(paper)
        assert (order.broker_order_id, order.client_order_id) == (outcome.broker_order_id, wish.client_order_id)
        assert (order.status, order.filled_quantity, order.average_price) == (OrderStatus.FILLED, 130, Decimal("42.10"))
        (fill,) = await paper.trade_book()
        assert fill.exchange_trade_id == f"P{outcome.broker_order_id}-1"
        assert (fill.quantity, fill.price, fill.side) == (130, Decimal("42.10"), Side.SELL)
        (position,) = await paper.positions()
        assert (position.quantity, position.average_price, position.product) == (-130, Decimal("42.10"), "MIS")

    asyncio.run(journey())


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "42.20"), (Side.SELL, "42.00")])
def test_slippage_makes_every_fill_dearer_by_ticks(side, price):
    async def journey() -> None:
        paper = broker(Market(), settings=PaperSettings(slippage_ticks=2))
        await paper.place(request(side=side))
        assert (await paper.trade_book())[0].price == Decimal(price)

    asyncio.run(journey())


def test_against_the_book_an_order_fills_at_the_touch_and_uses_each_quote_once():
    async def journey() -> None:
        market = Market()
        market.show(bid=Decimal("42.00"), ask=Decimal("42.20"), bid_quantity=65, ask_quantity=65)
        paper = broker(market, settings=AT_THE_BOOK)
        await paper.place(request(quantity=195))
        for _ in range(3):
            order = await only_order(paper)
            assert (order.status, order.filled_quantity) == (OrderStatus.PARTIALLY_FILLED, 65)
        snapshot = market.tick("42.10", bid=Decimal("41.90"), bid_quantity=650)
        await paper.on_ticks([snapshot])
        order = await only_order(paper)
        assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, 195)
        fills = await paper.trade_book()
        assert [(fill.quantity, fill.price) for fill in fills] == [(65, Decimal("42.00")), (130, Decimal("41.90"))]
        assert [fill.exchange_trade_id[-2:] for fill in fills] == ["-1", "-2"]
        assert round(order.average_price * 195, 6) == Decimal("42.00") * 65 + Decimal("41.90") * 130

    asyncio.run(journey())


def test_a_limit_rests_until_its_price_comes_by_a_tick_or_by_a_look_at_the_book():
    async def journey(by_tick: bool) -> None:
        market = Market()
        paper = broker(market)
        await paper.place(limit("45.00"))
        assert (await only_order(paper)).status is OrderStatus.OPEN
        snapshot = market.tick("45.50")
        if by_tick:
            await paper.on_ticks([snapshot])
            assert len(await paper.trade_book()) == 1
        order = await only_order(paper)
        assert (order.status, order.average_price) == (OrderStatus.FILLED, Decimal("45.50"))

    asyncio.run(journey(True))
    asyncio.run(journey(False))


def test_a_tick_of_another_instrument_fills_nothing():
    async def journey() -> None:
        market = Market()
        paper = broker(market)
        await paper.place(limit("45.00"))
        await paper.on_ticks([market.tick("99.00", key=("NFO", "OTHER"))])
        assert await paper.trade_book() == []

    asyncio.run(journey())


def test_an_ioc_fills_what_it_can_and_is_cancelled():
    async def journey() -> None:
        market = Market()
        market.show(bid=Decimal("42.00"), ask=Decimal("42.20"), bid_quantity=65, ask_quantity=65)
        paper = broker(market, settings=AT_THE_BOOK)
        await paper.place(request(validity=Validity.IOC))
        order = await only_order(paper)
        assert (order.status, order.filled_quantity) == (OrderStatus.CANCELLED, 65)
        await paper.place(limit("50.00", validity=Validity.IOC))
        assert (await paper.order_book())[1].status is OrderStatus.CANCELLED

    asyncio.run(journey())


@pytest.mark.parametrize(
    ("order_type", "fills_at"), [(OrderType.SL_M, Decimal("45.20")), (OrderType.SL, Decimal("45.20"))]
)
def test_a_stop_waits_for_its_trigger(order_type, fills_at):
    async def journey() -> None:
        market = Market()
        paper = broker(market)
        stop = request(side=Side.BUY, order_type=order_type, trigger_price=Decimal(45), price=Decimal(46))
        await paper.place(stop)
        assert (await only_order(paper)).status is OrderStatus.TRIGGER_PENDING
        market.tick("44.95")
        assert (await only_order(paper)).status is OrderStatus.TRIGGER_PENDING
        market.tick("45.20")
        order = await only_order(paper)
        assert (order.status, order.average_price) == (OrderStatus.FILLED, fills_at)

    asyncio.run(journey())


def test_a_triggered_stop_limit_beyond_its_limit_rests_open_and_stays_triggered():
    async def journey() -> None:
        market = Market()
        paper = broker(market)
        await paper.place(
            request(side=Side.BUY, order_type=OrderType.SL, trigger_price=Decimal(45), price=Decimal("45.50"))
        )
        market.tick("47.00")
        assert (await only_order(paper)).status is OrderStatus.OPEN
        market.tick("44.00")
        assert (await only_order(paper)).average_price == Decimal("44.00")

    asyncio.run(journey())


def test_a_modification_is_matched_at_once_even_at_the_price_already_seen():
    async def journey() -> None:
        paper = broker(Market())
        order_id = (await paper.place(limit("45.00"))).broker_order_id
        assert (await paper.modify(order_id, change("42.00"))).verdict is Verdict.ACKNOWLEDGED
        order = await only_order(paper)
        assert (order.status, order.average_price) == (OrderStatus.FILLED, Decimal("42.10"))

    asyncio.run(journey())


def test_a_modification_keeps_what_it_does_not_name():
    async def journey() -> None:
        paper = broker(Market())
        order_id = (await paper.place(limit("45.00"))).broker_order_id
        await paper.modify(order_id, change(quantity=65))
        order = await only_order(paper)
        assert (order.quantity, order.price, order.status) == (65, Decimal("45.00"), OrderStatus.OPEN)

    asyncio.run(journey())


def test_a_cancelled_order_never_fills():
    async def journey() -> None:
        market = Market()
        paper = broker(market)
        order_id = (await paper.place(limit("45.00"))).broker_order_id
        assert await paper.cancel(order_id) == Outcome(Verdict.ACKNOWLEDGED, broker_order_id=order_id)
        market.tick("50.00")
        assert (await only_order(paper)).status is OrderStatus.CANCELLED
        again = await paper.cancel(order_id)
        assert (again.verdict, again.code) == (Verdict.REJECTED, "NOT_OPEN")

    asyncio.run(journey())


REFUSALS = [
    ({"symbol": "NIFTY18AUG2699999CE"}, "UNKNOWN_SYMBOL"),
    ({"exchange": "BFO"}, "UNKNOWN_SYMBOL"),
    ({"quantity": 100}, "LOT"),
    ({"quantity": 0}, "LOT"),
    ({"quantity": -65}, "LOT"),
    ({"quantity": 1820}, "FREEZE"),
    ({"client_order_id": ""}, "TAG"),
    ({"client_order_id": "A" * 21}, "TAG"),
    ({"client_order_id": "with space"}, "TAG"),
    ({"order_type": OrderType.LIMIT, "price": Decimal("42.12")}, "OFF_TICK"),
    ({"order_type": OrderType.LIMIT, "price": Decimal(0)}, "PRICE"),
    ({"order_type": OrderType.LIMIT, "price": Decimal(-1)}, "PRICE"),
    ({"order_type": OrderType.LIMIT, "price": Decimal("NaN")}, "PRICE"),
    ({"order_type": OrderType.LIMIT, "price": Decimal("500.05")}, "BAND"),
    ({"order_type": OrderType.LIMIT, "price": Decimal("0.90")}, "BAND"),
    ({"order_type": OrderType.SL_M, "trigger_price": Decimal("41.99")}, "OFF_TICK"),
    ({"order_type": OrderType.SL_M, "trigger_price": Decimal("43.00")}, "TRIGGER"),
    ({"order_type": OrderType.SL, "trigger_price": Decimal(40), "price": Decimal(41)}, "TRIGGER"),
]


@pytest.mark.parametrize(("changes", "code"), REFUSALS)
def test_what_an_exchange_refuses_is_refused_and_leaves_no_trace(changes, code):
    async def journey() -> None:
        market = Market()
        market.show(lower_band=Decimal(1), upper_band=Decimal(500))
        paper = broker(market)
        outcome = await paper.place(request(**changes))
        assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, code)
        assert outcome.message
        assert await paper.order_book() == []

    asyncio.run(journey())


def test_no_price_and_an_old_price_fill_nothing_and_take_no_order():
    async def journey() -> None:
        market = Market()
        paper = broker(market)
        resting = (await paper.place(limit("45.00"))).broker_order_id
        market.tick("46.00")
        market.now += timedelta(seconds=31)
        assert (await paper.place(request())).code == "STALE_PRICE"
        assert (await only_order(paper)).status is OrderStatus.OPEN
        assert (await paper.modify(resting, change("44.00"))).code == "STALE_PRICE"
        market.show("0")
        assert (await paper.place(request())).code == "NO_PRICE"
        assert (await paper.cancel(resting)).verdict is Verdict.ACKNOWLEDGED

    asyncio.run(journey())


def test_prices_that_cannot_be_read_refuse_orders_but_still_show_the_books():
    async def journey() -> None:
        market = Market()
        paper = broker(market)
        await paper.place(request())

        async def down(exchange: str, symbol: str):
            raise PricesUnavailable("redis is away")

        market.price = down
        blind = broker(market, book=paper._desk.book)
        outcome = await blind.place(request())
        assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "NO_PRICE")
        assert len(await blind.order_book()) == 1
        assert (await blind.positions())[0].last_price == Decimal("42.10")

    asyncio.run(journey())


def test_the_same_tag_twice_is_refused_naming_the_first_order():
    async def journey() -> None:
        paper = broker(Market())
        wish = request()
        first = await paper.place(wish)
        again = await paper.place(wish)
        assert (again.verdict, again.code, again.broker_order_id) == (
            Verdict.REJECTED,
            "DUPLICATE_TAG",
            first.broker_order_id,
        )
        assert len(await paper.trade_book()) == 1

    asyncio.run(journey())


def test_an_order_takes_only_so_many_modifications_and_none_once_it_is_done():
    async def journey() -> None:
        paper = broker(Market())
        order_id = (await paper.place(limit("45.00"))).broker_order_id
        for _ in range(25):
            assert (await paper.modify(order_id, change("45.05"))).verdict is Verdict.ACKNOWLEDGED
        assert (await paper.modify(order_id, change("45.05"))).code == "MODIFICATIONS"
        await paper.cancel(order_id)
        assert (await paper.modify(order_id, change("45.05"))).code == "NOT_OPEN"
        assert (await paper.modify("nobody", change("45.05"))).code == "UNKNOWN_ORDER"

    asyncio.run(journey())


def test_an_order_cannot_shrink_below_what_is_filled():
    async def journey() -> None:
        market = Market()
        market.show(bid=Decimal("42.00"), ask=Decimal("42.20"), bid_quantity=65, ask_quantity=65)
        paper = broker(market, settings=AT_THE_BOOK)
        order_id = (await paper.place(limit("42.00"))).broker_order_id
        assert (await paper.modify(order_id, change("42.00", quantity=65))).code == "FILLED"

    asyncio.run(journey())


def test_positions_average_when_added_to_realise_when_reduced_and_turn_at_the_fills_price():
    async def journey() -> None:
        market = Market()
        paper = broker(market)

        async def trade(side: Side, lots: int, price: str, **changes: object):
            market.tick(price)
            await paper.place(request(side=side, quantity=65 * lots, **changes))
            return [(one.product, one.quantity, one.average_price) for one in await paper.positions()]

        assert await trade(Side.SELL, 1, "40.00") == [("MIS", -65, Decimal(40))]
        assert await trade(Side.SELL, 1, "42.00") == [("MIS", -130, Decimal(41))]
        assert await trade(Side.BUY, 1, "39.00") == [("MIS", -65, Decimal(41))]
        assert (await paper.funds()).available == CASH + 2 * 65
        assert await trade(Side.BUY, 2, "43.00") == [("MIS", 65, Decimal(43))]
        assert (await paper.funds()).available == CASH
        both = await trade(Side.SELL, 1, "44.00", product=Product.NRML)
        assert both == [("MIS", 65, Decimal(43)), ("NRML", -65, Decimal(44))]
        assert await trade(Side.SELL, 1, "44.00") == [("MIS", 0, 0), ("NRML", -65, Decimal(44))]
        assert (await paper.positions())[0].last_price == Decimal("44.00")

    asyncio.run(journey())


def test_a_commoditys_multiplier_reaches_the_cash():
    async def journey() -> None:
        market = Market()
        gold = ("MCX", "GOLD26DECFUT")
        facts = {"tick_size": Decimal(1), "lot_size": 1000, "freeze_quantity": None, "multiplier": Decimal("0.1")}
        market.show("75000", key=gold, **facts)
        paper = broker(market)
        wish = {"exchange": gold[0], "symbol": gold[1], "lot_size": 1000, "quantity": 1000}
        await paper.place(request(side=Side.BUY, **wish))
        market.tick("75100", key=gold)
        await paper.place(request(side=Side.SELL, **wish))
        assert (await paper.funds()).total == CASH + 10_000

    asyncio.run(journey())


def test_yesterdays_day_order_ends_and_yesterdays_book_is_not_todays():
    async def journey() -> None:
        market = Market()
        paper = broker(market)
        await paper.place(limit("45.00"))
        await paper.place(request())
        market.now += timedelta(days=1)
        market.show("50.00")
        assert await paper.order_book() == []
        assert await paper.trade_book() == []
        assert [one.quantity for one in await paper.positions()] == [-130]

    asyncio.run(journey())


def test_the_recorded_straddle_of_the_replay_comes_to_its_gross():
    async def journey() -> None:
        market = Market()
        put = ("NFO", "NIFTY18AUG2624200PE")
        market.show("26.15", key=put)
        paper = broker(market, settings=LAST_PRICE_ONLY)
        for key in (CALL, put):
            await paper.place(request(symbol=key[1], quantity=65))
        market.now += timedelta(hours=4, minutes=25)
        market.show("27.70")
        market.show("13.00", key=put)
        for key in (CALL, put):
            await paper.place(request(symbol=key[1], quantity=65, side=Side.BUY))
        assert (await paper.funds()).available - CASH == Decimal("1790.75")

    asyncio.run(journey())


def test_a_paper_account_without_a_desk_is_refused():
    with pytest.raises(BrokerError, match="desk"):
        connect("paper", Credentials("PAPER1"), Endpoint("", ""))
