"""What Upstox's answers prove: pure rules from (HTTP status, body) to an Outcome or a BrokerError.

Envelope and codes: https://upstox.com/developer/api-documentation/response-structure/ and /error-codes/. An error may
list several: it proves something only where each of them does.
"""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from brokers.answers import acknowledged, refused_read, unknown, unreadable
from brokers.refusals import refused
from brokers.texts import plain
from brokers.transport import WireAnswer
from brokers.upstox.spec import SPEC
from domain.broker import BrokerError, Outcome, Verdict

BROKER = SPEC.slug


class Problem(msgspec.Struct):
    """One error of a list; the camel-case name is the older one, and both are still sent."""

    error_code: str | None = None
    errorCode: str | None = None
    message: str | None = None

    @property
    def code(self) -> str:
        """The broker's code, fit to be stored."""
        return plain(self.error_code or self.errorCode, longest=40)


class _Envelope(msgspec.Struct):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[Problem] | None = None


class _Ids(msgspec.Struct):
    """A placed order has a list of ids, one per slice; a changed one has a single id."""

    order_ids: list[str] = []
    order_id: str | None = None


_ENVELOPES = msgspec.json.Decoder(_Envelope)
_IDS = msgspec.json.Decoder(_Ids)


def order_outcome(answer: WireAnswer, *, expected_id: str = "") -> Outcome:
    """Return what the answer to place, modify or cancel proves; never raises.

    ``expected_id`` is the order a modify or cancel named: an answer about another order proves nothing.
    """
    try:
        envelope = _ENVELOPES.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return unknown(f"HTTP_{answer.status}", "the answer is not Upstox's JSON")
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
    raise _refused_read(answer, envelope, what)


def refusal(answer: WireAnswer, *, what: str) -> BrokerError:
    """Return the error of an answer that is no success."""
    try:
        return _refused_read(answer, _ENVELOPES.decode(answer.body), what)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return unreadable(SPEC, answer, what=what)


def _refused_read(answer: WireAnswer, envelope: _Envelope, what: str) -> BrokerError:
    first = _problems(answer.status, envelope)[0]
    return refused_read(
        SPEC,
        status=answer.status,
        code=first.code,
        message=first.message or "",
        what=what,
        retry_after=answer.retry_after,
    )


def _acknowledged(envelope: _Envelope, expected_id: str) -> Outcome:
    try:
        ids = _IDS.decode(envelope.data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return unknown("NO_ORDER_ID", "the answer carries no order id")
    given = [ids.order_id] if ids.order_id is not None else ids.order_ids
    if len(given) != 1:
        return unknown("NO_ORDER_ID", f"the answer carries {len(given)} order ids")
    return acknowledged(given[0], expected_id=expected_id)


def _refused(status: int, envelope: _Envelope) -> Outcome:
    problems = _problems(status, envelope)
    if envelope.status != "error":
        return unknown(problems[0].code, plain(problems[0].message))
    outcomes = [refused(SPEC, status=status, code=one.code, message=plain(one.message)) for one in problems]
    return next((one for one in outcomes if one.verdict is Verdict.UNKNOWN), outcomes[0])


def _problems(status: int, envelope: _Envelope) -> Sequence[Problem]:
    shown = [one for one in envelope.errors or () if one.code]
    return shown or [Problem(error_code=f"HTTP_{status}")]
