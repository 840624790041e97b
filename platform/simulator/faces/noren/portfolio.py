"""Books, positions, funds and the user; the reads that faults can lag, empty or cut short."""

from dataclasses import dataclass

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, ClientTrade, Refusal
from simulator.faces.books import Books
from simulator.faces.desk import Desk
from simulator.faces.noren import fields as read
from simulator.faces.noren.calls import NorenCounter
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

_EXCHANGES = ["NSE", "NFO", "BSE", "BFO", "MCX"]
_PRODUCTS = {"C": "Delivery", "I": "Intraday", "M": "Normal"}


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Answers the reads of one client's books."""

    counter: NorenCounter

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    @property
    def books(self) -> Books:
        """What the faults leave of them."""
        return Books(self.desk)

    async def orders(self, client: Client, fields: Fields) -> list[Row]:
        """POST /OrderBook, newest first."""
        return _listed([order_row(order) for order in reversed(self.books.orders(client))])

    async def history(self, client: Client, fields: Fields) -> list[Row]:
        """POST /SingleOrdHist, newest first."""
        try:
            states = self.desk.exchange.history(client.client, required(fields, "norenordno"))
        except Refusal:
            raise no_data() from None
        return newest_first(states)

    async def trades(self, client: Client, fields: Fields) -> list[Row]:
        """POST /TradeBook, newest first."""
        trades = self.books.trades(client)
        return _listed([trade_row(trade, self._order(client, trade)) for trade in reversed(trades)])

    async def positions(self, client: Client, fields: Fields) -> list[Row]:
        """POST /PositionBook"""
        required(fields, "actid")
        rows = [position_row(row) for row in self.books.positions(client)]
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


def _listed(rows: list[Row]) -> list[Row]:
    """Return the rows of a book; an empty one is an error here."""
    if not rows:
        raise no_data()
    return rows
