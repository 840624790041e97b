"""Alice Blue's official A3 SDK, pointed at the simulated exchange, completes a customer's day.

Prices come from its market socket, because the API has no call for quotes. What the SDK has hard-wired is led here: the
host of the calls that come before the socket, the hour before which it downloads no contract files, and its printing of
order updates, which is all it does with them.
"""

import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from datetime import time as clock
from typing import Any

import pandas
import pytest
import requests
from steps import Control, step
from TradeMaster import TradeSync
from TradeMaster.TradeSync import Instrument, OrderComplexity, OrderType, PositionType, ProductType, TradeHub

NAME, KEY, SECRET = "ALICE01", "alice01key", "alice01secret"
CLIENT = {"client": NAME, "api_key": KEY, "api_secret": SECRET, "broker": "aliceblue"}
HOST = "https://a3.aliceblueonline.com"
PATIENCE = 30.0
TICK = 0.05
IST = timezone(timedelta(hours=5, minutes=30))
CANNOT = {"quotes": "neither the SDK nor the API has a call for quotes: prices come on the market socket"}


def fresh(url: str, code: str, secret: str = SECRET) -> TradeHub:
    """Return the SDK pointed at the exchange, not yet signed in."""
    hub = TradeHub(user_id=NAME, auth_code=code, secret_key=secret, base_url=f"{url}/aliceblue/")
    hub.websocket_url = f"{url.replace('http', 'ws', 1)}/aliceblue/NorenWS/"
    hub._wss_url = f"{url.replace('http', 'ws', 1)}/aliceblue/open-api/order-notify/websocket"
    hub._base_url_contract = f"{url}/aliceblue/restpy/static/contract_master/"
    return hub


def granted(control: Control) -> str:
    """Return a one-use code of a person's sign-in."""
    return str(control("request-token", {"client": NAME})["request_token"])


@pytest.fixture(scope="module")
def led(url: str, control: Control) -> Iterator[None]:
    """What is hard-wired in the SDK, led to the exchange; the client, registered."""
    control("clients", {"clients": [CLIENT]})
    send = requests.request

    def led_there(method: str, address: str, **more: Any) -> requests.Response:
        return send(method, address.replace(HOST, f"{url}/aliceblue"), **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests, "request", led_there)
        patch.setattr(TradeSync, "time", lambda hour, minute: clock(0, 0))
        yield


@pytest.fixture(scope="module")
def hub(url: str, control: Control, led: None) -> TradeHub:
    hub = fresh(url, granted(control))
    assert hub.get_session_id()["userSession"]
    return hub


class Ears:
    """What the market socket said; the SDK calls back from a thread of its own."""

    def __init__(self) -> None:
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()

    def take(self, text: str) -> None:
        self.said.put(json.loads(text))

    def next(self, kind: str, token: str = "") -> dict[str, Any]:
        """Return the next message of a kind, of one contract where it is named."""
        while True:
            message = self.said.get(timeout=PATIENCE)
            if message["t"] == kind and token in ("", message.get("tk")):
                return message


@pytest.fixture(scope="module")
def ears(hub: TradeHub) -> Iterator[Ears]:
    """The SDK's market socket, open, in depth."""
    ears = Ears()
    hub.start_websocket(subscription_callback=ears.take, run_in_background=True, market_depth=True)
    assert ears.next("cf")["k"] == "OK"
    yield ears
    hub.stop_websocket()


@dataclass
class Option:
    """A liquid option; ``lot`` is a text, as the SDK reads the contract file."""

    instrument: Instrument
    lot: int


@pytest.fixture(scope="module")
def option(hub: TradeHub, ears: Ears) -> Option:
    """The call nearest to the money of the first expiry."""
    index = hub.get_instrument("INDICES", symbol="NIFTY 50")
    hub.subscribe([index])
    spot = float(ears.next("dk", str(index.token))["lp"])
    hub.unsubscribe([index])
    hub.get_contract_master("NFO")
    rows = pandas.read_csv("NFO.csv")
    calls = rows[(rows["Symbol"] == "NIFTY") & (rows["Option Type"] == "CE")]
    first = calls[calls["Expiry Date"] == calls["Expiry Date"].min()]
    strikes = sorted(first["Strike Price"], key=lambda strike: abs(strike - spot))
    found = hub.get_instrument_for_fno("NFO", "NIFTY", first["Expiry Date"].iloc[0], False, strikes[0], True)
    assert isinstance(found, Instrument)
    return Option(found, int(found.lot_size))


