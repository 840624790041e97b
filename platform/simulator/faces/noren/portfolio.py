"""Books, positions, funds and the user; the reads that faults can lag, empty or cut short."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, ClientTrade, Refusal
from simulator.faces.desk import Desk
from simulator.faces.noren import fields as read
from simulator.faces.noren.calls import Counter
from simulator.faces.noren.mapping import (
    limits_row,
    newest_first,
    order_margin_row,
    order_row,
    position_row,
    trade_row,
)
from simulator.faces.noren.names import unit
from simulator.faces.noren.orders import refused
from simulator.faces.noren.wire import Fields, Row, invalid, no_data, required
from simulator.faults import BOOK_FAULTS, Fault, FaultKind

_EXCHANGES = ["NSE", "NFO", "BSE", "BFO", "MCX"]
_PRODUCTS = {"C": "Delivery", "I": "Intraday", "M": "Normal"}

_Shown = TypeVar("_Shown")


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Answers the reads of one client's books."""

    counter: Counter

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    async def orders(self, client: Client, fields: Fields) -> list[Row]:
        """POST /OrderBook, newest first."""
        fault = self._fault(client, "orders.book")
        orders: Sequence[ClientOrder] = self.desk.exchange.orders(client.client)
        if fault is not None and fault.kind is FaultKind.BOOK_LAG:
            orders = self._as_of(client, orders, self._then(fault))
        return _listed([order_row(order) for order in reversed(_shown(orders, fault))])

    async def history(self, client: Client, fields: Fields) -> list[Row]:
        """POST /SingleOrdHist, newest first."""
        try:
            states = self.desk.exchange.history(client.client, required(fields, "norenordno"))
        except Refusal:
            raise no_data() from None
        return newest_first(states)

    async def trades(self, client: Client, fields: Fields) -> list[Row]:
        """POST /TradeBook, newest first."""
        fault = self._fault(client, "trades.book")
        trades: Sequence[ClientTrade] = self.desk.exchange.trades(client.client)
        if fault is not None and fault.kind is FaultKind.BOOK_LAG:
            trades = [trade for trade in trades if trade.filled_at <= self._then(fault)]
        rows = [trade_row(trade, self._order(client, trade)) for trade in reversed(_shown(trades, fault))]
        return _listed(rows)

    async def positions(self, client: Client, fields: Fields) -> list[Row]:
        """POST /PositionBook"""
        required(fields, "actid")
        fault = self._fault(client, "positions")
        rows = [position_row(row) for row in _shown(self.desk.exchange.positions(client.client), fault)]
        return _listed([row | {"uid": client.client, "actid": client.client} for row in rows])

    async def holdings(self, client: Client, fields: Fields) -> list[Row]:
        """POST /Holdings: nothing is ever settled into a demat account here."""
        if "prd" not in fields or "actid" not in fields:
            raise invalid("Missing uid or actid or prd.")
        raise no_data()

    async def limits(self, client: Client, fields: Fields) -> Row:
        """POST /Limits: one ledger for all segments."""
        required(fields, "actid")
        return {"actid": client.client, **limits_row(self.desk.exchange.margins(client.client))}

    async def order_margin(self, client: Client, fields: Fields) -> Row:
        """POST /GetOrderMargin"""
        order = read.new_order({"ret": "DAY", **fields}, self.counter.names)
        try:
            margin = self.desk.exchange.required_margin(order)
        except Refusal as refusal:
            raise refused(refusal) from None
        return order_margin_row(margin, self.desk.exchange.margins(client.client))

    async def convert(self, client: Client, fields: Fields) -> Row:
        """POST /ProductConversion"""
        listing = read.find_listing(fields, self.counter.names)
        try:
            self.desk.exchange.convert(
                client.client,
                exchange=listing.exchange,
                symbol=listing.symbol,
                side=read.word(fields, "trantype", read.SIDES),
                quantity=read.whole(fields, "qty", low=1) * unit(listing),
                old=read.word(fields, "prevprd", read.PRODUCTS),
                new=read.word(fields, "prd", read.PRODUCTS),
            )
        except Refusal as refusal:
            raise refused(refusal) from None
        return {}

    async def user(self, client: Client, fields: Fields) -> Row:
        """POST /UserDetails"""
        products = [{"prd": code, "s_prdt_ali": name, "exch": _EXCHANGES} for code, name in _PRODUCTS.items()]
        return {
            "prarr": products,
            "exarr": _EXCHANGES,
            "orarr": ["LMT", "SL-LMT"],
            "brkname": self.counter.member.title.upper(),
            "uid": client.client,
            "actid": client.client,
            "email": f"{client.client.lower()}@demo.vayda.local",
            "uprev": "INVESTOR",
        }

    async def logout(self, client: Client, fields: Fields) -> Row:
        """POST /Logout"""
        self.desk.sessions.revoke_all(client.client)
        return {}

    def _order(self, client: Client, trade: ClientTrade) -> ClientOrder:
        return self.desk.exchange.order(client.client, trade.order_id)

    def _fault(self, client: Client, endpoint: str) -> Fault | None:
        return self.desk.faults.draw(BOOK_FAULTS, client=client.client, endpoint=endpoint)

    def _then(self, fault: Fault) -> datetime:
        return self.desk.now() - timedelta(seconds=fault.seconds * self.desk.clock.speed)

    def _as_of(self, client: Client, orders: Sequence[ClientOrder], then: datetime) -> list[ClientOrder]:
        seen = [order for order in orders if order.placed_at <= then]
        histories = (self.desk.exchange.history(client.client, order.order_id) for order in seen)
        return [[state for state in states if state.updated_at <= then][-1] for states in histories]


def _listed(rows: list[Row]) -> list[Row]:
    """Return the rows of a book; an empty one is an error here."""
    if not rows:
        raise no_data()
    return rows


def _shown(rows: Sequence[_Shown], fault: Fault | None) -> Sequence[_Shown]:
    if fault is not None and fault.kind is FaultKind.EMPTY_BOOK:
        return ()
    if fault is not None and fault.kind is FaultKind.TRUNCATED_BOOK:
        return rows[: len(rows) // 2]
    return rows
