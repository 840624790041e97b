"""What stops an account, in words for its owner and for operators: the code stays for programs."""

from dataclasses import dataclass

from apps.risk.models import Halt, HaltScope


@dataclass(frozen=True, slots=True)
class HaltWords:
    """Why it is halted, and what the account's owner can do."""

    why: str
    advice: str


LOGIN_CODES = frozenset({"NO_SESSION", "SESSION_LOST"})
"""Reasons a sign-in at the broker removes."""

_SIGN_IN = "Sign in at the broker again; entries start once it worked."
_WAIT = "Nothing to do: entries start again by themselves once the cause is gone. Exits go on."
_ANOTHER_DAY = "Nothing to do: entries start again by themselves on another day. Exits go on."
_OPERATOR = "Your operator decides when entries start again. Exits go on."
_LOOK = "Compare the positions here with your broker's app, then ask your operator to release the account. Exits go on."

_WORDS: dict[str, HaltWords] = {
    "OPERATOR": HaltWords("Halted by your operator", _OPERATOR),
    "FLATTEN": HaltWords("Squared off and halted by your operator", _OPERATOR),
    "NO_SESSION": HaltWords("There is no broker session", _SIGN_IN),
    "SESSION_LOST": HaltWords("The broker session was lost", _SIGN_IN),
    "BROKER_DOWN": HaltWords("The broker does not answer", _WAIT),
    "RATE_LIMITED": HaltWords("The broker asks for fewer requests", _WAIT),
    "ORDERS_SPENT": HaltWords("The orders the broker allows in a day are used up", _ANOTHER_DAY),
    "FLIP": HaltWords("A position had turned to the other side", _LOOK),
    "ORDER_UNKNOWN": HaltWords("The fate of an order is being checked with the broker", _WAIT),
    "ORDER_PARKED": HaltWords("The fate of an order is not known", _LOOK),
}


def halt_words(reason_code: str, *, is_automatic: bool) -> HaltWords:
    """Return a halt's code in words; a code nobody wrote words for is still told as what it is."""
    known = _WORDS.get(reason_code)
    if known is not None:
        return known
    return HaltWords("Halted by the platform" if is_automatic else "Halted by your operator", _OPERATOR)


_REACH = {
    HaltScope.PLATFORM: "Everything is halted",
    HaltScope.TENANT: "All accounts are halted",
    HaltScope.ACCOUNT: "Account halted",
    HaltScope.STRATEGY: "Strategy halted",
}


def reach_words(scope: str) -> str:
    """Return how far a halt reaches, in words."""
    return _REACH[HaltScope(scope)]


def words_of(halt: Halt) -> HaltWords:
    """Return a halt in words."""
    return halt_words(halt.reason_code, is_automatic=halt.created_by_id is None)
