"""How an order of Binance's is named: by its contract and our client order id, for every call wants the symbol.

A contract of the futures exchange is ``UM:BTCUSDT``, a pair of the spot market its symbol alone. Binance's own number
is ``#123`` there: it is used for orders of somebody else whose client order id is too long.
"""

import re
from dataclasses import dataclass

LONGEST = 40

SPOT_MARK = ""
FUTURES_MARK = "UM:"
"""What names of the markets' contracts begin with."""

_NAME = re.compile(r"(UM:|(?!UM:))([A-Z0-9]{2,20}):(#[0-9]{1,19}|[.A-Z:/a-z0-9_-]{1,36})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """One order: by its client order id, or where that is empty by Binance's number; ``mark`` tells its market."""

    symbol: str
    client_order_id: str = ""
    number: str = ""
    mark: str = SPOT_MARK


def order_id(contract: str, client_order_id: str, number: int) -> str:
    """Return the name of an order; ``contract`` bears its market's mark."""
    name = f"{contract}:{client_order_id}"
    return name if len(name) <= LONGEST and _NAME.fullmatch(name) else by_number(contract, number)


def by_number(contract: str, number: int) -> str:
    """Return an order's name by Binance's number."""
    return f"{contract}:#{number}"


def named(text: str) -> Named:
    """Return what a name says; raises ``ValueError`` for one nobody here gave."""
    found = _NAME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an order id of Binance")
    mark, symbol, rest = found.groups()
    if rest.startswith("#"):
        return Named(symbol, number=rest[1:], mark=mark)
    return Named(symbol, client_order_id=rest, mark=mark)
