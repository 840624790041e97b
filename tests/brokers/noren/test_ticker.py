"""Touchlines decoded and merged, and fast enough."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.noren.ticker import Touchlines, read_message
from brokers.shown import scaled
from domain.prices import to_scaled
from tests.brokers.noren.cast import recorded

WHOLE = {
    "t": "tk",
    "e": "NSE",
    "tk": "11630",
    "ts": "NTPC-EQ",
    "lp": "118.55",
    "c": "117.10",
    "v": "162220",
    "bp1": "118.45",
    "sp1": "118.50",
    "bq1": "26",
    "sq1": "6325",
    "oi": "10",
    "ft": "1638513884",
}


def take(touchlines, **fields):
    return touchlines.take(read_message(json.dumps(fields)))


def test_an_update_changes_only_what_it_names():
    touchlines = Touchlines()
    first = take(touchlines, **WHOLE)
    assert (first.token, first.last_price, first.close) == ("NSE|11630", 11_855_000_000, 11_710_000_000)
    assert (first.bid, first.ask, first.bid_quantity, first.ask_quantity) == (11_845_000_000, 11_850_000_000, 26, 6325)
    assert (first.volume, first.open_interest, first.exchange_at) == (162_220, 10, 1_638_513_884_000)
    second = take(touchlines, t="tf", e="NSE", tk="11630", lp="118.45", v="166637")
    assert (second.last_price, second.volume) == (11_845_000_000, 166_637)
    assert (second.bid, second.ask, second.close) == (first.bid, first.ask, first.close)


def test_a_token_is_of_one_exchange():
    touchlines = Touchlines()
    take(touchlines, **WHOLE)
    take(touchlines, **WHOLE | {"e": "NFO", "lp": "1.00"})
    assert take(touchlines, t="tf", e="NSE", tk="11630", v="1").last_price == 11_855_000_000


def test_a_fresh_acknowledgement_forgets_what_was_shown():
    touchlines = Touchlines()
    take(touchlines, **WHOLE)
    again = take(touchlines, t="tk", e="NSE", tk="11630", lp="119.00")
    assert (again.bid, again.volume, again.close) == (0, 0, 0)


def test_nothing_is_told_before_the_first_price():
    touchlines = Touchlines()
    assert take(touchlines, t="tk", e="NSE", tk="1", c="10.00") is None
    assert touchlines.malformed == 0
    assert take(touchlines, t="tf", e="NSE", tk="1", lp="10.05").close == 1_000_000_000


@pytest.mark.parametrize(
    "fields",
    [
        {"t": "tf", "e": "NSE", "tk": "7", "lp": "1.00"},
        {"t": "tk", "e": "NSE", "tk": "7", "lp": "1e5"},
        {"t": "tk", "e": "NSE", "tk": "7", "lp": ""},
        {"t": "tk", "e": "NSE", "tk": "7", "lp": "1.00", "v": "many"},
        {"t": "tk", "e": "NSE", "tk": "7", "lp": "1.123456789"},
    ],
)
def test_what_cannot_be_used_is_counted(fields):
    touchlines = Touchlines()
    assert take(touchlines, **fields) is None
    assert touchlines.malformed == 1


def test_other_messages_are_no_ticks():
    touchlines = Touchlines()
    for name in ("09-websocket__sample-message__05.json", "09-websocket__heartbeat__10.json"):
        assert touchlines.take(read_message(recorded(name))) is None
    assert touchlines.malformed == 0
    for odd in ("", "[]", "{}", '{"t":1}', "not JSON"):
        with pytest.raises(ValueError):
            read_message(odd)


@given(st.decimals(min_value=-(10**7), max_value=10**7, places=4))
def test_prices_scale_as_everywhere_else(price: Decimal):
    assert scaled(f"{price:f}") == to_scaled(price)
    assert scaled(str(int(price))) == to_scaled(Decimal(int(price)))
