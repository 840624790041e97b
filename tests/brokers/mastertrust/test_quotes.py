"""Quotes, searches and candles on documented and made-up payloads."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from brokers.connect import connect_market_data
from brokers.mastertrust.candles import candles_of, query_of
from brokers.mastertrust.quotes import found_number, quote_of
from domain.broker import BrokerError, BrokerUnavailable, InstrumentRow, Quote, RateLimited
from tests.brokers.mastertrust.cast import CREDENTIALS, endpoint, lot_size_of, recorded, success
from tests.brokers.servers import serve

MARKET = {
    "last_trade_price": 42.1,
    "close_price": "40.00",
    "bid_price": 4205,
    "ask_price": 4215,
    "bid_qty": 65,
    "ask_qty": 130,
    "trade_volume": 6500,
    "exchange_timestamp": 1743137188,
}
FACTS = {"higher_circuit_limit": 84.2, "lower_circuit_limit": 0.05, "open_interest": 1300}
OPTION = ("NFO", "NIFTY26D0124200CE")
INDEX = InstrumentRow(
    exchange="NSE_INDEX",
    underlying="NIFTY",
    kind="INDEX",
    expiry=None,
    strike=None,
    right="",
    symbol="Nifty 50",
    token="NSE|26000",
    lot_size=1,
    tick_size=Decimal("0.05"),
    freeze_quantity=None,
    multiplier=Decimal(1),
)
SINCE, UNTIL = datetime(2026, 11, 20, 3, 45, tzinfo=UTC), datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def body(document: object) -> bytes:
    return json.dumps(document).encode()


def quote(key: tuple[str, str] = OPTION, number: str = "54452", **changes: object) -> Quote | None:
    facts = {name: changes.pop(name) for name in tuple(changes) if name in FACTS}
    return quote_of(body(MARKET | changes), body(FACTS | facts), key, number, lot_size_of)


def test_a_quote_is_in_rupees_with_the_days_band():
    assert quote() == Quote(
        exchange="NFO",
        symbol="NIFTY26D0124200CE",
        token="NFO|54452",
        last_price=Decimal("42.1"),
        bid=Decimal("42.05"),
        ask=Decimal("42.15"),
        bid_quantity=65,
        ask_quantity=130,
        volume=6500,
        open_interest=1300,
        close=Decimal("40.00"),
        lower_band=Decimal("0.05"),
        upper_band=Decimal("84.2"),
        exchange_at=datetime(2025, 3, 28, 4, 46, 28, tzinfo=UTC),
    )


def test_the_documented_facts_are_understood():
    facts = json.dumps(json.loads(recorded("contract_scrip_excerpt"))["result"]).encode()
    shown = quote_of(body(MARKET), facts, ("NSE", "DISHTV-EQ"), "14537", lot_size_of)
    assert shown is not None
    assert (shown.lower_band, shown.upper_band) == (Decimal("4.66"), Decimal("6.99"))


def test_commodities_are_quoted_in_units_and_indices_without_a_band():
    crude = quote(("MCX", "CRUDEOIL26DECFUT"), "451669", bid_qty=2, trade_volume=10, open_interest=3)
    assert crude is not None
    assert (crude.bid_quantity, crude.volume, crude.open_interest) == (200, 1000, 300)
    index = quote(("NSE_INDEX", "Nifty 50"), "26000", higher_circuit_limit=0, lower_circuit_limit=0)
    assert index is not None
    assert (index.token, index.lower_band, index.upper_band) == ("NSE|26000", None, None)


def test_before_the_first_price_there_is_no_quote():
    assert quote(last_trade_price=0) is None


@pytest.mark.parametrize("odd", [{"last_trade_price": "x"}, {"bid_qty": None}, {"exchange_timestamp": 10**18}])
def test_an_odd_quote_is_an_error(odd):
    with pytest.raises(BrokerUnavailable, match="mastertrust quote"):
        quote(**odd)


def test_a_search_finds_exactly_the_contract():
    result = json.dumps(json.loads(recorded("search"))["result"]).encode()
    assert found_number(result, ("NSE", "TCS-EQ")) == "11536"
    assert found_number(result, ("NFO", "TCS25APRFUT")) == "73627"
    assert found_number(result, ("NSE", "TCS")) == ""
    assert found_number(result, ("BSE", "TCS-EQ")) == ""


class Market:
    """Shows one option, found by a search."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def answer(self, http: web.Request) -> web.Response:
        assert http.headers["Authorization"] == "Bearer token1"
        self.asked.append(http.path_qs.removeprefix("/mastertrust/api/v1"))
        return web.Response(body=self._body(http), content_type="application/json")

    def _body(self, http: web.Request) -> bytes:
        if http.path.endswith("/search"):
            shown = (
                [{"token": 54452, "exchange": "NFO", "trading_symbol": OPTION[1]}]
                if "NIFTY" in http.query["key"]
                else []
            )
            return body({"error": {"code": 0}, "result": shown})
        if "/contract/" in http.path:
            return body({"error": {"code": 0}, "result": FACTS})
        return success(MARKET)


