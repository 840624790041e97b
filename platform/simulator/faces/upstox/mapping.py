"""The exchange's objects in Upstox's words: the keys and units of the documented replies."""

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from domain.clock import IST
from domain.instruments import Exchange as Venue
from domain.instruments import Kind
from domain.orders import Product
from simulator.exchange.types import ClientOrder, ClientPosition, ClientTrade, Margins, OrderMargin
from simulator.faces.upstox.names import book_symbol, key_of, master_symbol, segment_of, unit
from simulator.faces.upstox.wire import day_first, iso, rupees, stamp
from simulator.market.calendar import is_monthly
from simulator.market.types import Level, Listing, MarketQuote

Row = dict[str, Any]

_LEVELS = 5


def order_row(order: ClientOrder) -> Row:
    """Return an order as the book shows it."""
    per, symbol = unit(order.listing), book_symbol(order.listing)
    return {
        "exchange": order.listing.exchange.value,
        "product": _product(order.product),
        "price": order.price,
        "quantity": order.quantity // per,
        "status": order.state.value.lower(),
        "guid": None,
        "tag": order.tag or None,
        "instrument_token": key_of(order.listing),
        "placed_by": order.client,
        "trading_symbol": symbol,
        "tradingsymbol": symbol,
        "order_type": order.order_type.value,
        "validity": order.validity.value,
        "trigger_price": order.trigger_price,
        "disclosed_quantity": order.disclosed_quantity // per,
        "transaction_type": order.side.value,
        "average_price": order.average_price,
        "filled_quantity": order.filled_quantity // per,
        "pending_quantity": order.pending_quantity // per,
        "status_message": order.message or None,
        "status_message_raw": order.message or None,
        "exchange_order_id": order.exchange_order_id or None,
        "parent_order_id": None,
        "order_id": order.order_id,
        "variety": "SIMPLE",
        "order_timestamp": stamp(order.updated_at),
        "exchange_timestamp": stamp(order.updated_at if order.exchange_at else None),
        "is_amo": False,
        "order_request_id": str(1 + order.modifications),
        "order_ref_id": f"udapi-{order.order_id}",
    }


def state_row(order: ClientOrder) -> Row:
    """Return one state of an order's history, which is shown in fewer words than the book."""
    return {name: value for name, value in order_row(order).items() if name not in _NOT_IN_HISTORY}


_NOT_IN_HISTORY = frozenset({"guid", "pending_quantity", "status_message_raw", "order_ref_id"})


def order_update(order: ClientOrder) -> Row:
    """Return what the order socket and the webhook say of an order."""
    row = order_row(order)
    key, client = row["instrument_token"], order.client
    return {"update_type": "order", "user_id": client, "userId": client, "instrument_key": key, **row}


def trade_row(trade: ClientTrade, order: ClientOrder) -> Row:
    """Return an execution."""
    symbol = book_symbol(trade.listing)
    return {
        "exchange": trade.listing.exchange.value,
        "product": _product(trade.product),
        "trading_symbol": symbol,
        "tradingsymbol": symbol,
        "instrument_token": key_of(trade.listing),
        "order_type": order.order_type.value,
        "transaction_type": trade.side.value,
        "quantity": trade.quantity // unit(trade.listing),
        "exchange_order_id": trade.exchange_order_id,
        "order_id": trade.order_id,
        "exchange_timestamp": day_first(trade.filled_at),
        "average_price": trade.price,
        "trade_id": trade.trade_id,
        "order_ref_id": f"udapi-{trade.order_id}",
        "order_timestamp": day_first(order.placed_at),
    }


def position_row(position: ClientPosition) -> Row:
    """Return a position with what was carried into the day."""
    listing, symbol = position.listing, book_symbol(position.listing)
    per, overnight = unit(listing), position.overnight_quantity
    return {
        "exchange": listing.exchange.value,
        "multiplier": listing.multiplier * per,
        "value": position.buy_value - position.sell_value,
        "pnl": position.realised + position.unrealised,
        "product": _product(position.product),
        "instrument_token": key_of(listing),
        "average_price": position.average_price,
        "buy_value": position.buy_value,
        "overnight_quantity": overnight // per,
        "day_buy_value": position.day_buy_value,
        "day_buy_price": _price(position, position.day_buy_quantity, position.day_buy_value),
        "overnight_buy_amount": position.buy_value - position.day_buy_value,
        "overnight_buy_quantity": max(overnight, 0) // per,
        "day_buy_quantity": position.day_buy_quantity // per,
        "day_sell_value": position.day_sell_value,
        "day_sell_price": _price(position, position.day_sell_quantity, position.day_sell_value),
        "overnight_sell_amount": position.sell_value - position.day_sell_value,
        "overnight_sell_quantity": max(-overnight, 0) // per,
        "day_sell_quantity": position.day_sell_quantity // per,
        "quantity": position.quantity // per,
        "last_price": position.last_price,
        "unrealised": position.unrealised,
        "realised": position.realised,
        "sell_value": position.sell_value,
        "trading_symbol": symbol,
        "tradingsymbol": symbol,
        "close_price": position.close_price,
        "buy_price": _price(position, position.buy_quantity, position.buy_value),
        "sell_price": _price(position, position.sell_quantity, position.sell_value),
    }


