"""Fyers' official SDK, pointed at the simulated exchange, completes a customer's day.

It writes log files where it stands.
"""

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from fyers_apiv3 import fyersModel
from steps import Control, step

sys.path.insert(0, str(Path(__file__).parent))
from customer import (
    APP,
    BUY,
    CALLBACK,
    INDEX,
    LIMIT,
    MARKET,
    NAME,
    SECRET,
    SELL,
    STOP_LIMIT,
    TICK,
    booked,
    browsed,
    form_of,
    master,
    placed,
    priced,
    quoted,
    session,
    signed_in,
)
from sockets import DATA_SOCKET, ORDER_SOCKET, ran

IST = timezone(timedelta(hours=5, minutes=30))
CANCELLED, FILLED, PENDING = 1, 2, 6
CANNOT = {
    "instruments": "the symbol masters are files the SDK has no call for; the journey reads them itself",
    "order history": "the SDK's order history is a report of earlier days, not the states of an order",
}


@pytest.fixture(scope="module", autouse=True)
def _pointed(url: str, control: Control) -> None:
    """The SDK's addresses are the exchange's, where the journey has a client."""
    fyersModel.Config.API, fyersModel.Config.DATA_API = f"{url}/fyers/api/v3", f"{url}/fyers/data"
    client = {"client": NAME, "broker": "fyers", "api_key": APP, "api_secret": SECRET, "redirect_url": CALLBACK}
    control("clients", {"clients": [client]})


@pytest.fixture(scope="module")
def token() -> str:
    return signed_in()


@pytest.fixture(scope="module")
def fyers(token: str) -> fyersModel.FyersModel:
    return fyersModel.FyersModel(client_id=APP, token=token, is_async=False, log_path="")


@pytest.fixture(scope="module")
def option(url: str, fyers: fyersModel.FyersModel) -> dict[str, Any]:
    """The call nearest to the money of the first expiry, by the columns the documentation numbers."""
    spot = quoted(fyers, INDEX)["lp"]
    calls = [row for row in master(url, "NSE_FO") if (row[13], row[16]) == ("NIFTY", "CE")]
    soonest = min(int(row[8]) for row in calls)
    row = min((one for one in calls if int(one[8]) == soonest), key=lambda one: abs(float(one[15]) - spot))
    return {"symbol": row[9], "token": row[0], "lot": int(row[3])}


@step("sign in")
def test_a_wrong_secret_and_a_used_code_are_refused():
    code = browsed(session().generate_authcode(), NAME)["auth_code"]
    for secret, expected in (("guess", "error"), (SECRET, "ok"), (SECRET, "error")):
        asked = session(secret)
        asked.set_token(code)
        assert asked.generate_token()["s"] == expected


@step("sign in", "funds")
def test_profile_funds_and_holdings(fyers):
    assert fyers.get_profile()["data"]["fy_id"] == NAME
    rows = {row["title"]: row["equityAmount"] for row in fyers.funds()["fund_limit"]}
    assert rows["Total Balance"] == pytest.approx(10_000_000, rel=0.5)
    assert rows["Available Balance"] + rows["Utilized Amount"] == pytest.approx(rows["Total Balance"])
    assert fyers.holdings()["holdings"] == []


def test_the_masters_agree_with_the_quotes(url, fyers, option):
    for name in ("NSE_CM", "NSE_FO", "BSE_FO", "MCX_COM"):
        rows = master(url, name)
        assert {len(row) for row in rows} == {21}
        assert len({row[0] for row in rows}) == len({row[9] for row in rows}) == len(rows)
    assert quoted(fyers, option["symbol"])["fyToken"] == option["token"]
    assert {row[3] for row in master(url, "MCX_COM")} == {"1"}


