"""POST and DELETE /order, and /order/cancelReplace: Binance has no change of an order, only another in its place."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from domain.instruments import Exchange
from simulator.clients import Client
from simulator.exchange.types import RESTING_STATES, ClientOrder, OrderEdit, Reason, Refusal
from simulator.exchange.types import NewOrder as Order
from simulator.faces.binance.calls import Asked, BinanceCounter
from simulator.faces.binance.fields import TYPES, client_id, wish
from simulator.faces.binance.listings import MOST_OPEN
from simulator.faces.binance.mapping import fill, report
from simulator.faces.binance.order_calls import OrderCalls
from simulator.faces.binance.wire import BinanceError, filtered, success
from simulator.faces.calls import FaceError
from simulator.faces.orders import CANCEL, MODIFY, PLACE, OrderCall

_DISABLED = "This action is disabled on this account."
_SHORT = "Account has insufficient balance for requested action."
_REFUSALS: Mapping[Reason, tuple[int, str]] = {
    Reason.MARGIN: (-2010, _SHORT),
    Reason.POSITION: (-2010, _SHORT),
    Reason.HALTED: (-2010, "Market is closed."),
    Reason.EXCHANGE: (-2010, _DISABLED),
    Reason.TRIGGER: (-2010, "Order would trigger immediately."),
    Reason.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
    Reason.ORDER_NOT_OPEN: (-2011, "Unknown order sent."),
    Reason.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Reason.BAND: (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    Reason.TICK: (-1013, "Filter failure: PRICE_FILTER"),
    Reason.PRICE: (-1013, "Filter failure: PRICE_FILTER"),
}
_BRIEF = ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")
_FULL_BY_DEFAULT = frozenset({"LIMIT", "MARKET"})


class BinanceOrders(OrderCalls):
    """Order calls of the spot market."""

    exchange = Exchange.BINANCE
    types = TYPES
    refusals = _REFUSALS
    refusal = (-2010, _DISABLED)

    def __init__(self, counter: BinanceCounter) -> None:
        super().__init__(counter)
        self._replaced: dict[str, str] = {}

    def named(self, request: web.Request, client: Client | None, asked: Asked) -> str:
        """Return the order a cancel or replacement is about: by Binance's number, or the latest of a client id."""
        number = asked.params.get("orderId") or asked.params.get("cancelOrderId", "")
        tag = asked.params.get("origClientOrderId") or asked.params.get("cancelOrigClientOrderId", "")
        if client is None or not (number or tag):
            return ""
        for order in reversed(self.desk.exchange.orders(client.client)):
            is_it = number in ("", order.order_id) and tag in ("", order.tag)
            where = (order.listing.exchange, order.listing.symbol)
            if is_it and where == (self.exchange, asked.params.get("symbol")):
                return order.order_id
        return ""

    def columns(self, request: web.Request, asked: Asked) -> Mapping[str, str]:
        """Return trigger and tag; a cancel's ``newClientOrderId`` is its own."""
        return {
            "trigger_price": asked.params.get("stopPrice", ""),
            "tag": asked.params.get("newClientOrderId", "") if request.method != "DELETE" else "",
        }

    def new_order(self, call: OrderCall[Asked]) -> Order:
        """Return the order to place."""
        return wish(call.form, self.desk.exchange.market).order

    def order_edit(self, call: OrderCall[Asked], order: ClientOrder) -> OrderEdit:
        """There is none: ``_modify`` puts another order in its place."""
        raise BinanceError(-1020, "This operation is not supported.")

    def done(self, call: OrderCall[Asked], order_id: str) -> web.Response:
        """Return the reply to a call that was accepted."""
        asked, order = call.form, self.order_of(call, order_id)
        if call.name == CANCEL:
            return success(_cancelled(order, asked))
        placed = self._placed(order, asked)
        if call.name == PLACE:
            return success(placed)
        old = self.desk.exchange.order(order.client, self._replaced[order_id])
        return success(_replaced(_cancelled(old, asked, name="cancelNewClientOrderId"), placed))

    def check_open(self, client: Client, order: Order) -> None:
        """Refuse a maker that would take, a tag that rests already, and one order too many."""
        if order.variety == "LIMIT_MAKER" and self.crosses(order):
            raise BinanceError(-2010, "Order would immediately match and take.")
        resting = [one for one in self._resting(client) if one.listing.symbol == order.symbol]
        if any(one.tag == order.tag for one in resting):
            raise BinanceError(-2010, "Duplicate order sent.")
        if len(resting) >= MOST_OPEN:
            raise filtered("MAX_NUM_ORDERS")

    def _modify(self, call: OrderCall[Asked], client: Client) -> str:
        order, old = self.new_order(call), self._replaceable(call, client)
        self.desk.exchange.cancel(client.client, old.order_id, now=self.desk.now())
        try:
            order_id = self.taken(client, order)
        except (FaceError, Refusal) as error:
            raise self._half(old, call.form, error) from None
        self._replaced[order_id] = old.order_id
        return order_id

    def _replaceable(self, call: OrderCall[Asked], client: Client) -> ClientOrder:
        """Return the order to replace; raises the error of a replacement of which nothing was done."""
        if call.form.text("cancelReplaceMode") != "STOP_ON_FAILURE":
            raise BinanceError(-1020, "This operation is not supported.")
        old = self.desk.exchange.order(client.client, call.order_id) if call.order_id else None
        if old is None or old.state not in RESTING_STATES:
            raise _nothing_done("Unknown order sent.")
        if call.form.params.get("cancelRestrictions") == "ONLY_NEW" and old.filled_quantity:
            raise _nothing_done("Order was not canceled due to cancel restrictions.")
        return old

    def _half(self, old: ClientOrder, asked: Asked, error: FaceError | Refusal) -> BinanceError:
        refused = self.refused(error, name=MODIFY) if isinstance(error, Refusal) else error
        cancelled = _cancelled(self.desk.exchange.order(old.client, old.order_id), asked, name="cancelNewClientOrderId")
        data = {
            "cancelResult": "SUCCESS",
            "newOrderResult": "FAILURE",
            "cancelResponse": cancelled,
            "newOrderResponse": {"code": int(refused.code), "msg": refused.message},
        }
        return BinanceError(-2021, "Order cancel-replace partially failed.", status=409, data=data)

    def _placed(self, order: ClientOrder, asked: Asked) -> dict[str, Any]:
        default = "FULL" if order.variety in _FULL_BY_DEFAULT else "ACK"
        whole, wanted = report(order), asked.params.get("newOrderRespType") or default
        if wanted == "ACK":
            return {name: whole[name] for name in _BRIEF}
        if wanted == "FULL":
            trades = self.desk.exchange.trades(order.client, order.order_id)
            whole["fills"] = [fill(trade) for trade in trades]
        return {**whole, "workingTime": whole["transactTime"]}

    def _resting(self, client: Client) -> list[ClientOrder]:
        orders = self.desk.exchange.orders(client.client)
        return [one for one in orders if one.state in RESTING_STATES and one.listing.exchange is self.exchange]


def _cancelled(order: ClientOrder, asked: Asked, *, name: str = "newClientOrderId") -> dict[str, Any]:
    """Return what is said of a cancelled order: ``clientOrderId`` is the cancel's own."""
    own = client_id(replace(asked, params={"id": asked.params.get(name, "")}), "id")
    return {**report(order), "origClientOrderId": order.tag, "clientOrderId": own}


def _replaced(cancelled: Mapping[str, Any], placed: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "cancelResult": "SUCCESS",
        "newOrderResult": "SUCCESS",
        "cancelResponse": cancelled,
        "newOrderResponse": placed,
    }


def _nothing_done(why: str) -> BinanceError:
    data = {
        "cancelResult": "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": {"code": -2011, "msg": why},
        "newOrderResponse": None,
    }
    return BinanceError(-2022, "Order cancel-replace failed.", data=data)
