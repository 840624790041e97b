"""The exchange's objects in Kite's words: the keys and units of the documented replies."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.clock import IST
from domain.instruments import Exchange as Venue
from domain.instruments import Kind
from domain.prices import to_decimal
from simulator.exchange.types import ClientOrder, ClientPosition, ClientTrade, Margins, OrderState
from simulator.faces.zerodha.wire import number, stamp
from simulator.market.types import Level, Listing, MarketQuote

COUNTED_IN_LOTS = frozenset({Venue.MCX, Venue.CDS, Venue.BCD})

Row = dict[str, Any]


def unit(listing: Listing) -> int:
    """Return how many units Kite counts as one: the lot size on MCX and in currencies, else 1."""
    return listing.lot_size if listing.exchange in COUNTED_IN_LOTS else 1


def order_row(order: ClientOrder) -> Row:
    """Return an order as the book, its history, the order socket and the postback show it."""
    per = unit(order.listing)
    return {
        "account_id": order.client,
        "placed_by": order.client,
        "order_id": order.order_id,
        "exchange_order_id": order.exchange_order_id or None,
        "parent_order_id": None,
        "status": order.state.value,
        "status_message": order.message or None,
        "status_message_raw": order.message or None,
        "order_timestamp": stamp(order.updated_at),
        "exchange_update_timestamp": stamp(order.updated_at if order.exchange_at else None),
        "exchange_timestamp": stamp(order.exchange_at),
        "variety": order.variety,
        "modified": order.modifications > 0,
        "exchange": order.listing.exchange.value,
        "tradingsymbol": order.listing.symbol,
        "instrument_token": order.listing.token,
        "order_type": order.order_type.value,
        "transaction_type": order.side.value,
        "validity": order.validity.value,
        "validity_ttl": 0,
        "product": order.product.value,
        "quantity": order.quantity // per,
        "disclosed_quantity": order.disclosed_quantity // per,
        "price": number(order.price),
        "trigger_price": number(order.trigger_price),
        "average_price": number(order.average_price),
        "filled_quantity": order.filled_quantity // per,
        "pending_quantity": order.pending_quantity // per,
        "cancelled_quantity": order.cancelled_quantity // per,
        "market_protection": number(order.market_protection),
        "meta": {},
        "tag": order.tag or None,
        **_tags(order),
        "guid": None,
    }


def _tags(order: ClientOrder) -> Row:
    tags = [order.tag] if order.tag else []
    if order.market_protection:
        tags += ["mktp", f"mktp:{order.market_protection:.2f}"]
    return {"tags": tags} if tags else {}


def trade_row(trade: ClientTrade) -> Row:
    """Return an execution."""
    filled_at = stamp(trade.filled_at) or ""
    return {
        "trade_id": trade.trade_id,
        "order_id": trade.order_id,
        "exchange": trade.listing.exchange.value,
        "tradingsymbol": trade.listing.symbol,
        "instrument_token": trade.listing.token,
        "product": trade.product.value,
        "average_price": number(trade.price),
        "quantity": trade.quantity // unit(trade.listing),
        "exchange_order_id": trade.exchange_order_id,
        "transaction_type": trade.side.value,
        "fill_timestamp": filled_at,
        "order_timestamp": filled_at[11:],
        "exchange_timestamp": filled_at,
    }


def net_row(position: ClientPosition) -> Row:
    """Return a position with what was carried into the day."""
    return {
        **_position(position, position.quantity, position.average_price),
        "overnight_quantity": position.overnight_quantity // unit(position.listing),
        **_side(position, "buy", position.buy_quantity, position.buy_value),
        "buy_m2m": number(position.buy_value),
        **_side(position, "sell", position.sell_quantity, position.sell_value),
        "sell_m2m": number(position.sell_value),
        **_day_sides(position),
    }


def day_row(position: ClientPosition) -> Row:
    """Return a position of today's trades only."""
    quantity = position.day_buy_quantity - position.day_sell_quantity
    side = (position.day_buy_quantity, position.day_buy_value)
    if quantity < 0:
        side = (position.day_sell_quantity, position.day_sell_value)
    average = _price(position, *side) if quantity else Decimal(0)
    return {
        **_position(position, quantity, average),
        "overnight_quantity": 0,
        **_side(position, "buy", position.day_buy_quantity, position.day_buy_value),
        "buy_m2m": number(position.day_buy_value),
        **_side(position, "sell", position.day_sell_quantity, position.day_sell_value),
        "sell_m2m": number(position.day_sell_value),
        **_day_sides(position),
    }


