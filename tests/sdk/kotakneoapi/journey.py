"""Kotak's official SDK, pointed at the simulated exchange, completes a customer's day.

It follows the host its sign-in names, and finds its sockets through the service that knows them. It answers refusals
with what the broker said, and never raises. Its sign-out forgets the session without a call. Files it keeps are kept
in this folder.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import Any

os.environ["HOME"] = os.getcwd()  # before the SDK looks where it may keep what it downloads

import pyotp
import pytest
from neo_api_client import NeoAPI
from neo_api_client.utils import neo_utility
from neo_api_client.websocket.feed import SFeedIndex, SFeedScrip, SFeedScripLite, WsToken
from neo_api_client.websocket.orderfeed import OrderUpdate, PositionUpdate
from steps import Control, step

NAME, KEY, SECRET, MPIN, MOBILE = "SDK001", "sdk001key", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "135790", "+919876543210"
EXTRA = {"totp_secret": SECRET, "mpin": MPIN, "mobile_number": MOBILE}
CLIENT = {"client": NAME, "api_key": KEY, "api_secret": "unused", "broker": "kotak", "extra": EXTRA}
IST = timezone(timedelta(hours=5, minutes=30))
TICK = 0.05
PATIENCE = 30.0
LOGGED_OUT = "Complete the 2fa process before accessing this application"
CANNOT: dict[str, str] = {}

Row = dict[str, Any]


@pytest.fixture(scope="module")
def fresh(url: str, control: Control) -> Callable[[], NeoAPI]:
    """Return SDKs that find the exchange where Kotak's hosts would be."""
    control("clients", {"clients": [CLIENT]})
    neo_utility.SESSION_PROD_BASE_URL = neo_utility.PROD_BASE_URL = f"{url}/kotak"
    neo_utility.CONFIG_SERVICE_URL_PROD = f"{url}/kotak/5config/config"
    return lambda: NeoAPI(consumer_key=KEY, environment="prod")


def code() -> str:
    return pyotp.TOTP(SECRET).now()


@pytest.fixture(scope="module")
def neo(fresh: Callable[[], NeoAPI]) -> NeoAPI:
    neo = fresh()
    view = neo.totp_login(mobile_number=MOBILE, ucc=NAME, totp=code())
    assert (view["data"]["kType"], view["data"]["status"]) == ("View", "success"), view
    trade = neo.totp_validate(mpin=MPIN)
    assert (trade["data"]["kType"], trade["data"]["ucc"]) == ("Trade", NAME), trade
    return neo


@pytest.fixture(scope="module")
def option(neo: NeoAPI) -> Row:
    """The call nearest to the money of the first expiry, as the SDK's own search of the master finds it."""
    spot = float(quote(neo, "nse_cm", "Nifty 50")["ltp"])
    calls = neo.search_scrip(exchange_segment="nse_fo", symbol="NIFTY", option_type="CE")
    rows = [one for one in calls if one["pSymbolName"] == "NIFTY"]
    soonest = min((one["pExpiryDate"] for one in rows), key=expiry)
    first = [one for one in rows if one["pExpiryDate"] == soonest]
    row: Row = min(first, key=lambda one: abs(one["dStrikePrice;"] / 100 - spot))
    return row | {"token": str(row["pSymbol"]), "lot": int(row["lLotSize"])}


def expiry(text: str) -> datetime:
    return datetime.strptime(text, "%d%b%Y").replace(tzinfo=IST)


def quote(neo: NeoAPI, segment: str, token: str) -> Row:
    answer = neo.quotes(instrument_tokens=[{"exchange_segment": segment, "instrument_token": token}])
    assert isinstance(answer, list), answer
    row: Row = answer[0]
    return row


def near(neo: NeoAPI, option: Row, factor: float) -> str:
    """A price this far from the last one: bands move with the market, so it is asked for now."""
    last = float(quote(neo, "nse_fo", option["token"])["ltp"])
    return f"{round(last * factor / TICK) * TICK:.2f}"


def placed(neo: NeoAPI, option: Row, price: str, *, tag: str, **changes: str) -> Row:
    fields = {
        "exchange_segment": "nse_fo",
        "product": "NRML",
        "price": price,
        "order_type": "L",
        "quantity": str(option["lot"]),
        "validity": "DAY",
        "trading_symbol": option["pTrdSymbol"],
        "transaction_type": "B",
        "tag": tag,
    }
    answer: Row = neo.place_order(**(fields | changes))
    return answer


def number(answer: Row) -> str:
    assert (answer["stat"], answer["stCode"]) == ("Ok", 200), answer
    return str(answer["nOrdNo"])


def booked(neo: NeoAPI, order_id: str) -> Row:
    [row] = [row for row in neo.order_report()["data"] if row["nOrdNo"] == order_id]
    return dict(row)


@step("sign in")
def test_wrong_codes_are_refused_step_by_step(fresh):
    stranger = fresh()
    refused = stranger.totp_login(mobile_number=MOBILE, ucc=NAME, totp="000000")
    assert (refused["status"], refused["errorCode"]) == ("error", "401")
    stranger.totp_login(mobile_number=MOBILE, ucc=NAME, totp=code())
    assert stranger.totp_validate(mpin="000000")["message"] == "Invalid MPIN."
    assert stranger.order_report() == {"Error Message": LOGGED_OUT}


