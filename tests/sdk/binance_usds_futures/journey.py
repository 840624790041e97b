"""Binance's official SDK of USD-M futures, pointed at the simulated exchange, completes a customer's day."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from binance_common import utils
from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_common.errors import BadRequestError, UnauthorizedError
from binance_sdk_derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from steps import Control, step

SYMBOL = "BTCUSDT"
STEP = Decimal("0.001")
TICK = Decimal("0.1")
PATIENCE = 30.0
CANNOT = {
    "order history": "the API shows orders as they stand, and of changes only those a client made",
}


def client(url: str, control: Control, number: int, **change: str) -> DerivativesTradingUsdsFutures:
    """Register a client, whose name must be a number, and return the SDK with its keys."""
    name = str(number)
    keys = {"api_key": f"key{name}", "api_secret": f"secret{name}"}
    control("clients", {"clients": [{"client": name, "broker": "binance", **keys}]})
    streams = f"{url.replace('http', 'ws')}/binance"
    return DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(**(keys | change), base_path=f"{url}/binance", timeout=10_000, retries=0),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=streams),
    )


@pytest.fixture(scope="module")
def futures(url: str, control: Control) -> DerivativesTradingUsdsFutures:
    return client(url, control, 9101)


def last(futures: DerivativesTradingUsdsFutures) -> Decimal:
    return Decimal(futures.rest_api.symbol_price_ticker_v2(symbol=SYMBOL).data().actual_instance.price)


def priced(futures: DerivativesTradingUsdsFutures, by: str) -> str:
    """The last price by a factor, on the tick."""
    return str((last(futures) * Decimal(by)).quantize(TICK))


def order(futures: DerivativesTradingUsdsFutures, tag: str, **change: Any) -> Any:
    """Place a buy order of ten steps; numbers as text, for the SDK writes a float as 1e-05."""
    form = {
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "quantity": str(10 * STEP),
        "price": priced(futures, "0.7"),
        "new_client_order_id": tag,
    }
    return futures.rest_api.new_order(**(form | change)).data()


def cancel(futures: DerivativesTradingUsdsFutures, tag: str) -> Any:
    return futures.rest_api.cancel_order(SYMBOL, orig_client_order_id=tag).data()


def held(futures: DerivativesTradingUsdsFutures) -> Decimal:
    rows = futures.rest_api.position_information_v3(symbol=SYMBOL).data()
    return sum((Decimal(row.position_amt) for row in rows), Decimal(0))


@step("sign in", "funds")
def test_the_keys_are_the_session(futures):
    (money,) = futures.rest_api.futures_account_balance_v3().data()
    assert (money.asset, Decimal(money.balance)) == ("USDT", Decimal(10_000_000))
    account = futures.rest_api.account_information_v3().data()
    assert Decimal(account.available_balance) == Decimal(10_000_000)
    assert [asset.asset for asset in account.assets] == ["USDT"]


@step("sign in")
def test_a_wrong_secret_and_an_unknown_key_are_refused(url, control):
    with pytest.raises(BadRequestError, match="Signature"):
        client(url, control, 9102, api_secret="guess").rest_api.futures_account_balance_v3()
    with pytest.raises(UnauthorizedError, match="Invalid API-key"):
        client(url, control, 9103, api_key="nobodys").rest_api.futures_account_balance_v3()
    with pytest.raises(UnauthorizedError, match="Invalid API-key"):
        client(url, control, 9103, api_key="nobodys").rest_api.start_user_data_stream()


@step("sign in")
def test_a_stale_timestamp_is_refused(futures, monkeypatch):
    monkeypatch.setattr(utils, "get_timestamp", lambda: int(time.time() * 1000) - 60_000)
    with pytest.raises(BadRequestError, match="recvWindow"):
        futures.rest_api.futures_account_balance_v3(recv_window=5000)


@step("sign in")
def test_in_hedge_mode_no_order_of_one_way_is_taken(url, control):
    other = client(url, control, 9104)
    assert not other.rest_api.get_current_position_mode().data().dual_side_position
    assert other.rest_api.change_position_mode("true").data().code == 200
    assert other.rest_api.get_current_position_mode().data().dual_side_position
    with pytest.raises(BadRequestError, match="position side does not match"):
        order(other, "hedged")
    with pytest.raises(BadRequestError, match="No need to change"):
        other.rest_api.change_position_mode("true")
    other.rest_api.change_position_mode("false")
    assert order(other, "oneway").status == "NEW"
    with pytest.raises(BadRequestError, match="open orders"):
        other.rest_api.change_position_mode("true")


@step("instruments")
def test_the_exchange_says_what_it_lists_and_how_it_counts(futures):
    info = futures.rest_api.exchange_information().data()
    contracts = {one.symbol: one for one in info.symbols}
    assert contracts.keys() == {SYMBOL, "ETHUSDT"}
    assert {one.contract_type for one in info.symbols} == {"PERPETUAL"}
    filters = {one.filter_type: one for one in contracts[SYMBOL].filters}
    assert Decimal(filters["LOT_SIZE"].step_size) == STEP
    assert Decimal(filters["PRICE_FILTER"].tick_size) == TICK
    assert filters["MIN_NOTIONAL"].notional == "5"
    assert futures.rest_api.check_server_time().data().server_time


@step("quotes")
def test_prices_agree_with_each_other(futures):
    day = futures.rest_api.ticker24hr_price_change_statistics(symbol=SYMBOL).data().actual_instance
    touch = futures.rest_api.symbol_order_book_ticker(symbol=SYMBOL).data().actual_instance
    assert Decimal(day.low_price) <= Decimal(day.last_price) <= Decimal(day.high_price)
    assert Decimal(touch.bid_price) < Decimal(touch.ask_price)
    both = futures.rest_api.symbol_price_ticker_v2().data().actual_instance
    assert {one.symbol for one in both} == {SYMBOL, "ETHUSDT"}
    depth = futures.rest_api.order_book(symbol=SYMBOL).data()
    assert Decimal(depth.bids[0][0]) < Decimal(depth.asks[0][0])
    mark = futures.rest_api.mark_price(symbol=SYMBOL).data().actual_instance
    assert Decimal(mark.mark_price) > 0
    with pytest.raises(BadRequestError, match="Invalid symbol"):
        futures.rest_api.symbol_price_ticker_v2(symbol="NOSUCH")


@step("candles")
def test_history_is_repeatable(futures):
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=1)
    times = {"start_time": int((end - timedelta(hours=5)).timestamp() * 1000), "end_time": int(end.timestamp() * 1000)}
    bars = futures.rest_api.kline_candlestick_data(SYMBOL, "5m", **times).data()
    assert 59 <= len(bars) <= 61
    assert [bar[0] for bar in bars] == sorted(bar[0] for bar in bars)
    assert bars == futures.rest_api.kline_candlestick_data(SYMBOL, "5m", **times).data()
    with pytest.raises(BadRequestError, match="Invalid interval"):
        futures.rest_api.kline_candlestick_data(SYMBOL, "7m")


@step("place", "order book", "trades", "positions")
def test_a_short_is_sold_booked_and_bought_back_by_orders_that_only_reduce(futures):
    sold = order(futures, "journey1", side="SELL", price=priced(futures, "0.99"), new_order_resp_type="RESULT")
    assert (sold.status, sold.client_order_id, Decimal(sold.executed_qty)) == ("FILLED", "journey1", 10 * STEP)
    assert held(futures) == -10 * STEP
    row = futures.rest_api.query_order(SYMBOL, orig_client_order_id="journey1").data()
    assert (row.order_id, row.status, row.position_side) == (sold.order_id, "FILLED", "BOTH")
    assert row.order_id in {one.order_id for one in futures.rest_api.all_orders(SYMBOL).data()}
    trades = futures.rest_api.account_trade_list(SYMBOL, order_id=sold.order_id).data()
    assert sum(Decimal(trade.qty) for trade in trades) == 10 * STEP
    assert {(trade.side, trade.buyer) for trade in trades} == {("SELL", False)}
    with pytest.raises(BadRequestError, match="ReduceOnly Order is rejected"):
        order(futures, "journey2", price=priced(futures, "1.01"), quantity=str(11 * STEP), reduce_only="true")
    bought = order(futures, "journey3", price=priced(futures, "1.01"), reduce_only="true")
    assert (bought.status, bought.reduce_only) == ("NEW", True)
    assert held(futures) == 0
    with pytest.raises(BadRequestError, match="ReduceOnly Order is rejected"):
        order(futures, "journey4", reduce_only="true")


@step("place", "modify", "cancel", "order book")
def test_an_order_rests_is_changed_and_cancelled(futures):
    placed = order(futures, "journey5")
    assert placed.status == "NEW"
    price = priced(futures, "0.71")
    form = {"symbol": SYMBOL, "side": "BUY", "quantity": str(20 * STEP), "price": price}
    changed = futures.rest_api.modify_order(**form, orig_client_order_id="journey5").data()
    assert (changed.order_id, changed.client_order_id) == (placed.order_id, "journey5")
    (resting,) = futures.rest_api.current_all_open_orders(symbol=SYMBOL).data()
    assert (resting.client_order_id, Decimal(resting.orig_qty)) == ("journey5", 20 * STEP)
    assert Decimal(resting.price) == Decimal(price)
    one = futures.rest_api.query_current_open_order(SYMBOL, orig_client_order_id="journey5").data()
    assert one.order_id == placed.order_id
    with pytest.raises(BadRequestError, match="No need to modify"):
        futures.rest_api.modify_order(**form, order_id=placed.order_id)
    cancelled = cancel(futures, "journey5")
    assert (cancelled.status, cancelled.client_order_id) == ("CANCELED", "journey5")
    with pytest.raises(BadRequestError, match="Unknown order sent"):
        cancel(futures, "journey5")
    with pytest.raises(BadRequestError, match="Order does not exist"):
        futures.rest_api.modify_order(**form, orig_client_order_id="journey5")
    with pytest.raises(BadRequestError, match="Order does not exist"):
        futures.rest_api.query_order(SYMBOL, orig_client_order_id="nobodys")


@step("place")
def test_a_market_order_an_immediate_one_and_one_that_must_rest(futures):
    market = {"type": "MARKET", "time_in_force": None, "price": None}
    assert order(futures, "journey6", **market, new_order_resp_type="RESULT").status == "FILLED"
    assert order(futures, "journey7", time_in_force="IOC", new_order_resp_type="RESULT").status == "EXPIRED"
    with pytest.raises(BadRequestError, match="Post Only"):
        order(futures, "journey8", time_in_force="GTX", price=priced(futures, "1.01"))
    order(futures, "journey9", **market, side="SELL", reduce_only="true")
    assert held(futures) == 0


@step("place")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantity": "0.0015"}, "Precision is over"),
        ({"quantity": "0"}, "Quantity less than"),
        ({"quantity": "1001"}, "Quantity greater than max"),
        ({"quantity": "0.001", "price": "61.0", "side": "SELL"}, "can't be lower"),
        ({"price": "50000.05"}, "Precision is over"),
        ({"quantity": "0.001", "price": "4000"}, "notional must be no smaller"),
        ({"new_client_order_id": "no spaces"}, "Client order id is not valid"),
        ({"symbol": "NOSUCH"}, "Invalid symbol"),
        ({"position_side": "LONG"}, "position side does not match"),
        ({"type": "STOP"}, "Algo Order API"),
        ({"time_in_force": "FOK"}, "Unsupported order combination"),
    ],
)
def test_what_the_filters_hold_back_is_refused(futures, change, message):
    with pytest.raises(BadRequestError, match=message):
        order(futures, "refused", **change)
    assert "refused" not in {one.client_order_id for one in futures.rest_api.all_orders(SYMBOL).data()}


@step("place")
def test_more_than_the_margin_is_refused(futures):
    with pytest.raises(BadRequestError, match="Margin is insufficient"):
        order(futures, "refused", quantity="1000", price=priced(futures, "4"))


@step("place")
def test_a_client_order_id_is_unique_among_what_rests(futures):
    order(futures, "journey10")
    with pytest.raises(BadRequestError, match="duplicated"):
        order(futures, "journey10")
    cancel(futures, "journey10")


@step("market socket")
def test_books_tick_on_one_route_and_trades_on_the_other(futures):
    async def watch() -> dict[str, Any]:
        streams = futures.websocket_streams
        await streams.create_connection()
        asked = {
            "ticker": await streams.individual_symbol_ticker_streams(symbol="btcusdt"),
            "trade": await streams.aggregate_trade_streams(symbol="ethusdt"),
            "mark": await streams.mark_price_stream(symbol="btcusdt"),
            "touch": await streams.individual_symbol_book_ticker_streams(symbol="btcusdt"),
            "depth": await streams.partial_book_depth_streams(symbol="btcusdt", levels="5", update_speed="500ms"),
        }
        seen = {name: await _first(stream) for name, stream in asked.items()}
        await asked["ticker"].unsubscribe()
        await streams.close_connection(close_session=True)
        return seen

    seen = asyncio.run(asyncio.wait_for(watch(), PATIENCE))
    assert (seen["ticker"].s, seen["trade"].s, seen["mark"].s) == (SYMBOL, "ETHUSDT", SYMBOL)
    assert Decimal(seen["touch"].b) < Decimal(seen["touch"].a)
    assert Decimal(seen["depth"].b[0][0]) < Decimal(seen["depth"].a[0][0])


async def _first(stream: Any) -> Any:
    found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    stream.on("message", lambda data: None if found.done() else found.set_result(data))
    return await found


@step("order socket")
def test_orders_and_what_they_did_are_told_by_listen_key(futures):
    async def listen(act: Callable[[], Awaitable[None]]) -> list[Any]:
        key = futures.rest_api.start_user_data_stream().data().listen_key
        assert futures.rest_api.start_user_data_stream().data().listen_key == key
        futures.rest_api.keepalive_user_data_stream()
        streams = futures.websocket_streams
        await streams.create_connection()
        told: asyncio.Queue[Any] = asyncio.Queue()
        (await streams.user_data(key)).on("message", told.put_nowait)
        await act()
        events = [(await told.get()).actual_instance]
        while getattr(getattr(events[-1], "o", None), "X", "") != "CANCELED":
            events.append((await told.get()).actual_instance)
        await streams.close_connection(close_session=True)
        futures.rest_api.close_user_data_stream()
        return events

    async def act() -> None:
        await asyncio.to_thread(order, futures, "journey11", price=priced(futures, "1.01"))
        await asyncio.to_thread(order, futures, "journey12")
        await asyncio.to_thread(cancel, futures, "journey12")

    events = asyncio.run(asyncio.wait_for(listen(act), PATIENCE))
    orders = [(one.o.c, one.o.X) for one in events if getattr(one, "o", None) is not None]
    assert ("journey11", "FILLED") in orders
    assert orders[-2:] == [("journey12", "NEW"), ("journey12", "CANCELED")]
    accounts = [one.a for one in events if getattr(one, "a", None) is not None]
    assert Decimal(accounts[-1].P[0].pa) == 10 * STEP
    with pytest.raises(BadRequestError, match="listenKey does not exist"):
        futures.rest_api.keepalive_user_data_stream()


@step("place")
def test_every_order_of_the_journey_is_in_the_ledger(futures, control):
    placed = order(futures, "journey13", price=priced(futures, "1.01"))
    lines = control("ledger?tag=journey13")["entries"]
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "FILL"]
    assert {line["order_id"] for line in lines[1:]} == {str(placed.order_id)}
    assert {(line["quantity"], line["exchange"]) for line in lines} == {(10, "BINANCE_UM")}
