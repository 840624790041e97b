"""Zerodha's official SDK, pointed at the simulated exchange, completes a customer's day.

The ticker runs a Twisted reactor that cannot start twice, so each ticker test is a process of its own.
"""

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from kiteconnect import KiteConnect
from kiteconnect.exceptions import InputException, OrderException, TokenException
from steps import Control, step

NIFTY = "NSE:NIFTY 50"
NIFTY_TOKEN = 256265
TICK = 0.05
IST = timezone(timedelta(hours=5, minutes=30))
CANNOT: dict[str, str] = {}


class FaceKite(KiteConnect):
    """The SDK with its paths behind the face's: it joins them to the host, whatever path the root has."""

    _routes = {name: f"/zerodha{path}" for name, path in KiteConnect._routes.items()}


def signed_in(url: str, control: Control, name: str) -> KiteConnect:
    kite = FaceKite(api_key=f"{name.lower()}key", root=url)
    granted = control("request-token", {"client": name})
    session = kite.generate_session(granted["request_token"], api_secret=f"{name.lower()}secret")
    assert session["user_id"] == name
    assert isinstance(session["login_time"], datetime)
    return kite


@pytest.fixture(scope="module")
def kite(url: str, control: Control) -> KiteConnect:
    return signed_in(url, control, "DEMO01")


@pytest.fixture(scope="module")
def option(kite: KiteConnect) -> dict[str, Any]:
    """The call nearest to the money of the first expiry."""
    spot = kite.ltp(NIFTY)[NIFTY]["last_price"]
    calls = [row for row in kite.instruments("NFO") if row["name"] == "NIFTY" and row["instrument_type"] == "CE"]
    soonest = min(row["expiry"] for row in calls)
    first = [row for row in calls if row["expiry"] == soonest]
    row = min(first, key=lambda call: abs(call["strike"] - spot))
    return row | {"key": f"NFO:{row['tradingsymbol']}"}


def priced(kite: KiteConnect, option: dict[str, Any], limit: str) -> float:
    """A price between the market and a limit of its band now: the band moves with the market."""
    quote = kite.quote(option["key"])[option["key"]]
    return round(round((quote["last_price"] + quote[limit]) / 2 / TICK) * TICK, 2)


def order(kite: KiteConnect, option: dict[str, Any], **change: Any) -> str:
    form = {
        "variety": kite.VARIETY_REGULAR,
        "exchange": kite.EXCHANGE_NFO,
        "tradingsymbol": option["tradingsymbol"],
        "transaction_type": kite.TRANSACTION_TYPE_BUY,
        "quantity": option["lot_size"],
        "product": kite.PRODUCT_NRML,
        "order_type": kite.ORDER_TYPE_LIMIT,
        "price": priced(kite, option, "upper_circuit_limit"),
        "tag": "journey1",
    }
    return str(kite.place_order(**(form | change)))


@step("sign in")
def test_a_wrong_secret_is_refused(url, control):
    kite = FaceKite(api_key="demo03key", root=url)
    granted = control("request-token", {"client": "DEMO03"})
    with pytest.raises(TokenException):
        kite.generate_session(granted["request_token"], api_secret="guess")


@step("sign in", "funds")
def test_profile_and_margins(kite):
    assert kite.profile()["broker"] == "ZERODHA"
    assert kite.margins()["equity"]["net"] == pytest.approx(10_000_000, rel=0.5)
    assert kite.margins("equity")["enabled"]
    assert kite.holdings() == []


@step("instruments")
def test_instruments_are_a_whole_master(kite):
    rows = kite.instruments()
    assert {row["exchange"] for row in rows} >= {"NSE", "NFO", "MCX"}
    assert len({row["instrument_token"] for row in rows}) == len(rows)
    [index] = [row for row in rows if row["instrument_token"] == NIFTY_TOKEN]
    assert (index["tradingsymbol"], index["segment"]) == ("NIFTY 50", "INDICES")
    assert {row["lot_size"] for row in kite.instruments("MCX")} == {1}


@step("quotes")
def test_quotes_agree_with_each_other(kite, option):
    key = option["key"]
    full = kite.quote(key, NIFTY)
    assert full[key]["lower_circuit_limit"] < full[key]["last_price"] < full[key]["upper_circuit_limit"]
    assert len(full[key]["depth"]["buy"]) == len(full[key]["depth"]["sell"]) == 5
    assert "depth" not in full[NIFTY]
    assert kite.ohlc(key)[key]["ohlc"]["close"] == full[key]["ohlc"]["close"]
    assert kite.ltp(option["instrument_token"]).keys() == {str(option["instrument_token"])}
    assert kite.ltp("NSE:NOSUCH") == {}


