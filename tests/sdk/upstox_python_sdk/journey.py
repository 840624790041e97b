"""Upstox's official SDK, pointed at the simulated exchange, completes a customer's day.

Its hosts are settings; the addresses of its sockets are not, so the client they are opened with is handed ours instead.
"""

import gzip
import json
import queue
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import upstox_client
import websocket
from steps import Control, step
from upstox_client.rest import ApiException

NAME, KEY, SECRET = "SDK001", "sdk001key", "sdk001secret"
REDIRECT = "http://127.0.0.1:1/callback"
CLIENT = {"client": NAME, "api_key": KEY, "api_secret": SECRET, "broker": "upstox", "redirect_url": REDIRECT}
INDEX = "NSE_INDEX|Nifty 50"
PATIENCE = 30.0
TICK = 0.05
V2 = "2.0"
CANNOT = {"instruments": "the SDK has no call for the master, which is a public file; the journey reads that file"}


def session(url: str, control: Control) -> upstox_client.ApiClient:
    """Sign a fresh session in."""
    configuration = upstox_client.Configuration()
    configuration.host = configuration.order_host = f"{url}/upstox"
    client = upstox_client.ApiClient(configuration)
    code = str(control("request-token", {"client": NAME})["request_token"])
    token = upstox_client.LoginApi(client).token(
        V2, code=code, client_id=KEY, client_secret=SECRET, redirect_uri=REDIRECT, grant_type="authorization_code"
    )
    assert (token.user_id, token.broker, token.is_active) == (NAME, "UPSTOX", True)
    configuration.access_token = token.access_token
    return client


@pytest.fixture(scope="module")
def client(url: str, control: Control) -> upstox_client.ApiClient:
    control("clients", {"clients": [CLIENT]})
    return session(url, control)


@pytest.fixture(scope="module")
def orders(client: upstox_client.ApiClient) -> upstox_client.OrderApiV3:
    return upstox_client.OrderApiV3(client)


@pytest.fixture(scope="module")
def books(client: upstox_client.ApiClient) -> upstox_client.OrderApi:
    return upstox_client.OrderApi(client)


@pytest.fixture(scope="module")
def option(url: str, client: upstox_client.ApiClient) -> dict[str, Any]:
    """The call nearest to the money of the first expiry, from the public master."""
    with urllib.request.urlopen(f"{url}/upstox/market-quote/instruments/exchange/NSE.json.gz", timeout=10) as file:
        rows = json.loads(gzip.decompress(file.read()))
    spot = priced(client, INDEX)
    calls = [row for row in rows if (row.get("underlying_symbol"), row["instrument_type"]) == ("NIFTY", "CE")]
    soonest = min(row["expiry"] for row in calls)
    first = [row for row in calls if row["expiry"] == soonest]
    return dict(min(first, key=lambda row: abs(row["strike_price"] - spot)))


def priced(client: upstox_client.ApiClient, key: str) -> float:
    """The last price now."""
    [row] = upstox_client.MarketQuoteV3Api(client).get_ltp(instrument_key=key).data.values()
    assert row.instrument_token == key
    return float(row.last_price)


def near(client: upstox_client.ApiClient, key: str, factor: float) -> float:
    """A price this far from the last one."""
    return round(round(priced(client, key) * factor / TICK) * TICK, 2)


def wish(option: dict[str, Any], price: float, tag: str, /, **change: Any) -> upstox_client.PlaceOrderV3Request:
    fields: dict[str, Any] = {
        "quantity": option["lot_size"],
        "product": "D",
        "validity": "DAY",
        "price": price,
        "tag": tag,
        "instrument_token": option["instrument_key"],
        "order_type": "LIMIT",
        "transaction_type": "BUY",
        "disclosed_quantity": 0,
        "trigger_price": 0.0,
        "is_amo": False,
        "slice": False,
    }
    return upstox_client.PlaceOrderV3Request(**(fields | change))


def code_of(refused: pytest.ExceptionInfo[ApiException]) -> tuple[int, str]:
    """The HTTP status and the code of a refusal."""
    body = json.loads(refused.value.body)
    assert body["errors"][0]["errorCode"] == body["errors"][0]["error_code"]
    return refused.value.status, body["errors"][0]["error_code"]


