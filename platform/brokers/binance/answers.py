"""What Binance's answers prove: pure rules from (HTTP status, body) to an Outcome or a BrokerError.

https://developers.binance.com/docs/binance-spot-api-docs/errors,
https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code
"""

from dataclasses import replace

import msgspec

from brokers.answers import refused_read, unknown, unreadable
from brokers.binance.ids import LONGEST, SPOT_MARK, by_number, order_id
from brokers.binance.spec import SPEC
from brokers.refusals import refused
from brokers.texts import plain
from brokers.transport import WireAnswer
from domain.broker import BrokerError, Outcome, Verdict

BROKER = SPEC.slug
OUT_OF_TIME = "-1021"
_DONE = "SUCCESS"


class _Order(msgspec.Struct):
    symbol: str
    orderId: int
    clientOrderId: str
    origClientOrderId: str = ""


class _Replaced(msgspec.Struct):
    cancelResult: str
    newOrderResult: str
    newOrderResponse: _Order


class _Error(msgspec.Struct):
    code: int
    msg: str = ""


_ORDERS = msgspec.json.Decoder(_Order)
_REPLACED = msgspec.json.Decoder(_Replaced)
_ERRORS = msgspec.json.Decoder(_Error)


def order_outcome(answer: WireAnswer, *, expected_id: str = "", mark: str = SPOT_MARK) -> Outcome:
    """Return what the answer to place, modify or cancel proves; never raises.

    ``expected_id`` is the order a modify or cancel named: an answer about another order proves nothing. ``mark`` is
    what names of the market's contracts begin with.
    """
    if answer.status == 200:
        return _acknowledged(answer.body, expected_id, mark)
    try:
        error = _ERRORS.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return unknown(f"HTTP_{answer.status}", "the answer is not Binance's JSON")
    outcome = refused(SPEC, status=answer.status, code=str(error.code), message=plain(error.msg))
    return replace(outcome, retry_after=answer.retry_after)


def read_data(answer: WireAnswer, *, what: str) -> bytes:
    """Return the body of a successful read; raises ``SessionLost``, ``RateLimited`` or ``BrokerUnavailable``."""
    if answer.status == 200:
        if not answer.body.lstrip().startswith((b"{", b"[")):
            raise unreadable(SPEC, answer, what=what)
        return answer.body
    raise refused_answer(answer, what=what)


def refused_answer(answer: WireAnswer, *, what: str) -> BrokerError:
    """Return the error a refused read means."""
    try:
        error = _ERRORS.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return unreadable(SPEC, answer, what=what)
    return error_of(answer.status, error.code, error.msg, what=what, retry_after=answer.retry_after)


def error_of(status: int, code: int, message: str, *, what: str, retry_after: float | None = None) -> BrokerError:
    """Return the error a code means, wherever Binance said it."""
    return refused_read(SPEC, status=status, code=str(code), message=message, what=what, retry_after=retry_after)


def _acknowledged(body: bytes, expected_id: str, mark: str) -> Outcome:
    try:
        order = _order_in(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return unknown("NO_ORDER_ID", "the answer names no order")
    contract = f"{mark}{order.symbol}"
    name = order_id(contract, order.origClientOrderId or order.clientOrderId, order.orderId)
    if expected_id and expected_id not in (name, by_number(contract, order.orderId)):
        return unknown("OTHER_ORDER", f"the answer is about order {plain(name, longest=LONGEST)}")
    return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=expected_id or name)


def _order_in(body: bytes) -> _Order:
    """Return the order an answer is about; a cancel-replace of which a half failed is none."""
    if b'"newOrderResult"' not in body:
        return _ORDERS.decode(body)
    replaced = _REPLACED.decode(body)
    if (replaced.cancelResult, replaced.newOrderResult) != (_DONE, _DONE):
        raise msgspec.ValidationError("half a replacement")
    return replaced.newOrderResponse
