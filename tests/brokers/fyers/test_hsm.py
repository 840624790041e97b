"""The market socket's messages, byte by byte."""

from struct import pack

import pytest

from brokers.fyers import hsm
from domain.broker import RawTick
from domain.prices import PRICE_SCALE

OPTION, INDEX = "sf|nse_fo|54452", "if|nse_cm|Nifty 50"
ABSENT = -(1 << 31)
PAISA = PRICE_SCALE // 100
PRICED = (4210, 650, 0, 1795407300, 65, 130, 4205, 4215, 65, 9, 9, 4200, 1300, 1, 1, 1, 1, 2005, 8010, 4100, 4000)


def snapshot(number: int, topic: str, *values: int, precision: int = 2, multiplier: int = 1) -> bytes:
    texts = (topic.split("|")[1], topic.split("|")[2], "NSE:X")
    return b"".join(
        (
            pack(">BHB", 83, number, len(topic)) + topic.encode(),
            pack(f">B{len(values)}i", len(values), *values),
            pack(">2xHB", multiplier, precision),
            *(bytes([len(text)]) + text.encode() for text in texts),
        )
    )


def update(number: int, *values: int) -> bytes:
    return pack(f">BHB{len(values)}i", 85, number, len(values), *values)


def lite(number: int, price: int) -> bytes:
    return pack(">BHi", 76, number, price)


def data(*records: bytes, number: int = 1, count: int | None = None) -> bytes:
    body = pack(">IH", number, len(records) if count is None else count) + b"".join(records)
    return pack(">HB", len(body) + 1, 6) + body


def test_the_sign_in_carries_key_mode_and_source():
    assert hsm.auth_message("key1") == (
        b"\x00\x19\x01\x04\x01\x00\x04key1\x02\x00\x01P\x03\x00\x01\x01\x04\x00\x05Trade"
    )


def test_the_full_mode_is_asked_for_channel_eleven():
    assert hsm.full_mode_message() == b"\x00\x11\x0c\x02\x01\x00\x08" + pack(">Q", 1 << 11) + b"\x02\x00\x01F"


def test_subscriptions_name_their_topics():
    [message] = hsm.topics_messages(hsm.SUBSCRIBE, [OPTION, INDEX])
    listed = b"\x00\x02\x0f" + OPTION.encode() + b"\x12" + INDEX.encode()
    assert message == pack(">HBBBH", 2 + 3 + len(listed) + 4, 4, 2, 1, len(listed)) + listed + b"\x02\x00\x01\x0b"
    assert list(hsm.topics_messages(hsm.SUBSCRIBE, [])) == []
    many = list(hsm.topics_messages(hsm.UNSUBSCRIBE, [f"sf|nse_fo|{number}" for number in range(3001)]))
    assert [int.from_bytes(one[7:9], "big") for one in many] == [1500, 1500, 1]
    assert {hsm.kind_of(one) for one in many} == {5}


def test_an_acknowledgement_names_the_last_message():
    assert hsm.acknowledgement(7) == b"\x00\x09\x03\x01\x01\x00\x04\x00\x00\x00\x07"


def test_answers():
    yes = hsm.read_answer(b"\x00\x0d\x01\x02\x01\x00\x01K\x02\x00\x04\x00\x00\x00\xc8")
    assert (yes.kind, yes.is_ok, yes.acknowledge_every) == (hsm.AUTH, True, 200)
    no = hsm.read_answer(b"\x00\x06\x04\x01\x01\x00\x01N")
    assert (no.kind, no.is_ok, no.acknowledge_every) == (hsm.SUBSCRIBE, False, 0)
    for odd in (
        b"",
        b"\x00\x06\x04",
        b"\x00\x02\x04\x00",
        b"\x00\x06\x04\x01\x01\x00\x05N",
        b"\x00\x06\x04\x02\x01\x00\x01K",
    ):
        with pytest.raises(ValueError, match="answer"):
            hsm.read_answer(odd)


def test_a_snapshot_shows_a_contract_whole():
    frame = hsm.Topics().take(data(snapshot(1, OPTION, *PRICED), number=9))
    assert (frame.number, frame.malformed) == (9, 0)
    assert frame.ticks == [
        RawTick(OPTION, 4210 * PAISA, 4205 * PAISA, 4215 * PAISA, 65, 130, 650, 1300, 4000 * PAISA, 1_795_407_300_000)
    ]


