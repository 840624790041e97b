"""Binary market packets: the recorded ones give the recorded values; broken ones are counted."""

import base64
import json
from decimal import Decimal
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.zerodha.ticker import decode
from domain.prices import to_decimal
from tests.brokers.zerodha.cast import recorded

NFO_TOKEN = (35007 << 8) | 2


def framed(*packets: bytes) -> bytes:
    return pack(">H", len(packets)) + b"".join(pack(">H", len(packet)) + packet for packet in packets)


def recorded_tick(name: str):
    frame = decode(framed(base64.b64decode(recorded(f"ticker_{name}.packet"))))
    assert frame.malformed == 0
    return frame.ticks[0], json.loads(recorded(f"ticker_{name}.json"), parse_float=Decimal)


def test_the_recorded_full_packet_gives_the_recorded_values():
    tick, wanted = recorded_tick("full")
    assert tick.token == str(wanted["instrument_token"])
    assert to_decimal(tick.last_price) == wanted["last_price"]
    assert to_decimal(tick.close) == wanted["ohlc"]["close"]
    assert to_decimal(tick.bid) == wanted["depth"]["buy"][0]["price"]
    assert to_decimal(tick.ask) == wanted["depth"]["sell"][0]["price"]
    assert tick.bid_quantity == wanted["depth"]["buy"][0]["quantity"]
    assert tick.ask_quantity == wanted["depth"]["sell"][0]["quantity"]
    assert (tick.volume, tick.open_interest) == (wanted["volume"], wanted["oi"])
    assert tick.exchange_at == 1625461887000  # 2021-07-05T10:41:27+05:30


def test_the_recorded_quote_packet_gives_the_recorded_values():
    tick, wanted = recorded_tick("quote")
    assert to_decimal(tick.last_price) == wanted["last_price"]
    assert to_decimal(tick.close) == wanted["ohlc"]["close"]
    assert (tick.volume, tick.bid, tick.ask, tick.exchange_at) == (wanted["volume"], 0, 0, 0)


def test_a_short_packet_gives_the_recorded_last_price():
    wanted = json.loads(recorded("ticker_ltp.json"), parse_float=Decimal)
    packet = pack(">Ii", wanted["instrument_token"], int(wanted["last_price"] * 100))
    (tick,) = decode(framed(packet)).ticks
    assert (tick.token, to_decimal(tick.last_price)) == ("408065", Decimal("1573.15"))


def test_an_index_packet_has_no_book_and_its_own_clock():
    fields = (256265, 2_420_010, 2_430_000, 2_410_000, 2_415_000, 2_419_000, 1010)
    quote, full = decode(framed(pack(">I6i", *fields), pack(">I6iI", *fields, 1_700_000_000))).ticks
    assert to_decimal(quote.last_price) == Decimal("24200.10")
    assert to_decimal(full.close) == Decimal("24190.00")
    assert (quote.exchange_at, full.exchange_at) == (0, 1_700_000_000_000)
    assert (full.bid, full.ask, full.volume) == (0, 0, 0)


@pytest.mark.parametrize(
    ("segment", "raw", "price"),
    [
        (2, 4210, "42.10"),
        (3, 727_550_000, "72.755"),
        (6, 727_550, "72.755"),
        (7, 580_000, "5800.00"),
        (12, 10_001, "1.0001"),
    ],
)
def test_the_divisor_is_the_segments(segment, raw, price):
    (tick,) = decode(framed(pack(">Ii", (1 << 8) | segment, raw))).ticks
    assert to_decimal(tick.last_price) == Decimal(price)


def test_a_price_below_zero_stays_below_zero():
    (tick,) = decode(framed(pack(">Ii", (1 << 8) | 7, -3763))).ticks
    assert to_decimal(tick.last_price) == Decimal("-37.63")


def test_a_quantity_beyond_two_billion_is_not_negative():
    packet = pack(">Ii8xI20xi", NFO_TOKEN, 4210, 3_000_000_000, 4000)
    assert decode(framed(packet)).ticks[0].volume == 3_000_000_000


def test_many_packets_of_all_forms_share_a_frame():
    lengths = (8, 28, 32, 44, 184)
    ticks = decode(framed(*(pack(">Ii", NFO_TOKEN, 4210).ljust(length, b"\0") for length in lengths))).ticks
    assert [to_decimal(tick.last_price) for tick in ticks] == [Decimal("42.10")] * 5


@pytest.mark.parametrize("frame", [b"", b"\x00", b"\x00\x00"])
def test_a_heartbeat_is_no_tick(frame):
    assert (decode(frame).ticks, decode(frame).malformed) == ([], 0)


def test_a_packet_of_no_known_length_is_counted_and_its_neighbours_kept():
    good = pack(">Ii", NFO_TOKEN, 4210)
    frame = decode(framed(good, b"\0" * 9, good))
    assert (len(frame.ticks), frame.malformed) == (2, 1)


def test_a_cut_off_frame_keeps_what_is_whole_and_counts_the_rest():
    good = pack(">Ii", NFO_TOKEN, 4210)
    frame = decode(framed(good, good, good)[:-1])
    assert (len(frame.ticks), frame.malformed) == (2, 1)


@given(st.binary(max_size=400))
def test_no_bytes_break_the_decoder(data):
    frame = decode(data)
    assert frame.malformed >= 0


@given(
    token=st.integers(0, 2**24 - 1),
    prices=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=4, max_size=4),
    counts=st.lists(st.integers(0, 2**32 - 1), min_size=5, max_size=5),
)
def test_a_full_packet_comes_back_as_it_was_packed(token, prices, counts):
    last, close, bid, ask = prices
    volume, interest, at, bid_quantity, ask_quantity = counts
    token = (token << 8) | 2
    packet = pack(">Ii8xI20xi4xI8xI", token, last, volume, close, interest, at)
    packet += pack(">IiHH48xIiHH48x", bid_quantity, bid, 1, 0, ask_quantity, ask, 1, 0)
    (tick,) = decode(framed(packet)).ticks
    assert tick.token == str(token)
    assert [value // 1_000_000 for value in (tick.last_price, tick.close, tick.bid, tick.ask)] == prices
    assert [tick.volume, tick.open_interest, tick.exchange_at // 1000, tick.bid_quantity, tick.ask_quantity] == counts
