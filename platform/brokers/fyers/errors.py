"""Fyers' list of proved non-acceptance: negative codes of its own, and texts where one code means several things.

Codes: https://myapi.fyers.in/docsv3 (common error codes), and those of orders that v2 documented.
"""

from domain.broker_spec import ErrorKind, ErrorRule

_STATUSES = (400, 200)
"""HTTP statuses a refusal comes with; any other is a gateway's and proves nothing."""

_SESSION = ("-8", "-15", "-16", "-17")
_INPUT = ("-50", "-51", "-52", "-300", "-352", "-373")
_INPUT_OF_V2 = (
    *("-101", "-159", "-161", "-162", "-164", "-209", "-372", "-390", "-392"),
    *("-308", "-309", "-310", "-311", "-313", "-314", "-315", "-316", "-323", "-325", "-326", "-327", "-328"),
)
_SHORTAGE = r"margin\s+shortfall|insufficient\s+(funds|margin|balance)"
_DEFINITE = (
    r"^RED:|multiple\s+of\s+(the\s+)?(tick|lot|minimum)|freeze\s+(quantity|qty|limit)|circuit\s+limit|price\s+(range|band)"
    r"|(is|are|been)\s+(blocked|disabled|restricted|banned|suspended)|not\s+(allowed|permitted|enabled)"
    r"|(has|have|is)\s+expired|markets?\s+(is|are)\s+closed"
)
"""-99 is any refusal, an internal error as well: only these texts say that the order was not accepted."""


def _rules(kind: ErrorKind, statuses: tuple[int, ...], codes: tuple[str, ...], text: str = "") -> tuple[ErrorRule, ...]:
    return tuple(ErrorRule(kind, status, code, text) for status in statuses for code in codes)


PROVED = (
    *_rules(ErrorKind.SESSION_LOST, (401, *_STATUSES), _SESSION),
    *_rules(ErrorKind.RATE_LIMITED, (429, *_STATUSES), ("-429", "429", "-353")),
    *_rules(ErrorKind.MARGIN, _STATUSES, ("-50", "-99"), _SHORTAGE),
    *_rules(ErrorKind.REJECTED, (403, *_STATUSES), _INPUT),
    *_rules(ErrorKind.REJECTED, _STATUSES, _INPUT_OF_V2),
    *_rules(ErrorKind.REJECTED, _STATUSES, ("-99",), _DEFINITE),
)
