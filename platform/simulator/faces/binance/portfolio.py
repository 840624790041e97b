"""The account and its books. https://developers.binance.com/docs/binance-spot-api-docs/rest-api/account-endpoints"""

from decimal import Decimal
from typing import Any

from domain.instruments import Exchange
from domain.orders import Side
from simulator.clients import Client
from simulator.exchange.types import ClientOrder, ClientTrade
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.limits import rate_limits
from simulator.faces.binance.listings import QUOTE, base_of
from simulator.faces.binance.mapping import order_row, trade_row
from simulator.faces.binance.order_books import OrderBooks
from simulator.faces.binance.wire import BinanceError, stamp
from simulator.faces.books import Books

_ZERO = Decimal(0)


class Portfolio(OrderBooks):
    """Reads of one client's affairs in the spot market."""

    exchange = Exchange.BINANCE

    def order_row(self, order: ClientOrder) -> dict[str, Any]:
        """Return an order's row."""
        return order_row(order)

    def trade_row(self, trade: ClientTrade) -> dict[str, Any]:
        """Return a row of ``myTrades``."""
        return trade_row(trade)

    async def account(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /account"""
        rows = self._balances(client)
        if asked.params.get("omitZeroBalances") == "true":
            rows = [row for row in rows if row["free"] or row["locked"]]
        rates = {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000", "seller": "0.00000000"}
        return {
            "makerCommission": 10,
            "takerCommission": 10,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": rates,
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": stamp(self.desk.now()),
            "accountType": "SPOT",
            "balances": rows,
            "permissions": ["SPOT"],
            "uid": int(client.client) if client.client.isdigit() else 0,
        }

    async def one_order(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /order"""
        listing = self.listing(asked)
        number, tag = asked.params.get("orderId", ""), asked.params.get("origClientOrderId", "")
        for order in reversed(self.orders(client)):
            if order.listing is listing and number in ("", order.order_id) and tag in ("", order.tag) and number + tag:
                return order_row(order)
        raise BinanceError(-2013, "Order does not exist.")

    async def my_trades(self, client: Client, asked: Asked) -> list[dict[str, Any]]:
        """GET /myTrades"""
        return self.trades(client, asked, self.listing(asked))

    async def order_count(self, client: Client, asked: Asked) -> list[dict[str, Any]]:
        """GET /rateLimit/order"""
        return [{**limit, "count": 0} for limit in rate_limits() if limit["rateLimitType"] == "ORDERS"]

    def _balances(self, client: Client) -> list[dict[str, Any]]:
        money = self.desk.exchange.margins(client.client)
        rows = [{"asset": QUOTE, "free": money.available, "locked": money.blocked}]
        for position in Books(self.desk).positions(client):
            if position.listing.exchange is self.exchange:
                step = position.listing.multiplier
                held, offered = position.quantity * step, self._offered(client, position.listing.symbol) * step
                rows.append({"asset": base_of(position.listing), "free": held - offered, "locked": offered})
        return [*rows, {"asset": "BNB", "free": _ZERO, "locked": _ZERO}]

    def _offered(self, client: Client, symbol: str) -> int:
        """Return how much of a coin resting sales bind."""
        orders = [one for one in self.desk.exchange.orders(client.client) if one.listing.exchange is self.exchange]
        sales = [one for one in orders if one.side is Side.SELL and one.listing.symbol == symbol]
        return sum(one.pending_quantity for one in sales)
