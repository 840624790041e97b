"""Contracts, snapshots and history: what is asked, what is believed, and how fast it is asked."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from brokers.ibkr import market_data, quotes
from brokers.ibkr.instruments import futures_of, options_of, rules_of, sorted_out, spots_of, strikes_of, underlying_of
from brokers.ibkr.market_data import IbkrMarketData
from brokers.ibkr.pace import Pace
from brokers.ibkr.quotes import candles_of, count, price, span_query
from brokers.ibkr.spec import SPEC
from brokers.rows import MalformedRow
from domain.broker import BrokerError, BrokerUnavailable
from domain.instruments import Kind
from tests.brokers.ibkr.cast import CONID, account, documented
from tests.brokers.servers import serve

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
FOUND = {
    "conid": CONID,
    "symbol": "NIFTY50",
    "description": "NSE",
    "sections": [
        {"secType": "IND"},
        {"secType": "FUT"},
        {"secType": "OPT", "months": "NOV26;DEC26", "exchange": "NSE"},
    ],
}
SHOWN = {
    "conid": int(CONID),
    "31": "C24190.50",
    "84": "24190.00",
    "86": "24191.00",
    "88": "1,300",
    "_updated": 1_795_000_000_000,
}


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def test_a_search_finds_the_one_on_nse_by_its_own_name():
    found = underlying_of(body([{**FOUND, "description": "NYSE", "conid": "1"}, FOUND]), "NIFTY")
    assert found is not None
    assert (found.conid, found.kind, found.months, found.has_futures) == (CONID, Kind.INDEX, ("NOV26", "DEC26"), True)
    assert underlying_of(body([FOUND]), "BANKNIFTY") is None
    example = documented("trading-contracts", "/iserver/secdef/search")
    assert underlying_of(body(example), "IBM") is None  # listed in New York


def test_documented_strikes_and_futures_are_read():
    strikes = strikes_of(body(documented("trading-contracts", "/iserver/secdef/strikes")))
    assert strikes[0] == ("C", Decimal(70))
    assert len(strikes) == 14
    underlying = underlying_of(body([{**FOUND, "symbol": "ES"}]), "ES")
    assert underlying is not None
    rows, broken = sorted_out(futures_of(body(documented("trading-contracts", "/trsrv/futures")), underlying))
    assert [(row.token, row.expiry.isoformat() if row.expiry else "") for row in rows] == [
        ("495512557", "2024-12-20"),
        ("495512563", "2025-12-19"),
    ]
    assert broken == []


def test_the_documented_rules_have_a_size_and_a_step():
    rules = rules_of(body(documented("trading-contracts", "/iserver/contract/{conid}/info-and-rules")))
    assert (rules.lot_size, rules.tick_size) == (100, Decimal("0.01"))


def test_an_underlying_is_a_row_where_it_is_listed():
    underlying = underlying_of(body([{**FOUND, "sections": [{"secType": "OPT", "months": ""}]}]), "NIFTY")
    assert underlying is not None
    assert (underlying.months, spots_of(underlying)) == ((), [])


@pytest.mark.parametrize(
    "change",
    [
        {"strike": 0},
        {"strike": None},
        {"strike": "NaN"},
        {"maturityDate": None},
        {"maturityDate": "20261340"},
        {"maturityDate": "NOV26"},
        {"right": "?"},
        {"conid": -1},
    ],
)
def test_an_option_that_is_none_is_named_and_left_out(change):
    option = {"conid": 7, "right": "C", "strike": 24200, "maturityDate": "20261124"}
    underlying = underlying_of(body([FOUND]), "NIFTY")
    assert underlying is not None
    rows, broken = sorted_out(options_of(body([option, {**option, **change}]), underlying))
    assert [row.token for row in rows] == ["7"]
    assert len(broken) == 1


def quoted(*answers: object) -> tuple[list[Any], int]:
    """What a snapshot of one contract gives when the server answers so."""
    left = list(answers)
    asked: list[str] = []

    async def answer(http: web.Request) -> web.StreamResponse:
        asked.append(http.path_qs)
        return web.json_response(left.pop(0) if len(left) > 1 else left[0])

    async def go() -> list[Any]:
        async with serve(answer) as base:
            data = IbkrMarketData(account(base))
            try:
                return list(await data.quotes([("NSE_INDEX", CONID), ("NFO", "NOSUCHTHING")]))
            finally:
                await data.aclose()

    return asyncio.run(go()), len(asked)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_data, "_BETWEEN_LOOKS", 0.0)


def test_a_snapshot_is_looked_at_again_until_it_shows_something(hasty):
    bare = [{"conid": int(CONID), "conidEx": CONID}]
    (quote,), looks = quoted(bare, bare, [SHOWN])
    assert looks == 3
    assert (quote.exchange, quote.symbol, quote.token) == ("NSE_INDEX", CONID, CONID)
    assert (quote.last_price, quote.bid, quote.ask) == (Decimal("24190.50"), Decimal("24190.00"), Decimal("24191.00"))
    assert (quote.bid_quantity, quote.ask_quantity) == (1300, 0)
    assert quote.exchange_at == datetime.fromtimestamp(1_795_000_000, tz=UTC)


def test_what_shows_nothing_is_left_out(hasty):
    assert quoted([{"conid": int(CONID)}]) == ([], 4)


def test_a_quote_that_is_none_is_an_error(hasty):
    for odd in ({"31": "cheap"}, {"31": "1", "88": "many"}, {"31": "NaN"}):
        with pytest.raises(BrokerUnavailable, match="ibkr"):
            quoted([{"conid": int(CONID), **odd}])


@pytest.mark.parametrize(
    ("text", "value"),
    [("42.10", "42.10"), ("C42.10", "42.10"), ("H1,042.10", "1042.10"), ("-37.63", "-37.63"), ("", "0"), (None, "0")],
)
def test_prices_lose_their_marks(text, value):
    assert price(text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "value"), [("1,300", 1300), ("1.2M", 1_200_000), ("12.5K", 12_500), ("7", 7), ("", 0), (None, 0), (7, 7)]
)
def test_counts_may_be_short(text, value):
    assert count(text) == value


def test_what_is_no_number_is_refused():
    for read, text in ((price, "1e5x"), (price, "inf"), (count, "K"), (count, "nan"), (count, "1.2T")):
        with pytest.raises(MalformedRow):
            read(text)


def test_history_is_asked_for_up_to_now_in_whole_days():
    since = NOW - timedelta(days=3, hours=1)
    asked = dict(span_query(interval=timedelta(minutes=5), since=since, until=NOW - timedelta(days=1), now=NOW))
    assert asked == {"period": "4d", "bar": "5min", "outsideRth": "false"}


def test_no_answer_would_hold_more_bars_than_ibkr_sends():
    for rule in SPEC.candles[:-1]:
        sessions = rule.longest.days * 5 / 7
        assert sessions * (timedelta(hours=6, minutes=15) / rule.interval) <= 1000 or rule.longest == timedelta(days=1)
    with pytest.raises(BrokerError, match="LIMIT"):
        span_query(interval=timedelta(minutes=5), since=NOW - timedelta(days=400), until=NOW, now=NOW)


def test_the_documented_history_is_read_and_cut_to_the_span():
    example = documented("trading-market-data", "/iserver/marketdata/history")
    start = datetime.fromtimestamp(1692345600, tz=UTC)
    (bar,) = candles_of(body(example), since=start, until=start)
    assert (bar.start, bar.open, bar.close, bar.volume) == (start, Decimal("173.4"), Decimal("174.7"), 472117)
    assert list(candles_of(body(example), since=start + timedelta(days=1), until=start + timedelta(days=2))) == []
    broken = {"data": [{**example["data"][0], "l": 999.0}]}
    with pytest.raises(BrokerUnavailable, match="ibkr"):
        candles_of(body(broken), since=start, until=start)


def test_a_long_row_of_calls_keeps_its_pace():
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    async def go() -> None:
        pace = Pace(per_second=10, at_once=5, clock=lambda: now[0], sleep=sleep)
        for _ in range(25):
            await pace.turn()
        assert now[0] == pytest.approx(2.0)
        now[0] += 60
        before = now[0]
        for _ in range(5):
            await pace.turn()
        assert now[0] == pytest.approx(before)  # what was not used is not saved up beyond that
        await pace.turn()
        assert now[0] == pytest.approx(before + 0.1)

    asyncio.run(go())


def test_the_fields_of_the_socket_and_of_snapshots_are_the_same():
    assert len(set(quotes.FIELDS)) == len(quotes.FIELDS) <= 50
