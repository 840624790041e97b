"""The account and its books.

https://developers.binance.com/docs/derivatives/usds-margined-futures/account/rest-api
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from simulator.clients import Client
from simulator.exchange.types import RESTING_STATES, ClientOrder, ClientPosition, ClientTrade
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.futures.limits import order_limits
from simulator.faces.binance.futures.listings import EXCHANGE
from simulator.faces.binance.futures.mapping import order_row, position_row, trade_row
from simulator.faces.binance.listings import QUOTE
from simulator.faces.binance.order_books import OrderBooks
from simulator.faces.binance.wire import BinanceError, mandatory, stamp
from simulator.faces.books import Books

_NOTHING = Decimal(0)
_POSITION = ("symbol", "positionSide", "positionAmt", "isolatedMargin", "notional", "isolatedWallet")
_MARGINS = ("initialMargin", "maintMargin", "updateTime")


class Portfolio(OrderBooks):
    """Reads of one client's affairs at the futures exchange."""

    exchange = EXCHANGE

    def order_row(self, order: ClientOrder) -> dict[str, Any]:
        """Return an order's row."""
        return order_row(order)

    def trade_row(self, trade: ClientTrade) -> dict[str, Any]:
        """Return a row of ``userTrades``."""
        return trade_row(trade)

    async def account(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /fapi/v3/account"""
        asset, rows = self._asset(client), self._position_rows(client)
        return {
            "totalInitialMargin": asset["initialMargin"],
            "totalMaintMargin": asset["maintMargin"],
            "totalWalletBalance": asset["walletBalance"],
            "totalUnrealizedProfit": asset["unrealizedProfit"],
            "totalMarginBalance": asset["marginBalance"],
            "totalPositionInitialMargin": asset["positionInitialMargin"],
            "totalOpenOrderInitialMargin": asset["openOrderInitialMargin"],
            "totalCrossWalletBalance": asset["crossWalletBalance"],
            "totalCrossUnPnl": asset["crossUnPnl"],
            "availableBalance": asset["availableBalance"],
            "maxWithdrawAmount": asset["maxWithdrawAmount"],
            "assets": [asset],
            "positions": [_brief(row) for row in rows],
        }

    async def balance(self, client: Client, asked: Asked) -> list[dict[str, Any]]:
        """GET /fapi/v3/balance"""
        asset = self._asset(client)
        same = ("asset", "crossWalletBalance", "crossUnPnl", "availableBalance", "maxWithdrawAmount", "updateTime")
        return [
            {
                "accountAlias": "SgsR",
                "balance": asset["walletBalance"],
                **{name: asset[name] for name in same},
                "marginAvailable": True,
            }
        ]

    async def position_risk(self, client: Client, asked: Asked) -> list[dict[str, Any]]:
        """GET /fapi/v3/positionRisk: what is held or has orders."""
        rows = self._position_rows(client)
        if asked.params.get("symbol"):
            symbol = self.listing(asked).symbol
            rows = [row for row in rows if row["symbol"] == symbol]
        return rows

    async def one_order(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /fapi/v1/order"""
        return self._one(asked, self.orders(client))

    async def one_open_order(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /fapi/v1/openOrder"""
        return self._one(asked, [one for one in self.orders(client) if one.state in RESTING_STATES])

    async def user_trades(self, client: Client, asked: Asked) -> list[dict[str, Any]]:
        """GET /fapi/v1/userTrades"""
        listing = self.listing(asked)
        if asked.params.get("fromId") and asked.params.get("startTime"):
            raise BinanceError(-1128, "Combination of optional parameters invalid.")
        return self.trades(client, asked, listing)

    async def order_limits(self, client: Client, asked: Asked) -> list[dict[str, object]]:
        """GET /fapi/v1/rateLimit/order"""
        return order_limits()

    def _one(self, asked: Asked, orders: Sequence[ClientOrder]) -> dict[str, Any]:
        listing = self.listing(asked)
        number, tag = asked.params.get("orderId", ""), asked.params.get("origClientOrderId", "")
        if not (number or tag):
            raise mandatory("orderId")
        for order in reversed(orders):
            if order.listing is listing and (order.order_id == number if number else order.tag == tag):
                return order_row(order)
        raise BinanceError(-2013, "Order does not exist.")

    def _positions(self, client: Client) -> Sequence[ClientPosition]:
        held = [one for one in Books(self.desk).positions(client) if one.listing.exchange is EXCHANGE]
        return [one for one in held if one.quantity]

    def _position_rows(self, client: Client) -> list[dict[str, Any]]:
        held, now = self._positions(client), stamp(self.desk.now())
        return [position_row(one, at=now) for one in held]

    def _asset(self, client: Client) -> dict[str, Any]:
        """Return the wallet's only asset."""
        money, now = self.desk.exchange.margins(client.client), stamp(self.desk.now())
        held = (one for one in self.desk.exchange.positions(client.client) if one.listing.exchange is EXCHANGE)
        unrealised = sum((one.unrealised for one in held), _NOTHING)
        wallet, bound = money.cash + money.realised, money.used
        return {
            "asset": QUOTE,
            "walletBalance": wallet,
            "unrealizedProfit": unrealised,
            "marginBalance": wallet + unrealised,
            "maintMargin": bound / 2,
            "initialMargin": bound,
            "positionInitialMargin": bound - money.blocked,
            "openOrderInitialMargin": money.blocked,
            "crossWalletBalance": wallet,
            "crossUnPnl": unrealised,
            "availableBalance": max(money.available, _NOTHING),
            "maxWithdrawAmount": max(money.available, _NOTHING),
            "updateTime": now,
        }


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    """Return a position as the account lists it."""
    return {
        **{name: row[name] for name in (*_POSITION, *_MARGINS)},
        "unrealizedProfit": row["unRealizedProfit"],
    }
