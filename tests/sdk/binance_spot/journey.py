"""Binance's official SDK of spot trading, pointed at the simulated exchange, completes a customer's day."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from binance_common import utils
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError, UnauthorizedError
from binance_sdk_spot import Spot
from steps import Control, step

PAIR = "BTCUSDT"
STEP = Decimal("0.00001")
PATIENCE = 30.0
CANNOT = {
    "order history": "the API shows orders as they stand; it keeps no list of an order's states",
}


def client(url: str, control: Control, number: int, **change: str) -> Spot:
    """Register a client, whose name must be a number, and return the SDK with its keys."""
    name = str(number)
    keys = {"api_key": f"key{name}", "api_secret": f"secret{name}"}
    control("clients", {"clients": [{"client": name, "broker": "binance", **keys}]})
    sockets = url.replace("http", "ws")
    keys |= change
    return Spot(
        config_rest_api=ConfigurationRestAPI(**keys, base_path=f"{url}/binance", timeout=10_000, retries=0),
        config_ws_api=ConfigurationWebSocketAPI(**keys, stream_url=f"{sockets}/binance/ws-api/v3"),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"{sockets}/binance"),
    )


@pytest.fixture(scope="module")
def spot(url: str, control: Control) -> Spot:
    return client(url, control, 9001)


def last(spot: Spot) -> Decimal:
    return Decimal(spot.rest_api.ticker_price(symbol=PAIR).data().actual_instance.price)


def priced(spot: Spot, by: str) -> str:
    """The last price by a factor, on the tick."""
    return str((last(spot) * Decimal(by)).quantize(Decimal("0.01")))


def order(spot: Spot, tag: str, **change: Any) -> Any:
    """Place a buy order of a hundred steps; numbers as text, for the SDK writes a float as 1e-05."""
    form = {
        "symbol": PAIR,
        "side": "BUY",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "quantity": str(100 * STEP),
        "price": priced(spot, "0.7"),
        "new_client_order_id": tag,
    }
    return spot.rest_api.new_order(**(form | change)).data()


@step("sign in", "funds")
def test_the_keys_are_the_session(spot):
    account = spot.rest_api.get_account(omit_zero_balances=True).data()
    assert account.uid == 9001
    assert account.can_trade
    (money,) = account.balances
    assert (money.asset, Decimal(money.free)) == ("USDT", Decimal(10_000_000))


@step("sign in")
def test_a_wrong_secret_and_an_unknown_key_are_refused(url, control):
    with pytest.raises(BadRequestError, match="Signature"):
        client(url, control, 9002, api_secret="guess").rest_api.get_account()
    with pytest.raises(UnauthorizedError, match="Invalid API-key"):
        client(url, control, 9003, api_key="nobodys").rest_api.get_account()


@step("sign in")
def test_a_stale_timestamp_is_refused(spot, monkeypatch):
    monkeypatch.setattr(utils, "get_timestamp", lambda: int(time.time() * 1000) - 60_000)
    with pytest.raises(BadRequestError, match="recvWindow"):
        spot.rest_api.get_account(recv_window=5000)


@step("instruments")
def test_the_exchange_says_what_it_lists_and_how_it_counts(spot):
    info = spot.rest_api.exchange_info().data()
    assert {one.symbol for one in info.symbols} == {PAIR, "ETHUSDT"}
    assert info.server_time
    one = spot.rest_api.exchange_info(symbol=PAIR).data().symbols[0]
    filters = {entry.actual_instance.filter_type: entry.actual_instance for entry in one.filters}
    assert Decimal(filters["LOT_SIZE"].step_size) == STEP
    assert Decimal(filters["PRICE_FILTER"].tick_size) == Decimal("0.01")
    with pytest.raises(BadRequestError, match="Invalid symbol"):
        spot.rest_api.exchange_info(symbol="NOSUCH")


@step("quotes")
def test_prices_agree_with_each_other(spot):
    day = spot.rest_api.ticker24hr(symbol=PAIR).data().actual_instance
    touch = spot.rest_api.ticker_book_ticker(symbol=PAIR).data().actual_instance
    assert Decimal(day.low_price) <= Decimal(day.last_price) <= Decimal(day.high_price)
    assert Decimal(touch.bid_price) < Decimal(touch.ask_price)
    both = spot.rest_api.ticker_price(symbols=[PAIR, "ETHUSDT"]).data().actual_instance
    assert [one.symbol for one in both] == [PAIR, "ETHUSDT"]
    depth = spot.rest_api.depth(symbol=PAIR).data()
    assert Decimal(depth.bids[0][0]) < Decimal(depth.asks[0][0])
    with pytest.raises(BadRequestError, match="Invalid symbol"):
        spot.rest_api.ticker_price(symbol="NOSUCH")


@step("candles")
def test_history_is_repeatable(spot):
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=1)
    times = {"start_time": int((end - timedelta(hours=5)).timestamp() * 1000), "end_time": int(end.timestamp() * 1000)}
    bars = spot.rest_api.klines(PAIR, "5m", **times).data()
    assert 59 <= len(bars) <= 61
    assert [bar[0] for bar in bars] == sorted(bar[0] for bar in bars)
    assert bars == spot.rest_api.klines(PAIR, "5m", **times).data()
    with pytest.raises(BadRequestError, match="Invalid interval"):
        spot.rest_api.klines(PAIR, "7m")


@step("place", "order book", "trades", "positions")
def test_an_order_is_placed_filled_and_booked(spot):
    placed = order(spot, "journey1", price=priced(spot, "1.01"))
    assert (placed.status, placed.client_order_id, Decimal(placed.executed_qty)) == ("FILLED", "journey1", 100 * STEP)
    assert sum(Decimal(fill.qty) for fill in placed.fills) == 100 * STEP
    row = spot.rest_api.get_order(PAIR, orig_client_order_id="journey1").data()
    assert (row.order_id, row.status) == (placed.order_id, "FILLED")
    assert row.order_id in {one.order_id for one in spot.rest_api.all_orders(PAIR).data()}
    trades = spot.rest_api.my_trades(PAIR, order_id=placed.order_id).data()
    assert {trade.id for trade in trades} == {fill.trade_id for fill in placed.fills}
    coins = {one.asset: one for one in spot.rest_api.get_account().data().balances}
    assert Decimal(coins["BTC"].free) == 100 * STEP


@step("place", "modify", "cancel", "order book")
def test_an_order_rests_is_replaced_and_cancelled(spot):
    placed = order(spot, "journey2")
    assert placed.status == "NEW"
    replaced = spot.rest_api.order_cancel_replace(
        symbol=PAIR,
        side="BUY",
        type="LIMIT",
        cancel_replace_mode="STOP_ON_FAILURE",
        time_in_force="GTC",
        quantity=str(200 * STEP),
        price=priced(spot, "0.71"),
        cancel_orig_client_order_id="journey2",
        new_client_order_id="journey2",
        cancel_restrictions="ONLY_NEW",
    ).data()
    assert (replaced.cancel_result, replaced.new_order_result) == ("SUCCESS", "SUCCESS")
    (resting,) = spot.rest_api.get_open_orders(symbol=PAIR).data()
    assert (resting.client_order_id, Decimal(resting.orig_qty)) == ("journey2", 200 * STEP)
    assert resting.order_id > placed.order_id
    cancelled = spot.rest_api.delete_order(PAIR, orig_client_order_id="journey2").data()
    assert (cancelled.status, cancelled.orig_client_order_id) == ("CANCELED", "journey2")
    with pytest.raises(BadRequestError, match="Unknown order sent"):
        spot.rest_api.delete_order(PAIR, orig_client_order_id="journey2")


@step("modify")
def test_nothing_is_done_where_there_is_nothing_to_replace(spot):
    with pytest.raises(BadRequestError, match="cancel-replace failed"):
        spot.rest_api.order_cancel_replace(
            symbol=PAIR,
            side="BUY",
            type="LIMIT",
            cancel_replace_mode="STOP_ON_FAILURE",
            time_in_force="GTC",
            quantity=str(100 * STEP),
            price=priced(spot, "0.7"),
            cancel_orig_client_order_id="nobodys",
        )
    assert spot.rest_api.get_open_orders(symbol=PAIR).data() == []


@step("place")
def test_a_market_order_and_a_stop(spot):
    market = order(spot, "journey3", type="MARKET", time_in_force=None, price=None)
    assert market.status == "FILLED"
    stop = order(
        spot,
        "journey4",
        type="STOP_LOSS_LIMIT",
        side="SELL",
        price=priced(spot, "0.9"),
        stop_price=priced(spot, "0.95"),
    )
    assert stop.client_order_id == "journey4"
    (waiting,) = spot.rest_api.get_open_orders(symbol=PAIR).data()
    assert (waiting.status, waiting.is_working) == ("NEW", False)
    spot.rest_api.delete_order(PAIR, order_id=waiting.order_id)


@step("place")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantity": "0.000015"}, "LOT_SIZE"),
        ({"price": "50000.001"}, "PRICE_FILTER"),
        ({"price": "1.00"}, "PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.0000000001"}, "too much precision"),
        ({"new_client_order_id": "no spaces"}, "newClientOrderId"),
        ({"symbol": "NOSUCH"}, "Invalid symbol"),
        ({"side": "SELL", "quantity": "100"}, "insufficient balance"),
    ],
)
def test_what_the_filters_hold_back_is_refused(spot, change, message):
    with pytest.raises(BadRequestError, match=message):
        order(spot, "journey5", **change)
    assert "journey5" not in {one.client_order_id for one in spot.rest_api.all_orders(PAIR).data()}


@step("place")
def test_a_client_order_id_is_unique_among_what_rests(spot):
    order(spot, "journey6")
    with pytest.raises(BadRequestError, match="Duplicate order sent"):
        order(spot, "journey6")
    spot.rest_api.delete_order(PAIR, orig_client_order_id="journey6")


@step("market socket")
def test_tickers_and_trades_tick(spot):
    async def watch() -> dict[str, Any]:
        connection = await spot.websocket_streams.create_connection()
        ticker, trades = await connection.ticker(symbol="btcusdt"), await connection.agg_trade(symbol="ethusdt")
        seen = await _first(ticker, "ticker") | await _first(trades, "trade")
        await ticker.unsubscribe()
        await connection.close_connection(close_session=True)
        return seen

    seen = asyncio.run(asyncio.wait_for(watch(), PATIENCE))
    assert (seen["ticker"].s, seen["trade"].s) == (PAIR, "ETHUSDT")
    assert Decimal(seen["ticker"].b) <= Decimal(seen["ticker"].a)


async def _first(stream: Any, name: str) -> dict[str, Any]:
    found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    stream.on("message", lambda data: None if found.done() else found.set_result(data))
    return {name: await found}


@step("order socket")
def test_orders_are_told_on_the_account_s_own_stream(spot):
    async def listen(act: Callable[[], Awaitable[None]]) -> list[Any]:
        connection = await spot.websocket_api.create_connection()
        subscribed = await connection.user_data_stream_subscribe_signature()
        told: asyncio.Queue[Any] = asyncio.Queue()
        subscribed.stream.on("message", told.put_nowait)
        await act()
        reports = [await told.get()]
        while reports[-1].actual_instance.X != "CANCELED":
            reports.append(await told.get())
        await connection.close_connection(close_session=True)
        return reports

    async def act() -> None:
        await asyncio.to_thread(order, spot, "journey7")
        await asyncio.to_thread(lambda: spot.rest_api.delete_order(PAIR, orig_client_order_id="journey7"))

    reports = [one.actual_instance for one in asyncio.run(asyncio.wait_for(listen(act), PATIENCE))]
    assert [one.X for one in reports] == ["NEW", "CANCELED"]
    assert (reports[0].c, reports[-1].C) == ("journey7", "journey7")


@step("place")
def test_every_order_of_the_journey_is_in_the_ledger(spot, control):
    placed = order(spot, "journey8", price=priced(spot, "1.01"))
    lines = control("ledger?tag=journey8")["entries"]
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "FILL"]
    assert {line["order_id"] for line in lines[1:]} == {str(placed.order_id)}
    assert {line["quantity"] for line in lines} == {100}
