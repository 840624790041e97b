"""The webhook body: what is understood, and what is refused with which code."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.payload import (
    MAX_BODY,
    Action,
    Alert,
    PayloadCode,
    PayloadError,
    check_age,
    dedupe_key,
    parse_alert,
)

JSON, TEXT = "application/json", "text/plain"
NOW = datetime(2026, 8, 18, 5, 15, tzinfo=UTC)  # 10:45 IST


def _json(**fields: object) -> Alert:
    return parse_alert(json.dumps(fields).encode(), JSON)


def _code(body: bytes | str, content_type: str = JSON) -> PayloadCode:
    sent = body.encode() if isinstance(body, str) else body
    with pytest.raises(PayloadError) as refused:
        parse_alert(sent, content_type)
    assert refused.value.message
    return refused.value.code


def test_a_full_alert_is_read() -> None:
    alert = parse_alert(
        b"""{"action": "sell", "symbol": "NSE:NIFTY1!", "price": 24210.05, "time": "2026-08-18T05:14:58Z",
             "alert_id": "straddle-1", "contracts": "1", "comment": "short", "plot": 1.5}""",
        "application/json; charset=utf-8",
    )
    assert (alert.action, alert.symbol, alert.price) == (Action.SELL, "NSE:NIFTY1!", Decimal("24210.05"))
    assert alert.time == NOW - timedelta(seconds=2)
    assert alert.alert_id == "straddle-1"
    assert alert.raw["comment"] == "short"
    assert json.loads(json.dumps(alert.raw)) == alert.raw


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("buy", Action.BUY),
        ("LONG", Action.BUY),
        ("Sell", Action.SELL),
        ("short", Action.SELL),
        ("exit", Action.EXIT),
        ("close", Action.EXIT),
        ("flat", Action.EXIT),
        ("cover", Action.EXIT),
        ("entry", Action.ENTRY),
    ],
)
def test_action_words(word: str, action: Action) -> None:
    assert _json(action=word).action is action
    assert _json(Side=f" {word} ").action is action
    assert parse_alert(f"  {word}\n".encode(), TEXT).action is action


@pytest.mark.parametrize(
    "text",
    [
        "action=sell\nsymbol=NSE:NIFTY1!\nprice=24210.05\ntime=2026-08-18T05:15:00Z\nalert_id=a-1",
        "action: sell; symbol: NSE:NIFTY1!; price: 24210.05; time: 2026-08-18T05:15:00Z; alert_id: a-1;",
        "ACTION = sell, ticker = nse:nifty1!, close = 24210.05, timenow = 1787030100, alert_id = a-1",
        '{"action":"sell","symbol":"NSE:NIFTY1!","price":24210.05,"ts":1787030100000,"alert_id":"a-1"}',
    ],
)
def test_text_forms_say_the_same_as_json(text: str) -> None:
    alert = parse_alert(text.encode(), TEXT)
    expected = Alert(Action.SELL, "NSE:NIFTY1!", Decimal("24210.05"), NOW, "a-1", {})
    assert alert == expected


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ({"market_position": "long"}, Action.BUY),
        ({"market_position": "short"}, Action.SELL),
        ({"market_position": "flat"}, Action.EXIT),
        ({"action": "buy", "market_position": "long", "prev_market_position": "flat"}, Action.BUY),
        ({"action": "buy", "market_position": "flat", "prev_market_position": "short"}, Action.EXIT),
        ({"action": "sell", "market_position": "flat", "prev_market_position": "long"}, Action.EXIT),
        ({"action": "sell", "market_position": "short", "prev_market_position": "long"}, Action.SELL),
        ({"action": "entry", "market_position": "short"}, Action.SELL),
        ({"action": "exit", "market_position": "flat"}, Action.EXIT),
        ({"action": "buy", "market_position": "", "prev_market_position": "flat"}, Action.BUY),
    ],
)
def test_the_position_that_is_wanted_decides(fields: dict[str, str], action: Action) -> None:
    assert _json(**fields).action is action


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"action": "sell", "market_position": "long"}, PayloadCode.CONFLICT),
        ({"action": "exit", "market_position": "long"}, PayloadCode.CONFLICT),
        ({"action": "entry", "market_position": "flat"}, PayloadCode.CONFLICT),
        ({"action": "buy", "side": "sell"}, PayloadCode.CONFLICT),
        (
            {"action": "sell", "market_position": "long", "prev_market_position": "long"},
            PayloadCode.POSITION_UNCHANGED,
        ),
        ({"market_position": "up"}, PayloadCode.UNKNOWN_ACTION),
        ({"market_position": "long", "prev_market_position": "?"}, PayloadCode.UNKNOWN_ACTION),
    ],
)
def test_positions_that_do_not_fit_are_refused(fields: dict[str, str], code: PayloadCode) -> None:
    assert _code(json.dumps(fields)) is code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", PayloadCode.EMPTY_BODY),
        (" \n ", PayloadCode.EMPTY_BODY),
        (b"\xff\xfe{}", PayloadCode.NOT_UTF8),
        (b'{"action":"buy","note":"\xc3\x28"}', PayloadCode.NOT_UTF8),
        ("{", PayloadCode.BAD_JSON),
        ("buy", PayloadCode.BAD_JSON),
        ("{'action':'buy'}", PayloadCode.BAD_JSON),
        ('{"action":"buy"} {"action":"sell"}', PayloadCode.BAD_JSON),
        ('{"action":"buy",}', PayloadCode.BAD_JSON),
        ("[" * 8000, PayloadCode.BAD_JSON),
        ('{"a":' * 800 + "1" + "}" * 800, PayloadCode.BAD_JSON),
        ('{"action":"buy","deep":' + "[" * 20 + "]" * 20 + "}", PayloadCode.BAD_JSON),
        ('"buy"', PayloadCode.NOT_AN_OBJECT),
        ("[]", PayloadCode.NOT_AN_OBJECT),
        ("null", PayloadCode.NOT_AN_OBJECT),
        ("7", PayloadCode.NOT_AN_OBJECT),
        ('{"action":"buy","action":"sell"}', PayloadCode.DUPLICATE_KEY),
        ('{"action":"buy","Action":"sell"}', PayloadCode.DUPLICATE_KEY),
        ('{"action":"buy","legs":{"a":1,"a":2}}', PayloadCode.DUPLICATE_KEY),
        ('{"action":"buy","price":NaN}', PayloadCode.BAD_NUMBER),
        ('{"action":"buy","plot":Infinity}', PayloadCode.BAD_NUMBER),
        ('{"action":"buy","plot":-Infinity}', PayloadCode.BAD_NUMBER),
        ('{"action":"buy","quantity":1e999}', PayloadCode.BAD_NUMBER),
        ('{"action":"buy","plot":-1e999}', PayloadCode.BAD_NUMBER),
        ('{"action":"buy","plot":' + "9" * 5000 + "}", PayloadCode.BAD_NUMBER),
        ('{"action":"buy","plot":"NaN"}', PayloadCode.BAD_NUMBER),
        ('{"action":"buy","price":"Infinity"}', PayloadCode.BAD_NUMBER),
        ('{"action":"{{strategy.order.action}}"}', PayloadCode.UNRESOLVED_PLACEHOLDER),
        ('{"action":"buy","note":"{{close}}"}', PayloadCode.UNRESOLVED_PLACEHOLDER),
        ("{}", PayloadCode.NO_ACTION),
        ('{"symbol":"NSE:NIFTY"}', PayloadCode.NO_ACTION),
        ('{"action":null}', PayloadCode.NO_ACTION),
        ('{"action":""}', PayloadCode.NO_ACTION),
        ('{"prev_market_position":"flat"}', PayloadCode.NO_ACTION),
        ('{"action":"reverse"}', PayloadCode.UNKNOWN_ACTION),
        ('{"action":"buy;sell"}', PayloadCode.UNKNOWN_ACTION),
        ('{"action":1}', PayloadCode.UNKNOWN_ACTION),
        ('{"action":["buy"]}', PayloadCode.UNKNOWN_ACTION),
        ('{"action":{"buy":1}}', PayloadCode.UNKNOWN_ACTION),
        ('{"action":"ﬂat"}', PayloadCode.UNKNOWN_ACTION),  # a ligature
        ('{"action":"ѕell"}', PayloadCode.UNKNOWN_ACTION),  # a Cyrillic letter
        ('{"action":"buy","symbol":"NIFTY 1!"}', PayloadCode.BAD_SYMBOL),
        ('{"action":"buy","symbol":"nıfty"}', PayloadCode.BAD_SYMBOL),  # a dotless i
        ('{"action":"buy","symbol":7}', PayloadCode.BAD_SYMBOL),
        ('{"action":"buy","symbol":["NIFTY"]}', PayloadCode.BAD_SYMBOL),
        ('{"action":"buy","symbol":"' + "A" * 65 + '"}', PayloadCode.BAD_SYMBOL),
        ('{"action":"buy","price":0}', PayloadCode.BAD_PRICE),
        ('{"action":"buy","price":-1.5}', PayloadCode.BAD_PRICE),
        ('{"action":"buy","price":true}', PayloadCode.BAD_PRICE),
        ('{"action":"buy","price":"24,210"}', PayloadCode.BAD_PRICE),
        ('{"action":"buy","price":"1e3"}', PayloadCode.BAD_PRICE),
        ('{"action":"buy","price":1e-300}', PayloadCode.BAD_PRICE),
        ('{"action":"buy","price":1e12}', PayloadCode.BAD_PRICE),
        ('{"action":"buy","price":[1]}', PayloadCode.BAD_PRICE),
        ('{"action":"buy","quantity":0}', PayloadCode.BAD_QUANTITY),
        ('{"action":"buy","quantity":-65}', PayloadCode.BAD_QUANTITY),
        ('{"action":"buy","qty":1.5}', PayloadCode.BAD_QUANTITY),
        ('{"action":"buy","contracts":"65.0"}', PayloadCode.BAD_QUANTITY),
        ('{"action":"buy","lots":true}', PayloadCode.BAD_QUANTITY),
        ('{"action":"buy","lots":"٣"}', PayloadCode.BAD_QUANTITY),  # an Arabic digit
        ('{"action":"buy","quantity":10000001}', PayloadCode.BAD_QUANTITY),
        ('{"action":"buy","quantity":[1]}', PayloadCode.BAD_QUANTITY),
        ('{"action":"buy","alert_id":"' + "x" * 65 + '"}', PayloadCode.BAD_ALERT_ID),
        ('{"action":"buy","alert_id":"a\\nb"}', PayloadCode.BAD_ALERT_ID),
        ('{"action":"buy","alert_id":{"a":1}}', PayloadCode.BAD_ALERT_ID),
        ('{"action":"buy","alert_id":"é"}', PayloadCode.BAD_ALERT_ID),
        ('{"action":"buy","time":"10:45"}', PayloadCode.BAD_TIME),
        ('{"action":"buy","time":"2026-08-18"}', PayloadCode.BAD_TIME),
        ('{"action":"buy","time":"2026-08-18T10:45:00"}', PayloadCode.BAD_TIME),
        ('{"action":"buy","time":"2026-02-30T10:45:00Z"}', PayloadCode.BAD_TIME),
        ('{"action":"buy","time":"2026-08-18T25:45:00Z"}', PayloadCode.BAD_TIME),
        ('{"action":"buy","time":"2026-08-18T10:45:00+99:00"}', PayloadCode.BAD_TIME),
        ('{"action":"buy","time":17}', PayloadCode.BAD_TIME),
        ('{"action":"buy","time":-1787030100}', PayloadCode.BAD_TIME),
        ('{"action":"buy","time":false}', PayloadCode.BAD_TIME),
        ('{"action":"buy","note":"a\\u0000b"}', PayloadCode.BAD_CHARACTER),
        ('{"action":"buy","a\\u0000":"b"}', PayloadCode.BAD_CHARACTER),
        ('{"action":"buy","note":["\\ud800"]}', PayloadCode.BAD_CHARACTER),
    ],
)
def test_a_bad_json_body_is_refused_with_its_reason(body: bytes | str, code: PayloadCode) -> None:
    assert _code(body) is code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("buy now", PayloadCode.BAD_TEXT),
        ("action=buy;sell", PayloadCode.BAD_TEXT),
        ("price=24,500;action=buy", PayloadCode.BAD_TEXT),
        ("=buy", PayloadCode.BAD_TEXT),
        ("1action=buy", PayloadCode.BAD_TEXT),
        ("hello", PayloadCode.UNKNOWN_ACTION),
        ("action=", PayloadCode.NO_ACTION),
        ("action=buy\naction=sell", PayloadCode.DUPLICATE_KEY),
        ("action=buy\nACTION=buy", PayloadCode.DUPLICATE_KEY),
        ("action=buy;price=NaN", PayloadCode.BAD_NUMBER),
        ("action=buy;price=inf", PayloadCode.BAD_NUMBER),
        ("action={{strategy.order.action}}", PayloadCode.UNRESOLVED_PLACEHOLDER),
        ("action=buy;qty=0", PayloadCode.BAD_QUANTITY),
        ("action=buy;note=a\x00b", PayloadCode.BAD_CHARACTER),
        ('{"action":"buy"', PayloadCode.BAD_JSON),
        ("[1]", PayloadCode.NOT_AN_OBJECT),
    ],
)
def test_a_bad_text_body_is_refused_with_its_reason(body: str, code: PayloadCode) -> None:
    assert _code(body, TEXT) is code


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("", PayloadCode.UNSUPPORTED_TYPE),
        ("application/x-www-form-urlencoded", PayloadCode.UNSUPPORTED_TYPE),
        ("text/html", PayloadCode.UNSUPPORTED_TYPE),
        ("application/json2", PayloadCode.UNSUPPORTED_TYPE),
        ("application/json; charset=latin-1", PayloadCode.NOT_UTF8),
        ('text/plain; charset="utf-16"', PayloadCode.NOT_UTF8),
    ],
)
def test_other_content_types_are_refused(content_type: str, code: PayloadCode) -> None:
    assert _code('{"action":"buy"}', content_type) is code


def test_eight_kilobytes_are_read_and_one_byte_more_is_not() -> None:
    def padded(size: int) -> bytes:
        return b'{"action":"buy","note":"' + b"x" * (size - 26) + b'"}'

    assert len(padded(MAX_BODY)) == MAX_BODY
    assert parse_alert(padded(MAX_BODY), JSON).action is Action.BUY
    assert _code(padded(MAX_BODY + 1)) is PayloadCode.BODY_TOO_LARGE


def test_a_byte_order_mark_is_no_reason_to_miss_an_alert() -> None:
    assert parse_alert(b'\xef\xbb\xbf{"action":"buy"}', JSON).action is Action.BUY


def test_what_is_absent_or_empty_is_none() -> None:
    alert = _json(action="buy", symbol="", price=None, time="", alert_id=None, quantity="")
    assert (alert.symbol, alert.price, alert.time, alert.alert_id) == ("", None, None, "")


@pytest.mark.parametrize("quantity", [1, "65", 10_000_000])
def test_a_quantity_is_checked_and_never_used(quantity: object) -> None:
    assert _json(action="buy", quantity=quantity) == _json(action="buy")


@pytest.mark.parametrize(
    "sent",
    [
        "2026-08-18T05:15:00Z",
        "2026-08-18T10:45:00+05:30",
        "2026-08-18 10:45:00+0530",
        "2026-08-18T05:15Z",
        "2026-08-18T05:15:00.0Z",
        "2026-08-18T05:15:00.000000000Z",
        1787030100,
        1787030100.0,
        1787030100000,
        "1787030100",
        "1787030100000",
    ],
)
def test_times_in_all_forms(sent: object) -> None:
    assert _json(action="buy", time=sent).time == NOW


def test_milliseconds_are_kept() -> None:
    assert _json(action="buy", time=1787030100250).time == NOW + timedelta(milliseconds=250)


def test_the_moment_of_firing_wins_over_the_time_of_the_bar() -> None:
    alert = _json(action="buy", time="2026-08-18T05:00:00Z", timenow="2026-08-18T05:15:00Z")
    assert alert.time == NOW


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (timedelta(seconds=60), None),
        (timedelta(seconds=60, microseconds=1), PayloadCode.STALE),
        (timedelta(days=365), PayloadCode.STALE),
        (timedelta(seconds=-5), None),
        (timedelta(seconds=-5, microseconds=-1), PayloadCode.FUTURE),
    ],
)
def test_only_fresh_alerts_pass(age: timedelta, code: PayloadCode | None) -> None:
    alert = _json(action="buy", time="2026-08-18T05:15:00Z")
    if code is None:
        check_age(alert, now=NOW + age)
        return
    with pytest.raises(PayloadError) as refused:
        check_age(alert, now=NOW + age)
    assert refused.value.code is code


def test_an_alert_without_a_time_has_no_age() -> None:
    check_age(_json(action="buy"), now=NOW)


def test_the_dedupe_key_is_the_id_or_the_hash_of_the_body() -> None:
    body = b'{"action":"buy","alert_id":"x-1"}'
    assert dedupe_key(parse_alert(body, JSON), body) == "x-1"
    other = b'{"action":"buy"}'
    assert dedupe_key(parse_alert(other, JSON), other) == hashlib.sha256(other).hexdigest()


@pytest.mark.parametrize(
    ("fields", "unique"),
    [({}, False), ({"alert_id": 7}, True), ({"time": 1787030100}, True), ({"symbol": "NIFTY"}, False)],
)
def test_an_alert_knows_whether_it_can_be_told_from_the_next(fields: dict[str, object], unique: bool) -> None:
    assert _json(action="buy", **fields).is_unique is unique


def test_secrets_do_not_reach_what_is_stored() -> None:
    alert = _json(action="buy", secret="hunter2", Token="hunter2", deep=[{"password": "hunter2"}])
    assert "hunter2" not in repr(alert.raw)
    assert alert.raw["deep"] == [{"password": "***"}]


def test_numbers_are_kept_digit_by_digit() -> None:
    alert = parse_alert(b'{"action":"buy","price":24210.10,"plot":0.1}', JSON)
    assert (str(alert.price), alert.raw["plot"]) == ("24210.10", "0.1")


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
names = st.sampled_from(
    ["action", "side", "symbol", "price", "time", "timenow", "quantity", "qty", "alert_id", "market_position"]
) | st.text(max_size=10)


def _is_understood_or_refused(body: bytes, content_type: str) -> None:
    try:
        alert = parse_alert(body, content_type)
    except PayloadError:
        return  # anything else would fail the test
    stored = json.dumps(alert.raw, allow_nan=False).encode()
    assert b"\\u0000" not in stored
    assert len(dedupe_key(alert, body)) <= 64
    assert alert.time is None or alert.time.tzinfo is UTC
    assert alert.price is None or alert.price > 0


@given(st.binary(max_size=200), st.sampled_from([JSON, TEXT]))
def test_any_bytes_are_understood_or_refused(body: bytes, content_type: str) -> None:
    _is_understood_or_refused(body, content_type)


@given(st.dictionaries(names, values, max_size=6), st.sampled_from([JSON, TEXT]))
def test_any_json_is_understood_or_refused(fields: dict[str, object], content_type: str) -> None:
    _is_understood_or_refused(json.dumps({"action": "buy", **fields}).encode(), content_type)


@given(
    st.lists(st.tuples(names, st.text(max_size=12)), max_size=5),
    st.sampled_from(["\n", ";", ","]),
    st.sampled_from(["=", ": "]),
)
def test_any_text_is_understood_or_refused(pairs: list[tuple[str, str]], separator: str, sign: str) -> None:
    text = separator.join(f"{name}{sign}{value}" for name, value in [("action", "exit"), *pairs])
    _is_understood_or_refused(text.encode(errors="ignore"), TEXT)
