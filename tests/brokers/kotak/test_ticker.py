"""SFeed's packets: what ticks they are, and what is no tick."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.kotak.ticker import Decoder, SignInRefused, exchanges_of
from domain.prices import PRICE_SCALE
from tests.brokers.kotak.packets import PAISA, header, index, picture

EXCHANGES = {1: ("nse_cm", 100), 2: ("nse_fo", 100), 3: ("cde_fo", 10_000_000), 9: ("mcx_fo", 100)}
BLANK = -2_209_008_600  # 1900 in India: what was never updated


def decoder() -> Decoder:
    return Decoder(EXCHANGES, {"nse_cm|NIFTY 50": "nse_cm|Nifty 50"}.get)  # type: ignore[arg-type]


def test_packets_are_as_long_as_documented():
    assert (len(picture()), len(index())) == (176, 87)


def test_a_touch_line():
    (tick,) = decoder().decode(picture()).ticks
    assert tick.token == "nse_fo|54452"
    assert (tick.last_price, tick.close) == (4210 * PAISA, 4000 * PAISA)
    assert (tick.bid, tick.ask, tick.bid_quantity, tick.ask_quantity) == (4205 * PAISA, 4215 * PAISA, 650, 1300)
    assert (tick.volume, tick.open_interest, tick.exchange_at) == (123_500, 98_765, 1_790_000_001_000)


def test_depth_shows_the_best_of_both_sides():
    deep = picture(level=8, bids=((1, 4205), (2, 4200), (3, 4195)), asks=((4, 4215), (5, 4220)))
    (tick,) = decoder().decode(deep).ticks
    assert (tick.bid, tick.bid_quantity, tick.ask, tick.ask_quantity) == (4205 * PAISA, 1, 4215 * PAISA, 4)
    (bare,) = decoder().decode(picture(level=8, bids=(), asks=((4, 4215),))).ticks
    assert (bare.bid, bare.bid_quantity, bare.ask, bare.ask_quantity) == (0, 0, 4215 * PAISA, 4)


def test_an_index_goes_by_the_name_it_was_asked_by():
    feed = decoder()
    (tick,) = feed.decode(index(b"NIFTY 50")).ticks
    assert (tick.token, tick.last_price, tick.close) == ("nse_cm|Nifty 50", 2_420_010 * PAISA, 2_400_000 * PAISA)
    assert (tick.bid, tick.ask, tick.exchange_at) == (0, 0, 1_790_000_002_000)
    assert feed.decode(index(b"NIFTY 50")).ticks[0].token == tick.token


def test_each_exchange_has_its_own_divisor():
    (tick,) = decoder().decode(picture(exchange=3, last=834_725_000)).ticks
    assert (tick.token, tick.last_price) == ("cde_fo|54452", 83_4725 * PRICE_SCALE // 10_000)


def test_a_frame_holds_packets_end_to_end():
    frame = decoder().decode(picture() + index(b"NIFTY 50") + picture(token=7))
    assert [tick.token for tick in frame.ticks] == ["nse_fo|54452", "nse_cm|Nifty 50", "nse_fo|7"]
    assert frame.malformed == 0


def test_what_was_never_updated_shows_the_time_of_its_trade():
    (tick,) = decoder().decode(picture(updated_at=BLANK)).ticks
    assert tick.exchange_at == 1_790_000_000_000
    (tick,) = decoder().decode(picture(updated_at=BLANK, traded_at=BLANK)).ticks
    assert tick.exchange_at == 0


def test_nothing_is_told_before_the_first_price():
    frame = decoder().decode(picture(last=0) + index(value=0))
    assert (frame.ticks, frame.malformed) == ([], 0)


def test_markets_that_open_and_auctions_are_no_prices():
    status = header(16, 105, 2, 0) + pack("<H5s", 1, b"OPEN")
    auction = header(33, 104, 2, 0) + pack("<IIqq", 54452, 1, 2, 3)
    frame = decoder().decode(status + header(9, 6511, 2, 0) + header(9, 6521, 2, 0) + auction + picture())
    assert (len(frame.ticks), frame.malformed) == (1, 0)


@pytest.mark.parametrize(
    ("frame", "malformed"),
    [
        (b"", 0),
        (b"\x09", 1),
        (picture()[:100], 1),
        (b"\x00\x00" + picture()[2:], 1),
        (header(9, 7208, 2, 4), 1),
        (header(9, 7207, 1, 0), 1),
        (picture(exchange=99), 1),
        (header(54, 0, 2, 1) + bytes(45), 1),
        (header(144, 7208, 2, 4) + bytes(135), 1),
        (picture()[:126] + picture()[126:144] + b"", 1),
    ],
)
def test_what_cannot_be_read_is_counted_and_not_guessed(frame, malformed):
    found = decoder().decode(frame)
    assert (found.ticks, found.malformed) == ([], malformed)


def test_a_broken_tail_does_not_take_the_rest_along():
    frame = decoder().decode(picture() + picture()[:50])
    assert (len(frame.ticks), frame.malformed) == (1, 1)


@given(st.binary(max_size=400))
def test_any_bytes_are_ticks_or_malformed(frame):
    found = decoder().decode(frame)
    assert found.malformed >= 0
    assert all(tick.last_price for tick in found.ticks)


def test_the_answer_to_a_sign_in_names_the_divisors():
    text = (
        '{"message_code":1119,"format":"native_batch","exchanges":'
        '{"nse_cm":{"value":1,"divider":100},"cde_fo":{"value":3,"divider":10000000}}}'
    )
    assert exchanges_of(text) == {1: ("nse_cm", 100), 3: ("cde_fo", 10_000_000)}
    assert exchanges_of(text.replace("1119", "1117"))


@pytest.mark.parametrize(
    "text", ["{}", '{"message_code":1120,"format":"native_batch","exchanges":{}}', '{"status":"error"}']
)
def test_a_sign_in_without_its_code_is_refused(text):
    with pytest.raises(SignInRefused):
        exchanges_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"message_code":1119,"format":"native_fallback","exchanges":{}}',
        '{"message_code":1119,"format":"native_batch","exchanges":{"nse_cm":{"value":1,"divider":0}}}',
        '{"message_code":1119,"format":"native_batch","exchanges":{"nse_cm":{"value":1,"divider":7}}}',
    ],
)
def test_another_answer_is_not_understood(text):
    with pytest.raises(ValueError):
        exchanges_of(text)
