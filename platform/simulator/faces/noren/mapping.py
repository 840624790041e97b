"""The exchange's objects in Noren's words: the keys and units of the recorded replies, every value a string."""

from collections.abc import Sequence
from decimal import Decimal

from domain.instruments import Kind
from domain.prices import to_decimal
from simulator.exchange.types import ClientOrder, ClientPosition, ClientTrade, Margins, OrderMargin, OrderState
from simulator.faces.noren.fields import ORDER_TYPES, PRODUCTS, SIDES, VALIDITIES
from simulator.faces.noren.names import instrument_of, token_of, trading_symbol, unit
from simulator.faces.noren.wire import Row, day_first, money, stamp
from simulator.market.types import Listing

_S = OrderState
_STATES: dict[OrderState, tuple[str, str]] = {
    _S.RECEIVED: ("PENDING", "NewAck"),
    _S.VALIDATION_PENDING: ("PENDING", "PendingNew"),
    _S.OPEN_PENDING: ("PENDING", "PendingNew"),
    _S.TRIGGER_PENDING: ("TRIGGER_PENDING", "New"),
    _S.OPEN: ("OPEN", "New"),
    _S.MODIFY_VALIDATION_PENDING: ("PENDING", "ModAck"),
    _S.MODIFY_PENDING: ("PENDING", "PendingReplace"),
    _S.MODIFIED: ("REPLACED", "Replaced"),
    _S.CANCEL_PENDING: ("PENDING", "PendingCancel"),
    _S.COMPLETE: ("COMPLETE", "Fill"),
    _S.CANCELLED: ("CANCELED", "Canceled"),
    _S.REJECTED: ("REJECTED", "Rejected"),
}
_PRODUCT_CODES = {word: code for code, word in PRODUCTS.items()}
_SIDE_CODES = {word: code for code, word in SIDES.items()}
_TYPE_CODES = {word: code for code, word in ORDER_TYPES.items()}
_VALIDITY_CODES = {VALIDITIES[code]: code for code in ("DAY", "IOC")}
_FACTOR = Decimal("0.000001")