def _position(position: ClientPosition, quantity: int, average: Decimal) -> Row:
    listing, pnl = position.listing, position.realised + position.unrealised
    return {
        "tradingsymbol": listing.symbol,
        "exchange": listing.exchange.value,
        "instrument_token": listing.token,
        "product": position.product.value,
        "quantity": quantity // unit(listing),
        "multiplier": number(listing.multiplier * unit(listing)),
        "average_price": number(average),
        "close_price": number(position.close_price),
        "last_price": number(position.last_price),
        "value": number(position.sell_value - position.buy_value),
        "pnl": number(pnl),
        "m2m": number(pnl),
        "unrealised": number(pnl if quantity else Decimal(0)),
        "realised": 0 if quantity else number(position.realised),
    }


def _side(position: ClientPosition, name: str, quantity: int, value: Decimal) -> Row:
    return {
        f"{name}_quantity": quantity // unit(position.listing),
        f"{name}_price": number(_price(position, quantity, value)),
        f"{name}_value": number(value),
    }


def _day_sides(position: ClientPosition) -> Row:
    return {
        **_side(position, "day_buy", position.day_buy_quantity, position.day_buy_value),
        **_side(position, "day_sell", position.day_sell_quantity, position.day_sell_value),
    }


def _price(position: ClientPosition, quantity: int, value: Decimal) -> Decimal:
    if not quantity:
        return Decimal(0)
    return (value / (quantity * position.listing.multiplier)).quantize(Decimal("0.0001"))


def margins_row(margins: Margins) -> Row:
    """Return the funds of one segment."""
    return {
        "enabled": True,
        "net": number(margins.available),
        "available": {
            "adhoc_margin": 0,
            "cash": number(margins.cash),
            "opening_balance": number(margins.cash),
            "live_balance": number(margins.available),
            "collateral": 0,
            "intraday_payin": 0,
        },
        "utilised": {
            "debits": number(margins.used),
            "exposure": number(margins.exposure),
            "m2m_realised": number(margins.realised),
            "m2m_unrealised": number(margins.unrealised),
            "option_premium": number(margins.option_premium),
            "payout": 0,
            "span": number(margins.span),
            "holding_sales": 0,
            "turnover": 0,
            "liquid_collateral": 0,
            "stock_collateral": 0,
            "delivery": number(margins.delivery),
        },
    }


def ltp_row(quote: MarketQuote) -> Row:
    """Return the shortest quote."""
    return {"instrument_token": quote.token, "last_price": _rupees(quote.last_price)}


def ohlc_row(quote: MarketQuote) -> Row:
    """Return the quote with the day's prices; ``close`` is the previous session's."""
    return {**ltp_row(quote), "ohlc": _ohlc(quote)}


def quote_row(listing: Listing, quote: MarketQuote, depth: tuple[Sequence[Level], Sequence[Level]]) -> Row:
    """Return the full quote; an index shows no trading."""
    if listing.kind is Kind.INDEX:
        return {**_moment(quote), **ohlc_row(quote), "net_change": _net_change(quote)}
    per = unit(listing)
    return {
        **_moment(quote),
        "last_trade_time": _time(quote.last_trade_at),
        **ltp_row(quote),
        "last_quantity": quote.last_quantity // per,
        "buy_quantity": quote.total_buy_quantity // per,
        "sell_quantity": quote.total_sell_quantity // per,
        "volume": quote.volume // per,
        "average_price": _rupees(quote.average_price),
        "oi": quote.open_interest // per,
        "oi_day_high": quote.open_interest_high // per,
        "oi_day_low": quote.open_interest_low // per,
        "net_change": _net_change(quote),
        "lower_circuit_limit": _rupees(quote.lower_band),
        "upper_circuit_limit": _rupees(quote.upper_band),
        "ohlc": _ohlc(quote),
        "depth": {"buy": _levels(depth[0], per), "sell": _levels(depth[1], per)},
    }


def _levels(levels: Sequence[Level], per: int) -> list[Row]:
    rows = [{"price": _rupees(price), "quantity": size // per, "orders": count} for price, size, count in levels]
    return rows + [{"price": 0, "quantity": 0, "orders": 0}] * (5 - len(rows))


def _ohlc(quote: MarketQuote) -> Row:
    return {name: _rupees(getattr(quote, name)) for name in ("open", "high", "low", "close")}


def _net_change(quote: MarketQuote) -> int | float:
    return _rupees(quote.last_price - quote.close) if quote.close else 0


def _moment(quote: MarketQuote) -> Row:
    return {"timestamp": _time(quote.exchange_at)}


def _time(milliseconds: int) -> str | None:
    return stamp(datetime.fromtimestamp(milliseconds / 1000, tz=IST)) if milliseconds else None


def _rupees(scaled: int) -> int | float:
    return number(to_decimal(scaled))


POSTBACK_STATES = frozenset({OrderState.COMPLETE, OrderState.CANCELLED, OrderState.REJECTED})
"""States a postback shows as they are; every other change is an UPDATE."""