def funds_row(margins: Margins | None) -> Row:
    """Return the funds of one segment; ``None`` is the commodity segment, whose money is in the other one."""
    if margins is None:
        return dict.fromkeys(_FUNDS, 0.0)
    shown = (margins.used, 0, margins.span, 0, 0, margins.available, margins.exposure)
    return dict(zip(_FUNDS, shown, strict=True))


_FUNDS = (
    "used_margin",
    "payin_amount",
    "span_margin",
    "adhoc_margin",
    "notional_cash",
    "available_margin",
    "exposure_margin",
)


def margin_row(margin: OrderMargin) -> Row:
    """Return what one order would need."""
    return {
        "span_margin": margin.span,
        "exposure_margin": margin.exposure,
        "equity_margin": margin.delivery,
        "net_buy_premium": margin.option_premium,
        "additional_margin": 0,
        "total_margin": margin.total,
        "tender_margin": 0,
    }


def quote_row(listing: Listing, quote: MarketQuote, depth: tuple[Sequence[Level], Sequence[Level]]) -> Row:
    """Return the full quote; ``ohlc.close`` is the price of the day itself, as in the documentation's sample."""
    per = unit(listing)
    return {
        "ohlc": {
            "open": rupees(quote.open),
            "high": rupees(quote.high),
            "low": rupees(quote.low),
            "close": rupees(quote.last_price),
        },
        "depth": {"buy": _levels(depth[0], per), "sell": _levels(depth[1], per)},
        "timestamp": iso(quote.exchange_at),
        "instrument_token": key_of(listing),
        "symbol": listing.symbol,
        "last_price": rupees(quote.last_price),
        "volume": quote.volume // per,
        "average_price": rupees(quote.average_price),
        "oi": float(quote.open_interest // per),
        "net_change": rupees(quote.last_price - quote.close),
        "total_buy_quantity": float(quote.total_buy_quantity // per),
        "total_sell_quantity": float(quote.total_sell_quantity // per),
        "lower_circuit_limit": rupees(quote.lower_band),
        "upper_circuit_limit": rupees(quote.upper_band),
        "last_trade_time": str(quote.last_trade_at),
        "oi_day_high": float(quote.open_interest_high // per),
        "oi_day_low": float(quote.open_interest_low // per),
    }


def price_row(listing: Listing, quote: MarketQuote) -> Row:
    """Return the shortest quote of v3."""
    per = unit(listing)
    return {
        "last_price": rupees(quote.last_price),
        "instrument_token": key_of(listing),
        "ltq": quote.last_quantity // per,
        "volume": quote.volume // per,
        "cp": rupees(quote.close),
    }


def master_row(listing: Listing) -> Row:
    """Return one object of the instrument master; price steps are paise."""
    head = {
        "segment": segment_of(listing),
        "name": listing.name,
        "exchange": "MCX" if listing.exchange is Venue.MCX else "BSE" if listing.exchange is Venue.BFO else "NSE",
        "instrument_type": _TYPES.get(listing.kind, listing.right.value),
        "instrument_key": key_of(listing),
        "exchange_token": str(listing.exchange_token),
        "trading_symbol": master_symbol(listing),
    }
    if listing.kind is Kind.INDEX:
        return head
    traded = head | {
        "lot_size": listing.lot_size,
        "freeze_quantity": float(listing.freeze_quantity or 100_000),
        "tick_size": float(listing.tick_size * 100),
        "qty_multiplier": float(listing.lot_size if listing.exchange is Venue.MCX else 1),
    }
    if listing.expiry is None:
        return traded | {"isin": key_of(listing).partition("|")[2], "security_type": "NORMAL"}
    return traded | _derivative(listing, listing.expiry)


def _derivative(listing: Listing, expiry: date) -> Row:
    last_second = datetime.combine(expiry, time(23, 59, 59), tzinfo=IST)
    return {
        "weekly": listing.kind is Kind.OPTION and not is_monthly(expiry),
        "expiry": int(last_second.timestamp() * 1000),
        "asset_symbol": listing.underlying,
        "underlying_symbol": listing.underlying,
        "underlying_type": _underlying_type(listing),
        "minimum_lot": listing.lot_size,
        "strike_price": float(listing.strike or 0),
    }


_TYPES = {Kind.INDEX: "INDEX", Kind.EQUITY: "EQ", Kind.FUTURE: "FUT"}


def _underlying_type(listing: Listing) -> str:
    if listing.exchange is Venue.MCX:
        return "COM"
    return "INDEX" if listing.underlying in _INDICES else "EQUITY"


_INDICES = frozenset({"NIFTY", "BANKNIFTY"})


def _product(product: Product) -> str:
    return "I" if product is Product.MIS else "D"


def _price(position: ClientPosition, quantity: int, value: Decimal) -> Decimal:
    if not quantity:
        return Decimal(0)
    return (value / (quantity * position.listing.multiplier)).quantize(Decimal("0.0001"))


def _levels(levels: Sequence[Level], per: int) -> list[Row]:
    rows = [{"quantity": size // per, "price": rupees(price), "orders": count} for price, size, count in levels]
    return rows + [{"quantity": 0, "price": 0.0, "orders": 0}] * (_LEVELS - len(rows))