@step("candles")
def test_history_is_repeatable(kite):
    today = datetime.now(IST).replace(tzinfo=None)
    week = (today - timedelta(days=7), today - timedelta(days=1))
    candles = kite.historical_data(NIFTY_TOKEN, *week, "5minute", oi=True)
    assert candles
    assert {"date", "open", "high", "low", "close", "volume", "oi"} == set(candles[0])
    assert all(row["low"] <= min(row["open"], row["close"]) for row in candles)
    assert all(row["high"] >= max(row["open"], row["close"]) for row in candles)
    assert candles == kite.historical_data(NIFTY_TOKEN, *week, "5minute", oi=True)
    with pytest.raises(InputException):
        kite.historical_data(NIFTY_TOKEN, *week, "7minute")


@step("place", "order book", "order history", "trades", "positions")
def test_an_order_is_placed_filled_and_booked(kite, option):
    order_id = order(kite, option)
    [row] = [row for row in kite.orders() if row["order_id"] == order_id]
    assert (row["status"], row["tag"]) == ("COMPLETE", "journey1")
    assert isinstance(row["order_timestamp"], datetime)
    assert [state["status"] for state in kite.order_history(order_id)][-2:] == ["OPEN", "COMPLETE"]
    [trade] = kite.order_trades(order_id)
    assert trade in kite.trades()
    net = [row for row in kite.positions()["net"] if row["tradingsymbol"] == option["tradingsymbol"]]
    assert [row["quantity"] for row in net] == [option["lot_size"]]


@step("place", "modify", "cancel")
def test_an_order_rests_is_modified_and_cancelled(kite, option):
    low = priced(kite, option, "lower_circuit_limit")
    order_id = order(kite, option, price=low, tag="journey2")
    assert kite.modify_order(kite.VARIETY_REGULAR, order_id, price=round(low + 0.05, 2)) == order_id
    assert kite.order_history(order_id)[-1]["price"] == pytest.approx(low + 0.05)
    assert kite.cancel_order(kite.VARIETY_REGULAR, order_id) == order_id
    assert kite.order_history(order_id)[-1]["status"] == kite.STATUS_CANCELLED
    with pytest.raises(OrderException):
        kite.cancel_order(kite.VARIETY_REGULAR, order_id)


@step("place")
def test_a_protected_market_order_fills_and_a_bare_one_is_refused(kite, option):
    market = {"order_type": kite.ORDER_TYPE_MARKET, "price": None, "tag": "journey3"}
    order_id = order(kite, option, market_protection=kite.MARKET_PROTECTION_AUTO, **market)
    assert kite.order_history(order_id)[-1]["status"] == kite.STATUS_COMPLETE
    with pytest.raises(InputException, match="market protection"):
        order(kite, option, **market)


@step("funds")
def test_margin_and_charge_calculators(kite, option):
    leg = {
        "exchange": "NFO",
        "tradingsymbol": option["tradingsymbol"],
        "transaction_type": "SELL",
        "variety": "regular",
        "product": "NRML",
        "order_type": "MARKET",
        "quantity": option["lot_size"],
        "price": 0,
        "trigger_price": 0,
    }
    [single] = kite.order_margins([leg])
    basket = kite.basket_order_margins([leg, leg])
    assert single["total"] == pytest.approx(single["span"] + single["exposure"] + single["option_premium"])
    assert basket["initial"]["total"] == pytest.approx(2 * single["total"], rel=0.05)
    assert len(basket["orders"]) == 2
    [note] = kite.get_virtual_contract_note([leg | {"average_price": 100, "order_id": "1"}])
    turnover = 100 * option["lot_size"]
    assert note["charges"]["transaction_tax"] == pytest.approx(turnover * 0.0015)
    assert note["charges"]["brokerage"] == 20


@step("positions")
def test_positions_are_converted(kite, option):
    assert kite.convert_position(
        exchange="NFO",
        tradingsymbol=option["tradingsymbol"],
        transaction_type="BUY",
        position_type="day",
        quantity=option["lot_size"],
        old_product="NRML",
        new_product="MIS",
    )


@step("place")
def test_every_order_of_the_journey_is_in_the_ledger(kite, option, control):
    order_id = order(kite, option, tag="journey4")
    lines = control("ledger?tag=journey4")["entries"]
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "FILL"]
    assert {line["order_id"] for line in lines[1:]} == {order_id}


