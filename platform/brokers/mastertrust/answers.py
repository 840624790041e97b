"""What Master Trust's answers prove: pure rules from (HTTP status, body) to an Outcome or a BrokerError.

``{"status": "success", "data": ..}``, and ``{"status": "error", "error_code": .., "message": ..}`` for a refusal; a
search and a contract's facts come as ``{"error": {"code": 0}, "result": ..}``.
"""

from dataclasses import replace

import msgspec

from brokers.answers import acknowledged, refused_read, unknown, unreadable
from brokers.mastertrust.spec import SPEC
from brokers.refusals import refused
from brokers.texts import plain
from brokers.transport import WireAnswer
from domain.broker import BrokerError, Outcome, SessionLost

BROKER = SPEC.slug

_BY_STATUS = frozenset({401, 429})
"""HTTP statuses that say it all, whatever code stands beside them."""


class _Fault(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Envelope(msgspec.Struct):
    status: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    message: str | None = None
    error_code: int | str | None = None
    error: _Fault | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")


class _Placed(msgspec.Struct):
    oms_order_id: str


class _Changed(msgspec.Struct):
    """A modification is answered with a list of one id, a blank before it."""

    oms_order_id: str | list[str]


_ENVELOPES = msgspec.json.Decoder(_Envelope)


def order_outcome(answer: WireAnswer, *, expected_id: str = "") -> Outcome:
    """Return what the answer to place, modify or cancel proves; never raises.

    ``expected_id`` is the order a modify or cancel named: an answer about another order proves nothing.
    """
    envelope = _envelope(answer)
    if envelope is None:
        return unknown(f"HTTP_{answer.status}", "the answer is not the platform's JSON")
    if answer.status == 200 and envelope.status == "success":
        return acknowledged(_order_id(envelope.data, is_named=bool(expected_id)), expected_id=expected_id)
    if envelope.status != "error" and answer.status not in _BY_STATUS:
        return unknown(f"HTTP_{answer.status}", plain(envelope.message))
    outcome = refused(
        SPEC,
        status=answer.status,
        code=_code(answer, envelope),
        message=_message(envelope),
        shown_code=_shown_code(answer, envelope),
    )
    return replace(outcome, retry_after=answer.retry_after)


def read_data(answer: WireAnswer, *, what: str) -> msgspec.Raw:
    """Return the ``data`` of a successful read.

    Raises ``SessionLost``, ``RateLimited`` or ``BrokerUnavailable``.
    """
    envelope = _envelope(answer)
    if envelope is not None and answer.status == 200 and envelope.status == "success":
        return envelope.data
    raise refused_call(answer, what=what)


def read_result(answer: WireAnswer, *, what: str) -> msgspec.Raw:
    """Return the ``result`` of a search or of a contract's facts; raises as ``read_data`` does."""
    envelope = _envelope(answer)
    if envelope is not None and answer.status == 200 and envelope.error is not None and envelope.error.code == 0:
        return envelope.result
    raise refused_call(answer, what=what)


def refused_call(answer: WireAnswer, *, what: str) -> BrokerError:
    """Return the error a read means that was not answered as it should be."""
    envelope = _envelope(answer)
    if envelope is not None:
        return refused_read(
            SPEC,
            status=answer.status,
            code=_code(answer, envelope),
            message=_message(envelope),
            what=what,
            shown_code=_shown_code(answer, envelope),
            retry_after=answer.retry_after,
        )
    if answer.status == 401:
        return SessionLost("HTTP_401", f"{BROKER} {what}: HTTP 401")
    return unreadable(SPEC, answer, what=what)


def _envelope(answer: WireAnswer) -> _Envelope | None:
    # As text: bytes that are no UTF-8 would pass unseen in fields nobody reads.
    try:
        return _ENVELOPES.decode(answer.body.decode())
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _order_id(data: msgspec.Raw, *, is_named: bool) -> str:
    """Return the one order an answer names, "" for none or several."""
    try:
        if not is_named:
            return msgspec.json.decode(data, type=_Placed).oms_order_id
        shown = msgspec.json.decode(data, type=_Changed).oms_order_id
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    ids = shown if isinstance(shown, list) else [shown]
    return ids[0] if len(ids) == 1 else ""


def _code(answer: WireAnswer, envelope: _Envelope) -> str:
    return "" if answer.status in _BY_STATUS else _text(envelope.error_code)


def _shown_code(answer: WireAnswer, envelope: _Envelope) -> str:
    return _text(envelope.error_code) or f"HTTP_{answer.status}"


def _text(code: int | str | None) -> str:
    return plain(str(code or ""), longest=40)


def _message(envelope: _Envelope) -> str:
    return plain(envelope.message or (envelope.error.message if envelope.error else ""))
