"""The exchange's objects in the platform's words: the keys, types and units of the recorded samples."""

import re
from datetime import datetime
from decimal import Decimal

from domain.orders import OrderType
from simulator.exchange.types import (
    FINAL_STATES,
    ClientOrder,
    ClientPosition,
    ClientTrade,
    Margins,
    OrderState,
    Reason,
)
from simulator.faces.mastertrust.fields import ORDER_TYPES
from simulator.faces.mastertrust.names import CODES, instrument_of, number_of, trading_symbol, unit
from simulator.faces.mastertrust.wire import Row, history_stamp, money, number, rupees, seconds
from simulator.market.types import Listing, MarketQuote

_TYPE_CODES = {word: code for code, word in ORDER_TYPES.items()}
_TRADE_TYPES = {OrderType.MARKET: "MKT"}
_AMOUNT = re.compile(r"\d+\.\d+")
_NOTHING = "--"


def is_completed(order: ClientOrder) -> bool:
    """Say in which half of the order book an order stands."""
    return order.state in FINAL_STATES


def order_row(order: ClientOrder) -> Row:
    """Return an order as the book and the socket show it: prices are strings, times epoch seconds."""
    listing, per = order.listing, unit(order.listing)
    return {
        "disclosed_quantity": order.disclosed_quantity // per,
        "average_price": money(order.average_price),
        "exchange_order_id": order.exchange_order_id or "NA",
        "series": "",
        "square_off?": False,
        "exchange": listing.exchange.value,
        "mode": "NEW",
        "device": None,
        "lot_size": listing.lot_size,
        "login_id": order.client,
        "order_side": order.side.value,
        "oms_order_id": order.order_id,
        "order_type": _TYPE_CODES[order.order_type],
        "trading_symbol": trading_symbol(listing),
        "stop_loss_value": None,
        "market_protection_percentage": number(order.market_protection),
        "quantity": order.quantity // per,
        "product": order.product.value,
        "trailing_stop_loss": None,
        "last_activity_reference": 0,
        "order_tag": "",
        "validity": order.validity.value,
        "segment": "",
        "average_trade_price": money(order.average_price),
        "square_off_value": None,
        "pro_cli": "CLIENT",
        "order_status": order.state.value.lower(),
        "order_status_info": "",
        "nnf_id": 0,
        "amo": False,
        "trigger_price": money(order.trigger_price),
        "leg_order_indicator": "",
        "price": money(order.price),
        "is_trailing": False,
        "trade_price": 0,
        "rejection_code": 0,
        "filled_quantity": order.filled_quantity // per,
        "target_price_type": "absolute",
        "exchange_time": seconds(_changed_at(order)),
        "user_order_id": order.tag or None,
        "rejection_reason": _reason(order),
        "instrument_token": str(number_of(listing)),
        "deposit": 0,
        "contract_description": {},
        "remaining_quantity": (order.quantity - order.filled_quantity) // per,
        "client_id": order.client,
        "order_entry_time": seconds(order.placed_at),
    }


