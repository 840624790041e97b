"""How an order of Binance's is named: by its pair and our client order id, for every call wants the pair.

Binance's own number is ``#123`` there: it is used for orders of somebody else whose client order id is too long.
"""

import re
from dataclasses import dataclass

LONGEST = 40

_NAME = re.compile(r"([A-Z0-9]{2,20}):(#[0-9]{1,19}|[.A-Z:/a-z0-9_-]{1,36})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """One order: by its client order id, or where that is empty by Binance's number."""

    symbol: str
    client_order_id: str = ""
    number: str = ""


def order_id(symbol: str, client_order_id: str, number: int) -> str:
    """Return the name of an order."""
    name = f"{symbol}:{client_order_id}"
    return name if len(name) <= LONGEST and _NAME.fullmatch(name) else by_number(symbol, number)


def by_number(symbol: str, number: int) -> str:
    """Return an order's name by Binance's number."""
    return f"{symbol}:#{number}"


def named(text: str) -> Named:
    """Return what a name says; raises ``ValueError`` for one nobody here gave."""
    found = _NAME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an order id of Binance")
    symbol, rest = found.groups()
    return Named(symbol, number=rest[1:]) if rest.startswith("#") else Named(symbol, client_order_id=rest)
