"""What Kite's answers prove: pure rules from (HTTP status, body) to an Outcome or a BrokerError.

Envelope, error types and codes: https://kite.trade/docs/connect/v3/response-structure/ and /exceptions/.
"""

from dataclasses import replace

import msgspec

from brokers.answers import acknowledged, refused_read, unknown, unreadable
from brokers.refusals import refused
from brokers.texts import plain
from brokers.transport import WireAnswer
from brokers.zerodha.spec import SPEC
from domain.broker import Outcome

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
        return unknown(f"HTTP_{answer.status}", "the answer is not Kite's JSON")
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
        raise unreadable(SPEC, answer, what=what) from error
    if answer.status == 200 and envelope.status == "success":
        return envelope.data
    raise refused_read(
        SPEC,
        status=answer.status,
        code=_code(answer.status, envelope),
        message=envelope.message or "",
        what=what,
        retry_after=answer.retry_after,
    )


def _acknowledged(envelope: _Envelope, expected_id: str) -> Outcome:
    try:
        order_id = _ORDER_IDS.decode(envelope.data).order_id
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return unknown("NO_ORDER_ID", "the answer carries no order id")
    return acknowledged(order_id, expected_id=expected_id)


def _refused(status: int, envelope: _Envelope) -> Outcome:
    code, message = _code(status, envelope), plain(envelope.message)
    if envelope.status != "error":
        return unknown(code, message)
    return refused(SPEC, status=status, code=code, message=message)


def _code(status: int, envelope: _Envelope) -> str:
    return plain(envelope.error_type, longest=40) or f"HTTP_{status}"
