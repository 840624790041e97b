"""What Kotak's answers prove: pure rules from (HTTP status, body) to an Outcome or a BrokerError.

``{"stat": "Ok", "stCode": 200, ..}`` on success. Refusals come as ``stCode`` with ``errMsg`` or ``emsg``, as a list
``error`` of codes and messages, as ``errorCode`` with ``message``, or as a ``fault``; an empty book is code 5203.
"""

from dataclasses import dataclass, replace

import msgspec

from brokers.answers import acknowledged, refused_read, unknown, unreadable
from brokers.kotak.spec import ANSWERED, SPEC
from brokers.payloads import malformed
from brokers.refusals import refused
from brokers.texts import plain
from brokers.transport import WireAnswer
from domain.broker import BrokerError, Outcome

NO_DATA = "5203"
_Code = int | str | None


class _Fault(msgspec.Struct):
    code: _Code = None
    message: str | None = None


class _Envelope(
    msgspec.Struct,
    rename={"st_code": "stCode", "err_msg": "errMsg", "error_code": "errorCode", "order_id": "nOrdNo"},
):
    stat: str | None = None
    st_code: _Code = None
    order_id: str | None = None
    err_msg: str | None = None
    emsg: str | None = None
    error: list[_Fault] | None = None
    fault: _Fault | None = None
    message: str | None = None
    error_code: _Code = None
    data: msgspec.Raw = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: str
    message: str


_ENVELOPES = msgspec.json.Decoder(_Envelope)


def order_outcome(answer: WireAnswer, *, expected_id: str = "") -> Outcome:
    """Return what the answer to place, modify or cancel proves; never raises.

    ``expected_id`` is the order a modify or cancel named: an answer about another order proves nothing.
    """
    envelope = _envelope(answer)
    if envelope is None:
        return unknown(f"HTTP_{answer.status}", f"the answer is not {SPEC.name}'s JSON")
    if _is_success(answer, envelope):
        return acknowledged(envelope.order_id or "", expected_id=expected_id)
    refusal = _refusal(answer, envelope)
    if envelope.order_id or _says_ok(envelope):  # it refuses and accepts in one
        return unknown(refusal.code, refusal.message or "the answer contradicts itself")
    outcome = refused(SPEC, status=answer.status, code=refusal.code, message=refusal.message)
    return replace(outcome, retry_after=answer.retry_after)


def read_rows(answer: WireAnswer, *, what: str, is_bare: bool = False) -> msgspec.Raw | bytes:
    """Return the list a successful read shows; the documented "no data" is an empty one.

    ``is_bare``: it comes without ``stat`` and ``stCode``, where any other read without them says nothing. Raises
    ``SessionLost``, ``RateLimited`` or ``BrokerUnavailable``.
    """
    envelope = _envelope(answer)
    if envelope is None:
        raise unreadable(SPEC, answer, what=what)
    if _is_success(answer, envelope) or (is_bare and _is_bare_list(answer, envelope)):
        return _list(envelope.data, what)
    refusal = _refusal(answer, envelope)
    if refusal.code == NO_DATA and answer.status in ANSWERED and not _says_ok(envelope):
        return b"[]"
    raise _error(answer, refusal, what)


def read_object(answer: WireAnswer, *, what: str) -> bytes:
    """Return the body of a successful read of one object; raises like ``read_rows``."""
    envelope = _envelope(answer)
    if envelope is None:
        raise unreadable(SPEC, answer, what=what)
    if _is_success(answer, envelope):
        return answer.body
    raise _error(answer, _refusal(answer, envelope), what)


def refused_data(answer: WireAnswer, *, what: str) -> BrokerError:
    """Return the error of a read whose success has no envelope."""
    envelope = _envelope(answer)
    if envelope is None:
        return unreadable(SPEC, answer, what=what)
    return _error(answer, _refusal(answer, envelope), what)


def _envelope(answer: WireAnswer) -> _Envelope | None:
    try:
        return _ENVELOPES.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _says_ok(envelope: _Envelope) -> bool:
    return (envelope.stat or "").lower() == "ok"


def _is_success(answer: WireAnswer, envelope: _Envelope) -> bool:
    return answer.status == 200 and _says_ok(envelope) and str(envelope.st_code) == "200"


def _is_bare_list(answer: WireAnswer, envelope: _Envelope) -> bool:
    silent = envelope.stat is None and envelope.st_code is None and envelope.error is None
    return answer.status == 200 and silent and bytes(envelope.data).startswith(b"[")


def _list(data: msgspec.Raw, what: str) -> msgspec.Raw:
    if not bytes(data).startswith(b"["):
        raise malformed(SPEC.slug, what, "no list")
    return data


def _refusal(answer: WireAnswer, envelope: _Envelope) -> _Refusal:
    first = (envelope.error or [envelope.fault or _Fault()])[0]
    code = next((one for one in (envelope.st_code, first.code, envelope.error_code) if one not in (None, "")), "")
    texts = (envelope.err_msg, envelope.emsg, first.message, envelope.message)
    # Whatever code a 429 bears, it says "too many"; an answer without a code goes by its status.
    shown = "" if answer.status == 429 else plain(str(code), longest=40)
    return _Refusal(shown or str(answer.status), plain(next(filter(None, texts), "")))


def _error(answer: WireAnswer, refusal: _Refusal, what: str) -> BrokerError:
    return refused_read(
        SPEC,
        status=answer.status,
        code=refusal.code,
        message=refusal.message,
        what=what,
        retry_after=answer.retry_after,
    )
