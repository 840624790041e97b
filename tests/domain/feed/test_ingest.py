"""Every packet becomes a tick of our instrument or is counted as dropped."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.broker import Quote, RawTick
from domain.feed.ingest import Ingest, Named
from domain.feed.validation import LARGEST, Band
from domain.prices import PRICE_SCALE
from domain.ticks import Tick

NOW = 1_800_000_000_000
SIZES = st.integers(-1, 10)
PACKETS = st.lists(
    st.builds(
        RawTick,
        token=st.sampled_from(["11", "22", "99"]),
        last_price=st.integers(-1, 5),
        bid=st.integers(-1, 5),
        ask=st.integers(-1, 5),
        bid_quantity=SIZES,
        ask_quantity=SIZES,
        volume=SIZES,
        open_interest=SIZES,
        close=st.integers(0, 5),
        exchange_at=st.sampled_from([0, NOW - 1, NOW, NOW + 1]),
    ),
    max_size=30,
)
PACKET = RawTick("11", 100, 99, 101, 1, 2, 3, 4, 98, NOW)
QUOTE = Quote(
    "NFO", "A", "11", Decimal(100), Decimal(0), Decimal(0), 1, 2, 3, 4, Decimal(98), Decimal(90), Decimal(110), None
)


def ingest() -> Ingest:
    made = Ingest()
    made.add(Named(1, "NFO", "OPT", "NFO", "A", "11"))
    made.add(Named(2, "MCX", "FUT", "MCX", "B", "22", units=100))
    return made


def take(made: Ingest, *packets: RawTick) -> None:
    made.take_packets(packets, received_at=NOW, latest=NOW)


@given(PACKETS)
def test_nothing_is_lost_without_being_counted(packets: list[RawTick]) -> None:
    made = ingest()
    take(made, *packets)
    ticks = made.take_pending()
    assert len(ticks) + made.dropped.total() == len(packets)
    assert made.ticked == {tick.instrument_id for tick in ticks}
    assert all(tick.last_price > 0 and tick.exchange_at <= NOW for tick in ticks)
    assert all(tick.bid <= tick.ask or tick.ask == 0 for tick in ticks)
    assert made.take_pending() == []


@given(PACKETS)
def test_stamps_of_an_instrument_never_run_backwards(packets: list[RawTick]) -> None:
    made = ingest()
    take(made, *packets)
    for instrument_id in (1, 2):
        stamps = [one.exchange_at for one in made.pending if one.instrument_id == instrument_id and one.exchange_at]
        assert stamps == sorted(stamps)


def test_lots_become_units_on_the_stream_only() -> None:
    made = ingest()
    take(made, replace(PACKET, token="22"))
    made.take_quotes([replace(QUOTE, token="22")], received_at=NOW, latest=NOW)
    streamed, polled = made.take_pending()
    assert (streamed.bid_quantity, streamed.volume, streamed.open_interest) == (100, 300, 400)
    assert (polled.bid_quantity, polled.volume, polled.open_interest) == (1, 3, 4)


def test_a_token_that_moved_belongs_to_its_new_instrument() -> None:
    made = ingest()
    made.add(Named(3, "NFO", "OPT", "NFO", "C", "11"))
    made.remove(1)
    take(made, PACKET)
    assert [tick.instrument_id for tick in made.take_pending()] == [3]


def test_a_forgotten_instruments_packets_are_strangers() -> None:
    made = ingest()
    made.remove(1)
    made.remove(1)
    take(made, PACKET)
    assert (made.take_pending(), made.dropped) == ([], {"UNKNOWN_TOKEN": 1})


def test_a_quote_brings_the_band_it_is_judged_by() -> None:
    made = ingest()
    assert made.take_quotes([QUOTE], received_at=NOW, latest=NOW) == 1
    assert made.by_id[1].seen.band == Band(90 * PRICE_SCALE, 110 * PRICE_SCALE)
    take(made, replace(PACKET, last_price=111 * PRICE_SCALE, bid=0, ask=0))
    assert made.by_id[1].off_band
    made.take_quotes([replace(QUOTE, upper_band=Decimal(120))], received_at=NOW, latest=NOW)
    assert not made.by_id[1].off_band
    take(made, replace(PACKET, last_price=111 * PRICE_SCALE, bid=0, ask=0))
    assert made.dropped == {"OFF_BAND": 1}


@pytest.mark.parametrize(("lower", "upper"), [(None, None), (Decimal(0), Decimal(0)), (Decimal(5), Decimal(5))])
def test_a_quote_without_limits_bounds_nothing(lower: Decimal | None, upper: Decimal | None) -> None:
    made = ingest()
    made.take_quotes([replace(QUOTE, lower_band=lower, upper_band=upper)], received_at=NOW, latest=NOW)
    assert made.by_id[1].seen.band is None


def test_a_quote_keeps_its_stamp_and_does_not_count_as_a_tick_of_the_stream() -> None:
    made = ingest()
    stamped = replace(QUOTE, exchange_at=datetime.fromtimestamp(NOW / 1000, tz=UTC))
    made.take_quotes([stamped, replace(QUOTE, token="99")], received_at=NOW + 5, latest=NOW)
    [tick] = made.take_pending()
    assert (tick.exchange_at, tick.received_at, made.ticked) == (NOW, NOW + 5, set())


@pytest.mark.parametrize("field", ["last_price", "bid", "ask", "close", "lower_band", "upper_band"])
@pytest.mark.parametrize("odd", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_quote_of_no_numbers_is_counted_and_the_others_are_taken(field: str, odd: str) -> None:
    made = ingest()
    found = made.take_quotes(
        [replace(QUOTE, **{field: Decimal(odd)}), replace(QUOTE, token="22")],  # type: ignore[arg-type]
        received_at=NOW,
        latest=NOW,
    )
    assert (found, made.dropped) == (1, {"NOT_A_NUMBER": 1})
    assert [tick.instrument_id for tick in made.take_pending()] == [2]


@pytest.mark.parametrize(
    "field", ["last_price", "ask", "bid_quantity", "ask_quantity", "volume", "open_interest", "close"]
)
def test_what_no_message_of_the_bus_can_hold_is_counted_and_the_others_are_taken(field: str) -> None:
    made = ingest()
    take(made, replace(PACKET, **{field: LARGEST + 1}), PACKET)  # type: ignore[arg-type]
    assert made.dropped == {"TOO_LARGE": 1}
    assert publishable(made.take_pending()) == 1


def publishable(ticks: list[Tick]) -> int:
    return len(msgspec.msgpack.decode(msgspec.msgpack.encode(ticks)))
