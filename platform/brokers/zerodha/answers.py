"""What Kite's answers prove: pure rules from (HTTP status, body) to an Outcome or a BrokerError.

Envelope, error types and codes: https://kite.trade/docs/connect/v3/response-structure/ and /exceptions/.
"""

import re
from typing import NoReturn

import msgspec

from brokers.texts import plain
from brokers.transport import WireAnswer
from domain.broker import BrokerUnavailable, Outcome, RateLimited, SessionLost, Verdict

BROKER = "zerodha"

_PROVED_REFUSALS = frozenset(
    {
        (400, "InputException"),
        (400, "MarginException"),
        (400, "HoldingException"),
        (400, "UserException"),
        (403, "UserException"),
        (403, "PermissionException"),
    }
)
"""(HTTP status, error_type) that Kite sends only before it accepts an order."""

_UNCERTAIN = re.compile(
    r"time[ds]?[\s-]*out|try(ing)?\s+again|try\s+(after|later)|retry|temporar|gateway|unavailable|unreachable"
    r"|unable\s+to\s+(connect|reach|process)|could\s?n[o']t\s+(connect|reach|confirm|fetch)|no\s+response"
    r"|something\s+(went|unexpected)|unknown|internal|maintenance|in\s+progress",
    re.IGNORECASE,
)
"""Words that make any refusal doubtful: a 400 "timed out" was once an order placed 8 s later."""

_DEFINITE_ORDER_REFUSAL = re.compile(
    r"insufficient\s+(funds|margin|holding)|margin\s+exceed|freeze\s+(quantity|qty|limit)|exceeds?\s+freeze"
    r"|multiple\s+of\s+(the\s+)?(tick|lot)|tick\s+size|lot\s+size|circuit\s+limit|price\s+range|price\s+band"
    r"|limit\s+price\s+protection|market\s+(orders?|protection)|trigger\s+price|disclosed\s+quantity"
    r"|(is|are|been)\s+(blocked|disabled|restricted|banned|suspended|halted)|not\s+(allowed|permitted|enabled)"
    r"|(has|have|is)\s+expired|invalid\s+\W?\w+|modifications?\s+exceed|order\s+modifications"
    r"|(cannot|can't|can\s+not)\s+be\s+(cancell?ed|modified|changed|placed)|already\s+(been\s+)?(complete|cancell?ed|reject|execut)"
    r"|order\s+(does\s+not\s+exist|not\s+found)|markets?\s+(is|are)\s+closed|outside\s+market\s+hours",
    re.IGNORECASE,
)
"""OrderException covers failures before and after acceptance: only these messages say it was before."""


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
    return _refused(answer.status, envelope)


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
    raise_refusal(answer.status, envelope.error_type or "", envelope.message or "", what=what)


def raise_refusal(status: int, error_type: str, message: str, *, what: str) -> NoReturn:
    """Raise the ``BrokerError`` a refused read means."""
    code = plain(error_type, longest=40) or f"HTTP_{status}"
    text = f"{BROKER} {what}: {plain(message) or 'no message'}"
    if status == 403 and error_type == "TokenException":
        raise SessionLost(code, text)
    if status == 429:
        raise RateLimited(code, text)
    raise BrokerUnavailable(code, text)


def _unreadable(answer: WireAnswer, what: str) -> BrokerUnavailable | RateLimited:
    text = f"{BROKER} {what}: HTTP {answer.status} without Kite's JSON ({len(answer.body)} bytes)"
    if answer.status == 429:
        return RateLimited("HTTP_429", text)
    return BrokerUnavailable(f"HTTP_{answer.status}" if answer.status != 200 else "MALFORMED", text)


def _acknowledged(envelope: _Envelope, expected_id: str) -> Outcome:
    try:
        order_id = _ORDER_IDS.decode(envelope.data).order_id.strip()
    except msgspec.MsgspecError:
        return _unknown("NO_ORDER_ID", "the answer carries no order id")
    if not (0 < len(order_id) <= 64 and order_id.isascii() and order_id.isalnum()):
        return _unknown("NO_ORDER_ID", f"{plain(order_id, longest=64)!r} is no order id")
    if expected_id and order_id != expected_id:
        return _unknown("OTHER_ORDER", f"the answer is about order {plain(order_id, longest=64)}")
    return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=order_id)


def _refused(status: int, envelope: _Envelope) -> Outcome:
    code, message = plain(envelope.error_type, longest=40) or f"HTTP_{status}", plain(envelope.message)
    if envelope.status == "error":
        if (status, code) == (403, "TokenException"):
            return Outcome(Verdict.SESSION_LOST, code=code, message=message)
        if (status, code) == (429, "NetworkException"):
            return Outcome(Verdict.RATE_LIMITED, code=code, message=message)
        if _is_proved_refusal(status, code, message):
            return Outcome(Verdict.REJECTED, code=code, message=message)
    return _unknown(code, message)


def _is_proved_refusal(status: int, error_type: str, message: str) -> bool:
    if not message or _UNCERTAIN.search(message):
        return False
    if (status, error_type) == (400, "OrderException"):
        return _DEFINITE_ORDER_REFUSAL.search(message) is not None
    return (status, error_type) in _PROVED_REFUSALS


def _unknown(code: str, message: str) -> Outcome:
    return Outcome(Verdict.UNKNOWN, code=code, message=message)
