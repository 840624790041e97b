"""Orders, executions, positions and money as IBKR shows them."""

from datetime import UTC, datetime
from decimal import Decimal

from domain.instruments import Kind
from domain.orders import OrderType
from domain.symbols import MONTHS
from simulator.exchange.types import ClientOrder, ClientPosition, ClientTrade, Margins, OrderState
from simulator.faces.ibkr.names import (
    VENUE,
    conid_of,
    day_of,
    description_of,
    security_of,
    side_of,
    symbol_of,
)
from simulator.faces.ibkr.wire import Row, number, text
from simulator.market.types import Listing

_S = OrderState
STATUSES = {
    _S.RECEIVED: "PendingSubmit",
    _S.VALIDATION_PENDING: "PendingSubmit",
    _S.OPEN_PENDING: "PendingSubmit",
    _S.TRIGGER_PENDING: "PreSubmitted",
    _S.OPEN: "Submitted",
    _S.MODIFY_VALIDATION_PENDING: "Submitted",
    _S.MODIFY_PENDING: "Submitted",
    _S.MODIFIED: "Submitted",
    _S.CANCEL_PENDING: "PendingCancel",
    _S.COMPLETE: "Filled",
    _S.CANCELLED: "Cancelled",
    _S.REJECTED: "Cancelled",  # with the reason beside it
}
_TYPES = {
    OrderType.LIMIT: ("Limit", "LIMIT"),
    OrderType.SL: ("Stop Limit", "STOP_LIMIT"),
    OrderType.MARKET: ("Market", "MARKET"),
    OrderType.SL_M: ("Stop", "STOP"),
}
CURRENCY = "INR"
PAGE = 100


def order_row(order: ClientOrder) -> Row:
    """Return one row of ``/iserver/account/orders``."""
    listing, (shown, original) = order.listing, _TYPES[order.order_type]
    row: Row = {
        "acct": order.client,
        "conidex": f"{conid_of(listing)}@{VENUE}",
        "conid": conid_of(listing),
        "account": order.client,
        "orderId": int(order.order_id),
        "cashCcy": CURRENCY,
        "sizeAndFills": f"{order.filled_quantity}/{order.quantity}",
        "orderDesc": f"{order.side.value.capitalize()} {order.quantity} {shown} {text(order.price)}, {order.validity}",
        "description1": symbol_of(listing),
        "ticker": symbol_of(listing),
        "secType": security_of(listing),
        "listingExchange": VENUE,
        "remainingQuantity": float(order.pending_quantity),
        "filledQuantity": float(order.filled_quantity),
        "totalSize": float(order.quantity),
        "companyName": listing.name,
        "status": STATUSES[order.state],
        "order_ccp_status": STATUSES[order.state],
        "origOrderType": original,
        "supportsTaxOpt": "0",
        "lastExecutionTime": _stamp(order.updated_at),
        "orderType": shown,
        "bgColor": "#FFFFFF",
        "fgColor": "#000000",
        "isEventTrading": "0",
        "timeInForce": order.validity.value,
        "lastExecutionTime_r": milliseconds(order.updated_at),
        "side": order.side.value,
        "price": text(order.price) if order.price else "",
    }
    if _contract(listing):
        row["description2"] = _contract(listing)
    if order.trigger_price:
        row["auxPrice"] = text(order.trigger_price)
    if order.filled_quantity:
        row["avgPrice"] = text(order.average_price)
    if order.tag:
        row["order_ref"] = order.tag
    if order.state is OrderState.REJECTED:
        row["order_cancellation_by_system_reason"] = order.message
    return row


def status_row(order: ClientOrder) -> Row:
    """Return ``/iserver/account/order/status/{orderId}``."""
    listing, final = order.listing, order.pending_quantity == 0
    return {
        "sub_type": None,
        "request_id": "1",
        "server_id": "0",
        "order_id": int(order.order_id),
        "conidex": str(conid_of(listing)),
        "conid": conid_of(listing),
        "symbol": symbol_of(listing),
        "side": order.side.value[0],
        "contract_description_1": symbol_of(listing),
        "listing_exchange": VENUE,
        "company_name": listing.name,
        "size": f"{order.pending_quantity:.1f}",
        "total_size": f"{order.quantity:.1f}",
        "currency": CURRENCY,
        "account": order.client,
        "order_type": _TYPES[order.order_type][1],
        "cum_fill": f"{order.filled_quantity:.1f}",
        "order_status": STATUSES[order.state],
        "order_status_description": f"Order {STATUSES[order.state]}",
        "tif": order.validity.value,
        "limit_price": text(order.price) if order.price else "",
        "stop_price": text(order.trigger_price) if order.trigger_price else "",
        "order_not_editable": final,
        "cannot_cancel_order": final,
        "sec_type": security_of(listing),
        "order_description": f"{order.side.value.capitalize()} {order.quantity}",
        "average_price": text(order.average_price) if order.filled_quantity else "",
        "order_time": _stamp(order.placed_at),
        "order_ref": order.tag,
    }


