"""Markets that never close, and contracts of fractional quantity."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.markets.models import Instrument, TradingSession
from apps.markets.services.calendar import (
    calendar_of,
    ensure_demo_sessions,
    horizon,
    is_open,
    next_open,
    seed_calendar,
    session_at,
)
from apps.markets.services.instrument_sync import sync_instruments
from apps.markets.services.instruments import find_instrument
from domain.broker import InstrumentRow
from domain.sessions import Horizon

pytestmark = pytest.mark.django_db

SUNDAY_NIGHT = datetime(2031, 3, 9, 21, 30, tzinfo=UTC)
BTC = InstrumentRow(
    exchange="BINANCE",
    underlying="BTCUSDT",
    kind="SPOT",
    expiry=None,
    strike=None,
    right="",
    symbol="BTCUSDT",
    token="BTCUSDT",
    lot_size=1,
    tick_size=Decimal("0.01"),
    freeze_quantity=900_000_000,
    multiplier=Decimal("0.00001"),
    name="BTC/USDT",
)


def test_binance_trades_on_a_sunday_of_a_year_nobody_confirmed():
    assert is_open("BINANCE", SUNDAY_NIGHT)
    assert is_open("BINANCE_UM", SUNDAY_NIGHT)
    assert not is_open("NFO", SUNDAY_NIGHT)
    assert horizon("BINANCE", SUNDAY_NIGHT) is Horizon.OK
    assert next_open("BINANCE", SUNDAY_NIGHT) is not None


def test_a_session_is_the_indian_day_and_nobody_wrote_a_row_for_it():
    session = session_at("BINANCE", SUNDAY_NIGHT)
    assert session is not None
    assert session.trading_date == date(2031, 3, 10)
    assert not TradingSession.objects.exists()


def test_seeding_leaves_what_never_closes_alone(settings):
    settings.DEMO = True
    seed_calendar(date_from=date(2026, 11, 1), date_to=date(2026, 11, 30))
    ensure_demo_sessions(datetime(2026, 11, 20, tzinfo=UTC))
    assert not TradingSession.objects.filter(exchange__startswith="BINANCE").exists()
    assert calendar_of("BINANCE", SUNDAY_NIGHT).session_at(SUNDAY_NIGHT) is not None


def test_a_coin_is_listed_with_its_step_as_multiplier_and_found_by_its_symbol():
    done = sync_instruments(broker="binance", rows=[BTC], now=SUNDAY_NIGHT)
    assert (done.error, done.added) == ("", 1)
    found = find_instrument(exchange="BINANCE", symbol="btcusdt", on=date(2031, 3, 10))
    assert (found.kind, found.lot_size, found.multiplier) == ("SPOT", 1, Decimal("0.00001"))
    again = sync_instruments(broker="binance", rows=[BTC], now=SUNDAY_NIGHT)
    assert (again.added, again.changed) == (0, 0)


@pytest.mark.parametrize("how", [{"tick_size": Decimal("0.000000001")}, {"multiplier": Decimal("0.0000001")}])
def test_a_contract_finer_than_the_ledger_is_refused_and_never_rounded(how: dict[str, Decimal]):
    others = [replace(BTC, underlying=f"C{n}USDT", symbol=f"C{n}USDT", token=f"C{n}USDT") for n in range(40)]
    done = sync_instruments(broker="binance", rows=[*others, replace(BTC, **how)], now=SUNDAY_NIGHT)
    assert (done.error, done.refused) == ("", 1)
    assert not Instrument.objects.filter(symbol="BTCUSDT").exists()