def test_precision_and_multiplier_scale_prices():
    [tick] = hsm.Topics().take(data(snapshot(1, "sf|cde_fo|1", 843_525, precision=4))).ticks
    assert tick.last_price == 843_525 * PRICE_SCALE // 10_000
    [tick] = hsm.Topics().take(data(snapshot(1, "sf|mcx_fo|1", 5400, precision=0))).ticks
    assert tick.last_price == 5400 * PRICE_SCALE
    [tick] = hsm.Topics().take(data(snapshot(1, "sf|mcx_fo|1", 540_000, multiplier=100))).ticks
    assert tick.last_price == 54 * PRICE_SCALE


def test_an_index_has_a_price_a_close_and_a_time():
    [tick] = hsm.Topics().take(data(snapshot(2, INDEX, 2_420_000, 2_410_000, 1_795_407_300, 1, 1, 1))).ticks
    assert (tick.token, tick.last_price, tick.close) == (INDEX, 24_200 * PRICE_SCALE, 24_100 * PRICE_SCALE)
    assert (tick.bid, tick.ask, tick.volume, tick.open_interest) == (0, 0, 0, 0)
    assert tick.exchange_at == 1_795_407_300_000


def test_an_update_changes_what_it_shows_and_keeps_the_rest():
    topics = hsm.Topics()
    topics.take(data(snapshot(1, OPTION, *PRICED)))
    [tick] = topics.take(data(update(1, 4225, 715, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, 4230))).ticks
    assert (tick.last_price, tick.bid, tick.ask, tick.volume) == (4225 * PAISA, 4205 * PAISA, 4230 * PAISA, 715)
    assert (tick.bid_quantity, tick.close) == (65, 4000 * PAISA)
    [tick] = topics.take(data(lite(1, 4300))).ticks
    assert (tick.last_price, tick.ask, tick.volume) == (4300 * PAISA, 4230 * PAISA, 715)


def test_an_absent_value_is_not_a_price():
    [tick] = hsm.Topics().take(data(snapshot(1, OPTION, 4210, *([ABSENT] * 20)))).ticks
    assert (tick.bid, tick.volume, tick.exchange_at, tick.close) == (0, 0, 0, 0)
    assert hsm.Topics().take(data(snapshot(1, OPTION, *([ABSENT] * 21)))).ticks == []


def test_a_topic_may_get_another_id_and_an_id_another_topic():
    topics = hsm.Topics()
    topics.take(data(snapshot(1, OPTION, *PRICED), snapshot(2, INDEX, 2_420_000, 1, 1)))
    topics.take(data(snapshot(1, INDEX, 2_430_000, 1, 1)))
    assert [tick.token for tick in topics.take(data(lite(1, 2_440_000))).ticks] == [INDEX]


@pytest.mark.parametrize(
    ("records", "count", "ticks"),
    [
        ((lite(7, 4210),), None, 0),
        ((update(7, 4210),), None, 0),
        ((lite(7, 4210), snapshot(1, OPTION, *PRICED)), None, 1),
        ((snapshot(1, OPTION, *PRICED), b"\x01\x02\x03"), None, 1),
        ((snapshot(1, OPTION, *PRICED), update(1, 4210)[:-1]), None, 1),
        ((snapshot(1, OPTION, *PRICED)[:-3],), None, 0),
        ((snapshot(1, OPTION, *PRICED),), 2, 1),
        ((snapshot(1, OPTION, *PRICED, precision=2, multiplier=0),), None, 0),
        ((snapshot(1, "dp|nse_fo|54452", *range(1, 31)),), None, 0),
        ((snapshot(1, "sé|nse_fo|1", 1),), None, 0),
    ],
)
def test_what_cannot_be_read_is_counted_and_the_rest_is_read(records, count, ticks):
    frame = hsm.Topics().take(data(*records, count=count))
    assert len(frame.ticks) == ticks
    assert frame.malformed == 1


def test_more_fields_than_are_known_are_passed_over():
    topics = hsm.Topics()
    frame = topics.take(data(snapshot(1, OPTION, *PRICED, 7, 8, 9), lite(1, 4300)))
    assert [tick.last_price for tick in frame.ticks] == [4210 * PAISA, 4300 * PAISA]
    assert topics.take(data(update(1, 4310, *([ABSENT] * 25)))).ticks[0].last_price == 4310 * PAISA


def test_every_prefix_of_a_message_is_read_without_a_mistake():
    whole = data(snapshot(1, OPTION, *PRICED), update(1, 4225, 715))
    for length in range(len(whole)):
        frame = hsm.Topics().take(whole[:length])
        assert len(frame.ticks) <= 1
        assert frame.malformed >= 1
