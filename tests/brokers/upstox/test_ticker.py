"""Market messages: frames encoded by the classes of Upstox's own SDK, and frames that are none."""

from random import Random

import pytest

from brokers.upstox.ticker import decode
from domain.broker import RawTick
from domain.prices import PRICE_SCALE

FULL = bytes.fromhex(
    "080112fe010a0c4e53455f464f7c343534353012ed0112e8010ae5010a1b099a99999999696b401080d8c1a28c34184b21cdcccccccce0"
    "7e4012340a1808bd0d116666666666666b4018ac022166666666666e6b400a1808880e11cccccccccc646b4018ac02210000000000706b"
    "401a1b09000000000000e03f119a999999999909c019fca9f1d24d62503f22360a340a023164110000000000e07e40190000000000407f"
    "40210000000000006940299a99999999696b4030a8b4d4183880d8c1a28c34290000000000c8724030a8b4d4183900000000528b534141"
    "a4703d0ad7a3c03f49000000000000594051000000000000694070b5ffffffffffffffff01200112630a124e53455f494e4445587c4e69"
    "667479203530124d124912470a19096666666616a2d7401080d8c1a28c3421000000008095d740122a0a280a02316411000000008095d7"
    "40190000000080aed74021000000000089d740296666666616a2d740200118fbd8c1a28c34"
)
"""A stock option and an index in full mode, a field nobody reads below zero among them."""

SHORT = bytes.fromhex(
    "0801122d0a0c4e53455f464f7c3435343530121d0a1b099a99999999696b4010d39ec4dcd432184b21cdcccccccce07e4018d786c5dcd432"
)
"""The documentation's sample of mode ltpc."""

MARKET_INFO = bytes.fromhex("08021895b3c18bb73222190a0b0a074e53455f434f4d10020a0a0a064e53455f464f1002")
NEGATIVE = bytes.fromhex("0801122a0a084e53455f464f7c31121e121c0a1a0a09090000000000001440120d0a0b08b5ffffffffffffffff01")
ODD_AND_GOOD = bytes.fromhex(
    "080112170a084e53455f464f7c31120b0a0909000000000000f87f12170a084e53455f464f7c32120b0a09093333333333331c40"
)


def scaled(rupees: str) -> int:
    return int(float(rupees) * PRICE_SCALE + 0.5)


def test_full_messages_are_ticks_with_their_best_level():
    frame = decode(FULL)
    assert frame.malformed == 0
    assert frame.ticks == [
        RawTick(
            "NSE_FO|45450",
            scaled("219.3"),
            scaled("219.2"),
            scaled("219.45"),
            1725,
            300,
            51714600,
            5123400,
            scaled("494.05"),
            1790000000123,
        ),
        RawTick("NSE_INDEX|Nifty 50", scaled("24200.35"), 0, 0, 0, 0, 0, 0, scaled("24150"), 1790000000123),
    ]


def test_the_documented_sample_of_the_short_mode():
    (tick,) = decode(SHORT).ticks
    assert (tick.token, tick.last_price, tick.close) == ("NSE_FO|45450", scaled("219.3"), scaled("494.05"))
    assert (tick.bid, tick.volume, tick.exchange_at) == (0, 0, 1740729566039)


@pytest.mark.parametrize("message", [b"", MARKET_INFO])
def test_a_message_without_prices_is_no_tick_and_no_mistake(message):
    frame = decode(message)
    assert (frame.ticks, frame.malformed) == ([], 0)


def test_what_cannot_be_read_is_counted_and_the_rest_kept():
    assert (decode(NEGATIVE).ticks, decode(NEGATIVE).malformed) == ([], 1)
    frame = decode(ODD_AND_GOOD)
    assert [tick.token for tick in frame.ticks] == ["NSE_FO|2"]
    assert frame.malformed == 1


@pytest.mark.parametrize(
    "message",
    [
        b"\x08",
        b"\xff" * 11,
        b"\x0b\x01",
        b"\x12\x7f\x0a",
        b"\x09\x00\x00",
        SHORT[:-1],
        SHORT + b"\x1a",
        b"\x18" + b"\x80" * 9 + b"\x01",
    ],
)
def test_what_is_no_message_is_one_mistake(message):
    frame = decode(message)
    assert (frame.ticks, frame.malformed) == ([], 1)


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"\x0a\x01a",
        b"\x12\x02\x0a\x00",
        b"\x0a\x02\xff\xfe\x12\x02\x0a\x00",
        b"\x0a\x01a\x12\x00",
        b"\x0a\x01a\x12\x02\x12\x00",
        b"\x0a\x01a\x12\x04\x12\x02\x0a\x00",
        b"\x0a\x01a\x12\x08\x12\x06\x0a\x04\x0a\x00\x12\x00\x00",
        b"\x0a\x01a\x12\x0a\x12\x08\x0a\x06\x0a\x00\x12\x02\x12\x00",
        b"\x08\x01\x12\x02\x0a\x00",
    ],
)
def test_an_entry_that_lacks_what_makes_a_tick_is_left_out(entry):
    frame = decode(b"\x12" + bytes([len(entry)]) + entry)
    assert (frame.ticks, frame.malformed) == ([], 1)


def test_no_bytes_whatever_break_the_decoder():
    chance = Random(7)
    for _ in range(3000):
        spoilt = bytearray(FULL)
        for _ in range(chance.randrange(1, 6)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        frame = decode(bytes(spoilt[: chance.randrange(len(spoilt) + 1)]))
        assert len(frame.ticks) + frame.malformed <= len(FULL)