def near(hub: TradeHub, ears: Ears, option: Option, factor: float) -> str:
    """Return a price this far from the last one: bands move with the market, so it is asked for now."""
    hub.subscribe([option.instrument])
    last = float(ears.next("dk", option.instrument.token)["lp"])
    hub.unsubscribe([option.instrument])
    return f"{round(last * factor / TICK) * TICK:.2f}"


def order(hub: TradeHub, option: Option, price: str, **change: Any) -> dict[str, Any]:
    form = {
        "instrument": option.instrument,
        "transactionType": TradeSync.TransactionType.Buy,
        "quantity": option.lot,
        "orderComplexity": OrderComplexity.Regular,
        "product": ProductType.Normal,
        "orderType": OrderType.Limit,
        "price": price,
        "slTriggerPrice": "",
        "slLegPrice": "",
        "targetLegPrice": "",
        "validity": PositionType.posDAY,
        "orderTag": "journey1",
    }
    answer: dict[str, Any] = hub.placeOrder(**(form | change))
    return answer


def placed(hub: TradeHub, option: Option, price: str, **change: Any) -> str:
    answer = order(hub, option, price, **change)
    assert answer["status"] == "Ok", answer
    return str(answer["result"][0]["brokerOrderId"])


@step("sign in")
def test_a_code_works_once_and_only_with_the_secret(url, control, led):
    code = granted(control)
    assert fresh(url, code, "guess").get_session_id()["emsg"] == "Invalid auth code"
    assert fresh(url, code).get_session_id()["userSession"]
    assert fresh(url, code).get_session_id()["stat"] == "Not_ok"


@step("sign in")
def test_the_profile_is_the_clients_and_another_token_is_refused(url, hub):
    assert hub.get_profile()["result"][0]["clientId"] == NAME
    stranger = fresh(url, "code")
    stranger.get_session_id(session_id="deadbeef")
    assert stranger.get_orderbook()["emsg"].startswith("401")


@step("instruments")
def test_contract_files_are_read(hub, option):
    assert hub.get_contract_master("MCX")["stat"] == "Ok"
    hub.get_contract_master("NSE")
    stock = hub.get_instrument("NSE", symbol="RELIANCE")
    assert (stock.trading_symbol, stock.exchange) == ("RELIANCE-EQ", "NSE")
    again = hub.get_instrument("NFO", token=option.instrument.token)
    assert again.trading_symbol == option.instrument.trading_symbol
    future = hub.get_instrument_for_fno("MCX", "CRUDEOIL", pandas.read_csv("MCX.csv")["Expiry Date"].min())
    assert future.trading_symbol.startswith("CRUDEOIL")


@step("candles")
def test_history_comes_in_minutes_and_days(hub):
    index = hub.get_instrument("INDICES", symbol="NIFTY 50")
    now = datetime.now(IST)
    # A week has a session in it whatever today is; two days have none after a Friday's close.
    bars = hub.get_HistoricalData(index, "1", now - timedelta(days=7), now - timedelta(days=1), indices=True)
    assert bars
    assert all(bar["low"] <= min(bar["open"], bar["close"]) <= bar["high"] for bar in bars)
    times = [datetime.fromisoformat(bar["datetime"]) for bar in bars]
    assert times == sorted(set(times))
    days = hub.get_HistoricalData(index, "D", now - timedelta(days=30), now, indices=True)
    assert 15 < len(days) < 30


@step("place", "order book", "order history", "trades", "positions")
def test_an_order_is_placed_filled_and_booked(hub, ears, option):
    order_id = placed(hub, option, near(hub, ears, option, 1.1))
    [row] = [row for row in hub.get_orderbook()["result"] if row["brokerOrderId"] == order_id]
    assert (row["orderStatus"], row["orderTag"], row["filledQuantity"]) == ("COMPLETE", "journey1", option.lot), row
    states = hub.get_orderHistory(order_id)["result"]
    assert (states[0]["orderStatus"], states[-1]["orderStatus"]) == ("COMPLETE", "PENDING")
    [trade] = [trade for trade in hub.get_tradebook()["result"] if trade["brokerOrderId"] == order_id]
    assert (trade["filledQuantity"], trade["transactionType"]) == (option.lot, "BUY")
    symbol = option.instrument.trading_symbol
    [position] = [one for one in hub.get_positions()["result"] if one["tradingSymbol"] == symbol]
    assert position["netQuantity"] == option.lot