def order_row(order: ClientOrder) -> Row:
    """Return an order as the book and its history show it; an unfilled one has no average price."""
    per = unit(order.listing)
    status, report = _reported(order)
    row = {
        "stat": "Ok",
        "norenordno": order.order_id,
        "uid": order.client,
        "actid": order.client,
        **contract_row(order.listing),
        "qty": str(order.quantity // per),
        "trantype": _SIDE_CODES[order.side],
        "prctyp": _TYPE_CODES[order.order_type],
        "ret": _VALIDITY_CODES[order.validity],
        "prc": money(order.price),
        "dscqty": str(order.disclosed_quantity // per),
        "prd": _PRODUCT_CODES[order.product],
        "status": status,
        "rpt": report,
        "fillshares": str(order.filled_quantity // per),
        "norentm": stamp(order.updated_at),
        "ordenttm": str(int(order.placed_at.timestamp())),
        "remarks": order.tag,
    }
    return row | _occasional(order, per)


def order_update(order: ClientOrder, trade: ClientTrade | None) -> Row:
    """Return an order as the socket pushes it: ``reporttype`` for ``rpt``, and the fill where it is one."""
    update = {"t": "om", **order_row(order)}
    update["reporttype"] = update.pop("rpt")
    del update["stat"]
    if trade is not None and update["reporttype"] == "Fill":
        update |= _fill(trade)
    return update


def trade_row(trade: ClientTrade, order: ClientOrder) -> Row:
    """Return an execution."""
    per = unit(trade.listing)
    return {
        "stat": "Ok",
        "norenordno": trade.order_id,
        "uid": trade.client,
        "actid": trade.client,
        **contract_row(trade.listing),
        "prctyp": _TYPE_CODES[order.order_type],
        "ret": _VALIDITY_CODES[order.validity],
        "prd": _PRODUCT_CODES[trade.product],
        "trantype": _SIDE_CODES[trade.side],
        "qty": str(order.quantity // per),
        "fillshares": str(order.filled_quantity // per),
        "prc": money(order.price),
        "avgprc": money(order.average_price),
        **_fill(trade),
        "norentm": stamp(trade.filled_at),
        "exch_tm": stamp(trade.filled_at),
        "remarks": order.tag,
        "exchordid": trade.exchange_order_id,
    }


def position_row(position: ClientPosition) -> Row:
    """Return a position; ``prcftr`` is the rupees one counted quantity gains when the price rises by 1."""
    listing = position.listing
    per = unit(listing)
    carried_buys = position.buy_quantity - position.day_buy_quantity
    carried_sells = position.sell_quantity - position.day_sell_quantity
    return {
        "stat": "Ok",
        "uid": "",
        "actid": "",
        **contract_row(listing),
        "prd": _PRODUCT_CODES[position.product],
        "mult": "1",
        "prcftr": str((listing.multiplier * per).quantize(_FACTOR)),
        **_traded("daybuy", position.day_buy_quantity, position.day_buy_value, listing),
        **_traded("daysell", position.day_sell_quantity, position.day_sell_value, listing),
        **_traded("cfbuy", carried_buys, position.buy_value - position.day_buy_value, listing),
        **_traded("cfsell", carried_sells, position.sell_value - position.day_sell_value, listing),
        "netqty": str(position.quantity // per),
        "netavgprc": money(position.average_price),
        "lp": money(position.last_price),
        "urmtom": money(position.unrealised),
        "rpnl": money(position.realised),
    }


def limits_row(margins: Margins) -> Row:
    """Return the funds; what is used counts profits and losses in, so that the rest is free."""
    return {
        "cash": money(margins.cash),
        "payin": "0.00",
        "payout": "0.00",
        "brkcollamt": "0.00",
        "unclearedcash": "0.00",
        "daycash": "0.00",
        "turnoverlmt": "50000000000000.00",
        "pendordvallmt": "2000000000000000.00",
        "marginused": money(margins.cash - margins.available),
        "mtomcurper": "0.00",
        "urmtom": money(margins.unrealised),
        "rpnl": money(margins.realised),
        "span": money(margins.span),
        "expo": money(margins.exposure),
        "premium": money(margins.option_premium),
        "grexpo": money(margins.span + margins.exposure),
    }


def order_margin_row(margin: OrderMargin, margins: Margins) -> Row:
    """Return what one order would need."""
    enough = margin.total <= margins.available
    return {
        "remarks": "Order Success" if enough else "Insufficient Balance",
        "cash": money(margins.cash),
        "marginused": money(margins.used + margin.total),
        "marginusedprev": money(margins.used),
        "ordermargin": money(margin.total),
    }


def contract_row(listing: Listing) -> Row:
    """Return the contract of a row; ``ls`` is a lot in counted quantities."""
    return {
        "exch": listing.exchange.value,
        "token": token_of(listing),
        "tsym": trading_symbol(listing),
        "pp": "2",
        "ls": str(listing.lot_size // unit(listing)),
        "ti": f"{listing.tick_size:.2f}",
    }


def security_row(listing: Listing) -> Row:
    """Return a contract's facts."""
    row = contract_row(listing) | {
        "symname": listing.underlying,
        "cname": listing.name,
        "seg": "EQT" if listing.kind in (Kind.EQUITY, Kind.INDEX) else "DER",
        "instname": instrument_of(listing),
        "mult": "1",
        "prcftr_d": "(1 / 1 ) * (1 / 1)",
    }
    if listing.expiry is not None:
        row |= {"exd": listing.expiry.strftime("%d-%b-%Y").upper(), "optt": listing.right.value or "XX"}
    if listing.strike is not None:
        row |= {"strprc": money(listing.strike)}
    return row


def rupees(scaled: int) -> str:
    """Return a scaled price as the wire writes it."""
    return money(to_decimal(scaled))


def newest_first(rows: Sequence[ClientOrder]) -> list[Row]:
    """Return an order's states as its history lists them."""
    return [order_row(row) for row in reversed(rows)]


def _reported(order: ClientOrder) -> tuple[str, str]:
    status, report = _STATES[order.state]
    return status, "Fill" if order.state is _S.OPEN and order.filled_quantity else report


def _occasional(order: ClientOrder, per: int) -> Row:
    row: Row = {}
    if order.filled_quantity:
        row["avgprc"] = money(order.average_price)
    if order.trigger_price:
        row["trgprc"] = money(order.trigger_price)
    if order.exchange_order_id:
        row["exchordid"] = order.exchange_order_id
    if order.exchange_at is not None:
        row["exch_tm"] = stamp(order.exchange_at)
    if order.state is _S.CANCELLED:
        row["cancelqty"] = str(order.cancelled_quantity // per)
    if order.state is _S.REJECTED:
        row["rejreason"] = order.message
    return row


def _fill(trade: ClientTrade) -> Row:
    return {
        "flid": trade.trade_id,
        "fltm": day_first(trade.filled_at),
        "flqty": str(trade.quantity // unit(trade.listing)),
        "flprc": money(trade.price),
    }


def _traded(name: str, quantity: int, value: Decimal, listing: Listing) -> Row:
    price = value / (quantity * listing.multiplier) if quantity else Decimal(0)
    return {
        f"{name}qty": str(quantity // unit(listing)),
        f"{name}amt": money(value),
        f"{name}avgprc": money(price),
    }
