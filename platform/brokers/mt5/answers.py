"""What the terminal's answer to an order command proves. Pure."""

from brokers.answers import acknowledged, unknown
from brokers.mt5.protocol import Bars, Result
from brokers.mt5.retcodes import ACCEPTED, NAMES, NOTHING_TO_REDUCE
from brokers.mt5.spec import SPEC
from brokers.refusals import refused
from brokers.texts import plain
from domain.broker import NOTHING_AT_BROKER, Outcome


def order_outcome(answer: Result | Bars, *, expected_id: str) -> Outcome:
    """Return what an answer proves; never raises. ``expected_id`` is the order a modify or cancel named."""
    if isinstance(answer, Bars):
        return unknown("MALFORMED", f"{SPEC.slug}: bars in answer to an order")
    if answer.refusal:
        text = f"{SPEC.slug}: the terminal sent nothing: {answer.refusal.lower().replace('_', ' ')}"
        shown = NOTHING_AT_BROKER if answer.refusal == NOTHING_TO_REDUCE else ""
        return refused(SPEC, status=200, code=answer.refusal, message=text, shown_code=shown)
    if answer.retcode in ACCEPTED:
        return acknowledged(str(answer.order) if answer.order else "", expected_id=expected_id)
    return refused(SPEC, status=200, code=str(answer.retcode), message=_text(answer))


def _text(answer: Result) -> str:
    name = NAMES.get(answer.retcode, f"return code {answer.retcode}, error {answer.last_error}")
    return plain(f"{SPEC.slug}: {name}{f' ({answer.comment})' if answer.comment else ''}")
