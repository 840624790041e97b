"""Books, positions, funds and the profile; the reads that faults can lag, empty or cut short."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulator.clients import Client
from simulator.exchange.types import NewOrder, Refusal
from simulator.faces.aliceblue import fields as read
from simulator.faces.aliceblue.calls import AliceCounter, Call
from simulator.faces.aliceblue.mapping import limits_row, margin_row, order_row, position_row, trade_row
from simulator.faces.aliceblue.orders import refused
from simulator.faces.aliceblue.wire import Row, fields_of, refusal, request_time
from simulator.faces.books import Books
from simulator.faces.desk import Desk
from simulator.faces.noren.names import token_of, unit

_PRODUCTS = {"MIS": "INTRADAY", "CNC": "LONGTERM", "NRML": "NORMAL"}
"""Position conversion and the basket's margin write products as positions do."""
_TYPES = {"L": "LIMIT", "MKT": "MARKET", "SL": "SL", "SL-M": "SLM"}
_SIDES = {"B": "BUY", "S": "SELL"}


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Answers the reads of one client's books."""

    counter: AliceCounter

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    @property
    def books(self) -> Books:
        """What the faults leave of them."""
        return Books(self.desk)

    async def orders(self, client: Client, call: Call) -> list[Row]:
        """GET /orders/book, newest first."""
        return _listed([order_row(order, in_book=True) for order in reversed(self.books.orders(client))], "EC916")

    async def history(self, client: Client, call: Call) -> list[Row]:
        """POST /orders/history, newest first."""
        try:
            states = self.desk.exchange.history(client.client, read.text(call.fields, "brokerOrderId"))
        except Refusal:
            raise refusal("EC998") from None
        return [order_row(state, in_book=False) for state in reversed(states)]

    async def trades(self, client: Client, call: Call) -> list[Row]:
        """GET /orders/trades, newest first."""
        trades = reversed(self.books.trades(client))
        order = self.desk.exchange.order
        return _listed([trade_row(trade, order(client.client, trade.order_id)) for trade in trades], "EC926")

    async def positions(self, client: Client, call: Call) -> list[Row]:
        """GET /positions"""
        return _listed([position_row(position) for position in self.books.positions(client)], "EC920")

    async def holdings(self, client: Client, call: Call) -> list[Row]:
        """GET /holdings/{CNC|MTF}: nothing is ever settled into a demat account here."""
        raise refusal("EC922")

    async def limits(self, client: Client, call: Call) -> Row:
        """GET /limits/: one ledger for all segments."""
        return limits_row(self.desk.exchange.margins(client.client))

    async def profile(self, client: Client, call: Call) -> Row:
        """GET /profile/"""
        return {
            "clientId": client.client,
            "clientName": client.client,
            "isTotpEnabled": "Y",
            "isPoaProvided": "N",
            "accountStatus": "Activated",
            "exchanges": ["NSE", "NFO", "MCX"],
            "products": ["LONGTERM", "INTRADAY", "MTF"],
            "orderComplexity": ["REGULAR"],
        }

    async def order_margin(self, client: Client, call: Call) -> Row:
        """POST /orders/checkMargin"""
        return margin_row(self._needed({"validity": "DAY", **call.fields}), self.desk.exchange.margins(client.client))

    async def basket_margin(self, client: Client, call: Call) -> Row:
        """POST /orders/basket/margin: the sum of its orders."""
        needed = sum((self._needed(self._order_of(fields_of(row))) for row in call.rows), Decimal(0))
        return margin_row(needed, self.desk.exchange.margins(client.client))

    async def convert(self, client: Client, call: Call) -> Row:
        """POST /conversion"""
        listing = self.counter.names.named(read.text(call.fields, "exchange"), read.text(call.fields, "tradingSymbol"))
        if listing is None:
            raise refusal("EC947")
        try:
            self.desk.exchange.convert(
                client.client,
                exchange=listing.exchange,
                symbol=listing.symbol,
                side=read.word(call.fields, "transactionType", read.SIDES, missing="EC907", wrong="EC929"),
                quantity=read.quantity(call.fields) * unit(listing),
                old=read.PRODUCTS[self._product(call, "prevProduct")],
                new=read.PRODUCTS[self._product(call, "product")],
            )
        except Refusal as error:
            raise refused(error) from None
        return {"brokerOrderId": "", "requestTime": request_time(self.desk.now())}

    def _product(self, call: Call, name: str) -> str:
        """Return a product as orders write it."""
        return read.word(call.fields, name, _PRODUCTS, missing="EC906", wrong="EC092")

    def _order_of(self, row: Any) -> Row:
        """Return a basket's row as an order would say it."""
        listing = self.counter.names.named(read.text(row, "exchange"), read.text(row, "tradingSymbol"))
        number = token_of(listing) if listing else ""
        product = read.text(row, "product").upper()
        return {
            "exchange": row.get("exchange"),
            "instrumentId": number,
            "transactionType": _SIDES.get(read.text(row, "transType"), read.text(row, "transType")),
            "quantity": row.get("qty"),
            "product": _PRODUCTS.get(product, product),
            "orderComplexity": "REGULAR",
            "orderType": _TYPES.get(read.text(row, "priceType"), ""),
            "validity": "DAY",
            "price": row.get("price"),
            "slTriggerPrice": row.get("triggerPrice"),
        }

    def _needed(self, fields: Row) -> Decimal:
        order: NewOrder = read.new_order(fields, self.counter.names)
        try:
            return self.desk.exchange.required_margin(order).total
        except Refusal as error:
            raise refused(error) from None


def _listed(rows: list[Row], nothing: str) -> list[Row]:
    """Return the rows of a book; an empty one is an error here."""
    if not rows:
        raise refusal(nothing)
    return rows