@step("sign in")
def test_a_wrong_secret_and_a_spent_code_are_refused(url, control, client):
    login = upstox_client.LoginApi(client)
    code = str(control("request-token", {"client": NAME})["request_token"])
    given = {"code": code, "client_id": KEY, "redirect_uri": REDIRECT, "grant_type": "authorization_code"}
    for secret, expected in (("guess", "UDAPI100069"), (SECRET, None), (SECRET, "UDAPI100057")):
        if expected is None:
            assert login.token(V2, client_secret=secret, **given).user_id == NAME
            continue
        with pytest.raises(ApiException) as refused:
            login.token(V2, client_secret=secret, **given)
        assert code_of(refused)[1] == expected


@step("sign in", "funds")
def test_profile_and_funds(client):
    user = upstox_client.UserApi(client)
    assert user.get_profile(V2).data.user_id == NAME
    funds = user.get_user_fund_margin(V2).data
    assert funds["equity"].available_margin == pytest.approx(10_000_000, rel=0.5)
    assert funds["commodity"].available_margin == 0
    assert set(user.get_user_fund_margin(V2, segment="SEC").data) == {"equity"}
    assert upstox_client.PortfolioApi(client).get_holdings(V2).data == []


@step("quotes")
def test_quotes_agree_with_each_other(client, option):
    key = option["instrument_key"]
    full = upstox_client.MarketQuoteApi(client).get_full_market_quote(f"{key},{INDEX}", V2).data
    assert {row.instrument_token for row in full.values()} == {key, INDEX}
    row = next(row for row in full.values() if row.instrument_token == key)
    assert row.lower_circuit_limit < row.last_price < row.upper_circuit_limit
    assert len(row.depth.buy) == len(row.depth.sell) == 5
    assert row.depth.buy[0].price < row.depth.sell[0].price
    assert upstox_client.MarketQuoteV3Api(client).get_ltp(instrument_key="NSE_FO|1").data == {}


@step("candles")
def test_history_is_repeatable(client):
    history = upstox_client.HistoryV3Api(client)
    last = datetime.now(UTC).date() - timedelta(days=1)
    week = (str(last), str(last - timedelta(days=6)))
    candles = history.get_historical_candle_data1(INDEX, "minutes", 5, *week).data.candles
    assert candles
    assert all(low <= min(first, close) <= max(first, close) <= high for _, first, high, low, close, *_ in candles)
    starts = [datetime.fromisoformat(candle[0]) for candle in candles]
    assert starts == sorted(starts, reverse=True)
    assert candles == history.get_historical_candle_data1(INDEX, "minutes", 5, *week).data.candles
    assert history.get_historical_candle_data1(INDEX, "days", 1, *week).data.candles
    with pytest.raises(ApiException) as refused:
        history.get_historical_candle_data1(INDEX, "minutes", 301, *week)
    assert code_of(refused) == (400, "UDAPI1147")


@step("place", "order book", "order history", "trades", "positions")
def test_an_order_is_placed_filled_and_booked(client, orders, books, option):
    key = option["instrument_key"]
    placed = orders.place_order(wish(option, near(client, key, 1.2), "journey1"))
    assert placed.metadata.latency >= 0
    [order_id] = placed.data.order_ids
    [row] = [row for row in books.get_order_book(V2).data if row.order_id == order_id]
    assert (row.status, row.tag, row.instrument_token) == ("complete", "journey1", key)
    assert (row.filled_quantity, row.pending_quantity) == (option["lot_size"], 0)
    assert books.get_order_status(order_id=order_id).data.average_price == row.average_price
    states = [state.status for state in books.get_order_details(V2, order_id=order_id).data]
    assert states[0] == "put order req received"
    assert states[-2:] == ["open", "complete"]
    assert [state.order_id for state in books.get_order_details(V2, tag="journey1").data] == [order_id] * len(states)
    [trade] = books.get_trades_by_order(order_id, V2).data
    assert trade.trade_id in {one.trade_id for one in books.get_trade_history(V2).data}
    held = upstox_client.PortfolioApi(client).get_positions(V2).data
    assert [(one.instrument_token, one.quantity, one.product) for one in held] == [(key, option["lot_size"], "D")]


