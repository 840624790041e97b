"""What Noren's answers prove: pure rules from (HTTP status, body) to an Outcome or a BrokerError.

``{"stat": "Ok", ..}`` or a list on success, ``{"stat": "Not_Ok", "emsg": ..}`` else; an empty book is an error of its
own, ``Error Occurred : 5 "no data"``.
"""

import re
from dataclasses import replace

import msgspec

from brokers.noren.errors import STATUSES
from brokers.refusals import error_kind, refused
from brokers.texts import plain
from brokers.transport import WireAnswer
from domain.broker import BrokerError, BrokerSpec, BrokerUnavailable, Outcome, RateLimited, SessionLost, Verdict
from domain.broker_spec import ErrorKind

_NO_DATA = re.compile(r"^(Error Occurred : 5 \"no data\"|No Data\s*:)", re.IGNORECASE)


class _Envelope(msgspec.Struct):
    stat: str
    emsg: str | None = None
    norenordno: str | None = None
    result: str | None = None


_ENVELOPES = msgspec.json.Decoder(_Envelope)


class NoData(BrokerError):
    """There is nothing of what was asked for."""


def order_outcome(spec: BrokerSpec, answer: WireAnswer, *, expected_id: str = "") -> Outcome:
    """Return what the answer to place, modify or cancel proves; never raises.

    ``expected_id`` is the order a modify or cancel named: an answer about another order proves nothing.
    """
    envelope = _envelope(answer)
    if envelope is None:
        return _unknown(f"HTTP_{answer.status}", "the answer is not Noren's JSON")
    if answer.status == 200 and envelope.stat == "Ok":
        return _acknowledged(envelope, expected_id)
    message = plain(envelope.emsg)
    if envelope.stat != "Not_Ok":
        return _unknown(f"HTTP_{answer.status}", message)
    outcome = refused(spec, status=answer.status, code="", message=message, shown_code=_code(answer.status, message))
    return replace(outcome, retry_after=answer.retry_after)


def read_object(spec: BrokerSpec, answer: WireAnswer, *, what: str) -> bytes:
    """Return the body of a successful read of one object.

    Raises ``NoData``, ``SessionLost``, ``RateLimited`` or ``BrokerUnavailable``.
    """
    envelope = _envelope(answer)
    if envelope is None:
        raise _unreadable(spec, answer, what)
    if answer.status == 200 and envelope.stat in ("Ok", "OK"):
        return answer.body
    raise _refusal(spec, answer, plain(envelope.emsg), what)


def read_list(spec: BrokerSpec, answer: WireAnswer, *, what: str) -> bytes:
    """Return the body of a successful read of a list; the documented "no data" is an empty one."""
    if answer.status == 200 and answer.body.lstrip()[:1] == b"[":
        return answer.body
    envelope = _envelope(answer)
    if envelope is None or envelope.stat == "Ok":  # one object is no list
        raise _unreadable(spec, answer, what)
    error = _refusal(spec, answer, plain(envelope.emsg), what)
    if isinstance(error, NoData):
        return b"[]"
    raise error


def unavailable(spec: BrokerSpec, what: str, detail: object) -> BrokerUnavailable:
    """Return the error of an answer that is not what was asked for."""
    return BrokerUnavailable("MALFORMED", f"{spec.slug} {what}: {detail}")


def _envelope(answer: WireAnswer) -> _Envelope | None:
    try:
        return _ENVELOPES.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _refusal(spec: BrokerSpec, answer: WireAnswer, message: str, what: str) -> BrokerError:
    code, text = _code(answer.status, message), f"{spec.slug} {what}: {message or 'no message'}"
    kind = error_kind(spec, status=answer.status, code="", message=message)
    if kind is ErrorKind.SESSION_LOST:
        return SessionLost(code, text)
    if kind is ErrorKind.RATE_LIMITED or answer.status == 429:
        return RateLimited(code, text, retry_after=answer.retry_after)
    is_empty = answer.status in STATUSES and _NO_DATA.match(message)
    return NoData("NO_DATA", text) if is_empty else BrokerUnavailable(code, text)


def _unreadable(spec: BrokerSpec, answer: WireAnswer, what: str) -> BrokerError:
    text = f"{spec.slug} {what}: HTTP {answer.status} without Noren's JSON ({len(answer.body)} bytes)"
    if answer.status == 429:
        return RateLimited("HTTP_429", text, retry_after=answer.retry_after)
    return BrokerUnavailable(f"HTTP_{answer.status}" if answer.status != 200 else "MALFORMED", text)


def _acknowledged(envelope: _Envelope, expected_id: str) -> Outcome:
    order_id = ((envelope.result if expected_id else envelope.norenordno) or "").strip()
    if not is_order_id(order_id):
        return _unknown("NO_ORDER_ID", f"{plain(order_id, longest=64)!r} is no order id")
    if expected_id and order_id != expected_id:
        return _unknown("OTHER_ORDER", f"the answer is about order {order_id}")
    return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=order_id)


def is_order_id(text: str) -> bool:
    """Say whether Noren may have given this number."""
    return 0 < len(text) <= 64 and text.isascii() and text.isalnum()


def _code(status: int, message: str) -> str:
    return plain(message.partition(":")[0], longest=40) or f"HTTP_{status}"


def _unknown(code: str, message: str) -> Outcome:
    return Outcome(Verdict.UNKNOWN, code=code, message=message)