@step("quotes")
def test_quotes_and_depth(fyers, option):
    asked = fyers.quotes({"symbols": f"{option['symbol']},{INDEX},NSE:NOSUCH-EQ"})["d"]
    shown = {row["n"]: row for row in asked}
    assert [shown[name]["s"] for name in (option["symbol"], INDEX, "NSE:NOSUCH-EQ")] == ["ok", "ok", "error"]
    assert shown["NSE:NOSUCH-EQ"]["v"]["code"] == -300
    values = shown[option["symbol"]]["v"]
    assert 0 < values["bid"] <= values["ask"]
    assert values["ch"] == pytest.approx(values["lp"] - values["prev_close_price"], abs=0.01)
    depth = fyers.depth({"symbol": option["symbol"], "ohlcv_flag": "1"})["d"][option["symbol"]]
    assert len(depth["bids"]) == len(depth["ask"]) == 5
    assert depth["bids"][0]["price"] < depth["ask"][0]["price"]


@step("candles")
def test_history_comes_in_minutes_and_days(fyers):
    today = datetime.now(IST).date()
    span = {"date_format": "1", "range_from": str(today - timedelta(days=7)), "range_to": str(today), "cont_flag": "1"}
    for resolution in ("5", "D"):
        asked = {"symbol": INDEX, "resolution": resolution, **span}
        candles = fyers.history(asked)["candles"]
        assert candles
        assert all(low <= min(opened, closed) for _, opened, _, low, closed, _ in candles)
        assert all(high >= max(opened, closed) for _, opened, high, _, closed, _ in candles)
        starts = [row[0] for row in candles]
        assert starts == sorted(set(starts))
    assert fyers.history({"symbol": INDEX, "resolution": "7", **span})["s"] == "error"


@step("place", "order book", "trades", "positions")
def test_an_order_is_placed_filled_and_booked(fyers, option):
    order_id = placed(fyers, option)
    row = booked(fyers, order_id)
    assert (row["status"], row["orderTag"], row["filledQty"]) == (FILLED, "1:journey1", option["lot"])
    at = datetime.strptime(row["orderDateTime"], "%d-%b-%Y %H:%M:%S").replace(tzinfo=IST)
    assert abs(datetime.now(IST) - at) < timedelta(minutes=5)
    assert [one["id"] for one in fyers.orderbook(data={"order_tag": "1:journey1"})["orderBook"]] == [order_id]
    trades = [one for one in fyers.tradebook()["tradeBook"] if one["orderNumber"] == order_id]
    assert sum(one["tradedQty"] for one in trades) == option["lot"]
    [position] = fyers.positions()["netPositions"]
    assert (position["symbol"], position["netQty"], position["side"]) == (option["symbol"], option["lot"], BUY)


@step("place", "modify", "cancel")
def test_an_order_rests_is_modified_and_cancelled(fyers, option):
    low = priced(fyers, option, "lower_ckt")
    order_id = placed(fyers, option, limitPrice=low, orderTag="journey2")
    assert booked(fyers, order_id)["status"] == PENDING
    higher = round(low + TICK, 2)
    changed = fyers.modify_order(data={"id": order_id, "type": LIMIT, "limitPrice": higher, "qty": option["lot"]})
    assert changed["s"] == "ok", changed
    assert booked(fyers, order_id)["limitPrice"] == pytest.approx(higher)
    assert fyers.cancel_order(data={"id": order_id})["s"] == "ok"
    assert booked(fyers, order_id)["status"] == CANCELLED
    again = fyers.cancel_order(data={"id": order_id})
    assert (again["s"], again["code"]) == ("error", -52)


@step("place")
def test_a_stop_waits_and_a_market_order_fills(fyers, option):
    high = priced(fyers, option, "upper_ckt")
    stop = placed(fyers, option, type=STOP_LIMIT, stopPrice=high, limitPrice=round(high + 1, 2), orderTag="journey3")
    row = booked(fyers, stop)
    assert (row["status"], row["type"], row["stopPrice"]) == (PENDING, STOP_LIMIT, high)
    assert fyers.cancel_order(data={"id": stop})["s"] == "ok"
    market = placed(fyers, option, type=MARKET, limitPrice=0, side=SELL, orderTag="journey4")
    assert booked(fyers, market)["status"] == FILLED


