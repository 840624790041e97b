"""The evidence as the checks look at it: each record once, in order, and found by what it is joined on."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from domain.invariants.broker_side import BookFill, BookOrder, BrokerBook, Call, WireRequest
from domain.invariants.evidence import (
    AuditRow,
    Evidence,
    FillRow,
    IntentRow,
    LegRow,
    OrderRow,
    TradeRow,
)
from domain.orders import IntentKind
from domain.tags import is_our_tag
from domain.venues import venue_of

T = TypeVar("T")
K = TypeVar("K")


def grouped(rows: Iterable[tuple[K, T]]) -> dict[K, list[T]]:
    """Return the values of each key, in order."""
    found: dict[K, list[T]] = defaultdict(list)
    for key, value in rows:
        found[key].append(value)
    return found


class View:
    """Lookups over one evidence; nothing in it depends on the order or number of the records' copies.

    ``at`` is the wall instant that is judged, ``evidence.taken_at`` unless given; ``market_at`` the market's then.
    """

    def __init__(self, evidence: Evidence, *, at: datetime | None = None, calm_since: datetime | None = None) -> None:
        self.evidence = found = evidence.distinct()
        self.at = at or found.taken_at
        self.market_at = found.market_now + (self.at - found.taken_at) * found.pace
        self.calm_since = calm_since
        self.wire: list[WireRequest] = sorted(found.wire or (), key=_line)
        self.places = [one for one in self.wire if one.call is Call.PLACE and is_our_tag(one.tag)]
        book = found.book or BrokerBook()
        self.book_orders: list[BookOrder] = sorted(book.orders, key=_line)
        self.book_fills: list[BookFill] = sorted(book.fills, key=_line)
        self.orders: list[OrderRow] = sorted(found.orders, key=_pk)
        self.intents: list[IntentRow] = sorted(found.intents, key=_pk)
        self.trades: list[TradeRow] = sorted(found.trades, key=_pk)
        self.legs: list[LegRow] = sorted(found.legs, key=_pk)
        self.fills: list[FillRow] = sorted(found.fills, key=_pk)
        self.audit: list[AuditRow] = sorted(found.audit, key=_pk)
        self.order_of_tag = {one.tag: one for one in self.orders}
        self.order_of_pk = {one.pk: one for one in self.orders}
        self.intent_of_pk = {one.pk: one for one in self.intents}
        self.trade_of_pk = {one.pk: one for one in self.trades}
        self.leg_of_pk = {one.pk: one for one in self.legs}
        self.account_of_pk = {one.pk: one for one in found.accounts}
        self.orders_of_leg = grouped((one.leg_id, one) for one in self.orders)
        self.legs_of_trade = grouped((one.trade_id, one) for one in self.legs)
        self.exits_of_leg = grouped((one.leg_id, one) for one in self.intents if one.kind == IntentKind.EXIT)
        self.market_sessions = grouped((one.exchange, one) for one in found.market_sessions)
        self.told = grouped((one.key, one) for one in found.notifications)

    def in_market_time(self, span: timedelta) -> timedelta:
        """Return how much market time passes in a span of wall time."""
        return span * self.evidence.pace

    def is_open(self, market: str, *, at: datetime | None = None) -> bool:
        """Whether an exchange trades at a market time, the instant that is judged unless given."""
        moment, sessions = at or self.market_at, self.market_sessions.get(market, [])
        return venue_of(market).never_closes or any(one.opens_at <= moment < one.closes_at for one in sessions)

    def is_judged(self, at: datetime) -> bool:
        """Whether a wall instant is within what is looked at."""
        return _is_within(at, self.evidence.since, self.evidence.until)

    def is_in_ledger(self, fill: FillRow) -> bool:
        """Whether a fill is of the time the ledger tells of."""
        return _is_within(fill.filled_at, self.evidence.market_since, self.evidence.market_until)

    def is_taken_over(self, leg: LegRow) -> bool:
        """Whether a leg came into being by somebody else's order: it holds what no entry of ours bought."""
        trade = self.trade_of_pk.get(leg.trade_id)
        entries = (one for one in self.orders_of_leg.get(leg.pk, []) if one.kind == IntentKind.ENTRY)
        return trade is not None and trade.flip_of is not None and not any(entries)

    def held_elsewhere(self, *, before: bool) -> dict[int, int]:
        """Return the units each leg gained by fills the ledger does not tell of: those ``before`` it, or all."""
        held: dict[int, int] = defaultdict(int)
        end = self.evidence.market_until
        for fill in self.fills:
            order = self.order_of_pk.get(fill.order_id)
            is_later = end is not None and fill.filled_at >= end
            if order is not None and not self.is_in_ledger(fill) and not (before and is_later):
                held[order.leg_id] += fill.quantity if order.kind == IntentKind.ENTRY else -fill.quantity
        return held


def _is_within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or at >= since) and (until is None or at < until)


def _line(one: WireRequest | BookOrder | BookFill) -> int:
    return one.line


def _pk(one: OrderRow | IntentRow | TradeRow | LegRow | FillRow | AuditRow) -> int:
    return one.pk
