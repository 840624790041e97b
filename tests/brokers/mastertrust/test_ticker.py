"""The socket's packets, field by field as documented; broken ones are counted."""

import json
from decimal import Decimal
from struct import pack, pack_into

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.mastertrust.ticker import decode
from domain.prices import to_scaled
from tests.brokers.mastertrust.cast import order_row

NFO, MCX, CDS = 2, 4, 3
TOKEN = 54452
MARKET_AT = {
    "last_price": 6,
    "volume": 18,
    "bid": 22,
    "bid_quantity": 26,
    "ask": 30,
    "ask_quantity": 34,
    "exchange_at": 58,
    "close": 74,
    "open_interest": 94,
}
COMPACT_AT = {"last_price": 6, "exchange_at": 14, "open_interest": 26, "bid": 34, "ask": 38}


def packet(mode: int, size: int, offsets: dict[str, int], *, code: int = NFO, **fields: int) -> bytes:
    """A packet whose other bytes are all 0xAA: a field read from the wrong place shows."""
    buffer = bytearray(b"\xaa" * size)
    pack_into(">BBI", buffer, 0, mode, code, TOKEN)
    for name, offset in offsets.items():
        pack_into(">I", buffer, offset, fields.get(name, 0))
    return bytes(buffer)


def market(*, code: int = NFO, **fields: int) -> bytes:
    return packet(1, 102, MARKET_AT, code=code, **fields)


def compact(**fields: int) -> bytes:
    return packet(2, 42, COMPACT_AT, **fields)


DEPTH = pack(">BBI", 4, NFO, TOKEN) + bytes(160)
SHOWN = {
    "last_price": 4210,
    "volume": 650,
    "bid": 4205,
    "bid_quantity": 65,
    "ask": 4215,
    "ask_quantity": 130,
    "exchange_at": 1_743_137_188,
    "close": 4000,
    "open_interest": 1300,
}


def test_market_data_is_read_from_its_documented_places():
    [tick] = decode(market(**SHOWN)).ticks
    assert tick.token == "NFO|54452"
    assert (tick.last_price, tick.bid, tick.ask, tick.close) == (
        to_scaled(Decimal("42.10")),
        to_scaled(Decimal("42.05")),
        to_scaled(Decimal("42.15")),
        to_scaled(Decimal("40")),
    )
    assert (tick.bid_quantity, tick.ask_quantity, tick.volume, tick.open_interest) == (65, 130, 650, 1300)
    assert tick.exchange_at == 1_743_137_188_000


def test_compact_data_has_no_sizes():
    [tick] = decode(compact(**SHOWN)).ticks
    assert (tick.token, tick.last_price, tick.bid, tick.ask) == (
        "NFO|54452",
        to_scaled(Decimal("42.10")),
        to_scaled(Decimal("42.05")),
        to_scaled(Decimal("42.15")),
    )
    assert (tick.bid_quantity, tick.volume, tick.close, tick.open_interest) == (0, 0, 0, 1300)
    assert tick.exchange_at == 1_743_137_188_000


def test_currencies_have_a_scale_of_their_own():
    [tick] = decode(market(code=CDS, last_price=832_500_000)).ticks
    assert (tick.token, tick.last_price) == ("CDS|54452", to_scaled(Decimal("83.25")))


def test_depth_alone_makes_no_tick():
    frame = decode(DEPTH + market(**SHOWN))
    assert (len(frame.ticks), frame.malformed) == (1, 0)


def test_several_packets_may_stand_in_one_message():
    frame = decode(market(**SHOWN) + market(code=MCX, **SHOWN) + compact(**SHOWN))
    assert [tick.token for tick in frame.ticks] == ["NFO|54452", "MCX|54452", "NFO|54452"]


def test_an_update_is_json_behind_five_bytes():
    update = json.dumps(order_row()).encode()
    frame = decode(bytes([50, 0, 1, 2, 3]) + update)
    assert (frame.order, frame.ticks, frame.malformed) == (update, [], 0)
    assert decode(bytes([51, 0, 1, 2, 3]) + update).order == b""
    assert decode(bytes([50, 0, 1, 2, 3])).malformed == 1


@pytest.mark.parametrize(
    ("broken", "ticks"),
    [
        (market(**SHOWN)[:-1], 0),
        (b"\x01", 0),
        (b"\x00", 0),
        (DEPTH[:-1], 0),
        (pack(">BBI", 9, 1, 1), 0),
        (market(**SHOWN) + b"\x02", 1),
        (market(**SHOWN) + b"{", 1),
    ],
)
def test_what_cannot_be_read_is_counted_and_what_was_read_is_kept(broken, ticks):
    frame = decode(broken)
    assert (len(frame.ticks), frame.malformed) == (ticks, 1)


def test_an_empty_message_is_nothing():
    assert decode(b"") == decode(b"")
    assert (decode(b"").ticks, decode(b"").malformed) == ([], 0)


@given(st.binary(max_size=400))
def test_no_message_breaks_the_decoder(message: bytes):
    frame = decode(message)
    assert frame.malformed in (0, 1)