@step("place")
def test_what_cannot_be_is_refused(fyers, option):
    for change, code in (
        ({"symbol": "NSE:NOSUCH-EQ", "limitPrice": 10.0}, -50),
        ({"qty": 1}, -50),
        ({"side": 2}, -50),
        ({"orderTag": "no spaces"}, -50),
        ({"qty": option["lot"] * 1000}, -99),
    ):
        answer = fyers.place_order(data=form_of(fyers, option, **change))
        assert (answer["s"], answer["code"]) == ("error", code), (change, answer)


@step("positions")
def test_positions_are_converted(fyers, option):
    placed(fyers, option, orderTag="journey5")
    asked = {
        "symbol": f"{option['symbol']}-MARGIN",
        "positionSide": BUY,
        "convertQty": option["lot"],
        "convertFrom": "MARGIN",
        "convertTo": "INTRADAY",
    }
    assert fyers.convert_position(data=asked)["s"] == "ok"
    held = {row["productType"]: row["netQty"] for row in fyers.positions()["netPositions"]}
    assert held["INTRADAY"] == option["lot"]


@step("place")
def test_every_order_of_the_journey_is_in_the_ledger(fyers, option, control):
    order_id = placed(fyers, option, orderTag="journey6")
    lines = control("ledger?tag=journey6")["entries"]
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "FILL"]
    assert {line["order_id"] for line in lines[1:]} == {order_id}
    assert {line["symbol"] for line in lines} == {option["symbol"]}


@step("sign in")
def test_a_logout_ends_the_session(fyers):
    other = fyersModel.FyersModel(client_id=APP, token=signed_in(), is_async=False, log_path="")
    assert other.logout()["s"] == "ok"
    lost = other.get_profile()
    assert (lost["s"], lost["code"]) == ("error", -16)
    assert fyers.get_profile()["s"] == "ok"


@step("market socket")
def test_a_touchline_is_shown_whole_and_then_what_changes(url, token, option):
    symbols = [option["symbol"], INDEX]
    seen, after = ran(DATA_SOCKET, url, f"{APP}:{token}", False, "SymbolUpdate", symbols)
    first, later = seen[option["symbol"]], after[option["symbol"]]
    assert (first["type"], seen[INDEX]["type"]) == ("sf", "if")
    assert first["low_price"] <= first["ltp"] <= first["high_price"]
    assert 0 < first["bid_price"] <= first["ask_price"]
    assert later["exch_feed_time"] >= first["exch_feed_time"]
    assert later["prev_close_price"] == first["prev_close_price"]
    shown = datetime.fromtimestamp(first["exch_feed_time"], tz=IST)
    assert abs(datetime.now(IST) - shown) < timedelta(minutes=5)
    assert seen[INDEX]["ltp"] > 1000


@step("market socket")
def test_the_lite_mode_shows_the_price_alone(url, token, option):
    _, after = ran(DATA_SOCKET, url, f"{APP}:{token}", True, "SymbolUpdate", [option["symbol"]])
    assert after[option["symbol"]].keys() == {"ltp", "symbol", "type"}


@step("market socket")
def test_depth_has_five_levels(url, token, option):
    seen, _ = ran(DATA_SOCKET, url, f"{APP}:{token}", False, "DepthUpdate", [option["symbol"]])
    depth = seen[option["symbol"]]
    assert depth["type"] == "dp"
    bids, asks = ([depth[f"{side}_price{level}"] for level in range(1, 6)] for side in ("bid", "ask"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


@step("order socket")
def test_an_order_update_arrives_on_the_socket(fyers, url, token, option):
    told = ran(ORDER_SOCKET, url, APP, token, form_of(fyers, option, orderTag="socket1"))
    orders = [row for row in told["orders"] if row["orderTag"] == "1:socket1"]
    assert orders[-1]["status"] == FILLED
    assert {row["symbol"] for row in orders} == {option["symbol"]}
    [trade, *_] = told["trades"]
    assert (trade["orderNumber"], trade["tradedQty"]) == (orders[-1]["id"], option["lot"])
    assert told["positions"][-1]["symbol"] == option["symbol"]
