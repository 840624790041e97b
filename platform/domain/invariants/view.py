"""The evidence as the checks look at it: each record once, in order, and found by what it is joined on."""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from domain.invariants.evidence import (
    BookFill,
    BookOrder,
    BrokerBook,
    Call,
    Evidence,
    IntentRow,
    LegRow,
    OrderRow,
    TradeRow,
    WireRequest,
)

T = TypeVar("T")
K = TypeVar("K")

_OUR_TAG = re.compile(r"^[A-Z2-7]{20}$")


def is_our_tag(tag: str) -> bool:
    """Whether a tag has the form of ours: 96 random bits in base32. Anything else came from elsewhere."""
    return _OUR_TAG.match(tag) is not None


def grouped(rows: Iterable[tuple[K, T]]) -> dict[K, list[T]]:
    """Return the values of each key, in order."""
    found: dict[K, list[T]] = defaultdict(list)
    for key, value in rows:
        found[key].append(value)
    return found


class View:
    """Lookups over one evidence; nothing in it depends on the order or number of the records' copies.

    ``at`` is the wall instant that is judged, ``evidence.taken_at`` unless given.
    """

    def __init__(self, evidence: Evidence, *, at: datetime | None = None) -> None:
        self.evidence = found = evidence.distinct()
        self.at = at or found.taken_at
        self.wire: list[WireRequest] = sorted(found.wire or (), key=_line)
        self.places = [one for one in self.wire if one.call is Call.PLACE and is_our_tag(one.tag)]
        book = found.book or BrokerBook()
        self.book_orders: list[BookOrder] = sorted(book.orders, key=_line)
        self.book_fills: list[BookFill] = sorted(book.fills, key=_line)
        self.orders: list[OrderRow] = sorted(found.orders, key=_pk)
        self.intents: list[IntentRow] = sorted(found.intents, key=_pk)
        self.trades: list[TradeRow] = sorted(found.trades, key=_pk)
        self.legs: list[LegRow] = sorted(found.legs, key=_pk)
        self.order_of_tag = {one.tag: one for one in self.orders}
        self.order_of_pk = {one.pk: one for one in self.orders}
        self.intent_of_pk = {one.pk: one for one in self.intents}
        self.trade_of_pk = {one.pk: one for one in self.trades}
        self.leg_of_pk = {one.pk: one for one in self.legs}
        self.account_of_pk = {one.pk: one for one in found.accounts}


def _line(one: WireRequest | BookOrder | BookFill) -> int:
    return one.line


def _pk(one: OrderRow | IntentRow | TradeRow | LegRow) -> int:
    return one.pk
