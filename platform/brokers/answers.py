"""What answers prove whatever the broker, once its own ``answers`` has read the envelope. Pure."""

from brokers.orders import LONGEST_ID, is_order_id
from brokers.refusals import error_kind
from brokers.texts import plain
from brokers.transport import WireAnswer
from domain.broker import BrokerError, BrokerSpec, BrokerUnavailable, Outcome, RateLimited, SessionLost, Verdict
from domain.broker_spec import ErrorKind


def acknowledged(order_id: str, *, expected_id: str) -> Outcome:
    """Return the outcome of a success; without an id, or with another order's, it proves nothing.

    ``expected_id`` is the order a modify or cancel named, "" for a place.
    """
    order_id = order_id.strip()
    if not is_order_id(order_id):
        return unknown("NO_ORDER_ID", f"{plain(order_id, longest=LONGEST_ID)!r} is no order id")
    if expected_id and order_id != expected_id:
        return unknown("OTHER_ORDER", f"the answer is about order {order_id}")
    return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=order_id)


def unknown(code: str, message: str) -> Outcome:
    """Return the outcome of an answer that proves nothing."""
    return Outcome(Verdict.UNKNOWN, code=code, message=message)


def refused_read(
    spec: BrokerSpec,
    *,
    status: int,
    code: str,
    message: str,
    what: str,
    shown_code: str = "",
    retry_after: float | None = None,
) -> BrokerError:
    """Return the error a refused read means, by the SPEC's rules; ``shown_code`` is what it bears."""
    text = f"{spec.slug} {what}: {plain(message) or 'no message'}"
    shown, kind = shown_code or code, error_kind(spec, status=status, code=code, message=message)
    if kind is ErrorKind.SESSION_LOST:
        return SessionLost(shown, text)
    if kind is ErrorKind.RATE_LIMITED or status == 429:
        return RateLimited(shown, text, retry_after=retry_after)
    return BrokerUnavailable(shown, text)


def unreadable(spec: BrokerSpec, answer: WireAnswer, *, what: str) -> BrokerError:
    """Return the error of a read whose answer is not the broker's JSON."""
    text = f"{spec.slug} {what}: HTTP {answer.status} without {spec.name}'s JSON ({len(answer.body)} bytes)"
    if answer.status == 429:
        return RateLimited("HTTP_429", text, retry_after=answer.retry_after)
    return BrokerUnavailable(f"HTTP_{answer.status}" if answer.status != 200 else "MALFORMED", text)
