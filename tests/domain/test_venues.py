"""Exchanges that are not Indian: fractions as whole units, a currency of their own, and no closing bell."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.charges import charges
from domain.instruments import Exchange, InstrumentKey, Kind
from domain.margin import MarginLeg, estimate
from domain.orders import Side
from domain.pnl import Execution, realised_average, realised_fifo, unrealized_pnl
from domain.prices import to_decimal, to_scaled
from domain.risk.levels import leg_rules
from domain.selectors import parse_leg
from domain.sessions import SESSION_EXCHANGES, is_open, seed_sessions
from domain.sizing import slices
from domain.symbols import parse_symbol, symbol_of
from domain.venues import VENUES, currency_of, last_day, venue_of

STEP = Decimal("0.00001")
SPOT, PERPETUAL = Exchange.BINANCE, Exchange.BINANCE_UM


def test_a_sunday_night_in_any_year_is_open_from_midnight_to_midnight():
    sunday = date(2031, 3, 9)
    rows = seed_sessions(SPOT, sunday, sunday + timedelta(days=1))
    assert len(rows) == 2
    assert rows[0].closes_at == rows[1].opens_at
    instants = (rows[0].opens_at + timedelta(hours=hours) for hours in range(48))
    assert all(is_open(rows, instant) for instant in instants)


def test_what_never_closes_has_no_calendar_to_keep():
    assert not set(VENUES) & set(SESSION_EXCHANGES)
    assert venue_of("NFO").never_closes is False
    assert venue_of("NOWHERE").never_closes is False


def test_indian_exchanges_are_in_rupees_and_binance_is_not():
    assert {currency_of(one) for one in Exchange if one not in VENUES} == {"INR"}
    assert {currency_of(one) for one in VENUES} == {"USDT", "USD"}


@pytest.mark.parametrize(("exchange", "kind"), [(SPOT, Kind.SPOT), (PERPETUAL, Kind.PERPETUAL)])
def test_a_bare_symbol_names_what_the_venue_trades(exchange: Exchange, kind: Kind):
    key = parse_symbol("btcusdt", exchange=exchange)
    assert key == InstrumentKey(exchange, "BTCUSDT", kind)
    assert symbol_of(key) == "BTCUSDT"
    assert parse_leg(f"BUY 250 {exchange}:BTCUSDT").key == key


def test_profit_of_fractions_is_right_to_the_last_digit():
    # 0.0025 BTC bought at 61,234.56 and sold at 61,300.06: 0.16375 USDT.
    rows = [Execution(Side.BUY, 250, Decimal("61234.56")), Execution(Side.SELL, 250, Decimal("61300.06"))]
    assert realised_fifo(rows, multiplier=STEP).realised == Decimal("0.16375")
    assert realised_average(rows, multiplier=STEP).realised == Decimal("0.16375")


@given(
    units=st.integers(1, 10**9),
    bought=st.decimals("0.0001", 10**6, places=4),
    sold=st.decimals("0.0001", 10**6, places=4),
)
def test_whole_units_of_a_step_make_what_the_fraction_makes(units: int, bought: Decimal, sold: Decimal):
    fraction = units * STEP
    profit = unrealized_pnl(quantity=units, average_price=bought, last_price=sold, multiplier=STEP)
    assert profit == (sold - bought) * fraction


def test_the_risk_engine_weighs_a_step_exactly_and_stops_at_the_price_it_should():
    rules = leg_rules(
        leg_id=1,
        instrument_id=1,
        quantity=250,
        entry_price=Decimal("61234.56"),
        tick_size=Decimal("0.01"),
        multiplier=STEP,
        stop=None,
        target=None,
        trail=None,
        best=None,
    )
    assert rules.weight == 250 * 1_000
    assert to_decimal(to_scaled(Decimal("61234.56"))) == Decimal("61234.56")


def test_binance_charges_its_own_fee_and_no_indian_levy():
    # 0.1 % of 0.0025 BTC at 60,000 USDT; no flat 20 rupees, no tax, no GST.
    spot = charges(
        exchange=SPOT, kind=Kind.SPOT, side=Side.SELL, quantity=250, price=Decimal(60_000), multiplier=STEP, on=TODAY
    )
    assert spot.total == spot.exchange == Decimal("0.15")
    perpetual = charges(
        exchange=PERPETUAL,
        kind=Kind.PERPETUAL,
        side=Side.BUY,
        quantity=2,
        price=Decimal(60_000),
        multiplier=Decimal("0.001"),
        on=TODAY,
    )
    assert perpetual.total == Decimal("0.06")


TODAY = datetime(2026, 11, 29, tzinfo=UTC).date()


def test_a_coin_is_paid_for_whole_and_a_perpetual_at_the_highest_leverage_at_least():
    def needed(kind: Kind) -> Decimal:
        return estimate([MarginLeg(kind, Side.BUY, 250, Decimal(60_000), Decimal(0), STEP)])

    assert needed(Kind.SPOT) == Decimal(150)
    assert needed(Kind.PERPETUAL) == Decimal("1.2")


def test_large_orders_are_cut_at_the_venues_largest():
    assert slices(25, 1, 10) == (10, 10, 5)


@pytest.mark.parametrize(
    ("exchange", "now", "day", "ended"),
    [
        (SPOT, (2026, 11, 22, 0, 0), (2026, 11, 21), (2026, 11, 22, 0, 0)),
        (SPOT, (2026, 11, 22, 23, 59), (2026, 11, 21), (2026, 11, 22, 0, 0)),
        (PERPETUAL, (2026, 3, 1, 4, 0), (2026, 2, 28), (2026, 3, 1, 0, 0)),
        (Exchange.MT5, (2026, 11, 20, 21, 59), (2026, 11, 19), (2026, 11, 19, 22, 0)),  # New York in winter
        (Exchange.MT5, (2026, 11, 20, 22, 0), (2026, 11, 20), (2026, 11, 20, 22, 0)),
        (Exchange.MT5, (2026, 7, 1, 21, 0), (2026, 7, 1), (2026, 7, 1, 21, 0)),  # and in summer
        (Exchange.MT5, (2026, 3, 8, 21, 30), (2026, 3, 8), (2026, 3, 8, 21, 0)),  # the day its clocks change
    ],
)
def test_a_venues_day_ends_by_its_own_clock(exchange, now, day, ended):
    assert last_day(exchange, datetime(*now, tzinfo=UTC)) == (date(*day), datetime(*ended, tzinfo=UTC))


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(sorted(VENUES)),
)
def test_a_venues_last_day_is_over_and_no_longer_ago_than_a_day(now, exchange):
    day, ended = last_day(exchange, now)
    assert timedelta(0) <= now - ended < timedelta(hours=25)
    assert abs(datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - ended) < timedelta(hours=13)
