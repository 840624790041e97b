"""History, holdings, margins and candles on recorded payloads: whole answers in our words, or a clear refusal."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from brokers.zerodha import candles, mapping, margins
from domain.broker import BrokerError, BrokerUnavailable, InstrumentRow
from domain.orders import OrderStatus
from tests.brokers.zerodha.cast import access, lot_size_of, recorded, request

MINUTE = timedelta(minutes=1)
SINCE, UNTIL = datetime(2019, 12, 4, 3, 45, tzinfo=UTC), datetime(2019, 12, 4, 3, 47, tzinfo=UTC)


def data_of(name: str) -> bytes:
    return bytes(msgspec.json.decode(recorded(name), type=dict[str, msgspec.Raw])["data"])


def test_an_orders_history_is_its_states_oldest_first():
    states = mapping.orders_of(data_of("order_info.json"), lot_size_of)
    assert [one.raw_status for one in states][:2] == ["PUT ORDER REQ RECEIVED", "VALIDATION PENDING"]
    assert states[0].status is OrderStatus.OPEN
    assert states[-1].raw_status == "OPEN"


def test_holdings_are_whole_securities():
    holdings = mapping.holdings_of(data_of("holdings.json"))
    first = holdings[0]
    assert (first.exchange, first.symbol, first.quantity, first.pledged) == ("NSE", "AARON", 1, 0)
    assert (first.average_price, first.last_price) == (Decimal(161), Decimal("352.95"))


def test_pledged_units_belong_to_the_holding():
    row = {"tradingsymbol": "SBIN", "exchange": "NSE", "quantity": 4, "collateral_quantity": 6}
    body = msgspec.json.encode([row | {"average_price": 1, "last_price": 2}])
    (holding,) = mapping.holdings_of(body)
    assert (holding.quantity, holding.pledged) == (10, 6)


def test_a_holding_without_its_quantity_is_refused():
    with pytest.raises(BrokerUnavailable, match=r"zerodha holdings.*quantity"):
        mapping.holdings_of(b'[{"tradingsymbol":"SBIN","exchange":"NSE","average_price":1,"last_price":2}]')


def test_a_baskets_margin_is_what_is_needed_after_the_hedge_and_each_alone():
    margin = margins.margin_of(data_of("basket_margins.json"), count=2)
    assert margin.required == Decimal("34786.725000000006")
    assert len(margin.separate) == 2
    assert margin.required < sum(margin.separate)


def test_a_basket_that_answers_for_fewer_orders_is_refused():
    with pytest.raises(BrokerUnavailable, match="2 rows for 3"):
        margins.margin_of(data_of("basket_margins.json"), count=3)


def test_a_baskets_rows_count_lots_where_kite_does():
    crude = request(exchange="MCX", symbol="CRUDEOIL26DECFUT", quantity=300, lot_size=100)
    sent = margins.basket_request(access(), [request(), crude])
    assert [row["quantity"] for row in msgspec.convert(sent.json, list[dict[str, object]])] == [130, 3]
    assert sent.query == (("consider_positions", "true"),)


def test_candles_are_rupees_units_and_utc():
    bars = candles.candles_of(data_of("historical_oi.json"), units=100, since=SINCE, until=UNTIL)
    assert [bar.start for bar in bars] == [SINCE, SINCE + MINUTE, UNTIL]
    assert (bars[0].open, bars[0].volume, bars[0].open_interest) == (Decimal("12009.9"), 16327500, 1366777500)


def test_candles_outside_the_span_are_left_out():
    bars = candles.candles_of(data_of("historical_oi.json"), units=1, since=SINCE + MINUTE, until=SINCE + MINUTE)
    assert [bar.start for bar in bars] == [SINCE + MINUTE]


MALFORMED = [
    b'{"candles":[["2019-12-04T09:15:00+0530",1,2,0.5]]}',
    b'{"candles":[["yesterday",1,2,0.5,1,3]]}',
    b'{"candles":[["2019-12-04T09:15:00+0530",1,0.5,2,1,3]]}',
    b'{"candles":[["2019-12-04T09:15:00+0530",1,2,"x",1,3]]}',
    b'{"candles":null}',
    b"\xff",
]


@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_history_is_refused(body):
    with pytest.raises(BrokerUnavailable, match="zerodha history"):
        candles.candles_of(body, units=1, since=SINCE, until=UNTIL)


def instrument() -> InstrumentRow:
    return InstrumentRow(
        exchange="NFO",
        underlying="NIFTY",
        kind="FUT",
        expiry=None,
        strike=None,
        right="",
        symbol="NIFTY26NOVFUT",
        token="7",
        lot_size=65,
        tick_size=Decimal("0.1"),
        freeze_quantity=None,
        multiplier=Decimal(1),
    )


@pytest.mark.parametrize(
    ("interval", "path"), [(MINUTE, "minute"), (timedelta(hours=1), "60minute"), (timedelta(days=1), "day")]
)
def test_intervals_have_kites_names(interval, path):
    assert candles.path_of(instrument(), interval) == f"/instruments/historical/7/{path}"


def test_an_interval_or_span_kite_does_not_have_is_refused_unsent():
    with pytest.raises(BrokerError, match="LIMIT"):
        candles.path_of(instrument(), timedelta(minutes=7))
    with pytest.raises(BrokerError, match="LIMIT"):
        candles.query_of(interval=MINUTE, since=SINCE, until=SINCE + timedelta(days=61))
    with pytest.raises(BrokerError, match="LIMIT"):
        candles.query_of(interval=MINUTE, since=UNTIL, until=SINCE)


def test_spans_are_asked_for_in_indian_time():
    query = dict(candles.query_of(interval=MINUTE, since=SINCE, until=UNTIL))
    assert query == {"from": "2019-12-04 09:15:00", "to": "2019-12-04 09:17:00", "oi": "1"}
