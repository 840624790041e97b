"""What MetaTrader 5's trade server answers a request with, and which answers prove that nothing was accepted.

https://www.mql5.com/en/docs/constants/errorswarnings/enum_trade_return_codes. 10005 and 10037 do not exist.
"""

from collections.abc import Mapping
from types import MappingProxyType

from domain.broker_spec import ErrorKind, ErrorRule

ACCEPTED = frozenset({10008, 10009, 10010})
"""Placed, done, done in part: the order has a ticket."""

NAMES: Mapping[int, str] = MappingProxyType(
    {
        10004: "requote",
        10006: "request rejected",
        10007: "request cancelled by the trader",
        10008: "order placed",
        10009: "request done",
        10010: "request done in part",
        10011: "request processing error",
        10012: "request cancelled by a time limit",
        10013: "invalid request",
        10014: "invalid volume",
        10015: "invalid price",
        10016: "invalid stops",
        10017: "trading is disabled",
        10018: "the market is closed",
        10019: "not enough money",
        10020: "prices changed",
        10021: "no quotes for the request",
        10022: "invalid expiration",
        10023: "order state changed",
        10024: "too many requests",
        10025: "no changes",
        10026: "automated trading disabled by the server",
        10027: "automated trading disabled by the terminal",
        10028: "request locked for processing",
        10029: "order or position frozen",
        10030: "invalid filling",
        10031: "no connection to the trade server",
        10032: "only for live accounts",
        10033: "limit of pending orders reached",
        10034: "limit of volume for the symbol reached",
        10035: "invalid order",
        10036: "position closed already",
        10038: "close volume exceeds the position",
        10039: "a close order exists already",
        10040: "limit of positions reached",
        10041: "cancellation rejected",
        10042: "only long positions are allowed",
        10043: "only short positions are allowed",
        10044: "only closing is allowed",
        10045: "positions must be closed first in, first out",
        10046: "opposite positions are prohibited",
    }
)

UNPROVED = frozenset({10007, 10011, 10012, 10028, 10031})
"""An error, a time limit, a lock or a lost connection: the server may have the order all the same."""

NOTHING_TO_REDUCE = "NOTHING_TO_REDUCE"
"""Right before sending, the terminal looked for the position an exit names and did not find it, or not enough of it."""

REFUSALS = frozenset(
    {"EXPIRED", "BAD_REQUEST", "UNKNOWN_SYMBOL", "NOT_CONNECTED", "TRADING_OFF", "NEEDS_DEAL", NOTHING_TO_REDUCE}
)
"""Why the expert advisor itself sent nothing: its own word, given before ``OrderSend`` was called."""

_MARGIN, _LIMITED = 10019, 10024


def _kind(retcode: int) -> ErrorKind:
    return {_MARGIN: ErrorKind.MARGIN, _LIMITED: ErrorKind.RATE_LIMITED}.get(retcode, ErrorKind.REJECTED)


PROVED = (
    *(ErrorRule(_kind(code), 200, str(code)) for code in sorted(NAMES) if code not in ACCEPTED | UNPROVED),
    *(ErrorRule(ErrorKind.REJECTED, 200, word, certain=True) for word in sorted(REFUSALS)),
)
"""Zero, and every code no line names, proves nothing."""
