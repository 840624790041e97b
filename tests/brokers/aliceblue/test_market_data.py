"""History and quotes in our words."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from aiohttp import web

from brokers.aliceblue.answers import read_whole
from brokers.aliceblue.candles import candles_of, history_request
from brokers.aliceblue.instruments import parse_file
from brokers.aliceblue.quotes import quote_of
from brokers.connect import connect_market_data
from brokers.transport import WireAnswer
from domain.broker import BrokerError, BrokerUnavailable, InstrumentRow
from tests.brokers.aliceblue.cast import CREDENTIALS, access, endpoint, lot_size_of, recorded, signed
from tests.brokers.aliceblue.test_instruments import CALL, CRUDE, HEADER, SENSEX
from tests.brokers.servers import serve

SINCE = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)
UNTIL = SINCE + timedelta(minutes=2)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# The documentation's sample, whole.
SHOWN = {
    **{"t": "dk", "pp": "2", "ml": "1", "e": "MCX", "tk": "239484", "ts": "CRUDEOIL19SEP22", "ls": "100", "ti": "1.00"},
    **{"c": "7522.00", "ft": "1658910516", "v": "454", "oi": "437", "ltq": "1", "bp1": "7564.00", "sp1": "7567.00"},
    **{"bq1": "1", "sq1": "5", "lp": "7568.00", "pc": "0.61", "o": "7479.00", "h": "7588.00", "l": "7479.00"},
}


def contract(line, exchange="NFO"):
    (row,) = parse_file(f"{HEADER}\n{line}".encode(), exchange=exchange, wanted=lambda _: True).rows
    return row


def index():
    (row,) = parse_file(b"exch,symbol,token\nNSE,NIFTY 50,26000", exchange="INDICES", wanted=lambda _: True).rows
    return row


def asked(row, *, interval=MINUTE, since=SINCE, until=UNTIL):
    return history_request(access(), row, interval=interval, since=since, until=until)


def bars(*rows, row=None):
    body = json.dumps({"stat": "Ok", "result": list(rows)}).encode()
    return candles_of(body, row or contract(CALL), since=SINCE, until=UNTIL)


def bar(time, **changes):
    prices = {"open": 42.1, "high": 43, "low": 42, "close": 42.55, "volume": 650}
    return {"time": time, **prices, **changes}


def test_history_is_asked_as_documented():
    prepared = asked(contract(CALL))
    assert prepared.url.endswith("/open-api/od/ChartAPIService/api/chart/history")
    said = signed(prepared)
    assert said.keys() == json.loads(recorded("13-historical-data__historical-data__01.json")).keys()
    assert (said["token"], said["resolution"], said["exchange"]) == ("54452", "1", "NFO")
    assert (said["from"], said["to"]) == ("1795146300000", "1795146420000")
    assert signed(asked(index(), interval=DAY))["exchange"] == "NSE::index"


@pytest.mark.parametrize(
    "changes",
    [
        {"interval": timedelta(minutes=5)},
        {"until": SINCE + timedelta(days=61)},
        {"until": SINCE - MINUTE},
        {"row": contract(SENSEX, "BFO")},
    ],
)
def test_what_is_not_served_is_not_asked(changes):
    with pytest.raises(BrokerError, match="LIMIT"):
        asked(changes.pop("row", contract(CALL)), **changes)


def test_bars_are_sorted_and_within_the_span():
    found = bars(
        bar("2026-11-20 09:16:00"), bar("2026-11-20 09:15:00"), bar("2026-11-20 09:14:00"), bar("2026-11-20 09:18:00")
    )
    assert [one.start for one in found] == [SINCE, SINCE + MINUTE]
    assert (found[0].open, found[0].high, found[0].low, found[0].close) == (Decimal("42.1"), 43, 42, Decimal("42.55"))
    assert found[0].volume == 650
    assert bars(bar("2026-11-20 09:15:00"), row=contract(CRUDE, "MCX"))[0].volume == 65_000
    assert candles_of(b'{"stat":"Ok","result":null}', contract(CALL), since=SINCE, until=UNTIL) == []


@pytest.mark.parametrize("changes", [{"high": 41}, {"low": 42.2}, {"time": "noon"}, {"open": None}, {"open": "NaN"}])
def test_a_bar_that_is_none_is_refused(changes):
    with pytest.raises(BrokerUnavailable, match="aliceblue history"):
        bars(bar("2026-11-20 09:15:00") | changes)


def test_market_hours_have_no_history():
    body = {"stat": "Not_Ok", "emsg": "Data not available at market time. Please try after market hours"}
    with pytest.raises(BrokerUnavailable, match="aliceblue history: Data not available at market time"):
        read_whole(WireAnswer(200, json.dumps(body).encode()), what="history")


def test_the_recorded_depth_is_a_quote_in_units():
    key = ("MCX", "CRUDEOIL18DEC26")
    quote = quote_of(json.dumps(SHOWN), key, lot_size_of)
    assert quote is not None
    assert (quote.exchange, quote.symbol, quote.token) == (*key, "MCX|239484")
    assert (quote.last_price, quote.bid, quote.ask, quote.close) == (7568, 7564, 7567, 7522)
    assert (quote.bid_quantity, quote.ask_quantity, quote.volume, quote.open_interest) == (100, 500, 45_400, 43_700)
    assert (quote.lower_band, quote.upper_band) == (None, None)
    assert quote.exchange_at == datetime.fromtimestamp(1658910516, tz=UTC)


def test_a_contract_without_a_price_has_no_quote_and_an_odd_message_is_refused():
    unpriced = {name: value for name, value in SHOWN.items() if name != "lp"}
    assert quote_of(json.dumps(unpriced), ("NFO", "X"), lot_size_of) is None
    for odd in (SHOWN | {"bp1": "a"}, {"t": "dk"}, SHOWN | {"bq1": "1.5"}):
        with pytest.raises(BrokerUnavailable, match="aliceblue quote"):
            quote_of(json.dumps(odd), ("NFO", "X"), lot_size_of)
    with pytest.raises(BrokerUnavailable, match="aliceblue quote"):
        quote_of(json.dumps(SHOWN), ("MCX", "NOBODYS"), lot_size_of)


FILES = {
    "NFO": f"{HEADER}\n{CALL}\n",
    "BFO": f"{HEADER}\n{SENSEX}\n",
    "MCX": f"{HEADER}\n{CRUDE}\n",
    "NSE": "Exch,Symbol,Token,Trading Symbol,Lot Size,Tick Size\nNSE,RELIANCE,2885,RELIANCE-EQ,1,0.1\n",
    "INDICES": "exch,symbol,token\nNSE,NIFTY 50,26000\n",
}


def listed(**spoilt: web.Response) -> Sequence[InstrumentRow]:
    """The master, with some of its files spoilt."""

    async def answer(http: web.Request) -> web.StreamResponse:
        assert "Authorization" not in http.headers  # the files are public: no token is shown there
        name = http.path.removeprefix("/aliceblue/restpy/static/contract_master/V2/").removesuffix(".csv")
        return spoilt.get(name) or web.Response(text=FILES[name], content_type="text/csv")

    async def journey() -> Sequence[InstrumentRow]:
        async with serve(answer) as base:
            stocks = frozenset({"RELIANCE"})
            data = connect_market_data("aliceblue", CREDENTIALS, endpoint(base), timeout=5.0, equities=stocks)
            try:
                return await data.instruments()
            finally:
                await data.aclose()

    return asyncio.run(journey())


def test_the_files_together_are_the_master():
    assert [(row.exchange, row.kind) for row in listed()] == [
        ("NFO", "OPT"),
        ("BFO", "OPT"),
        ("MCX", "FUT"),
        ("NSE", "EQ"),
        ("NSE_INDEX", "INDEX"),
    ]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("status", "body"),
    [(200, ""), (200, "<html>502 Bad Gateway</html>"), (502, FILES["NFO"]), (404, ""), (302, ""), (200, "Exch,Sym")],
)
def test_one_spoilt_file_is_an_error_never_a_short_master(name, status, body):
    with pytest.raises(BrokerUnavailable, match="aliceblue contract file"):
        listed(**{name: web.Response(status=status, text=body)})


def test_files_without_a_single_contract_are_no_master():
    bare = {name: web.Response(text=text.splitlines()[0]) for name, text in FILES.items()}
    with pytest.raises(BrokerUnavailable, match="no contracts"):
        listed(**bare)
