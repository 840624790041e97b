"""The account and its books. https://developers.binance.com/docs/binance-spot-api-docs/rest-api/account-endpoints"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.instruments import Exchange
from domain.orders import Side
from simulator.clients import Client
from simulator.exchange.types import RESTING_STATES, ClientOrder, OrderState
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.fields import find_listing
from simulator.faces.binance.limits import rate_limits
from simulator.faces.binance.listings import QUOTE, base_of
from simulator.faces.binance.mapping import order_row, trade_row
from simulator.faces.binance.wire import BinanceError, stamp
from simulator.faces.books import Books
from simulator.faces.desk import Desk

_USUAL, _MOST = 500, 1000
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Reads of one client's affairs."""

    desk: Desk

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

    async def open_orders(self, client: Client, asked: Asked) -> list[dict[str, Any]]:
        """GET /openOrders"""
        orders = [order for order in self._orders(client) if order.state in RESTING_STATES]
        if asked.params.get("symbol"):
            listing = find_listing(asked, self.desk.exchange.market)
            orders = [order for order in orders if order.listing is listing]
        return [order_row(order) for order in orders]

    async def all_orders(self, client: Client, asked: Asked) -> list[dict[str, Any]]:
        """GET /allOrders"""
        listing = find_listing(asked, self.desk.exchange.market)
        rows = [order_row(order) for order in self._orders(client) if order.listing is listing]
        return page_of(rows, asked, number="orderId", since="orderId")

    async def one_order(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /order"""
        listing = find_listing(asked, self.desk.exchange.market)
        number, tag = asked.params.get("orderId", ""), asked.params.get("origClientOrderId", "")
        for order in reversed(self._orders(client)):
            if order.listing is listing and number in ("", order.order_id) and tag in ("", order.tag) and number + tag:
                return order_row(order)
        raise BinanceError(-2013, "Order does not exist.")

    async def my_trades(self, client: Client, asked: Asked) -> list[dict[str, Any]]:
        """GET /myTrades"""
        listing, order_id = find_listing(asked, self.desk.exchange.market), asked.params.get("orderId", "")
        trades = [one for one in Books(self.desk).trades(client) if one.listing is listing]
        rows = [trade_row(one) for one in trades if order_id in ("", one.order_id)]
        return page_of(rows, asked, number="id", since="fromId")

    async def order_count(self, client: Client, asked: Asked) -> list[dict[str, Any]]:
        """GET /rateLimit/order"""
        return [{**limit, "count": 0} for limit in rate_limits() if limit["rateLimitType"] == "ORDERS"]

    def _orders(self, client: Client) -> Sequence[ClientOrder]:
        """Binance's book has no orders that it refused."""
        orders = Books(self.desk).orders(client)
        return [one for one in orders if _is_spot(one) and one.state is not OrderState.REJECTED]

    def _balances(self, client: Client) -> list[dict[str, Any]]:
        money = self.desk.exchange.margins(client.client)
        rows = [{"asset": QUOTE, "free": money.available, "locked": money.blocked}]
        for position in Books(self.desk).positions(client):
            if position.listing.exchange is Exchange.BINANCE:
                step = position.listing.multiplier
                held, offered = position.quantity * step, self._offered(client, position.listing.symbol) * step
                rows.append({"asset": base_of(position.listing), "free": held - offered, "locked": offered})
        return [*rows, {"asset": "BNB", "free": _ZERO, "locked": _ZERO}]

    def _offered(self, client: Client, symbol: str) -> int:
        """Return how much of a coin resting sales bind."""
        orders = [one for one in self.desk.exchange.orders(client.client) if _is_spot(one)]
        sales = [one for one in orders if one.side is Side.SELL and one.listing.symbol == symbol]
        return sum(one.pending_quantity for one in sales)


def _is_spot(order: ClientOrder) -> bool:
    return order.listing.exchange is Exchange.BINANCE


def page_of(rows: list[dict[str, Any]], asked: Asked, *, number: str, since: str) -> list[dict[str, Any]]:
    """Return a page: from a number on, within a span of time, or the latest."""
    limit = min(asked.whole("limit", default=_USUAL), _MOST)
    if asked.params.get(since):
        first = asked.whole(since)
        return [row for row in rows if row[number] >= first][:limit]
    if asked.params.get("startTime"):
        first = asked.whole("startTime")
        return [row for row in rows if row["time"] >= first][:limit]
    return rows[-limit:]