def state_row(order: ClientOrder) -> Row:
    """Return an order at one of its states, as its history shows it: prices are numbers, the contract a number."""
    listing, per = order.listing, unit(order.listing)
    return {
        "avg_price": number(round(order.average_price, 2)),
        "client_id": order.client,
        "client_order_id": order.tag or None,
        "created_at": None,
        "disclosed_quantity": str(order.disclosed_quantity // per),
        "exchange": listing.exchange.value,
        "exchange_order_id": order.exchange_order_id or None,
        "exchange_time": history_stamp(_changed_at(order)),
        "fill_quantity": order.filled_quantity // per,
        "last_modified": None,
        "login_id": order.client,
        "modified_at": None,
        "order_id": order.order_id,
        "order_mode": None,
        "order_side": order.side.value,
        "order_type": _TYPE_CODES[order.order_type],
        "price": number(order.price),
        "product": order.product.value,
        "quantity": order.quantity // per,
        "reject_reason": _reason(order),
        "remaining_quantity": None,
        "segment": "Capital",
        "status": order.state.value.lower(),
        "symbol": listing.underlying,
        "token": number_of(listing),
        "trigger_price": number(order.trigger_price),
        "underlying_token": number_of(listing),
        "validity": order.validity.value,
    }


def trade_row(trade: ClientTrade, order: ClientOrder) -> Row:
    """Return an execution."""
    quantity = trade.quantity // unit(trade.listing)
    return {
        "book_type": "",
        "broker_id": "",
        "client_id": trade.client,
        "disclosed_vol": 0,
        "disclosed_vol_remaining": 0,
        "exchange": trade.listing.exchange.value,
        "exchange_order_id": trade.exchange_order_id,
        "exchange_time": seconds(order.placed_at),
        "fill_number": trade.trade_id,
        "filled_quantity": quantity,
        "good_till_date": "",
        "instrument_token": number_of(trade.listing),
        "login_id": None,
        "oms_order_id": trade.order_id,
        "order_entry_time": seconds(trade.filled_at),
        "order_price": number(trade.price),
        "order_side": trade.side.value,
        "order_type": _TRADE_TYPES.get(order.order_type, _TYPE_CODES[order.order_type]),
        "original_vol": 0,
        "pan": "",
        "pro_cli": _NOTHING,
        "product": trade.product.value,
        "remaining_quantity": None,
        "trade_number": trade.trade_id,
        "trade_price": number(trade.price),
        "trade_quantity": quantity,
        "trade_time": seconds(trade.filled_at),
        "trading_symbol": trading_symbol(trade.listing),
        "trigger_price": number(order.trigger_price),
        "v_login_id": None,
        "vol_filled_today": "Filledqty",
    }


def live_row(position: ClientPosition, client: str) -> Row:
    """Return a position of today's trades."""
    quantity = position.day_buy_quantity - position.day_sell_quantity
    return _position(position, client, quantity=quantity, is_net=False)


def net_row(position: ClientPosition, client: str) -> Row:
    """Return a position with what was carried into the day; its ``average_price`` is the last close."""
    row = _position(position, client, quantity=position.quantity, is_net=True)
    close = number(position.close_price)
    net = {
        "actual_average_buy_price": 0,
        "actual_average_sell_price": 0,
        "actual_cf_buy_amount": 0,
        "actual_cf_sell_amount": 0,
        "average_price": close,
        "close_price": close,
        "net_amount_mtm": row.pop("net_amount"),
        "pro_cli": "CLIENT",
        "v_login_id": client,
    }
    return row | net


def funds_table(margins: Margins, client: str) -> Row:
    """Return the funds; what is used counts profits and losses in, so that the rest is free."""
    rows = {
        "Available": margins.available,
        "Adhoc Margin": Decimal(0),
        "Margin Used": margins.cash - margins.available,
        "Pay In": Decimal(0),
        "Pay Out": Decimal(0),
        "Cash Margin": margins.cash,
        "Collateral": Decimal(0),
        "Var Margin": margins.delivery,
        "Span Margin": margins.span,
        "Premium Present": margins.option_premium,
        "Exposure Margin": margins.exposure,
    }
    return {
        "client_id": client,
        "headers": ["Description", "MTM_SINGLE_LEVEL-ALL"],
        "values": [[name, money(value)] for name, value in rows.items()],
    }


def scrip_row(listing: Listing, quote: MarketQuote) -> Row:
    """Return a contract's facts, with the day's band and the open interest."""
    expiry = listing.expiry
    return {
        "board_lot_quantity": listing.lot_size // unit(listing),
        "change_in_oi": 0,
        "exchange": CODES[listing.exchange.value],
        "expiry": 0,
        "expiry_string": expiry.strftime("%d-%b-%Y") if expiry else "",
        "higher_circuit_limit": rupees(quote.upper_band),
        "lower_circuit_limit": rupees(quote.lower_band),
        "instrument_name": instrument_of(listing),
        "instrument_token": number_of(listing),
        "multiplier": 1,
        "open_interest": quote.open_interest // unit(listing),
        "option_type": listing.right.value,
        "precision": 2,
        "strike": number(listing.strike) if listing.strike is not None else 0,
        "symbol": listing.underlying,
        "tick_size": number(listing.tick_size),
        "trading_symbol": trading_symbol(listing),
        "freeze": (listing.freeze_quantity or 0) // unit(listing),
        "company_name": listing.name,
        "display_name": trading_symbol(listing).replace("-", " "),
        "raw_tick_size": number(listing.tick_size * 100),
        "dpr": f"{rupees(quote.lower_band):.4f} - {rupees(quote.upper_band):.4f}",
        "is_index": instrument_of(listing) == "",
        "tradable": True,
        "max_single_qty": 0,
    }


def market_row(listing: Listing, quote: MarketQuote, *, exchange: str, segment: str) -> Row:
    """Return a quote: rupees, but bid, ask and the year's prices in paise."""
    per = unit(listing)
    return {
        "ask_price": paise(quote.ask),
        "ask_qty": quote.ask_quantity // per,
        "average_trade_price": rupees(quote.average_price),
        "bid_price": paise(quote.bid),
        "bid_qty": quote.bid_quantity // per,
        "close_price": rupees(quote.close),
        "exchange": exchange,
        "exchange_timestamp": quote.exchange_at // 1000,
        "high_price": rupees(quote.high),
        "instrument_token": number_of(listing),
        "last_trade_price": rupees(quote.last_price),
        "last_trade_qty": quote.last_quantity // per,
        "last_trade_time": quote.last_trade_at // 1000,
        "low_price": rupees(quote.low),
        "open_price": rupees(quote.open),
        "segment": segment,
        "total_buy_qty": quote.total_buy_quantity // per,
        "total_sell_qty": quote.total_sell_quantity // per,
        "trade_volume": quote.volume // per,
        "yearly_high": paise(quote.high),
        "yearly_low": paise(quote.low),
    }


def paise(scaled: int) -> int:
    """Return a scaled price in paise."""
    return scaled // 1_000_000


def _position(position: ClientPosition, client: str, *, quantity: int, is_net: bool) -> Row:
    listing, per = position.listing, unit(position.listing)
    bought, sold = position.day_buy_quantity, position.day_sell_quantity
    paid, got = position.day_buy_value, position.day_sell_value
    carried_in, carried_out = position.buy_quantity - bought, position.sell_quantity - sold
    sides = (position.buy_quantity, position.buy_value, position.sell_quantity, position.sell_value)
    buy_quantity, buy_value, sell_quantity, sell_value = sides if is_net else (bought, paid, sold, got)
    return {
        "average_buy_price": _average(buy_quantity, buy_value, listing),
        "average_sell_price": _average(sell_quantity, sell_value, listing),
        "buy_amount": number(paid),
        "buy_quantity": bought // per,
        "cf_buy_amount": number(position.buy_value - paid),
        "cf_buy_quantity": carried_in // per,
        "cf_sell_amount": number(position.sell_value - got),
        "cf_sell_quantity": carried_out // per,
        "client_id": client,
        "exchange": listing.exchange.value,
        "instrument_token": number_of(listing),
        "ltp": number(position.last_price),
        "multiplier": number(listing.multiplier * per),
        "net_amount": number(sell_value - buy_value),
        "net_quantity": quantity // per,
        "previous_close": number(position.close_price),
        "prod_type": position.product.value,
        "product": position.product.value,
        "realized_mtm": number(position.realised),
        "segment": None,
        "sell_amount": number(got),
        "sell_quantity": sold // per,
        "symbol": listing.underlying,
        "token": number_of(listing),
        "trading_symbol": trading_symbol(listing),
    }


def _average(quantity: int, value: Decimal, listing: Listing) -> int | float:
    return number(round(value / (quantity * listing.multiplier), 2)) if quantity else 0


def _changed_at(order: ClientOrder) -> datetime | None:
    """Return when the exchange last had a word on the order; ``None`` before it knew it."""
    return order.updated_at if order.exchange_at is not None else None


def _reason(order: ClientOrder) -> str:
    if order.state is not OrderState.REJECTED:
        return _NOTHING
    if order.reason is not Reason.MARGIN:
        return order.message
    required, available = [*_AMOUNT.findall(order.message), "0.00", "0.00"][:2]
    limits = f"for entity account-{order.client} across exchange across segment across product "
    return f"RMS:Margin Exceeds,Required:{required}, Available:{available} {limits}"
