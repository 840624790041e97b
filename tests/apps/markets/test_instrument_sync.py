"""A master is taken in whole or not at all; what disappears is retired, never deleted."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.markets.models import BrokerInstrument, Instrument, InstrumentSync
from apps.markets.services.instruments import record_failed_sync, sync_instruments
from domain.broker import InstrumentRow
from tests.apps.markets.conftest import MONTHLY, NOW, WEEKLY, master, option, row

pytestmark = pytest.mark.django_db


def sync(rows: list[InstrumentRow], broker: str = "zerodha") -> InstrumentSync:
    return sync_instruments(broker=broker, rows=rows, now=NOW)


def test_a_master_becomes_contracts_with_canonical_symbols_and_the_brokers_names() -> None:
    done = sync(master())
    assert (done.error, done.added, done.changed, done.retired, done.refused) == ("", len(master()), 0, 0, 0)
    atm = Instrument.objects.get(symbol="NIFTY23NOV2624500CE")
    assert (atm.exchange, atm.strike, atm.lot_size, atm.right) == ("NFO", Decimal(24500), 65, "CE")
    name = BrokerInstrument.objects.get(broker="zerodha", instrument=atm)
    assert (name.symbol, name.token) == ("NIFTY26112324500CE", "1123245001")
    assert Instrument.objects.get(exchange="NSE_INDEX").symbol == "NIFTY"


def test_a_contract_may_be_named_by_many_words() -> None:
    named = next(one for one in master() if one.kind == "INDEX")
    key = "NSE_INDEX|Nifty500 Multicap Momentum Quality 50"
    done = sync([replace(named, symbol=key, token=key)], broker="upstox")
    assert (done.error, done.refused) == ("", 0)
    name = BrokerInstrument.objects.get(broker="upstox")
    assert (name.symbol, name.token) == (key, key)


def test_the_freeze_quantity_of_the_day_is_filled_in_where_the_master_has_none() -> None:
    sync([*master(), option(30000, "CE", freeze_quantity=900)])
    assert Instrument.objects.get(symbol="NIFTY23NOV2624500CE").freeze_quantity == 1800
    assert Instrument.objects.get(symbol="NIFTY23NOV2630000CE").freeze_quantity == 900
    assert Instrument.objects.get(exchange="MCX").freeze_quantity == 10_000
    assert Instrument.objects.get(exchange="NSE_INDEX").freeze_quantity is None


def test_a_second_reading_of_the_same_master_changes_nothing() -> None:
    sync(master())
    before = list(Instrument.objects.order_by("pk").values())
    names = list(BrokerInstrument.objects.order_by("pk").values("pk", "symbol", "token"))
    done = sync(master())
    assert (done.added, done.changed, done.retired) == (0, 0, 0)
    assert list(Instrument.objects.order_by("pk").values()) == before
    assert list(BrokerInstrument.objects.order_by("pk").values("pk", "symbol", "token")) == names


def test_changed_facts_are_written_to_the_same_contract() -> None:
    sync(master())
    kept = Instrument.objects.get(symbol="NIFTY23NOV2624500CE").pk
    rows = [replace(one, lot_size=75) if one.strike == 24500 else one for one in master()]
    assert sync(rows).changed == 2
    changed = Instrument.objects.get(pk=kept)
    assert (changed.symbol, changed.lot_size) == ("NIFTY23NOV2624500CE", 75)


def test_what_disappeared_is_retired_and_comes_back() -> None:
    sync(master())
    assert sync([one for one in master() if one.strike != 24500]).retired == 2
    assert not Instrument.objects.get(symbol="NIFTY23NOV2624500CE").is_active
    assert sync(master()).changed == 2
    assert Instrument.objects.get(symbol="NIFTY23NOV2624500CE").is_active


def test_what_another_broker_still_shows_stays() -> None:
    sync(master())
    sync(master(), broker="other")
    assert sync([one for one in master() if one.strike != 24500]).retired == 0
    BrokerInstrument.objects.filter(broker="other").update(seen_at=timezone.now() - timedelta(days=9))
    assert sync([one for one in master() if one.strike != 24500]).retired == 2


@pytest.mark.parametrize("rows", [[], master()[:10]])
def test_a_cut_short_master_changes_nothing(rows: list[InstrumentRow]) -> None:
    sync(master())
    done = sync(rows)
    assert "zerodha" in done.error
    assert "instrument master" in done.error
    assert Instrument.objects.filter(is_active=True).count() == len(master())
    assert sync(master()).error == ""


def test_a_bad_master_is_no_yardstick_for_the_next() -> None:
    sync(master())
    for _ in range(3):
        assert sync(master()[:10]).error


BAD_FIELDS = [
    ("exchange", "NYSE"),
    ("kind", "CE"),
    ("underlying", ""),
    ("underlying", "N" * 31),
    ("expiry", None),
    ("strike", Decimal(0)),
    ("strike", Decimal(-5)),
    ("strike", Decimal("NaN")),
    ("strike", Decimal("24500.00001")),
    ("strike", None),
    ("right", ""),
    ("right", "XX"),
    ("symbol", ""),
    ("symbol", "S" * 81),
    ("token", ""),
    ("token", "T" * 81),
    ("lot_size", 0),
    ("lot_size", -65),
    ("lot_size", 2**31),
    ("tick_size", Decimal(0)),
    ("multiplier", Decimal("Infinity")),
    ("freeze_quantity", 0),
]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS)
def test_a_bad_row_is_left_out_and_counted(field: str, value: object) -> None:
    bad = replace(option(30000, "CE"), **{field: value})  # type: ignore[arg-type]
    done = sync([*master(), bad])
    assert (done.error, done.refused, done.added) == ("", 1, len(master()))


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS)
def test_a_flood_of_bad_rows_changes_nothing_and_names_the_field(field: str, value: object) -> None:
    sync(master())
    rows = [replace(one, **{field: value}) if one.kind == "OPT" else one for one in master()]  # type: ignore[arg-type]
    done = sync(rows)
    assert done.error.startswith("zerodha: ")
    assert f"bad {field}" in done.error
    assert Instrument.objects.filter(is_active=True, lot_size=65).count() == len(master()) - 2


def test_a_contract_listed_twice_counts_once() -> None:
    done = sync([*master(), option(24500, "CE", lot_size=75)])
    assert (done.refused, done.added) == (1, len(master()))
    assert Instrument.objects.get(symbol="NIFTY23NOV2624500CE").lot_size == 65


def test_a_name_given_to_another_contract_follows_it() -> None:
    sync(master())
    rows = [one for one in master() if one.strike != 24500]
    reused = row(
        "NIFTY26112324500CE", kind="OPT", strike=Decimal(24500), right="CE", expiry=date(2026, 12, 1), token="77"
    )
    sync([*rows, reused])
    name = BrokerInstrument.objects.get(broker="zerodha", symbol="NIFTY26112324500CE")
    assert (name.instrument.symbol, name.token) == ("NIFTY01DEC2624500CE", "77")


def test_two_contracts_that_swap_names_are_both_right() -> None:
    sync(master())
    swapped = {24500: "NIFTY26112324550CE", 24550: "NIFTY26112324500CE"}
    rows = [
        replace(one, symbol=swapped[int(one.strike)])
        if one.strike in (24500, 24550) and one.right == "CE" and one.expiry == WEEKLY
        else one
        for one in master()
    ]
    assert sync(rows).error == ""
    name = BrokerInstrument.objects.get(symbol="NIFTY26112324500CE")
    assert name.instrument.symbol == "NIFTY23NOV2624550CE"


def test_new_tokens_replace_the_old_ones() -> None:
    sync(master())
    sync([replace(one, token=f"9{one.token}") for one in master()])
    assert BrokerInstrument.objects.get(instrument__symbol="NIFTY23NOV2624500CE").token == "91123245001"
    assert BrokerInstrument.objects.count() == len(master())


def test_the_number_of_queries_does_not_grow_with_the_master() -> None:
    with CaptureQueriesContext(connection) as few:
        sync(master())
    many_rows = [*master(), *(option(strike, "PE", MONTHLY) for strike in range(10_000, 20_000, 50))]
    with CaptureQueriesContext(connection) as many:
        sync(many_rows)
    assert len(many) <= len(few) + 2


def test_a_master_that_could_not_be_had_is_noted() -> None:
    sync(master())
    record_failed_sync(broker="zerodha", error="no answer in time")
    assert InstrumentSync.objects.first().error == "zerodha: no answer in time"  # type: ignore[union-attr]
    assert sync(master()[:10]).error  # still measured by the last good one
