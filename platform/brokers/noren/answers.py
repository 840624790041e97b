"""What Noren's answers prove: pure rules from (HTTP status, body) to an Outcome or a BrokerError.

``{"stat": "Ok", ..}`` or a list on success, ``{"stat": "Not_Ok", "emsg": ..}`` else; an empty book is an error of its
own, ``Error Occurred : 5 "no data"``.
"""

import re
from dataclasses import replace

import msgspec

from brokers.answers import acknowledged, refused_read, unknown, unreadable
from brokers.noren.errors import STATUSES
from brokers.refusals import refused
from brokers.texts import plain
from brokers.transport import WireAnswer
from domain.broker import BrokerError, BrokerSpec, BrokerUnavailable, Outcome

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
        return unknown(f"HTTP_{answer.status}", "the answer is not Noren's JSON")
    if answer.status == 200 and envelope.stat == "Ok":
        order_id = (envelope.result if expected_id else envelope.norenordno) or ""
        return acknowledged(order_id, expected_id=expected_id)
    message = plain(envelope.emsg)
    if envelope.stat != "Not_Ok":
        return unknown(f"HTTP_{answer.status}", message)
    outcome = refused(spec, status=answer.status, code="", message=message, shown_code=_code(answer.status, message))
    return replace(outcome, retry_after=answer.retry_after)


def read_object(spec: BrokerSpec, answer: WireAnswer, *, what: str) -> bytes:
    """Return the body of a successful read of one object.

    Raises ``NoData``, ``SessionLost``, ``RateLimited`` or ``BrokerUnavailable``.
    """
    envelope = _envelope(answer)
    if envelope is None:
        raise unreadable(spec, answer, what=what)
    if answer.status == 200 and envelope.stat in ("Ok", "OK"):
        return answer.body
    raise _refusal(spec, answer, plain(envelope.emsg), what)


def read_list(spec: BrokerSpec, answer: WireAnswer, *, what: str) -> bytes:
    """Return the body of a successful read of a list; the documented "no data" is an empty one."""
    if answer.status == 200 and answer.body.lstrip()[:1] == b"[":
        return answer.body
    envelope = _envelope(answer)
    if envelope is None or envelope.stat == "Ok":  # one object is no list
        raise unreadable(spec, answer, what=what)
    error = _refusal(spec, answer, plain(envelope.emsg), what)
    if isinstance(error, NoData):
        return b"[]"
    raise error


def _envelope(answer: WireAnswer) -> _Envelope | None:
    try:
        return _ENVELOPES.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _refusal(spec: BrokerSpec, answer: WireAnswer, message: str, what: str) -> BrokerError:
    code = _code(answer.status, message)
    error = refused_read(
        spec,
        status=answer.status,
        code="",
        message=message,
        what=what,
        shown_code=code,
        retry_after=answer.retry_after,
    )
    is_empty = isinstance(error, BrokerUnavailable) and answer.status in STATUSES and _NO_DATA.match(message)
    return NoData("NO_DATA", error.message) if is_empty else error


def _code(status: int, message: str) -> str:
    return plain(message.partition(":")[0], longest=40) or f"HTTP_{status}"