@step("place", "modify", "cancel")
def test_an_order_rests_is_modified_and_cancelled(client, orders, books, option):
    low = near(client, option["instrument_key"], 0.9)
    [order_id] = orders.place_order(wish(option, low, "journey2")).data.order_ids
    higher = round(low + TICK, 2)
    change = upstox_client.ModifyOrderRequest(
        quantity=2 * option["lot_size"],
        validity="DAY",
        price=higher,
        order_id=order_id,
        order_type="LIMIT",
        disclosed_quantity=0,
        trigger_price=0,
    )
    assert orders.modify_order(change).data.order_id == order_id
    shown = books.get_order_status(order_id=order_id).data
    assert (shown.status, shown.quantity) == ("open", 2 * option["lot_size"])
    assert shown.price == pytest.approx(higher)
    assert orders.cancel_order(order_id).data.order_id == order_id
    assert books.get_order_status(order_id=order_id).data.status == "cancelled"
    late = (
        (lambda: orders.cancel_order(order_id), "UDAPI100040"),
        (lambda: orders.modify_order(change), "UDAPI100041"),
    )
    for call, expected in late:
        with pytest.raises(ApiException) as refused:
            call()
        assert code_of(refused) == (400, expected)
    with pytest.raises(ApiException) as refused:
        orders.cancel_order("240101000000000")
    assert code_of(refused)[1] == "UDAPI100010"


@step("place")
def test_a_protected_market_order_fills_and_a_bare_one_is_refused(orders, books, option):
    [order_id] = orders.place_order(
        wish(option, 0, "journey3", market_protection=-1, order_type="MARKET")
    ).data.order_ids
    assert books.get_order_status(order_id=order_id).data.status == "complete"
    with pytest.raises(ApiException) as refused:
        orders.place_order(wish(option, 0, "journey3", market_protection=0, order_type="MARKET"))
    assert code_of(refused) == (400, "UDAPI1158")


@step("place")
def test_refusals_bear_the_documented_codes(client, orders, option):
    price = near(client, option["instrument_key"], 0.9)
    wrong = {
        "UDAPI1052": {"quantity": 0},
        "UDAPI100011": {"instrument_token": "NSE_FO|1"},
        "UDAPI1119": {"tag": "x" * 41},
        "UDAPI100038": {"quantity": option["lot_size"] + 1},
    }
    for expected, change in wrong.items():
        with pytest.raises(ApiException) as refused:
            orders.place_order(wish(option, price, "journey4", **change))
        assert code_of(refused) == (400, expected)


@step("funds")
def test_the_margin_of_a_basket(client, option):
    legs = [
        upstox_client.Instrument(
            instrument_key=option["instrument_key"],
            quantity=option["lot_size"],
            product="D",
            transaction_type=side,
            price=100,
        )
        for side in ("BUY", "SELL")
    ]
    basket = upstox_client.ChargeApi(client).post_margin(upstox_client.MarginRequest(instruments=legs)).data
    assert [one.total_margin > 0 for one in basket.margins] == [True, True]
    assert basket.margins[0].net_buy_premium == pytest.approx(100 * option["lot_size"])
    assert basket.final_margin <= basket.required_margin


@step("positions")
def test_a_position_is_converted(client, option):
    change = upstox_client.ConvertPositionRequest(
        instrument_token=option["instrument_key"],
        new_product="I",
        old_product="D",
        transaction_type="BUY",
        quantity=option["lot_size"],
    )
    assert upstox_client.PortfolioApi(client).convert_positions(change, V2).data.status == "complete"


@step("place")
def test_every_order_of_the_journey_is_in_the_ledger(client, orders, option, control):
    price = near(client, option["instrument_key"], 1.2)
    [order_id] = orders.place_order(wish(option, price, "journey5")).data.order_ids
    lines = control("ledger?tag=journey5")["entries"]
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "FILL"]
    assert {line["order_id"] for line in lines[1:]} == {order_id}
    assert {line["symbol"] for line in lines} == {option["instrument_key"]}


