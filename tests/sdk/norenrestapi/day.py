"""A customer's day with NorenRestApi, whichever of its releases; each journey brings the signed-in ``api``.

The SDK answers None for what was refused, so a refusal is seen as that. It loses instruments: Flattrade's masters are
files that anybody may download.
"""

import json
import queue
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from NorenRestApiPy.NorenApi import FeedType, NorenApi
from steps import Control, step

NAME, KEY, SECRET = "SDK001", "sdk001key", "sdk001secret"
PATIENCE = 30.0
CLIENT = {"client": NAME, "api_key": KEY, "api_secret": SECRET, "broker": "flattrade"}
CANNOT = {
    "instruments": "the SDK has no masters: they are public files; search, security info and option chain are its own",
}


@dataclass
class Option:
    """A liquid option with its quote."""

    symbol: str
    token: str
    lot: int
    quote: dict[str, str]


def fresh(url: str) -> NorenApi:
    """Return the SDK pointed at the exchange."""
    base = f"{url}/flattrade"
    return NorenApi(host=f"{base}/PiConnectAPI/", websocket=f"{base.replace('http', 'ws', 1)}/PiConnectWSAPI/")


def granted(control: Control) -> str:
    """Register the client and return a one-use code."""
    control("clients", {"clients": [CLIENT]})
    return str(control("request-token", {"client": NAME})["request_token"])


def posted(url: str, body: dict[str, str]) -> dict[str, str]:
    """Post JSON as Flattrade's token call wants it."""
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, str] = json.loads(answer.read())
    return found


@pytest.fixture(scope="module")
def option(api: NorenApi) -> Option:
    """The call nearest to the money among those the SDK's search finds."""
    spot = float(api.get_quotes("NSE", "26000")["lp"])
    strike = round(spot / 50) * 50
    values = [one for one in api.searchscrip("NFO", f"NIFTY C{strike}")["values"] if one["tsym"].startswith("NIFTY")]
    found = values[0]
    quote = api.get_quotes("NFO", found["token"])
    return Option(found["tsym"], found["token"], int(quote["ls"]), quote)


def near(api: NorenApi, option: Option, factor: float) -> str:
    """Return a price this far from the last one: bands move with the market, so it is asked for now."""
    last = float(api.get_quotes("NFO", option.token)["lp"])
    return f"{round(last * factor / 0.05) * 0.05:.2f}"


def placed(api: NorenApi, option: Option, price: str, *, tag: str) -> str:
    answer = api.place_order(
        buy_or_sell="B",
        product_type="M",
        exchange="NFO",
        tradingsymbol=option.symbol,
        quantity=option.lot,
        discloseqty=0,
        price_type="LMT",
        price=price,
        retention="DAY",
        remarks=tag,
    )
    assert answer["stat"] == "Ok"
    return str(answer["norenordno"])


@step("quotes")
def test_quotes_search_and_security_info_agree(api, option):
    assert option.quote["tsym"] == option.symbol
    assert float(option.quote["lc"]) < float(option.quote["lp"]) < float(option.quote["uc"])
    info = api.get_security_info("NFO", option.token)
    assert (info["tsym"], info["ls"], info["optt"]) == (option.symbol, str(option.lot), "CE")
    chain = api.get_option_chain("NFO", option.symbol, info["strprc"], 2)["values"]
    assert option.symbol in {one["tsym"] for one in chain}
    assert api.searchscrip("NSE", "NOSUCHTHING") is None
    assert api.get_quotes("NSE", "1") is None


@step("candles")
def test_history_comes_in_minutes_and_days(api):
    now = time.time()
    bars = api.get_time_price_series("NSE", "26000", starttime=now - 7 * 86_400, endtime=now, interval=5)
    assert bars
    assert bars == sorted(bars, key=lambda bar: int(bar["ssboe"]), reverse=True)
    assert all(float(bar["intl"]) <= float(bar["intc"]) <= float(bar["inth"]) for bar in bars)
    days = api.get_daily_price_series("NSE", "RELIANCE-EQ", startdate=now - 30 * 86_400, enddate=now)
    assert json.loads(days[0])["ssboe"]
    assert api.get_time_price_series("NSE", "26000", starttime=now - 60, endtime=now, interval=7) is None


@step("place", "order book", "order history", "trades", "positions")
def test_an_order_is_placed_filled_and_booked(api, option):
    order_id = placed(api, option, near(api, option, 1.1), tag="journey1")
    [row] = [row for row in api.get_order_book() if row["norenordno"] == order_id]
    assert (row["status"], row["remarks"], row["fillshares"]) == ("COMPLETE", "journey1", str(option.lot)), row
    states = api.single_order_history(order_id)
    assert (states[0]["rpt"], states[-1]["rpt"]) == ("Fill", "NewAck")
    [trade] = [trade for trade in api.get_trade_book() if trade["norenordno"] == order_id]
    assert (trade["flqty"], trade["trantype"]) == (str(option.lot), "B")
    [position] = [one for one in api.get_positions() if one["tsym"] == option.symbol]
    assert int(position["netqty"]) == option.lot


