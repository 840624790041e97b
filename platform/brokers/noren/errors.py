"""The family's list of proved non-acceptance: Noren has no codes, only texts."""

from domain.broker_spec import ErrorKind, ErrorRule

STATUSES = (200, 400)
"""HTTP statuses a refusal comes with by documentation; any other is a gateway's and proves nothing."""


def proved(kind: ErrorKind, message: str) -> tuple[ErrorRule, ...]:
    """Return the rules of one text, a regular expression."""
    return tuple(ErrorRule(kind, status, "", message) for status in STATUSES)


PROVED = (
    *proved(ErrorKind.SESSION_LOST, r"^Session Expired\b"),
    *proved(ErrorKind.RATE_LIMITED, r"^Invalid Input : \w+ Recieved \d+ in a current \w+ exceeds Limit"),
    *proved(ErrorKind.REJECTED, r"^Invalid Input :"),
    *proved(ErrorKind.REJECTED, r"^Error Occurred : 2 \"invalid input\""),
    *proved(ErrorKind.REJECTED, r"^Rejected : ORA:Order not found"),
    *proved(ErrorKind.REJECTED, r"^Rejected : ORA:.*\b(multiple of|freeze (quantity|qty))"),
)
"""Texts that are sent before an order is accepted. What is refused later comes as an order that is REJECTED."""
