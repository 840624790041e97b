"""Bodies are exactly what the bridge's page says, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.mt5.protocol import CALLS, Hello, Poll, Refused, Result, read, sequence_of
from tests.brokers.mt5 import words


def test_whole_bodies_are_read():
    assert read(words.hello(), Hello).symbols[0].name == "XAUUSD"
    assert read(words.poll("s", 1, sync=words.sync([words.ORDER])), Poll).sync is not None
    assert read(words.result("s", "A"), Result).order == 11


@pytest.mark.parametrize("body", [words.hello(), words.poll("s", 1), words.result("s", "A"), words.event("s")])
def test_every_prefix_is_refused(body: bytes):
    kinds = [call.body for call in CALLS.values()]
    for length in range(len(body)):
        for kind in kinds:
            with pytest.raises(Refused):
                read(body[:length], kind)


def test_another_calls_body_is_refused():
    bodies = {"hello": words.hello(), "poll": words.poll("s", 1), "result": words.result("s", "A")}
    for name, body in bodies.items():
        for other in bodies.keys() - {name}:
            with pytest.raises(Refused):
                read(body, CALLS[other].body)


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_read_or_refused(body: bytes):
    for call in CALLS.values():
        with pytest.raises(Refused):
            read(body, call.body)


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_what_is_no_finite_number_is_refused(odd: str):
    for body, kind in (
        (words.result("s", "A", volume=odd), Result),
        (words.poll("s", 1, account={"balance": odd, "equity": 1, "margin": 1, "margin_free": 1}), Poll),
        (words.hello(symbols=[words.SYMBOL | {"volume_step": odd}]), Hello),
    ):
        with pytest.raises(Refused):
            read(body, kind)


def test_a_refusal_stands_alone_and_is_a_known_one():
    alone = {"retcode": 0, "order": 0}
    assert read(words.result("s", "A", refusal="EXPIRED", **alone), Result).refusal == "EXPIRED"
    for changes in ({"order": 11, "retcode": 0}, {"order": 0, "retcode": 10009}):
        with pytest.raises(Refused):
            read(words.result("s", "A", refusal="EXPIRED", **changes), Result)
    with pytest.raises(Refused):
        read(words.result("s", "A", refusal="NEWS", **alone), Result)


def test_a_book_that_lacks_a_row_or_is_of_another_moment_is_refused():
    for spoilt in ({"deals_total": 1}, {"orders_hash": "other"}, {"positions_hash": "other"}):
        with pytest.raises(Refused) as raised:
            read(words.poll("s", 1, sync=words.sync() | spoilt), Poll)
        assert raised.value.code == "INCOMPLETE"


def test_a_sequence_is_a_whole_number():
    assert sequence_of("42") == 42
    for odd in ("", "-1", "+1", "1.0", " 1", "٣", "9" * 16):
        with pytest.raises(Refused):
            sequence_of(odd)
