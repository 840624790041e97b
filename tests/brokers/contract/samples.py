"""What several brokers write in the same words: names of contracts, statuses, lines of a master, a gateway's page."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from domain.broker import Verdict
from domain.orders import OrderStatus, OrderType
from tests.brokers.contract.contracts import CONTRACTS, Contract
from tests.brokers.contract.member import Sample, Status

_S = OrderStatus
_NAMES = [one.name for one in CONTRACTS]
_WORKING = (
    "put order req received",
    "validation pending",
    "open pending",
    "modify validation pending",
    "modify pending",
    "cancel pending",
    "amo req received",
    "modified",
    "not modified",
    "not cancelled",
    "open",
)

AFTER_MARKET = (
    Status("after market order req received", _S.OPEN),
    Status("modify after market order req received", _S.OPEN),
)
NOT_FOUND_PAGE = Sample("404 page", 404, b"<html>not found</html>", Verdict.UNKNOWN, content_type="text/html")
"""What a gateway says of an address, not a broker of an order."""

YEAR_FIRST: Mapping[str, str] = {
    "nifty weekly": "NIFTY26D0124200CE",
    "nifty monthly": "NIFTY26NOV24200PE",
    "nifty january": "NIFTY2711220000CE",
    "nifty november": "NIFTY27N0220000CE",
    "nifty next year": "NIFTY27JUN27000PE",
    "banknifty monthly": "BANKNIFTY26NOV57000CE",
    "sensex weekly": "SENSEX26D0385000PE",
    "sensex monthly": "SENSEX26NOV85000CE",
    "decimal strike": "VEDL26NOV292.5CE",
    "index future": "NIFTY26DECFUT",
    "stock future": "RELIANCE26NOVFUT",
    "ampersand": "M&M26NOVFUT",
    "crude": "CRUDEOIL26DECFUT",
    "equity": "RELIANCE",
    "index": "NIFTY 50",
    "bse index": "SENSEX",
}
"""Contracts as most brokers name them."""

DAY_FIRST: Mapping[str, str] = {
    "nifty weekly": "NIFTY01DEC26C24200",
    "nifty monthly": "NIFTY24NOV26P24200",
    "nifty january": "NIFTY12JAN27C20000",
    "nifty november": "NIFTY02NOV27C20000",
    "nifty next year": "NIFTY29JUN27P27000",
    "banknifty monthly": "BANKNIFTY24NOV26C57000",
    "sensex weekly": "SENSEX26D0385000PE",
    "sensex monthly": "SENSEX26NOV85000CE",
    "decimal strike": "VEDL24NOV26C292.5",
    "index future": "NIFTY29DEC26F",
    "stock future": "RELIANCE24NOV26F",
    "ampersand": "M&M24NOV26F",
    "crude": "CRUDEOIL18DEC26",
    "equity": "RELIANCE-EQ",
    "index": "Nifty 50",
    "bse index": "SENSEX",
}
"""Contracts as Noren names them."""

INDEX_NAMES = frozenset({"NIFTY", "BANKNIFTY", "SENSEX"})


def worded_statuses(*, upper: bool = False) -> tuple[Status, ...]:
    """Return the statuses most of India's order systems tell in words; each is read in either case of letters."""
    told = (
        *(Status(raw, _S.OPEN) for raw in (*_WORKING, "OPEN")),
        Status("trigger pending", _S.TRIGGER_PENDING, order_type=OrderType.SL),
        Status("open pending", _S.TRIGGER_PENDING, order_type=OrderType.SL),
        Status("validation pending", _S.TRIGGER_PENDING, order_type=OrderType.SL_M),
        Status("open", _S.OPEN, order_type=OrderType.SL),
        Status("open", _S.PARTIALLY_FILLED, filled=20),
        Status("cancel pending", _S.PARTIALLY_FILLED, filled=20),
        Status("modified", _S.PARTIALLY_FILLED, filled=20),
        Status("complete", _S.FILLED, filled=65),
        Status("cancelled", _S.CANCELLED),
        Status("cancelled", _S.CANCELLED, filled=20),
        Status("cancelled after market order", _S.CANCELLED),
        Status("rejected", _S.REJECTED),
    )
    if not upper:
        return told
    return tuple(Status(one.raw.swapcase(), one.expected, one.filled, one.order_type) for one in told)


def keys(name: str) -> dict[str, str]:
    """Return a client's application key and secret."""
    return {"api_key": f"{name.lower()}key", "api_secret": f"{name.lower()}secret"}


def number_of(contract: Contract) -> int:
    """Return the number a master gives a contract on its exchange."""
    return 1000 + _NAMES.index(contract.name)


def csv_file(header: str, rows: Iterable[Sequence[object]], *, end: str = "") -> bytes:
    """Return a file of comma-separated lines."""
    text = io.StringIO(f"{header}\n")
    text.seek(0, io.SEEK_END)
    csv.writer(text, lineterminator="\n").writerows(rows)
    text.write(end)
    return text.getvalue().encode()
