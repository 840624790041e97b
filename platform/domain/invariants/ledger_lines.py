"""Reading a ledger of the brokers' side: one JSON object per line, a request first, its decision later.

The shape is that of ``simulator.ledger.Entry``. Request numbers begin anew when the writer restarts, so a decision
belongs to the last request of its number. A line torn by a crash says nothing and is passed over.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from domain.invariants.broker_side import Answer, BookFill, BookOrder, BrokerBook, Call, WireRequest

CALLS = {"orders.place": Call.PLACE, "orders.modify": Call.MODIFY, "orders.cancel": Call.CANCEL}
MANUAL = "manual"
"""The endpoint of orders given in the broker's own app."""

_ANSWERS = {
    "ACCEPTED": Answer.ACCEPTED,
    "MODIFIED": Answer.ACCEPTED,
    "CANCELLED": Answer.ACCEPTED,
    "REJECTED": Answer.REFUSED,
    "REFUSED": Answer.REFUSED,
    "DROPPED": Answer.DROPPED,
}


class LedgerError(ValueError):
    """A file that is no ledger of the brokers' side."""


class Line(msgspec.Struct):
    """What is read of a line; times are ISO with an offset, prices text."""

    event: str
    broker: str
    client: str
    at: datetime
    market_at: datetime
    endpoint: str = ""
    tag: str = ""
    order_id: str = ""
    exchange: str = ""
    symbol: str = ""
    side: str = ""
    quantity: int = 0
    price: str = ""
    trade_id: str = ""
    execution: str = ""
    request: int = 0


def read_lines(
    lines: Iterable[bytes], *, since: datetime | None = None, until: datetime | None = None
) -> tuple[tuple[WireRequest, ...], BrokerBook]:
    """Return the calls and the book of a ledger, of the wall times asked for (``until`` excluded).

    Raises ``LedgerError`` for lines that were not torn and are still no ledger's, or when nothing can be read.
    """
    reader, read, torn = _Reader(), 0, 0
    for number, text in enumerate(lines, start=1):
        line = _decoded(number, text)
        read, torn = read + (line is not None), torn + (line is None)
        if line is not None and (since is None or line.at >= since) and (until is None or line.at < until):
            reader.take(number, line)
    if torn and not read:
        raise LedgerError("no line of it can be read")
    return tuple(reader.wire.values()), BrokerBook(tuple(reader.orders.values()), tuple(reader.fills))


def _decoded(number: int, text: bytes) -> Line | None:
    try:
        return _DECODER.decode(text)
    except msgspec.ValidationError as error:
        raise LedgerError(f"line {number}: {error}") from error
    except msgspec.DecodeError:
        return None


_DECODER = msgspec.json.Decoder(Line)


class _Reader:
    """The story so far."""

    def __init__(self) -> None:
        self.wire: dict[int, WireRequest] = {}
        self.orders: dict[tuple[str, str, str], BookOrder] = {}
        self.fills: list[BookFill] = []
        self._open: dict[int, int] = {}

    def take(self, number: int, line: Line) -> None:
        """Go on by one line."""
        if line.event == "REQUEST":
            self._arrive(number, line)
            return
        if line.event == "FILL":
            self.fills.append(_fill(number, line))
            return
        if line.endpoint in CALLS and line.event in _ANSWERS:
            self._decide(line)
        if line.event == "ACCEPTED":
            self.orders[_owner(line)] = _order(number, line)
        elif line.event == "MODIFIED" and _owner(line) not in self.orders:
            self._renumber(number, line)
        elif line.event in ("CANCELLED", "REJECTED"):
            self._end(number, line)

    def _arrive(self, number: int, line: Line) -> None:
        call = CALLS.get(line.endpoint)
        if call is not None:
            self._open[line.request] = number
            self.wire[number] = _request(number, line, call)

    def _decide(self, line: Line) -> None:
        """A lost call that arrives after all is decided twice: what became of it last counts."""
        number = self._open.get(line.request)
        if number is None:
            return
        request = self.wire[number]
        order_id = line.order_id or request.broker_order_id
        self.wire[number] = replace(request, answer=_ANSWERS[line.event], broker_order_id=order_id)

    def _renumber(self, number: int, line: Line) -> None:
        """A change that is another order in the old one's place, under the old one's tag: the book has one of them.

        An execution of the old one would then be nobody's.
        """
        old = [one.owner for one in self.orders.values() if (*one.owner[:2], one.tag) == (*_owner(line)[:2], line.tag)]
        if line.tag and old:
            self.orders[_owner(line)] = replace(_order(number, line), line=self.orders.pop(old[-1]).line)

    def _end(self, number: int, line: Line) -> None:
        order = self.orders.get(_owner(line))
        if order is not None and order.ended_line is None:
            is_rejected = line.event == "REJECTED"
            self.orders[order.owner] = replace(order, ended_line=number, is_rejected=is_rejected)


def _owner(line: Line) -> tuple[str, str, str]:
    return line.broker, line.client, line.order_id


def _request(number: int, line: Line, call: Call) -> WireRequest:
    return WireRequest(
        line=number,
        at=line.at,
        market_at=line.market_at,
        call=call,
        answer=Answer.PENDING,
        tag=line.tag,
        **_contract(line),
    )


def _order(number: int, line: Line) -> BookOrder:
    return BookOrder(
        line=number,
        at=line.at,
        tag=line.tag,
        is_manual=line.endpoint == MANUAL,
        **_contract(line),
    )


def _fill(number: int, line: Line) -> BookFill:
    """An execution is known by what its broker calls it, where the ledger says that apart."""
    return BookFill(
        line=number,
        at=line.at,
        exchange_trade_id=line.execution or line.trade_id,
        price=Decimal(line.price),
        **_contract(line),
    )


def _contract(line: Line) -> dict[str, Any]:
    return {
        "broker": line.broker,
        "client_id": line.client,
        "broker_order_id": line.order_id,
        "exchange": line.exchange,
        "symbol": line.symbol,
        "side": line.side,
        "quantity": line.quantity,
    }