@step("sign in")
def test_a_logout_ends_the_session(url, control):
    kite = signed_in(url, control, "DEMO02")
    assert kite.invalidate_access_token() is True
    with pytest.raises(TokenException):
        kite.profile()


TICKER = """
import json, os, sys
from kiteconnect import KiteConnect, KiteTicker

root, api_key, token, mode, tokens, form = json.loads(sys.argv[1])
ticker = KiteTicker(api_key, token, root=root.replace("http", "ws") + "/zerodha", reconnect=False)
KiteConnect._routes = {name: f"/zerodha{path}" for name, path in KiteConnect._routes.items()}
seen, placed, kite = {}, [], KiteConnect(api_key, access_token=token, root=root)

def finish():
    print(json.dumps(seen, default=str), flush=True)
    os._exit(0)

def on_connect(ws, response):
    ws.subscribe(tokens)
    ws.set_mode(mode, tokens)

def on_ticks(ws, ticks):
    for tick in ticks:
        if tick["mode"] == mode:
            seen.setdefault(str(tick["instrument_token"]), tick)
    if len(seen) == len(tokens) and not form:
        finish()
    if len(seen) == len(tokens) and not placed:
        placed.append(form)
        ws.factory.reactor.callInThread(kite.place_order, **form)

def on_order_update(ws, order):
    seen.setdefault("orders", []).append(order)
    if order["status"] == "COMPLETE":
        finish()

def on_error(ws, code, reason):
    print(json.dumps({"error": [code, str(reason)]}), flush=True)
    os._exit(1)

ticker.on_connect, ticker.on_ticks, ticker.on_error = on_connect, on_ticks, on_error
ticker.on_order_update = on_order_update
ticker.connect()
"""


def watch(kite: KiteConnect, url: str, mode: str, tokens: list[int], form: dict[str, Any] | None = None) -> Any:
    """Run the ticker until every token was seen in the mode (and the order, if any, is complete)."""
    arguments = json.dumps([url, kite.api_key, kite.access_token, mode, tokens, form])
    done = subprocess.run(
        [sys.executable, "-c", TICKER, arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@step("market socket")
def test_the_ticker_in_ltp_mode(kite, url, option):
    tokens = [NIFTY_TOKEN, option["instrument_token"]]
    seen = watch(kite, url, "ltp", tokens)
    assert set(seen) == {str(token) for token in tokens}
    assert set(seen[str(NIFTY_TOKEN)]) == {"tradable", "mode", "instrument_token", "last_price"}


@step("market socket")
def test_the_ticker_in_quote_mode(kite, url, option):
    seen = watch(kite, url, "quote", [NIFTY_TOKEN, option["instrument_token"]])
    tick = seen[str(option["instrument_token"])]
    assert tick["ohlc"]["low"] <= tick["last_price"] <= tick["ohlc"]["high"]
    assert "depth" not in tick
    assert not seen[str(NIFTY_TOKEN)]["tradable"]


@step("market socket")
def test_the_ticker_in_full_mode_shows_market_time_in_ist(kite, url, option):
    seen = watch(kite, url, "full", [NIFTY_TOKEN, option["instrument_token"]])
    tick = seen[str(option["instrument_token"])]
    assert [len(side) for side in tick["depth"].values()] == [5, 5]
    assert tick["depth"]["buy"][0]["price"] < tick["depth"]["sell"][0]["price"]
    shown = datetime.fromisoformat(tick["exchange_timestamp"]).replace(tzinfo=IST)
    assert abs(datetime.now(IST) - shown) < timedelta(minutes=5)
    assert seen[str(NIFTY_TOKEN)]["exchange_timestamp"]


@step("order socket")
def test_an_order_update_arrives_on_the_ticker(kite, url, option):
    form = {
        "variety": "regular",
        "exchange": "NFO",
        "tradingsymbol": option["tradingsymbol"],
        "transaction_type": "SELL",
        "quantity": option["lot_size"],
        "product": "NRML",
        "order_type": "MARKET",
        "market_protection": -1,
        "tag": "ticker1",
    }
    seen = watch(kite, url, "ltp", [option["instrument_token"]], form)
    assert [row["status"] for row in seen["orders"]] == ["OPEN", "COMPLETE"]
    assert {row["tag"] for row in seen["orders"]} == {"ticker1"}
