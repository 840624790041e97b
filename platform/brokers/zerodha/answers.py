"""What Kite's answers prove: pure rules from (HTTP status, body) to an Outcome or a BrokerError.

Envelope, error types and codes: https://kite.trade/docs/connect/v3/response-structure/ and /exceptions/.
"""

from dataclasses import replace
from typing import NoReturn

import msgspec

from brokers.refusals import refused
from brokers.texts import plain
from brokers.transport import WireAnswer
from brokers.zerodha.spec import SPEC
from domain.broker import BrokerUnavailable, Outcome, RateLimited, SessionLost, Verdict

BROKER = SPEC.slug


class _Envelope(msgspec.Struct):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    message: str | None = None
    error_type: str | None = None


class _OrderId(msgspec.Struct):
    order_id: str


_ENVELOPES = msgspec.json.Decoder(_Envelope)
_ORDER_IDS = msgspec.json.Decoder(_OrderId)


def order_outcome(answer: WireAnswer, *, expected_id: str = "") -> Outcome:
    """Return what the answer to place, modify or cancel proves; never raises.

    ``expected_id`` is the order a modify or cancel named: an answer about another order proves nothing.
    """
    try:
        envelope = _ENVELOPES.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _unknown(f"HTTP_{answer.status}", "the answer is not Kite's JSON")
    if answer.status == 200 and envelope.status == "success":
        return _acknowledged(envelope, expected_id)
    return replace(_refused(answer.status, envelope), retry_after=answer.retry_after)


def read_data(answer: WireAnswer, *, what: str) -> msgspec.Raw:
    """Return the ``data`` of a successful read.

    Raises ``SessionLost``, ``RateLimited`` or ``BrokerUnavailable``.
    """
    try:
        envelope = _ENVELOPES.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _unreadable(answer, what) from error
    if answer.status == 200 and envelope.status == "success":
        return envelope.data
    raise_refusal(
        answer.status, envelope.error_type or "", envelope.message or "", what=what, retry_after=answer.retry_after
    )


def raise_refusal(
    status: int, error_type: str, message: str, *, what: str, retry_after: float | None = None
) -> NoReturn:
    """Raise the ``BrokerError`` a refused read means."""
    code = plain(error_type, longest=40) or f"HTTP_{status}"
    text = f"{BROKER} {what}: {plain(message) or 'no message'}"
    if status == 403 and error_type == "TokenException":
        raise SessionLost(code, text)
    if status == 429:
        raise RateLimited(code, text, retry_after=retry_after)
    raise BrokerUnavailable(code, text)


def _unreadable(answer: WireAnswer, what: str) -> BrokerUnavailable | RateLimited:
    text = f"{BROKER} {what}: HTTP {answer.status} without Kite's JSON ({len(answer.body)} bytes)"
    if answer.status == 429:
        return RateLimited("HTTP_429", text, retry_after=answer.retry_after)
    return BrokerUnavailable(f"HTTP_{answer.status}" if answer.status != 200 else "MALFORMED", text)


def _acknowledged(envelope: _Envelope, expected_id: str) -> Outcome:
    try:
        order_id = _ORDER_IDS.decode(envelope.data).order_id.strip()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _unknown("NO_ORDER_ID", "the answer carries no order id")
    if not (0 < len(order_id) <= 64 and order_id.isascii() and order_id.isalnum()):
        return _unknown("NO_ORDER_ID", f"{plain(order_id, longest=64)!r} is no order id")
    if expected_id and order_id != expected_id:
        return _unknown("OTHER_ORDER", f"the answer is about order {plain(order_id, longest=64)}")
    return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=order_id)


def _refused(status: int, envelope: _Envelope) -> Outcome:
    code, message = plain(envelope.error_type, longest=40) or f"HTTP_{status}", plain(envelope.message)
    if envelope.status != "error":
        return _unknown(code, message)
    return refused(SPEC, status=status, code=code, message=message)


def _unknown(code: str, message: str) -> Outcome:
    return Outcome(Verdict.UNKNOWN, code=code, message=message)