@step("place", "modify", "cancel")
def test_an_order_rests_is_modified_and_cancelled(api, option):
    order_id = placed(api, option, near(api, option, 0.8), tag="journey2")
    price = near(api, option, 0.85)
    changed = api.modify_order(
        orderno=order_id,
        exchange="NFO",
        tradingsymbol=option.symbol,
        newquantity=2 * option.lot,
        newprice_type="LMT",
        newprice=price,
    )
    assert changed["result"] == order_id
    assert api.cancel_order(order_id)["result"] == order_id
    latest = api.single_order_history(order_id)[0]
    assert (latest["status"], latest["prc"], latest["qty"]) == ("CANCELED", price, str(2 * option.lot))
    assert api.cancel_order(order_id) is None


@step("place")
def test_a_stop_waits_and_a_market_order_is_refused(api, option):
    trigger = near(api, option, 1.15)
    common = {"buy_or_sell": "B", "product_type": "I", "exchange": "NFO", "discloseqty": 0, "remarks": "journey3"}
    contract = {"tradingsymbol": option.symbol, "quantity": option.lot}
    stop = api.place_order(**common, **contract, price_type="SL-LMT", price=trigger, trigger_price=trigger)
    assert api.single_order_history(stop["norenordno"])[0]["status"] == "TRIGGER_PENDING"
    assert api.place_order(**common, **contract, price_type="MKT", price=0) is None


@step("place")
def test_every_order_of_the_journey_is_in_the_ledger(api, option, control):
    order_id = placed(api, option, near(api, option, 1.1), tag="journey4")
    lines = control("ledger?tag=journey4")["entries"]
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "FILL"]
    assert {line["order_id"] for line in lines[1:]} == {order_id}


@step("positions")
def test_positions_are_converted(api, option):
    answer = api.position_product_conversion("NFO", option.symbol, option.lot, "I", "M", "B", "DAY")
    assert answer["stat"] == "Ok"
    assert {one["prd"] for one in api.get_positions() if one["tsym"] == option.symbol} == {"M", "I"}


@step("funds")
def test_limits_and_holdings(api):
    limits = api.get_limits()
    assert float(limits["cash"]) == pytest.approx(10_000_000)
    assert 0 < float(limits["marginused"]) < 10_000_000
    assert api.get_holdings() is None  # nothing is ever delivered here


class Ears:
    """What the socket said, by kind; the SDK calls back from a thread of its own."""

    def __init__(self) -> None:
        self.ticks: queue.Queue[dict[str, str]] = queue.Queue()
        self.orders: queue.Queue[dict[str, str]] = queue.Queue()
        self.opened = threading.Event()

    def tick(self, kind: str) -> dict[str, str]:
        return self._next(self.ticks, "t", kind)

    def order(self, status: str) -> dict[str, str]:
        return self._next(self.orders, "status", status)

    def _next(self, heard: "queue.Queue[dict[str, str]]", key: str, value: str) -> dict[str, str]:
        while True:
            message = heard.get(timeout=PATIENCE)
            if message[key] == value:
                return message


@pytest.fixture(scope="module")
def ears(api: NorenApi) -> Iterator[Ears]:
    """The SDK's socket, open."""
    ears = Ears()
    api.start_websocket(
        subscribe_callback=ears.ticks.put,
        order_update_callback=ears.orders.put,
        socket_open_callback=ears.opened.set,
    )
    yield ears
    api.close_websocket()


@step("market socket")
def test_a_touchline_is_shown_whole_and_then_what_changes(api, option, ears):
    api.subscribe(["NSE|26000", f"NFO|{option.token}"])
    shown = [ears.tick("tk"), ears.tick("tk")]
    assert {one["ts"] for one in shown} == {"Nifty 50", option.symbol}
    update = ears.tick("tf")
    assert "ts" not in update
    api.unsubscribe(["NSE|26000", f"NFO|{option.token}"])


@step("market socket")
def test_depth_has_five_levels(api, option, ears):
    api.subscribe(f"NFO|{option.token}", feed_type=FeedType.SNAPQUOTE)
    shown = ears.tick("dk")
    assert float(shown["bp5"]) < float(shown["bp1"]) < float(shown["sp1"]) < float(shown["sp5"])
    assert ears.tick("df")["tk"] == option.token
    api.unsubscribe(f"NFO|{option.token}", feed_type=FeedType.SNAPQUOTE)


@step("order socket")
def test_an_order_update_arrives_on_the_socket(api, option, ears):
    api.subscribe_orders()
    order_id = placed(api, option, near(api, option, 1.1), tag="socket1")
    update = ears.order("COMPLETE")
    assert (update["norenordno"], update["remarks"], update["flqty"]) == (order_id, "socket1", str(option.lot))
