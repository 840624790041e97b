"""Books, positions, funds and margins; the reads that faults can lag, empty or cut short."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, ClientPosition, Refusal
from simulator.faces.books import Books
from simulator.faces.desk import Desk
from simulator.faces.kotak.calls import Call, KotakCounter
from simulator.faces.kotak.fields import new_order, required
from simulator.faces.kotak.mapping import history_row, limits_row, margin_row, order_row, position_row, trade_row
from simulator.faces.kotak.orders import refusal_of
from simulator.faces.kotak.wire import Row, as_json, no_data, refused

_MARGIN_FIELDS = {"prcTp": "pt", "prod": "pc", "qty": "qt", "trnsTp": "tt", "prc": "pr"}


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Answers the reads of one client's books."""

    counter: KotakCounter

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    @property
    def books(self) -> Books:
        """What the faults leave of them."""
        return Books(self.desk)

    async def orders(self, client: Client, call: Call) -> list[Row]:
        """GET /quick/user/orders[/{order}], oldest first."""
        wanted = call.request.match_info.get("order", "")
        rows = [order_row(order) for order in self.books.orders(client) if wanted in ("", order.order_id)]
        return _listed(rows)

    async def history(self, client: Client, call: Call) -> list[Row]:
        """POST /quick/order/history, newest first."""
        try:
            states = self.desk.exchange.history(client.client, required(call.fields, "nOrdNo"))
        except Refusal:
            raise no_data() from None
        return [history_row(state) for state in reversed(states)]

    async def trades(self, client: Client, call: Call) -> web.Response:
        """GET /quick/user/trades"""
        rows = [trade_row(trade, self._order(client, trade.order_id)) for trade in self.books.trades(client)]
        return _quietly(_listed(rows))

    async def positions(self, client: Client, call: Call) -> web.Response:
        """GET /portfolio/v2/positions: with the last price."""
        shown = self.books.positions(client)
        return _quietly(_listed([self._position(client, one) | {"ltp": f"{one.last_price:.2f}"} for one in shown]))

    async def older_positions(self, client: Client, call: Call) -> web.Response:
        """GET /quick/user/positions: without it, and with the net quantity."""
        shown = ((one, self._position(client, one)) for one in self.books.positions(client))
        return _quietly(_listed([row | {"qty": _net(row)} for _, row in shown]))

    async def holdings(self, client: Client, call: Call) -> list[Row]:
        """GET /portfolio/v1/holdings: nothing is ever settled into a demat account here."""
        raise no_data()

    async def limits(self, client: Client, call: Call) -> Row:
        """POST /quick/user/limits"""
        for name in ("seg", "exch", "prod"):
            required(call.fields, name)
        return limits_row(self.desk.exchange.margins(client.client))

    async def margin(self, client: Client, call: Call) -> Row:
        """POST /quick/user/check-margin: of one order."""
        fields = {ours: required(call.fields, theirs) for theirs, ours in _MARGIN_FIELDS.items()}
        fields["tp"] = call.fields.get("trgPrc") or "0"
        listing = self.counter.names.quoted(f"{required(call.fields, 'exSeg')}|{required(call.fields, 'tok')}")
        if listing is None:
            raise refused(1007, "Invalid Symbol")
        quote = self.desk.exchange.market.quote(listing.token)
        order = new_order({"am": "NO", "rt": "DAY", **fields}, listing, quote)
        try:
            margin = self.desk.exchange.required_margin(order)
        except Refusal as refusal:
            raise refusal_of(refusal) from None
        return margin_row(margin, self.desk.exchange.margins(client.client))

    def _order(self, client: Client, order_id: str) -> ClientOrder:
        return self.desk.exchange.order(client.client, order_id)

    def _position(self, client: Client, position: ClientPosition) -> Row:
        return {"actId": client.client, **position_row(position)}


def _net(row: Row) -> str:
    bought, sold = int(row["flBuyQty"]) + int(row["cfBuyQty"]), int(row["flSellQty"]) + int(row["cfSellQty"])
    return str(bought - sold)


def _quietly(rows: list[Row]) -> web.Response:
    """Wrap rows as the books that write their verdict small."""
    body: dict[str, Any] = {"stat": "ok", "stCode": 200, "data": rows}
    return as_json(body)


def _listed(rows: list[Row]) -> list[Row]:
    """Return the rows of a book; an empty one is an answer of its own here."""
    if not rows:
        raise no_data()
    return rows