@step("place", "modify", "cancel")
def test_an_order_rests_is_modified_and_cancelled(hub, ears, option):
    order_id = placed(hub, option, near(hub, ears, option, 0.8))
    price = near(hub, ears, option, 0.85)
    changed = hub.modifyOrder(
        order_id, price, "", "", "", quantity=2 * option.lot, orderType=OrderType.Limit, validity=PositionType.posDAY
    )
    assert changed["result"][0]["brokerOrderId"] == order_id
    assert hub.cancelOrder(order_id)["result"][0]["brokerOrderId"] == order_id
    latest = hub.get_orderHistory(order_id)["result"][0]
    assert (latest["orderStatus"], latest["price"], latest["quantity"]) == ("CANCELLED", float(price), 2 * option.lot)
    assert "EC997" in hub.cancelOrder(order_id)["message"]


@step("place")
def test_a_stop_waits_and_a_bare_market_order_is_refused(hub, ears, option):
    trigger = near(hub, ears, option, 1.15)
    stop = placed(hub, option, trigger, orderType=OrderType.StopLoss, slTriggerPrice=trigger, orderTag="journey3")
    assert hub.get_orderHistory(stop)["result"][0]["orderStatus"] == "TRIGGER_PENDING"
    bare = order(hub, option, "", orderType=OrderType.Market)
    assert (bare["status"], "EC838" in bare["message"]) == ("Not_ok", True)
    guarded = placed(hub, option, "", orderType=OrderType.Market, marketProtectionPercent="2")
    assert hub.get_orderHistory(guarded)["result"][0]["orderStatus"] == "COMPLETE"


@step("place")
def test_every_order_of_the_journey_is_in_the_ledger(hub, ears, option, control):
    order_id = placed(hub, option, near(hub, ears, option, 1.1), orderTag="journey4")
    lines = control("ledger?tag=journey4")["entries"]
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "FILL"]
    assert {line["order_id"] for line in lines[1:]} == {order_id}


@step("funds")
def test_limits_margins_and_holdings(hub, ears, option):
    [limits] = hub.get_funds()["result"]
    assert limits["openingCashLimit"] == pytest.approx(10_000_000)
    assert 0 < limits["utilizedMargin"] < 10_000_000
    price = near(hub, ears, option, 1.0)
    common = (TradeSync.TransactionType.Buy, option.lot, "REGULAR", "NORMAL", "LIMIT", price, "", "")
    single = hub.singleOrderMargin(*common, instrument=option.instrument)["result"][0]
    symbol = option.instrument.trading_symbol
    basket = hub.get_BasketMargin(option.lot, "NORMAL", price, "L", "", "B", "NFO", symbol)["result"][0]
    assert single["currentOrderMargin"] == basket["currentOrderMargin"]
    assert float(single["currentOrderMargin"]) == pytest.approx(float(price) * option.lot, rel=0.01)
    assert "EC922" in hub.get_holdings(ProductType.CNC)["message"]  # nothing is ever delivered here


@step("market socket")
def test_depth_is_shown_whole_and_then_what_changes(hub, ears, option):
    hub.subscribe([option.instrument])
    shown = ears.next("dk", option.instrument.token)
    assert float(shown["lc"]) < float(shown["bp5"]) < float(shown["bp1"]) < float(shown["sp1"]) < float(shown["uc"])
    assert shown["ts"] == option.instrument.trading_symbol
    assert "ts" not in ears.next("df", option.instrument.token)
    hub.unsubscribe([option.instrument])


@step("order socket")
def test_an_order_update_is_told_on_the_order_socket(hub, ears, option, monkeypatch):
    heard: queue.Queue[Any] = queue.Queue()
    monkeypatch.setattr(TradeSync, "print", heard.put, raising=False)
    threading.Thread(target=hub.get_OrderFeed_websocket, daemon=True).start()
    assert json.loads(_text(heard)) == {"status": "Ok"}
    order_id = placed(hub, option, near(hub, ears, option, 1.1), orderTag="socket1")
    while (update := json.loads(_text(heard)))["norenordno"] != order_id or update["status"] != "COMPLETE":
        pass
    assert (update["t"], update["remarks"], update["fillshares"]) == ("om", "socket1", str(option.lot))


def _text(heard: "queue.Queue[Any]") -> str:
    """Return the next message of the socket; the SDK prints other things as well."""
    while True:
        said = heard.get(timeout=PATIENCE)
        if isinstance(said, str) and said.startswith("{"):
            return said
