"""Books, positions, funds, margins and the profile; the reads that faults can lag, empty or cut short."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, NewOrder, Refusal
from simulator.faces.books import Books
from simulator.faces.desk import Desk
from simulator.faces.fyers import fields
from simulator.faces.fyers.calls import FyersCounter
from simulator.faces.fyers.mapping import fund_rows, moved, order_row, overall, position_row, tag_of, trade_row
from simulator.faces.fyers.names import unit
from simulator.faces.fyers.orders import refused
from simulator.faces.fyers.wire import BAD_ORDER_ID, Row, bad_input, number, read_json, refusal

_DEFAULTS: Row = {"validity": "DAY", "offlineOrder": False}


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Answers the reads of one client's books."""

    counter: FyersCounter

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    @property
    def books(self) -> Books:
        """What the faults leave of them."""
        return Books(self.desk)

    async def orders(self, client: Client, request: web.Request) -> Row:
        """GET /orders[?id=..|order_tag=1:..]"""
        market = self.desk.exchange.market
        asked = self._asked(self.books.orders(client), request)
        rows = [order_row(order) | moved(market.quote(order.listing.token)) for order in asked]
        if request.query.get("id") and not rows:
            raise refusal(BAD_ORDER_ID, "Please provide a valid order number")
        return {"orderBook": rows}

    async def trades(self, client: Client, request: web.Request) -> Row:
        """GET /tradebook[?order_tag=1:..]"""
        orders = {order.order_id: order for order in self.desk.exchange.orders(client.client)}
        tag = request.query.get("order_tag")
        trades = [(trade, orders[trade.order_id]) for trade in self.books.trades(client)]
        return {"tradeBook": [trade_row(trade, order) for trade, order in trades if tag in (None, tag_of(order))]}

    async def positions(self, client: Client, request: web.Request) -> Row:
        """GET /positions"""
        positions = self.books.positions(client)
        return {"netPositions": [position_row(one) for one in positions], "overall": overall(positions)}

    async def convert(self, client: Client, request: web.Request) -> Row:
        """POST /positions"""
        form = await read_json(request)
        symbol = str(form.get("symbol", "")).rpartition("-")[0]
        listing = fields.find_listing({"symbol": symbol}, self.counter.names)
        invalid = "Please provide a valid product type"
        try:
            self.desk.exchange.convert(
                client.client,
                exchange=listing.exchange,
                symbol=listing.symbol,
                side=fields.word(form, "positionSide", fields.SIDES, "Please provide a valid position side"),
                quantity=fields.whole(form, "convertQty", low=1) * unit(listing),
                old=fields.word(form, "convertFrom", fields.PRODUCTS, invalid),
                new=fields.word(form, "convertTo", fields.PRODUCTS, invalid),
            )
        except Refusal as error:
            raise refused(error) from None
        return {"message": "Position Converted Successfully!!", "positionDetails": 1101}

    async def holdings(self, client: Client, request: web.Request) -> Row:
        """GET /holdings: nothing is ever settled into a demat account here."""
        sums = ("total_investment", "total_current_value", "total_pl", "pnl_perc")
        return {"holdings": [], "overall": {"count_total": 0, **dict.fromkeys(sums, 0)}}

    async def funds(self, client: Client, request: web.Request) -> Row:
        """GET /funds"""
        return {"fund_limit": fund_rows(self.desk.exchange.margins(client.client))}

    async def margin(self, client: Client, request: web.Request) -> Row:
        """POST /multiorder/margin: the sum of what each order needs, the benefit of hedges not modelled."""
        asked = (await read_json(request)).get("data")
        if not isinstance(asked, list) or not all(isinstance(form, dict) for form in asked):
            raise bad_input("Please provide a list of orders")
        needed = sum((self._margin(form, client) for form in asked), Decimal(0))
        held = self.desk.exchange.margins(client.client)
        sums = {"margin_avail": held.available, "margin_total": needed, "margin_new_order": needed}
        return {"data": {name: number(amount) for name, amount in sums.items()}}

    async def profile(self, client: Client, request: web.Request) -> Row:
        """GET /profile"""
        return {
            "data": {
                "name": client.client,
                "display_name": client.client,
                "fy_id": client.client,
                "email_id": "xxx@xxxxx.xxx",
                "PAN": "XXXXXxxxxX",
                "mobile_number": "99xxxxxx99",
                "totp": True,
                "image": None,
                "pin_change_date": "",
                "pwd_change_date": "",
                "pwd_to_expire": 90,
                "ddpi_enabled": False,
                "mtf_enabled": False,
            }
        }

    def _asked(self, orders: Sequence[ClientOrder], request: web.Request) -> list[ClientOrder]:
        ids, tag = request.query.get("id", ""), request.query.get("order_tag")
        wanted = frozenset(filter(None, ids.split(",")))
        found = [order for order in orders if not wanted or order.order_id in wanted]
        return [order for order in found if tag in (None, tag_of(order))]

    def _margin(self, form: Row, client: Client) -> Decimal:
        order: NewOrder = fields.new_order(_DEFAULTS | form, self.counter.names, client=client.client)
        try:
            return self.desk.exchange.required_margin(order).total
        except Refusal as error:
            raise refused(error) from None