@pytest.fixture
def sockets(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand the SDK's socket client our address in place of the one it has built in."""
    original = websocket.WebSocketApp.__init__
    root = f"{url.replace('http', 'ws', 1)}/upstox"

    def pointed(self: websocket.WebSocketApp, address: str, *arguments: Any, **options: Any) -> None:
        parts = urlsplit(address)
        original(self, f"{root}{parts.path}?{parts.query}", *arguments, **options)

    monkeypatch.setattr(websocket.WebSocketApp, "__init__", pointed)


@pytest.fixture
def told(sockets: None) -> Iterator[Callable[..., "queue.Queue[Any]"]]:
    """Connect streamers, each with the queue of what it is told; disconnected afterwards."""
    streamers = []

    def connect(streamer: Any) -> "queue.Queue[Any]":
        messages: queue.Queue[Any] = queue.Queue()
        opened: queue.Queue[bool] = queue.Queue()
        streamer.auto_reconnect(False)
        streamer.on("message", messages.put)
        streamer.on("error", lambda error: messages.put({"error": str(error)}))
        streamer.on("open", lambda: opened.put(True))
        streamers.append(streamer)
        streamer.connect()
        assert opened.get(timeout=PATIENCE)
        return messages

    yield connect
    for streamer in streamers:
        streamer.disconnect()


def feeds_of(messages: "queue.Queue[Any]", *keys: str) -> tuple[list[str], dict[str, Any]]:
    """Read until every key was told; the kinds of message in their order, and each key's first feed."""
    kinds: list[str] = []
    found: dict[str, Any] = {}
    while not set(keys) <= found.keys():
        message = messages.get(timeout=PATIENCE)
        kinds.append(message.get("type", "initial_feed"))
        for key, feed in message.get("feeds", {}).items():
            found.setdefault(key, feed)
    return kinds, found


@step("market socket")
def test_the_market_socket_in_full_mode(client, option, told):
    key = option["instrument_key"]
    messages = told(upstox_client.MarketDataStreamerV3(client, [key, INDEX], "full"))
    kinds, found = feeds_of(messages, key, INDEX)
    assert kinds[0] == "market_info"
    assert kinds[1] == "initial_feed"
    full = found[key]["fullFeed"]["marketFF"]
    levels = full["marketLevel"]["bidAskQuote"]
    assert len(levels) == 5
    assert levels[0]["bidP"] < levels[0]["askP"]
    assert int(levels[0]["bidQ"]) % option["lot_size"] == 0
    assert full["ltpc"]["ltp"] == pytest.approx(priced(client, key), rel=0.3)
    assert found[key]["requestMode"] == "full_d5"
    index = found[INDEX]["fullFeed"]["indexFF"]
    assert index["ltpc"]["ltp"] == pytest.approx(priced(client, INDEX), rel=0.05)
    assert abs(int(index["ltpc"]["ltt"]) / 1000 - datetime.now(UTC).timestamp()) < 300


@step("market socket")
def test_the_market_socket_in_ltpc_mode_changes_and_goes_quiet(client, option, told):
    key = option["instrument_key"]
    streamer = upstox_client.MarketDataStreamerV3(client, [INDEX], "ltpc")
    messages = told(streamer)
    _, found = feeds_of(messages, INDEX)
    assert set(found[INDEX]) == {"ltpc"}
    streamer.subscribe([key], "option_greeks")
    _, found = feeds_of(messages, key)
    assert found[key]["firstLevelWithGreeks"]["firstDepth"]["bidP"] > 0
    streamer.unsubscribe([INDEX])
    quiet = 0
    while quiet < 5:
        quiet = 0 if INDEX in messages.get(timeout=PATIENCE).get("feeds", {}) else quiet + 1


@step("order socket")
def test_an_order_update_arrives_on_the_portfolio_socket(client, orders, option, told):
    messages = told(upstox_client.PortfolioDataStreamer(client))
    price = near(client, option["instrument_key"], 1.2)
    [order_id] = orders.place_order(wish(option, price, "socket1")).data.order_ids
    updates = [json.loads(messages.get(timeout=PATIENCE))]
    while updates[-1]["status"] != "complete":
        updates.append(json.loads(messages.get(timeout=PATIENCE)))
    assert {update["update_type"] for update in updates} == {"order"}
    assert {(update["order_id"], update["tag"]) for update in updates} == {(order_id, "socket1")}
    assert {update["instrument_key"] for update in updates} == {option["instrument_key"]}


@step("sign in")
def test_a_logout_ends_the_session(url, control, client):
    own = session(url, control)
    assert upstox_client.LoginApi(own).logout(V2).data is True
    with pytest.raises(ApiException) as refused:
        upstox_client.UserApi(own).get_profile(V2)
    assert code_of(refused) == (401, "UDAPI100050")
    assert upstox_client.UserApi(client).get_profile(V2).data.user_id == NAME
