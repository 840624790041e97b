"""Margin and charge calculators: JSON lists of orders in, rupees out.

Basket benefits are not modelled: a basket's final margin is the sum of its orders' margins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from domain.charges import Charges, charges
from domain.clock import IST
from domain.instruments import Exchange as Venue
from domain.orders import OrderType, Side
from domain.prices import to_decimal
from simulator.clients import Client
from simulator.exchange.types import NewOrder, OrderMargin, Refusal
from simulator.faces.desk import Desk
from simulator.faces.zerodha import fields
from simulator.faces.zerodha.mapping import unit
from simulator.faces.zerodha.orders import refused
from simulator.faces.zerodha.wire import input_error, number
from simulator.market.types import Listing

Row = dict[str, Any]
_NOTHING = OrderMargin(span=Decimal(0), exposure=Decimal(0), option_premium=Decimal(0), delivery=Decimal(0))


@dataclass(frozen=True, slots=True)
class Priced:
    """An order of a calculation, with its contract, the price it is reckoned at and its charges."""

    order: NewOrder
    listing: Listing
    price: Decimal
    charges: Charges


@dataclass(frozen=True, slots=True)
class Calculators:
    """The three calculators."""

    desk: Desk

    async def orders(self, client: Client, request: web.Request) -> list[Row]:
        """POST /margins/orders"""
        return [self._margin_row(priced) for priced in await self._priced(request)]

    async def basket(self, client: Client, request: web.Request) -> Row:
        """POST /margins/basket"""
        priced = await self._priced(request)
        total = _sum([self._margin(one) for one in priced])
        row = _row(total, kind="", symbol="", exchange="", charged=_charges_row(Charges(), tax=""), leverage=0)
        charged = sum((one.charges for one in priced), Charges())
        return {
            "initial": row,
            "final": row,
            "orders": [self._margin_row(one) for one in priced],
            "charges": _charges_row(charged, tax=""),
        }

    async def charges(self, client: Client, request: web.Request) -> list[Row]:
        """POST /charges/orders: each order at its ``average_price``."""
        return [_contract_note(priced) for priced in await self._priced(request)]

    async def _priced(self, request: web.Request) -> list[Priced]:
        return [self._price(form) for form in _forms(await request.read())]

    def _price(self, form: fields.Form) -> Priced:
        market = self.desk.exchange.market
        listing = fields.find_listing(form, market)
        average = form.get("average_price", "")
        given = {**form, "price": average} if average else {"market_protection": "-1", **form}
        order = fields.new_order(given, variety=form.get("variety") or "regular", market=market)
        price = order.price or to_decimal(market.quote(listing.token).last_price)
        today = self.desk.now().astimezone(IST).date()
        return Priced(order, listing, price, _charged(order, listing, price, today))

    def _margin(self, priced: Priced) -> OrderMargin:
        try:
            return self.desk.exchange.required_margin(priced.order)
        except Refusal as refusal:
            raise refused(refusal) from None

    def _margin_row(self, priced: Priced) -> Row:
        listing = priced.listing
        return _row(
            self._margin(priced),
            kind="commodity" if listing.exchange is Venue.MCX else "equity",
            symbol=listing.symbol,
            exchange=listing.exchange,
            charged=_charges_row(priced.charges, tax=_tax(listing)),
            leverage=1,
        )


def _forms(body: bytes) -> list[fields.Form]:
    try:
        orders = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise input_error("Invalid JSON in the request body.") from None
    if not isinstance(orders, list) or not all(isinstance(order, dict) for order in orders):
        raise input_error("A list of orders is expected.")
    return [{key: str(value) for key, value in order.items() if value is not None} for order in orders]


def _charged(order: NewOrder, listing: Listing, price: Decimal, on: date) -> Charges:
    try:
        return charges(
            exchange=listing.exchange,
            kind=listing.kind,
            side=order.side,
            quantity=order.quantity,
            price=price,
            multiplier=listing.multiplier,
            on=on,
        )
    except LookupError:
        return Charges()  # no rate is known for cash equity here, and none is made up


def _sum(margins: Sequence[OrderMargin]) -> OrderMargin:
    total = _NOTHING
    for one in margins:
        total = OrderMargin(
            span=total.span + one.span,
            exposure=total.exposure + one.exposure,
            option_premium=total.option_premium + one.option_premium,
            delivery=total.delivery + one.delivery,
        )
    return total


def _row(margin: OrderMargin, *, kind: str, symbol: str, exchange: str, charged: Row, leverage: int) -> Row:
    return {
        "type": kind,
        "tradingsymbol": symbol,
        "exchange": exchange,
        "span": number(margin.span),
        "exposure": number(margin.exposure),
        "option_premium": number(margin.option_premium),
        "additional": 0,
        "bo": 0,
        "cash": 0,
        "var": number(margin.delivery),
        "pnl": {"realised": 0, "unrealised": 0},
        "leverage": leverage,
        "charges": charged,
        "total": number(margin.total),
    }


def _charges_row(parts: Charges, *, tax: str) -> Row:
    gst = number(parts.gst)
    return {
        "transaction_tax": number(parts.stt),
        "transaction_tax_type": tax,
        "exchange_turnover_charge": number(parts.exchange),
        "sebi_turnover_charge": number(parts.sebi),
        "brokerage": number(parts.brokerage),
        "stamp_duty": number(parts.stamp),
        "gst": {"igst": gst, "cgst": 0, "sgst": 0, "total": gst},
        "total": number(parts.total),
    }


def _contract_note(priced: Priced) -> Row:
    order = priced.order
    return {
        "transaction_type": Side(order.side).value,
        "tradingsymbol": order.symbol,
        "exchange": order.exchange,
        "variety": order.variety,
        "product": order.product.value,
        "order_type": OrderType(order.order_type).value,
        "quantity": order.quantity // unit(priced.listing),
        "price": number(priced.price),
        "charges": _charges_row(priced.charges, tax=_tax(priced.listing)),
    }


def _tax(listing: Listing) -> str:
    return "ctt" if listing.exchange is Venue.MCX else "stt"