@step("sign in")
def test_a_session_somebody_made_up_is_refused(fresh, neo):
    stranger = fresh()
    configuration = stranger.configuration
    configuration.edit_token, configuration.edit_sid = "made.up.token", "made-up-sid"
    configuration.base_url = neo.configuration.base_url
    assert stranger.order_report()["stCode"] == 1003
    assert neo.limits()["stat"] == "Ok"
    assert neo.whatsmyip()["stCode"] == 1000


@step("instruments")
def test_the_masters_are_listed_and_searched(neo, option):
    listed = neo.scrip_master()
    assert len(listed["filesPaths"]) == 7
    assert neo.scrip_master(exchange_segment="nse_fo").endswith("/transformed/nse_fo.csv")
    assert option["lot"] == 65
    [stock] = neo.search_scrip(exchange_segment="nse_cm", symbol="RELIANCE")
    assert (stock["pTrdSymbol"], stock["pSymbol"]) == ("RELIANCE-EQ", 2885)
    assert neo.search_scrip(exchange_segment="mcx_fo", symbol="CRUDEOIL")


@step("quotes")
def test_quotes_agree_with_each_other(neo, option):
    full = quote(neo, "nse_fo", option["token"])
    assert float(full["low_price_range"]) < float(full["ltp"]) < float(full["high_price_range"])
    assert [len(side) for side in full["depth"].values()] == [5, 5]
    assert float(full["depth"]["buy"][0]["price"]) < float(full["depth"]["sell"][0]["price"])
    both = [{"exchange_segment": "nse_fo", "instrument_token": option["token"]}]
    both.append({"exchange_segment": "nse_cm", "instrument_token": "Nifty 50"})
    answer = neo.quotes(instrument_tokens=both, quote_type="ltp")
    assert [set(row) for row in answer] == [{"exchange_token", "display_symbol", "exchange", "ltp"}] * 2
    unknown = neo.quotes(instrument_tokens=[{"exchange_segment": "nse_fo", "instrument_token": "1"}])
    assert unknown["stCode"] == 1009


@step("candles")
def test_history_comes_in_minutes_and_days(neo):
    today = datetime.now(IST).date()
    dates = {"from_date": (today - timedelta(days=6)).isoformat(), "to_date": today.isoformat()}
    answer = neo.historical_data("nse_cm|Nifty 50", "5min", **dates)
    bars = answer["data"]["candles"]
    assert bars
    assert bars == sorted(bars, key=lambda bar: bar[0])
    assert all(low <= min(first, last) <= max(first, last) <= high for _, first, high, low, last, *_ in bars)
    assert neo.historical_data("nse_cm|2885", "D", **dates)["status"] == "success"
    assert neo.historical_data("nse_cm|2885", "7min", **dates)["fault"]["message"]
    assert neo.historical_data("mcx_fo|1", "D", **dates)["fault"]["message"]


@step("place", "order book", "order history", "trades", "positions")
def test_an_order_is_placed_filled_and_booked(neo, option):
    order_id = number(placed(neo, option, near(neo, option, 1.1), tag="journey1"))
    row = booked(neo, order_id)
    assert (row["ordSt"], row["GuiOrdId"], row["fldQty"]) == ("complete", "journey1", option["lot"])
    assert neo.order_report(order_id=order_id)["data"][0]["nOrdNo"] == order_id
    states = [one["ordSt"] for one in neo.order_history(order_id)["data"]["data"]]
    assert (states[0], states[-1]) == ("complete", "put order req received")
    [trade] = [one for one in neo.trade_report()["data"] if one["nOrdNo"] == order_id]
    assert (trade["fldQty"], trade["trnsTp"], trade["GuiOrdId"]) == (option["lot"], "B", "journey1")
    [held] = [one for one in neo.positions()["data"] if one["trdSym"] == option["pTrdSymbol"]]
    assert int(held["flBuyQty"]) - int(held["flSellQty"]) == option["lot"]


@step("place", "modify", "cancel")
def test_an_order_rests_is_modified_and_cancelled(neo, option):
    order_id = number(placed(neo, option, near(neo, option, 0.8), tag="journey2"))
    price, lots = near(neo, option, 0.85), str(2 * option["lot"])
    changed = neo.modify_order(order_id=order_id, price=price, order_type="L", quantity=lots, validity="DAY")
    assert number(changed) == order_id
    assert number(neo.cancel_order(order_id)) == order_id
    row = booked(neo, order_id)
    assert (row["ordSt"], row["prc"], str(row["qty"])) == ("cancelled", price, lots)
    assert neo.cancel_order(order_id)["stCode"] == 1006


@step("place", "cancel")
def test_a_completed_order_takes_no_more_orders(neo, option):
    order_id = number(placed(neo, option, near(neo, option, 1.1), tag="journey3"))
    for refused in (
        neo.cancel_order(order_id),
        neo.modify_order(order_id=order_id, price="1", order_type="L", quantity="65", validity="DAY"),
    ):
        assert (refused["stCode"], refused["errMsg"], refused["status_code"]) == (1021, "order is completed", 400)


