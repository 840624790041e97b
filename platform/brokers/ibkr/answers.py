"""What IBKR's answers prove: pure rules from (HTTP status, body) to an Outcome, a question or a BrokerError.

An order is answered with its id, with a question or with ``{"error": ..}``. One that is answered with a question has
not been transmitted: by https://ibkrcampus.com/campus/ibkr-api-page/cpapi-v1/#place-order-reply it waits for the reply,
and a declined one is discarded.
"""

from dataclasses import dataclass, replace

import msgspec

from brokers.answers import acknowledged, refused_read, unknown, unreadable
from brokers.ibkr.spec import SPEC
from brokers.refusals import refused
from brokers.texts import plain
from brokers.transport import WireAnswer
from domain.broker import Outcome, Verdict

BROKER = SPEC.slug

PRECAUTIONS = ("o163", "o354", "o382", "o383", "o403", "o451", "o10138", "o10152", "o10153", "o10331")
"""Questions that repeat the account's own settings about price, size, value, market data and stop orders. The platform
has its own limits for all of them, and nobody sits there to answer. What else is asked (whether to use an algorithm of
IBKR's, to close positions, to split an order over accounts) would change the order, and is declined."""


@dataclass(frozen=True, slots=True)
class Question:
    """What IBKR wants confirmed before it transmits an order; ``kinds`` are the ids of its texts."""

    question_id: str
    kinds: tuple[str, ...]
    text: str

    @property
    def is_precaution(self) -> bool:
        """Whether it may be confirmed."""
        return bool(self.kinds) and set(self.kinds) <= set(PRECAUTIONS)


class _Row(msgspec.Struct):
    order_id: str | int | None = None
    error: str | None = None
    id: str | None = None
    message: list[str] | str | None = None
    messageIds: list[str] = []


_ROWS = msgspec.json.Decoder(_Row | list[_Row])


def order_outcome(answer: WireAnswer, *, expected_id: str = "") -> Outcome:
    """Return what the answer to place, modify, cancel or a reply proves; never raises.

    ``expected_id`` is the order a modify or cancel named: an answer about another order proves nothing.
    """
    row = _row(answer)
    if row is None:
        return unknown(f"HTTP_{answer.status}", "the answer is not IBKR's JSON")
    if row.error is not None or answer.status != 200:
        return _refused(answer, row)
    if row.order_id is None:
        return unknown("NO_ORDER_ID", "the answer carries no order id")
    return acknowledged(str(row.order_id), expected_id=expected_id)


def question_of(answer: WireAnswer) -> Question | None:
    """Return what an answer to an order asks; ``None`` for any other answer."""
    row = _row(answer)
    if row is None or answer.status != 200 or not row.id or row.order_id is not None or row.error is not None:
        return None
    texts = [row.message] if isinstance(row.message, str) else row.message or []
    return Question(row.id, tuple(row.messageIds), plain(" ".join(texts)))


def declined(question: Question, answer: WireAnswer, *, expected_id: str) -> Outcome:
    """Return what the answer to a "no" proves: REJECTED only where IBKR says that nothing was confirmed."""
    outcome = order_outcome(answer, expected_id=expected_id)
    if outcome.verdict is Verdict.ACKNOWLEDGED:
        return outcome
    said = f"{', '.join(question.kinds) or 'a question'}: {question.text}"
    return Outcome(outcome.verdict, code="QUESTION", message=plain(said))


def read_body(answer: WireAnswer, *, what: str) -> bytes:
    """Return the body of a successful read; raises ``SessionLost``, ``RateLimited`` or ``BrokerUnavailable``."""
    try:
        error = _error_in(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
        raise unreadable(SPEC, answer, what=what) from failure
    if answer.status == 200 and error is None:
        return answer.body
    raise refused_read(
        SPEC,
        status=answer.status,
        code="",
        message=error or "",
        what=what,
        shown_code=f"HTTP_{answer.status}",
        retry_after=answer.retry_after,
    )


class _Error(msgspec.Struct):
    error: str | None = None


_BODIES = msgspec.json.Decoder(_Error | list[msgspec.Raw])


def _error_in(body: bytes) -> str | None:
    found = _BODIES.decode(body)
    return found.error if isinstance(found, _Error) else None


def _row(answer: WireAnswer) -> _Row | None:
    """Return the one thing an answer says; ``None`` where it says none or several."""
    try:
        rows = _ROWS.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if isinstance(rows, _Row):
        return rows
    return rows[0] if len(rows) == 1 else None


def _refused(answer: WireAnswer, row: _Row) -> Outcome:
    message = plain(row.error)
    outcome = refused(SPEC, status=answer.status, code="", message=message, shown_code=f"HTTP_{answer.status}")
    return replace(outcome, retry_after=answer.retry_after)
