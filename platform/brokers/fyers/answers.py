"""What Fyers' answers prove: pure rules from (HTTP status, body) to an Outcome or a BrokerError.

``{"s": "ok", "code": .., "message": ..}`` with the data beside them, or ``{"s": "error", "code": -50, "message": ..}``.
https://myapi.fyers.in/docsv3 (Request & Response Structure).
"""

from dataclasses import replace

import msgspec

from brokers.answers import acknowledged, refused_read, unknown, unreadable
from brokers.fyers.spec import SPEC
from brokers.refusals import refused
from brokers.texts import plain
from brokers.transport import WireAnswer
from domain.broker import Outcome

BROKER = SPEC.slug

_NO_ACKNOWLEDGEMENT = 201
"""The order went out and nobody answered for it: the order book tells."""


class _Envelope(msgspec.Struct):
    s: str
    code: int | None = None
    message: str | None = None
    id: str | None = None


_ENVELOPES = msgspec.json.Decoder(_Envelope)


def order_outcome(answer: WireAnswer, *, expected_id: str = "") -> Outcome:
    """Return what the answer to place, modify or cancel proves; never raises.

    ``expected_id`` is the order a modify or cancel named: an answer about another order proves nothing.
    """
    envelope = _envelope(answer)
    if envelope is None:
        return unknown(f"HTTP_{answer.status}", "the answer is not Fyers' JSON")
    code, message = _code(answer, envelope), plain(envelope.message)
    if answer.status == 200 and envelope.s == "ok":
        if envelope.code == _NO_ACKNOWLEDGEMENT:
            return unknown(code, message)
        return acknowledged(envelope.id or "", expected_id=expected_id)
    if envelope.s != "error":
        return unknown(code, message)
    return replace(refused(SPEC, status=answer.status, code=code, message=message), retry_after=answer.retry_after)


def read_body(answer: WireAnswer, *, what: str, empty: str = "ok") -> bytes:
    """Return the body of a successful read; ``empty`` is a word that says as well that there is nothing.

    Raises ``SessionLost``, ``RateLimited`` or ``BrokerUnavailable``.
    """
    envelope = _envelope(answer)
    if envelope is None:
        raise unreadable(SPEC, answer, what=what)
    if answer.status == 200 and envelope.s in ("ok", empty):
        return answer.body
    raise refused_read(
        SPEC,
        status=answer.status,
        code=_code(answer, envelope),
        message=envelope.message or "",
        what=what,
        retry_after=answer.retry_after,
    )


def _envelope(answer: WireAnswer) -> _Envelope | None:
    try:
        return _ENVELOPES.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _code(answer: WireAnswer, envelope: _Envelope) -> str:
    return f"HTTP_{answer.status}" if envelope.code is None else str(envelope.code)
