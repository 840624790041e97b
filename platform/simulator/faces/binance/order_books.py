"""Reads of one client's orders and executions, as both markets show them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from domain.instruments import Exchange
from simulator.clients import Client
from simulator.exchange.types import RESTING_STATES, ClientOrder, ClientTrade, OrderState
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.fields import find_listing
from simulator.faces.books import Books
from simulator.faces.desk import Desk
from simulator.market.types import Listing

_USUAL, _MOST = 500, 1000


@dataclass(frozen=True, slots=True)
class OrderBooks(ABC):
    """The books of one market."""

    desk: Desk
    exchange: ClassVar[Exchange]

    @abstractmethod
    def order_row(self, order: ClientOrder) -> dict[str, Any]:
        """Return a row of ``openOrders`` and ``allOrders``."""

    @abstractmethod
    def trade_row(self, trade: ClientTrade) -> dict[str, Any]:
        """Return a row of the list of executions."""

    async def open_orders(self, client: Client, asked: Asked) -> list[dict[str, Any]]:
        """GET /openOrders"""
        orders = [order for order in self.orders(client) if order.state in RESTING_STATES]
        if asked.params.get("symbol"):
            listing = self.listing(asked)
            orders = [order for order in orders if order.listing is listing]
        return [self.order_row(order) for order in orders]

    async def all_orders(self, client: Client, asked: Asked) -> list[dict[str, Any]]:
        """GET /allOrders"""
        listing = self.listing(asked)
        rows = [self.order_row(order) for order in self.orders(client) if order.listing is listing]
        return _page_of(rows, asked, number="orderId", since="orderId")

    def trades(self, client: Client, asked: Asked, listing: Listing) -> list[dict[str, Any]]:
        """Return the page of a symbol's executions that a call asks for."""
        order_id = asked.params.get("orderId", "")
        trades = [one for one in Books(self.desk).trades(client) if one.listing is listing]
        rows = [self.trade_row(one) for one in trades if order_id in ("", one.order_id)]
        return _page_of(rows, asked, number="id", since="fromId")

    def orders(self, client: Client) -> Sequence[ClientOrder]:
        """Return the market's orders; its book has none that it refused."""
        orders = [one for one in Books(self.desk).orders(client) if one.listing.exchange is self.exchange]
        return [one for one in orders if one.state is not OrderState.REJECTED]

    def listing(self, asked: Asked) -> Listing:
        """Return the symbol a call names; raises ``FaceError``."""
        return find_listing(asked, self.desk.exchange.market, self.exchange)


def _page_of(rows: list[dict[str, Any]], asked: Asked, *, number: str, since: str) -> list[dict[str, Any]]:
    """Return a page: from a number on, within a span of time, or the latest."""
    limit = min(asked.whole("limit", default=_USUAL), _MOST)
    if asked.params.get(since):
        first = asked.whole(since)
        return [row for row in rows if row[number] >= first][:limit]
    if asked.params.get("startTime"):
        first = asked.whole("startTime")
        return [row for row in rows if row["time"] >= first][:limit]
    return rows[-limit:]