def asked(handler: Any, *keys: tuple[str, str], times: int = 1) -> Sequence[Quote]:
    async def journey() -> Sequence[Quote]:
        async with serve(handler) as base:
            market = connect_market_data("mastertrust", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
            try:
                for _ in range(times):
                    shown = await market.quotes(keys)
                return shown
            finally:
                await market.aclose()

    return asyncio.run(journey())


def test_a_contract_is_looked_up_once_and_quoted_by_its_number():
    server = Market()
    [shown] = asked(server.answer, OPTION, times=2)
    assert shown.token == "NFO|54452"
    quoting = ["/marketdata/NSE/FutOpt?token=54452", "/contract/NFO?info=scrip&token=54452"]
    assert server.asked == [f"/search?key={OPTION[1]}", *quoting, *quoting]


def test_what_nobody_lists_is_left_out():
    assert asked(Market().answer, ("NFO", "NOSUCH"), ("CDS", "USDINR"), OPTION)[0].symbol == OPTION[1]


def test_more_keys_than_a_minute_of_calls_allows_are_refused_unsent():
    server = Market()
    with pytest.raises(BrokerError, match="LIMIT"):
        asked(server.answer, *[OPTION] * 4)
    assert server.asked == []


def test_a_limit_between_the_calls_of_a_quote_is_told():
    async def answer(http: web.Request) -> web.Response:
        if "/contract/" in http.path:
            return web.Response(status=429, body=body({"status": "error", "message": "slow"}))
        return await Market().answer(http)

    with pytest.raises((RateLimited, BrokerUnavailable)) as caught:
        asked(answer, OPTION)
    assert isinstance(caught.value, RateLimited)


def test_a_span_is_asked_for_in_seconds():
    asked_for = dict(query_of(INDEX, interval=timedelta(minutes=5), since=SINCE, until=UNTIL))
    assert asked_for == {
        "exchange": "NSE_INDICES",
        "token": "26000",
        "candletype": "1",
        "starttime": str(int(SINCE.timestamp())),
        "endtime": str(int(UNTIL.timestamp())),
        "data_duration": "5",
    }
    days = dict(query_of(INDEX, interval=timedelta(days=1), since=SINCE, until=UNTIL))
    assert (days["candletype"], days["data_duration"]) == ("3", "1")


@pytest.mark.parametrize(
    ("interval", "since"),
    [
        (timedelta(minutes=7), SINCE),
        (timedelta(minutes=1), SINCE - timedelta(days=61)),
        (timedelta(minutes=1), UNTIL + timedelta(seconds=1)),
    ],
)
def test_a_span_the_spec_does_not_have_is_refused(interval, since):
    with pytest.raises(BrokerError, match="LIMIT"):
        query_of(INDEX, interval=interval, since=since, until=UNTIL)


def bars(*rows: list[object]):
    return candles_of(body({"candles": rows}), units=100, since=SINCE, until=UNTIL)


def test_bars_are_oldest_first_within_the_span_and_in_units():
    first = ["2026-11-20T09:15:00+05:30", 100.5, 101, 100, 100.25, 3]
    last = [int(UNTIL.timestamp()), 100, 100, 100, 100, 0]
    before = ["2026-11-20T09:14:00+05:30", 1, 1, 1, 1, 1]
    shown = bars(last, first, before)
    assert [bar.start for bar in shown] == [SINCE, UNTIL]
    assert (shown[0].open, shown[0].high, shown[0].low, shown[0].close) == (
        Decimal("100.5"),
        101,
        100,
        Decimal("100.25"),
    )
    assert shown[0].volume == 300


@pytest.mark.parametrize(
    "row",
    [
        [],
        ["2026-11-20T09:15:00+05:30", 1, 1, 1, 1],
        ["yesterday", 1, 1, 1, 1, 1],
        ["2026-11-20T09:15:00+05:30", 1, 0.5, 1, 1, 1],
        ["2026-11-20T09:15:00+05:30", "x", 1, 1, 1, 1],
        ["2026-11-20T09:15:00+05:30", 1, 1, 1, 1, "NaN"],
        [0, 1, 1, 1, 1, 1],
        [10**18, 1, 1, 1, 1, 1],
    ],
)
def test_an_odd_bar_spoils_the_history(row):
    with pytest.raises(BrokerUnavailable, match="mastertrust history"):
        bars(["2026-11-20T09:15:00+05:30", 1, 1, 1, 1, 1], row)
