"""What Alice Blue's answers prove: pure rules from (HTTP status, body) to an Outcome or a BrokerError.

``{"status": "Ok", "message": "Success", "result": [..]}`` on success, ``Not_ok`` else, with a code of the error table
in its text; sign-in and history say ``stat`` and ``emsg`` for status and message.
"""

from dataclasses import replace

import msgspec

from brokers.aliceblue.errors import code_in, without_advice
from brokers.aliceblue.spec import SPEC
from brokers.answers import acknowledged, refused_read, unknown, unreadable
from brokers.refusals import refused
from brokers.texts import plain
from brokers.transport import WireAnswer
from domain.broker import Outcome

BROKER = SPEC.slug
_REFUSALS = frozenset({"NOT_OK", "NOT OK", "NOTOK"})
_NOTHING = msgspec.Raw(b"[]")


class _Envelope(msgspec.Struct):
    status: str = ""
    stat: str = ""
    message: str | None = None
    emsg: str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def said(self) -> str:
        """The verdict in capitals, "" for none."""
        return (self.status or self.stat).strip().upper()

    @property
    def is_refusal(self) -> bool:
        """Whether it says that the call was refused."""
        return self.said in _REFUSALS

    @property
    def text(self) -> str:
        """What a person would read of it."""
        return plain(self.emsg or self.message)

    @property
    def code(self) -> str:
        """The code of the error table, "" for none."""
        return code_in(self.message, self.emsg)


class _OrderId(msgspec.Struct, rename="camel"):
    broker_order_id: str


_ENVELOPES = msgspec.json.Decoder(_Envelope)
_ORDER_IDS = msgspec.json.Decoder(list[_OrderId])


def order_outcome(answer: WireAnswer, *, expected_id: str = "") -> Outcome:
    """Return what the answer to place, modify or cancel proves; never raises.

    ``expected_id`` is the order a modify or cancel named: an answer about another order proves nothing.
    """
    envelope = _envelope(answer)
    if envelope is None:
        return unknown(f"HTTP_{answer.status}", f"the answer is not {SPEC.name}'s JSON")
    if answer.status == 200 and envelope.said == "OK":
        return _acknowledged(envelope, expected_id)
    shown = envelope.code or f"HTTP_{answer.status}"
    if not envelope.is_refusal:
        return unknown(shown, envelope.text)
    judged = without_advice(envelope.text)
    outcome = refused(SPEC, status=answer.status, code=envelope.code, message=judged, shown_code=shown)
    return replace(outcome, message=envelope.text, retry_after=answer.retry_after)


def read_result(answer: WireAnswer, *, what: str, nothing: str = "") -> msgspec.Raw:
    """Return the ``result`` of a successful read; ``nothing`` is the code by which this book says that it is empty.

    Raises ``SessionLost``, ``RateLimited`` or ``BrokerUnavailable``.
    """
    return _read(answer, what=what, nothing=nothing).result


def read_whole(answer: WireAnswer, *, what: str) -> bytes:
    """Return the body of a successful call that puts its result beside its status."""
    _read(answer, what=what)
    return answer.body


def _read(answer: WireAnswer, *, what: str, nothing: str = "") -> _Envelope:
    envelope = _envelope(answer)
    if envelope is None:
        raise unreadable(SPEC, answer, what=what)
    if answer.status == 200 and envelope.said == "OK":
        return envelope
    if nothing and answer.status in (200, 400) and envelope.is_refusal and envelope.code == nothing:
        return _Envelope(status="Ok", result=_NOTHING)
    raise refused_read(
        SPEC,
        status=answer.status,
        code=envelope.code,
        message=envelope.text,
        what=what,
        shown_code=envelope.code or f"HTTP_{answer.status}",
        retry_after=answer.retry_after,
    )


def _envelope(answer: WireAnswer) -> _Envelope | None:
    """Return the answer's envelope, ``None`` for what is not Alice Blue's; a 401 needs none.

    The whole body has to be text: what is not looked at would not be checked otherwise.
    """
    if answer.status == 401 and not answer.body:
        return _Envelope(status="Not_ok", message="HTTP 401")
    try:
        answer.body.decode()
        return _ENVELOPES.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _acknowledged(envelope: _Envelope, expected_id: str) -> Outcome:
    try:
        (row,) = _ORDER_IDS.decode(envelope.result)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return unknown("NO_ORDER_ID", "the answer does not name one order")
    return acknowledged(row.broker_order_id, expected_id=expected_id)
