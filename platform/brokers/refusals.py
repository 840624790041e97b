"""What an error proves, by the SPEC's allow-list: pure, and the same rule for every broker."""

import re

from domain.broker import BrokerSpec, Outcome, Verdict
from domain.broker_spec import ErrorKind, ErrorRule

_DOUBT = re.compile(
    r"time[ds]?[\s-]*out|try(ing)?\s+again|try\s+(after|later)|retry|temporar|gateway|unavailable|unreachable"
    r"|unable\s+to\s+(connect|reach|process)|could\s?n[o']t\s+(connect|reach|confirm|fetch)|no\s+response"
    r"|something\s+(went|unexpected)|unknown|internal|maintenance|in\s+progress",
    re.IGNORECASE,
)
"""Words that make any refusal doubtful: a 400 "timed out" was once an order placed 8 s later."""

_VERDICTS = {
    ErrorKind.REJECTED: Verdict.REJECTED,
    ErrorKind.MARGIN: Verdict.REJECTED,
    ErrorKind.RATE_LIMITED: Verdict.RATE_LIMITED,
    ErrorKind.SESSION_LOST: Verdict.SESSION_LOST,
}
_DOUBTED = frozenset({ErrorKind.REJECTED, ErrorKind.MARGIN})


def error_kind(spec: BrokerSpec, *, status: int, code: str, message: str) -> ErrorKind | None:
    """Return what an error proves; ``None`` where it proves nothing."""
    for rule in spec.errors:
        if rule.matches(status=status, code=code, message=message):
            return None if _is_doubtful(rule, message) else rule.kind
    return None


def _is_doubtful(rule: ErrorRule, message: str) -> bool:
    return rule.kind in _DOUBTED and (not message or (not rule.certain and _DOUBT.search(message) is not None))


def refused(spec: BrokerSpec, *, status: int, code: str, message: str, shown_code: str = "") -> Outcome:
    """Return the outcome of an order call the broker answered with an error; ``shown_code`` is what is recorded."""
    kind = error_kind(spec, status=status, code=code, message=message)
    verdict = Verdict.UNKNOWN if kind is None else _VERDICTS[kind]
    return Outcome(verdict, code=shown_code or code, message=message, is_margin=kind is ErrorKind.MARGIN)