@step("place")
def test_a_stop_waits_and_a_market_order_becomes_a_limit(neo, option):
    trigger = near(neo, option, 1.15)
    stop = placed(neo, option, trigger, tag="journey4", order_type="SL", trigger_price=trigger)
    assert booked(neo, number(stop))["ordSt"] == "trigger pending"
    market = booked(neo, number(placed(neo, option, "0", tag="journey5", order_type="MKT")))
    assert (market["prcTp"], market["ordSt"]) == ("L", "complete")
    assert float(market["prc"]) > 0
    refused = placed(neo, option, "0", tag="journey6", order_type="SL-M", trigger_price=trigger)
    assert refused["error"][0]["code"] == "400"
    assert placed(neo, option, near(neo, option, 1.0), tag="journey7", quantity="7")["stCode"] == 1009
    assert placed(neo, option, near(neo, option, 1.0), tag="journey8", trading_symbol="NOSUCH")["stCode"] == 1007


@step("place")
def test_every_order_of_the_journey_is_in_the_ledger(neo, option, control):
    order_id = number(placed(neo, option, near(neo, option, 1.1), tag="journey9"))
    lines = control("ledger?tag=journey9")["entries"]
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "FILL"]
    assert {line["order_id"] for line in lines[1:]} == {order_id}
    assert {(line["exchange"], line["symbol"]) for line in lines} == {("NFO", option["pTrdSymbol"])}


@step("funds")
def test_limits_margins_and_holdings(neo, option):
    limits = neo.limits()
    assert float(limits["Net"]) + float(limits["MarginUsed"]) == pytest.approx(10_000_000)
    asked = neo.margin_required(
        exchange_segment="nse_fo",
        price=near(neo, option, 1.0),
        order_type="L",
        product="NRML",
        quantity=str(option["lot"]),
        instrument_token=option["token"],
        transaction_type="B",
    )
    assert float(asked["data"]["ordMrgn"]) > 0
    assert asked["data"]["rmsVldtd"] == "OK"
    assert neo.holdings()["stCode"] == 5203  # nothing is ever delivered here


def heard(run: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(PATIENCE):
            await run()

    asyncio.run(within())


@step("market socket")
def test_the_feed_shows_touch_lines_and_indices_under_their_symbols(neo, option):
    scrip, index = WsToken("nse_fo", option["token"]), WsToken("nse_cm", "Nifty 50")

    async def run() -> None:
        seen: Row = {}
        async with neo.create_websocket() as feed:
            assert feed.dividers[2] == 100
            await feed.subscribe_scrips([scrip])
            await feed.subscribe_index([index])
            async for message in feed:
                seen[message.type] = message
                if seen.keys() >= {"scrip", "index"}:
                    break
            await feed.unsubscribe_scrips([scrip])
        tick, level = seen["scrip"], seen["index"]
        assert isinstance(tick, SFeedScrip)
        assert isinstance(level, SFeedIndex)
        assert (tick.instrument_token, tick.trading_symbol) == (option["token"], option["pTrdSymbol"])
        assert tick.buy[0].price < tick.sell[0].price
        assert tick.lower_circuit_limit < tick.last_traded_price < tick.upper_circuit_limit
        assert tick.market_lot == option["lot"]
        assert (level.name, level.trading_symbol) == ("Nifty 50", "NIFTY")
        assert level.last_traded_price == pytest.approx(float(quote(neo, "nse_cm", "Nifty 50")["ltp"]), rel=0.01)
        shown = datetime.fromtimestamp(tick.last_update_time, tz=IST)
        assert abs(datetime.now(IST) - shown) < timedelta(minutes=5)

    heard(run)


@step("market socket")
def test_the_feed_shows_depth_and_the_lite_line_and_snapshots(neo, option):
    scrip = WsToken("nse_fo", option["token"])

    async def run() -> None:
        async with neo.create_websocket() as feed:
            await feed.subscribe_depth([scrip])
            deep = await anext(feed)
            assert isinstance(deep, SFeedScrip)
            assert (deep.level, len(deep.buy), len(deep.sell)) == (8, 5, 5)
            assert deep.buy[0].price > deep.buy[4].price
            await feed.unsubscribe_depth([scrip])
            await feed.snapshot([scrip], "scrips_lite")
            async for message in feed:
                if isinstance(message, SFeedScripLite):
                    assert message.last_traded_price > 0
                    break

    heard(run)


@step("order socket")
def test_an_order_update_arrives_on_the_order_feed(neo, option):
    price = near(neo, option, 1.1)

    async def run() -> None:
        async with neo.create_order_feed() as feed:
            order_id = number(await asyncio.to_thread(placed, neo, option, price, tag="socket1"))
            statuses, positions = [], 0
            async for message in feed:
                if isinstance(message, OrderUpdate) and message.data.order_id == order_id:
                    statuses.append(message.data.order_status)
                positions += isinstance(message, PositionUpdate)
                if positions and statuses and statuses[-1] == "complete":
                    break
            assert message.data.product == "NRML"

    heard(run)
