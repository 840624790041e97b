"""A leg's rules name one listed contract, or say why none."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from apps.markets.models import Instrument
from apps.markets.services.calendar import seed_calendar
from apps.markets.services.instruments import (
    NoInstrument,
    Rules,
    expiries,
    find_instrument,
    near_money,
    option_chain,
    resolve_contract,
    strike_reach,
    sync_instruments,
)
from bus import ticks
from bus.connection import BusClient
from bus.ticks import STATE, TickState
from domain.clock import IST
from domain.feed.freshness import Freshness
from domain.prices import to_scaled
from domain.ticks import Tick
from tests.apps.markets.conftest import MONTHLY, NOW, WEEKLY, master

pytestmark = pytest.mark.django_db

WALL = datetime(2026, 11, 18, 5, 0, 30, tzinfo=UTC)
ATM_CALL = Rules(right="CE", strike_rule="ATM")


@pytest.fixture(autouse=True)
def _listed() -> None:
    seed_calendar(date_from=date(2026, 11, 2), date_to=date(2026, 12, 31))
    sync_instruments(broker="zerodha", rows=master(), now=NOW)


def put(bus: BusClient, symbol: str, price: str, *, age: float = 0.5, state: Freshness = Freshness.LIVE) -> None:
    instrument_id = Instrument.objects.get(symbol=symbol).pk
    received = int((WALL - timedelta(seconds=age)).timestamp() * 1000)
    ticks.publish(bus, [Tick(instrument_id, to_scaled(Decimal(price)), received_at=received)])
    bus.hset(STATE, str(instrument_id), msgspec.msgpack.encode(TickState(instrument_id, state, received)))


def price_options(bus: BusClient, forward: float, *, age: float = 0.5, crooked: bool = False) -> None:
    for row in option_chain(exchange="NFO", underlying="NIFTY", expiry=WEEKLY):
        away = forward - float(row.strike or 0)
        value = 100 + max(away, 0.0) if row.right == "CE" else 100 + max(-away, 0.0)
        skew = 12.0 if crooked and row.right == "CE" and int(row.strike or 0) % 100 else 0.0
        put(bus, row.symbol, f"{value + skew:.2f}", age=age)


def resolved(leg: Rules, *, underlying: str = "NIFTY", exchange: str = "NFO", now: datetime = NOW) -> str:
    return resolve_contract(leg=leg, underlying=underlying, exchange=exchange, now=now, wall=WALL).symbol


def test_the_money_is_where_the_options_put_it(bus: BusClient) -> None:
    put(bus, "NIFTY", "24500")
    price_options(bus, 24580.0)
    assert resolved(ATM_CALL) == "NIFTY23NOV2624600CE"


@pytest.mark.parametrize(
    ("rule", "right", "strike"),
    [
        ("ATM", "PE", 24500),
        ("ATM+2", "CE", 24600),
        ("ATM-1", "CE", 24450),
        ("OTM3", "PE", 24350),
        ("ITM1", "CE", 24450),
    ],
)
def test_strikes_are_counted_in_listed_steps(bus: BusClient, rule: str, right: str, strike: int) -> None:
    put(bus, "NIFTY", "24500")
    price_options(bus, 24510.0)
    assert resolved(Rules(right=right, strike_rule=rule)) == f"NIFTY23NOV26{strike}{right}"


@pytest.mark.parametrize("options", ["none", "old", "crooked"])
def test_while_the_options_do_not_agree_the_underlying_decides(bus: BusClient, options: str) -> None:
    put(bus, "NIFTY", "24512")
    if options != "none":
        price_options(bus, 24580.0, age=60.0 if options == "old" else 0.5, crooked=options == "crooked")
    assert resolved(ATM_CALL) == "NIFTY23NOV2624500CE"


def test_while_the_index_is_frozen_the_future_decides(bus: BusClient) -> None:
    put(bus, "NIFTY", "24512", state=Freshness.FROZEN)
    put(bus, "NIFTY23NOV26FUT", "24590")
    assert resolved(ATM_CALL) == "NIFTY23NOV2624600CE"


@pytest.mark.parametrize(("age", "state"), [(60.0, Freshness.LIVE), (0.5, Freshness.FROZEN)])
def test_without_a_believable_price_there_is_no_contract(bus: BusClient, age: float, state: Freshness) -> None:
    put(bus, "NIFTY", "24512", age=age, state=state)
    with pytest.raises(NoInstrument) as refused:
        resolved(ATM_CALL)
    assert refused.value.code == "NO_PRICE"


def test_without_any_price_there_is_no_contract(bus: BusClient) -> None:
    with pytest.raises(NoInstrument) as refused:
        resolved(ATM_CALL)
    assert refused.value.code == "NO_PRICE"


@pytest.mark.parametrize(
    ("rule", "kind", "symbol"),
    [
        ("FRONT", "FUT", "NIFTY23NOV26FUT"),
        ("NEXT", "FUT", "NIFTY29DEC26FUT"),
        ("MONTH0", "FUT", "NIFTY23NOV26FUT"),
    ],
)
def test_futures_need_no_price(bus: BusClient, rule: str, kind: str, symbol: str) -> None:
    assert resolved(Rules(kind=kind, expiry_rule=rule)) == symbol


def test_a_commodity_future_is_found(bus: BusClient) -> None:
    leg = Rules(kind="FUT", expiry_rule="FRONT")
    assert resolved(leg, underlying="CRUDEOIL", exchange="MCX") == "CRUDEOIL18DEC26FUT"


@pytest.mark.parametrize(
    "leg",
    [
        Rules(right="CE", strike_rule="ATM", expiry_rule="WEEK7"),
        Rules(right="CE", strike_rule="ATM", expiry_rule="SOON"),
        Rules(right="CE", strike_rule="OTM99"),
        Rules(right="CE", strike_rule="NEAR"),
        Rules(right="", strike_rule="OTM1"),
        Rules(right="XX", strike_rule="ATM"),
        Rules(symbol="NIFTY23NOV2699999CE"),
        Rules(symbol="NIFTY 24500 CE"),
        Rules(symbol="NIFTY23NОV2624500CE"),  # a Cyrillic O
    ],
)
def test_rules_that_name_nothing_are_refused(bus: BusClient, leg: Rules) -> None:
    put(bus, "NIFTY", "24500")
    with pytest.raises(NoInstrument) as refused:
        resolved(leg)
    assert refused.value.code == "NO_INSTRUMENT"


def test_on_expiry_day_the_week_ends_with_the_close(bus: BusClient) -> None:
    put(bus, "NIFTY", "24500")
    morning = datetime(2026, 11, 23, 10, 0, tzinfo=IST)
    assert resolved(ATM_CALL, now=morning).startswith("NIFTY23NOV26")
    evening = datetime(2026, 11, 23, 15, 40, tzinfo=IST)
    assert resolved(Rules(right="CE", strike_rule="ATM"), now=evening).startswith("NIFTY29DEC26")


def test_an_exact_symbol_is_found_as_people_type_it(bus: BusClient) -> None:
    assert resolved(Rules(symbol=" nifty23nov2624500ce ")) == "NIFTY23NOV2624500CE"


def test_an_expired_or_retired_contract_is_not_found() -> None:
    with pytest.raises(NoInstrument):
        find_instrument(exchange="NFO", symbol="NIFTY23NOV2624500CE", on=date(2026, 11, 24))
    Instrument.objects.filter(symbol="NIFTY23NOV2624500CE").update(is_active=False)
    with pytest.raises(NoInstrument):
        find_instrument(exchange="NFO", symbol="NIFTY23NOV2624500CE", on=date(2026, 11, 18))


@pytest.mark.parametrize("exchange", ["", "NYSE", "nfo"])
def test_an_unknown_exchange_is_refused(exchange: str) -> None:
    with pytest.raises(NoInstrument):
        find_instrument(exchange=exchange, symbol="NIFTY23NOV2624500CE", on=date(2026, 11, 18))


def test_expiries_are_those_listed() -> None:
    assert expiries(exchange="NFO", underlying="NIFTY", kind="OPT", on=date(2026, 11, 18)) == [WEEKLY, MONTHLY]
    assert expiries(exchange="NFO", underlying="NIFTY", kind="OPT", on=date(2026, 11, 24)) == [MONTHLY]
    assert expiries(exchange="NFO", underlying="NOBODY", kind="OPT", on=date(2026, 11, 18)) == []


def test_strikes_near_the_money_are_taken_both_ways() -> None:
    chain = list(option_chain(exchange="NFO", underlying="NIFTY", expiry=WEEKLY))
    near = near_money(chain, Decimal("24512.4"), reach=2)
    assert sorted({int(row.strike or 0) for row in near}) == [24400, 24450, 24500, 24550, 24600]
    assert len(near) == 10
    assert {row.strike for row in near_money(chain, Decimal(1), reach=0)} == {Decimal(24000)}
    assert near_money([], Decimal(1), reach=3) == []


@pytest.mark.parametrize(("rule", "reach"), [("ATM", 0), ("ATM-4", 4), ("OTM12", 12), ("junk", 0), ("", 0)])
def test_a_rules_reach(rule: str, reach: int) -> None:
    assert strike_reach(rule) == reach