def execution_id(trade: ClientTrade) -> str:
    """Return what IBKR calls an execution."""
    return f"{trade.exchange_order_id or trade.order_id}.{trade.trade_id}.01"


def trade_row(trade: ClientTrade, order: ClientOrder) -> Row:
    """Return one row of ``/iserver/account/trades``: the tag, but not the order's id."""
    listing, side = trade.listing, trade.side.value
    row: Row = {
        "execution_id": execution_id(trade),
        "symbol": symbol_of(listing),
        "supports_tax_opt": "0",
        "side": side[0],
        "order_description": f"{'Bot' if side == 'BUY' else 'Sold'} {trade.quantity} @ {text(trade.price)} on {VENUE}",
        "trade_time": trade.filled_at.astimezone(UTC).strftime("%Y%m%d-%H:%M:%S"),
        "trade_time_r": milliseconds(trade.filled_at),
        "size": float(trade.quantity),
        "price": text(trade.price),
        "submitter": trade.client.lower(),
        "exchange": VENUE,
        "commission": "20.00",
        "net_amount": number(trade.price * trade.quantity),
        "account": trade.client,
        "accountCode": trade.client,
        "account_allocation_name": trade.client,
        "company_name": listing.name,
        "contract_description_1": symbol_of(listing),
        "sec_type": security_of(listing),
        "listing_exchange": VENUE,
        "conid": conid_of(listing),
        "conidEx": str(conid_of(listing)),
        "clearing_id": "IB",
        "clearing_name": "IB",
        "liquidation_trade": "0",
        "is_event_trading": "0",
    }
    return {**row, "order_ref": order.tag} if order.tag else row


def position_row(position: ClientPosition, client: str) -> Row:
    """Return one row of a page of positions."""
    listing = position.listing
    return {
        "acctId": client,
        "conid": conid_of(listing),
        "contractDesc": description_of(listing),
        "position": float(position.quantity),
        "mktPrice": number(position.last_price),
        "mktValue": number(position.last_price * position.quantity),
        "currency": CURRENCY,
        "avgCost": number(position.average_price),
        "avgPrice": number(position.average_price),
        "realizedPnl": number(position.realised),
        "unrealizedPnl": number(position.unrealised),
        "exchs": None,
        "expiry": day_of(listing) or None,
        "putOrCall": side_of(listing) if listing.kind is Kind.OPTION else None,
        "multiplier": 0.0,
        "strike": f"{listing.strike.normalize():f}" if listing.strike is not None else "0",
        "exerciseStyle": None,
        "conExchMap": [],
        "assetClass": security_of(listing),
        "undConid": 0,
        "model": "",
        "listingExchange": VENUE,
        "countryCode": "IN",
        "name": listing.name,
        "ticker": symbol_of(listing),
        "pageSize": PAGE,
    }


def bare(row: Row) -> Row:
    """Return a position as the first read of a session shows it: without its names."""
    return {key: value for key, value in row.items() if key not in ("name", "ticker", "listingExchange", "countryCode")}


def summary_rows(margins: Margins, client: str, *, currency: str, rate: Decimal) -> Row:
    """Return ``/portfolio/{account}/summary``; ``rate`` is the account's currency to the rupee."""
    equity = margins.available + margins.used
    sums = {
        "availablefunds": margins.available,
        "buyingpower": margins.available,
        "equitywithloanvalue": equity,
        "excessliquidity": margins.available,
        "fullavailablefunds": margins.available,
        "initmarginreq": margins.used,
        "maintmarginreq": margins.used,
        "netliquidation": equity + margins.unrealised,
        "totalcashvalue": margins.cash + margins.realised,
    }
    rows = {name: _amount(value * rate, currency) for name, value in sums.items()}
    return {"accountcode": {"amount": 0.0, "currency": None, "isNull": False, "value": client, "severity": 0}, **rows}


def milliseconds(moment: datetime) -> int:
    """Return epoch milliseconds."""
    return int(moment.timestamp() * 1000)


def _amount(value: Decimal, currency: str) -> Row:
    return {"amount": number(value), "currency": currency, "isNull": False, "value": None, "severity": 0}


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%y%m%d%H%M%S")


def _contract(listing: Listing) -> str:
    """Return what tells a derivative from its sisters: NOV 24 '26 24200 Call."""
    if listing.expiry is None:
        return ""
    day = f"{MONTHS[listing.expiry.month - 1]} {listing.expiry.day:02} '{listing.expiry.year % 100:02}"
    if listing.strike is None:
        return day
    return f"{day} {listing.strike.normalize():f} {'Call' if side_of(listing) == 'C' else 'Put'}"
