"""Accounts, books, positions and money; the reads that faults can lag, empty or cut short."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import Refusal
from simulator.faces.books import Books
from simulator.faces.desk import Desk
from simulator.faces.ibkr.calls import IbkrCounter, session_of
from simulator.faces.ibkr.mapping import (
    CURRENCY,
    PAGE,
    bare,
    order_row,
    position_row,
    status_row,
    summary_rows,
    trade_row,
)
from simulator.faces.ibkr.wire import Row, read_json, refusal

RATES = {"INR": Decimal(1), "USD": Decimal("84.50"), "EUR": Decimal("91.20")}
"""Rupees for one of each."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Answers the reads of one client's account."""

    counter: IbkrCounter

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    @property
    def books(self) -> Books:
        """What the faults leave of them."""
        return Books(self.desk)

    async def accounts(self, client: Client, request: web.Request) -> Row:
        """GET /iserver/accounts, before anything is ordered."""
        session_of(request).first("accounts")
        name = client.client
        return {
            "accounts": [name],
            "acctProps": {name: {"hasChildAccounts": False, "supportsCashQty": False, "supportsFractions": False}},
            "aliases": {name: name},
            "allowFeatures": {"allowedAssetTypes": "STK,OPT,FUT,IND"},
            "selectedAccount": name,
            "serverInfo": {"serverName": "simulated", "serverVersion": "Build 10.40.0"},
            "isFT": False,
            "isPaper": True,
        }

    async def orders(self, client: Client, request: web.Request) -> Row:
        """GET /iserver/account/orders: the first answer of a session, and a forced one, shows nothing."""
        session = session_of(request)
        self.counter.brokerage.needs(session, "accounts")
        if session.first("orders") or request.query.get("force", "").lower() == "true":
            return {"orders": [], "snapshot": False}
        _own(client, request.query.get("accountId", client.client))
        rows = [order_row(order) for order in self.books.orders(client)]
        wanted = {word for word in request.query.get("filters", "").replace("_", "").lower().split(",") if word}
        return {"orders": [row for row in rows if not wanted or row["status"].lower() in wanted], "snapshot": True}

    async def status(self, client: Client, request: web.Request) -> Row:
        """GET /iserver/account/order/status/{order_id}"""
        try:
            return status_row(self.desk.exchange.order(client.client, request.match_info["order_id"]))
        except Refusal:
            raise refusal("OrderID doesn't exist", status=503) from None

    async def trades(self, client: Client, request: web.Request) -> list[Row]:
        """GET /iserver/account/trades: the first answer of a session shows nothing."""
        if session_of(request).first("trades"):
            return []
        trades, exchange = self.books.trades(client), self.desk.exchange
        return [trade_row(trade, exchange.order(client.client, trade.order_id)) for trade in trades]

    async def portfolio_accounts(self, client: Client, request: web.Request) -> list[Row]:
        """GET /portfolio/accounts, before anything else under /portfolio."""
        session_of(request).first("portfolio")
        name = client.client
        row = {
            "id": name,
            "accountId": name,
            "accountVan": name,
            "displayName": name,
            "desc": name,
            "accountAlias": None,
        }
        return [{**row, "currency": _currency(client), "type": "DEMO", "tradingType": "STKMRGN", "faclient": False}]

    async def positions(self, client: Client, request: web.Request) -> list[Row]:
        """GET /portfolio/{account}/positions/{page}: from a cache, until it is told to forget."""
        session = self._portfolio(client, request)
        page = request.match_info["page"]
        if not page.isdigit():
            raise refusal("Bad Request: page")
        if session.positions is None:
            session.positions = [position_row(row, client.client) for row in self.books.positions(client)]
        rows = session.positions[int(page) * PAGE : (int(page) + 1) * PAGE]
        return [bare(row) for row in rows] if rows and session.first("positions") else rows

    async def invalidate(self, client: Client, request: web.Request) -> Row:
        """POST /portfolio/{account}/positions/invalidate"""
        self._portfolio(client, request).positions = None
        return {"message": "success"}

    async def summary(self, client: Client, request: web.Request) -> Row:
        """GET /portfolio/{account}/summary"""
        self._portfolio(client, request)
        currency, margins = _currency(client), self.desk.exchange.margins(client.client)
        return summary_rows(margins, client.client, currency=currency, rate=1 / RATES[currency])

    async def ledger(self, client: Client, request: web.Request) -> Row:
        """GET /portfolio/{account}/ledger"""
        self._portfolio(client, request)
        margins = self.desk.exchange.margins(client.client)
        row = {
            "cashbalance": margins.cash + margins.realised,
            "netliquidationvalue": margins.available + margins.used + margins.unrealised,
            "settledcash": margins.cash,
            "unrealizedpnl": margins.unrealised,
            "realizedpnl": margins.realised,
            "exchangerate": 1,
            "acctcode": client.client,
            "key": "LedgerList",
            "severity": 0,
        }
        return {name: {**row, "currency": name, "secondkey": name} for name in (CURRENCY, "BASE")}

    async def account_summary(self, client: Client, request: web.Request) -> Row:
        """GET /iserver/account/{account}/summary"""
        _own(client, request.match_info["account"])
        margins = self.desk.exchange.margins(client.client)
        equity = margins.available + margins.used
        return {
            "accountType": "",
            "status": "",
            "balance": equity,
            "buyingPower": margins.available,
            "availableFunds": margins.available,
            "excessLiquidity": margins.available,
            "netLiquidationValue": equity + margins.unrealised,
            "equityWithLoanValue": equity,
            "totalCashValue": margins.cash + margins.realised,
            "initialMargin": margins.used,
            "maintenanceMargin": margins.used,
            "cashBalances": [{"currency": CURRENCY, "balance": margins.cash, "settledCash": margins.cash}],
        }

    async def available_funds(self, client: Client, request: web.Request) -> Row:
        """GET /iserver/account/{account}/summary/available_funds: money as people read it."""
        _own(client, request.match_info["account"])
        shown = f"{self.desk.exchange.margins(client.client).available:,.0f} {CURRENCY}"
        return {
            "total": {"current_available": shown, "current_excess": shown, "buying_power": shown, "leverage": "n/a"}
        }

    async def exchange_rate(self, client: Client, request: web.Request) -> Row:
        """GET /iserver/exchangerate?target=INR&source=USD"""
        source, target = (RATES.get(request.query.get(name, "")) for name in ("source", "target"))
        if source is None or target is None:
            raise refusal("Bad Request: unknown currency")
        return {"rate": source / target}

    async def suppress(self, client: Client, request: web.Request) -> Row:
        """POST /iserver/questions/suppress"""
        session_of(request).suppressed |= _kinds(await read_json(request))
        return {"status": "submitted"}

    async def ask_again(self, client: Client, request: web.Request) -> Row:
        """POST /iserver/questions/suppress/reset"""
        session_of(request).suppressed.clear()
        return {"status": "submitted"}

    def _portfolio(self, client: Client, request: web.Request) -> Any:
        session = session_of(request)
        self.counter.brokerage.needs(session, "portfolio")
        _own(client, request.match_info["account"])
        return session


def _own(client: Client, account: str) -> None:
    if account != client.client:
        raise refusal("Bad Request: invalid account id")


def _currency(client: Client) -> str:
    return client.extra.get("currency", CURRENCY)


def _kinds(body: Any) -> set[str]:
    kinds: Sequence[Any] = body.get("messageIds", []) if isinstance(body, dict) else []
    if not isinstance(kinds, list) or not 0 < len(kinds) <= 51:
        raise refusal("Bad Request: messageIds")
    return {str(kind) for kind in kinds}
