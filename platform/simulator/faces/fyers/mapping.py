"""The exchange's objects in Fyers' words: the keys and units of the documented replies."""

from collections.abc import Sequence
from decimal import Decimal

from domain.instruments import Exchange as Venue
from domain.instruments import Kind
from domain.prices import to_decimal
from simulator.exchange.types import ClientOrder, ClientPosition, ClientTrade, Margins, OrderState
from simulator.faces.fyers.fields import ORDER_TYPES, PRODUCTS, SIDES
from simulator.faces.fyers.names import exchange_number, fy_token, segment_number, symbol_of, unit
from simulator.faces.fyers.wire import Row, number, stamp
from simulator.market.types import Level, Listing, MarketQuote

_CANCELLED, _FILLED, _TRANSIT, _REJECTED, _PENDING = 1, 2, 4, 5, 6
_STATUSES = {
    OrderState.RECEIVED: _TRANSIT,
    OrderState.VALIDATION_PENDING: _TRANSIT,
    OrderState.OPEN_PENDING: _TRANSIT,
    OrderState.COMPLETE: _FILLED,
    OrderState.CANCELLED: _CANCELLED,
    OrderState.REJECTED: _REJECTED,
}
_SIDES = {side: value for value, side in SIDES.items()}
_TYPES = {order_type: value for value, order_type in ORDER_TYPES.items()}
_PRODUCTS = {product: value for value, product in PRODUCTS.items()}
_SOURCE = "ITS"
_INSTRUMENTS = {Kind.INDEX: 10, Kind.EQUITY: 0}
_FUTURES, _OPTIONS = {True: 11, False: 13}, {True: 14, False: 15}
_COMMODITIES = {Kind.FUTURE: 30, Kind.OPTION: 31}
_INDICES = frozenset({"NIFTY", "BANKNIFTY"})


def order_row(order: ClientOrder) -> Row:
    """Return an order as the book shows it."""
    listing, per = order.listing, unit(order.listing)
    return {
        "clientId": order.client,
        "id": order.order_id,
        "exchOrdId": order.exchange_order_id,
        "qty": order.quantity // per,
        "remainingQuantity": order.pending_quantity // per,
        "filledQty": order.filled_quantity // per,
        "discloseQty": order.disclosed_quantity // per,
        "disclosedQty": order.disclosed_quantity // per,
        "dqQtyRem": 0,
        "limitPrice": number(order.price),
        "stopPrice": number(order.trigger_price),
        "tradedPrice": number(order.average_price),
        "type": _TYPES[order.order_type],
        "side": _SIDES[order.side],
        "productType": _PRODUCTS[order.product],
        "orderValidity": order.validity.value,
        "status": status_of(order),
        "message": order.message,
        "offlineOrder": order.variety == "amo",
        "orderDateTime": stamp(order.placed_at),
        "orderNumStatus": f"{order.order_id}:{status_of(order)}",
        "orderTag": tag_of(order),
        "slNo": 1,
        "source": _SOURCE,
        "pan": "",
        "takeProfit": 0,
        "stopLoss": 0,
        **_contract(listing),
        "ex_sym": listing.underlying,
        "description": listing.name,
    }


def pushed_order(order: ClientOrder) -> Row:
    """Return an order as the order socket tells it."""
    listing, per = order.listing, unit(order.listing)
    return {
        "client_id": order.client,
        "id": order.order_id,
        "id_exchange": order.exchange_order_id,
        "qty": order.quantity // per,
        "qty_remaining": order.pending_quantity // per,
        "qty_filled": order.filled_quantity // per,
        "price_limit": number(order.price),
        "price_stop": number(order.trigger_price),
        "price_traded": number(order.average_price),
        "ord_type": _TYPES[order.order_type],
        "tran_side": _SIDES[order.side],
        "product_type": _PRODUCTS[order.product],
        "validity": order.validity.value,
        "ord_status": status_of(order),
        "org_ord_status": status_of(order),
        "oms_msg": order.message,
        "offline_flag": order.variety == "amo",
        "time_oms": stamp(order.updated_at),
        "ord_source": _SOURCE,
        "ordertag": tag_of(order),
        "lot_size": listing.lot_size // per,
        "tick_size": number(listing.tick_size),
        "symbol": symbol_of(listing),
        "symbol_exch": listing.underlying,
        "symbol_desc": listing.name,
        "fy_token": fy_token(listing),
        "exchange": exchange_number(listing),
        "segment": segment_number(listing),
        "instrument": instrument_number(listing),
    }


def status_of(order: ClientOrder) -> int:
    """Return Fyers' number of a state; what rests is pending, a change under way or not."""
    return _STATUSES.get(order.state, _PENDING)


def tag_of(order: ClientOrder) -> str:
    """Return the tag with the mark of who gave it."""
    return f"1:{order.tag}" if order.tag else "2:Untagged"


def trade_number(trade: ClientTrade) -> str:
    """Return what Fyers calls an execution."""
    return f"{trade.order_id}-{trade.trade_id}"


def trade_row(trade: ClientTrade, order: ClientOrder) -> Row:
    """Return an execution as the book shows it."""
    per = unit(trade.listing)
    return {
        "clientId": trade.client,
        "orderDateTime": stamp(trade.filled_at),
        "orderNumber": trade.order_id,
        "exchangeOrderNo": trade.exchange_order_id,
        "tradeNumber": trade_number(trade),
        "row": int(trade.trade_id),
        "side": _SIDES[trade.side],
        "orderType": _TYPES[order.order_type],
        "productType": _PRODUCTS[trade.product],
        "tradedQty": trade.quantity // per,
        "tradePrice": number(trade.price),
        "tradeValue": number(trade.price * trade.quantity * trade.listing.multiplier),
        "orderTag": tag_of(order),
        **_contract(trade.listing),
    }


def pushed_trade(trade: ClientTrade, order: ClientOrder) -> Row:
    """Return an execution as the order socket tells it."""
    row = trade_row(trade, order)
    names = {
        "id_fill": "tradeNumber",
        "id": "orderNumber",
        "qty_traded": "tradedQty",
        "price_traded": "tradePrice",
        "traded_val": "tradeValue",
        "product_type": "productType",
        "client_id": "clientId",
        "id_exchange": "exchangeOrderNo",
        "ord_type": "orderType",
        "tran_side": "side",
        "symbol": "symbol",
        "fy_token": "fyToken",
        "exchange": "exchange",
        "segment": "segment",
        "ordertag": "orderTag",
    }
    return {**{ours: row[theirs] for ours, theirs in names.items()}, "fill_time": row["orderDateTime"]}


def position_row(position: ClientPosition) -> Row:
    """Return a net position."""
    listing, per = position.listing, unit(position.listing)
    return {
        "id": f"{symbol_of(listing)}-{_PRODUCTS[position.product]}",
        "netQty": position.quantity // per,
        "qty": abs(position.quantity) // per,
        "side": (position.quantity > 0) - (position.quantity < 0),
        "netAvg": number(position.average_price),
        "avgPrice": number(position.average_price),
        "productType": _PRODUCTS[position.product],
        "realized_profit": number(position.realised),
        "unrealized_profit": number(position.unrealised),
        "pl": number(position.realised + position.unrealised),
        "ltp": number(position.last_price),
        "buyQty": position.buy_quantity // per,
        "buyAvg": _average(position.buy_value, position.buy_quantity, listing),
        "buyVal": number(position.buy_value),
        "sellQty": position.sell_quantity // per,
        "sellAvg": _average(position.sell_value, position.sell_quantity, listing),
        "sellVal": number(position.sell_value),
        "dayBuyQty": position.day_buy_quantity // per,
        "daySellQty": position.day_sell_quantity // per,
        "cfBuyQty": max(position.overnight_quantity, 0) // per,
        "cfSellQty": max(-position.overnight_quantity, 0) // per,
        "qtyMulti_com": number(listing.multiplier * per),
        "crossCurrency": "N",
        "rbiRefRate": 1,
        "slNo": 0,
        **_contract(listing),
    }


def overall(positions: Sequence[ClientPosition]) -> Row:
    """Return the sums below the positions."""
    realised = sum((one.realised for one in positions), Decimal(0))
    unrealised = sum((one.unrealised for one in positions), Decimal(0))
    return {
        "count_total": len(positions),
        "count_open": sum(1 for one in positions if one.quantity),
        "pl_total": number(realised + unrealised),
        "pl_realized": number(realised),
        "pl_unrealized": number(unrealised),
    }


def fund_rows(margins: Margins) -> list[Row]:
    """Return the ten lines of the funds; one ledger for all segments, shown under equity."""
    lines = {
        "Total Balance": margins.available + margins.used,
        "Utilized Amount": margins.used,
        "Clear Balance": margins.available,
        "Realized Profit and Loss": margins.realised,
        "Collaterals": Decimal(0),
        "Fund Transfer": Decimal(0),
        "Receivables": Decimal(0),
        "Adhoc Limit": Decimal(0),
        "Limit at start of the day": margins.cash,
        "Available Balance": margins.available,
    }
    return [
        {"id": line, "title": title, "equityAmount": number(sum_), "commodityAmount": 0}
        for line, (title, sum_) in enumerate(lines.items(), start=1)
    ]


def moved(quote: MarketQuote) -> Row:
    """Return the last price and how it changed."""
    return {**_change(quote), "lp": rupees(quote.last_price)}


def quote_values(listing: Listing, quote: MarketQuote) -> Row:
    """Return what a quote shows of a contract; its time is the day's beginning."""
    symbol, per = symbol_of(listing), unit(listing)
    return {
        **moved(quote),
        "spread": rupees(quote.ask - quote.bid),
        "ask": rupees(quote.ask),
        "bid": rupees(quote.bid),
        "open_price": rupees(quote.open),
        "high_price": rupees(quote.high),
        "low_price": rupees(quote.low),
        "prev_close_price": rupees(quote.close),
        "atp": rupees(quote.average_price),
        "volume": quote.volume // per,
        "short_name": symbol.partition(":")[2],
        "exchange": symbol.partition(":")[0],
        "description": symbol,
        "original_name": symbol,
        "symbol": symbol,
        "fyToken": fy_token(listing),
        "tt": str(quote.exchange_at // 86_400_000 * 86_400),
    }


def depth_values(listing: Listing, quote: MarketQuote, depth: tuple[Sequence[Level], Sequence[Level]]) -> Row:
    """Return a contract's five levels, its day and its band."""
    per = unit(listing)
    return {
        **_change(quote),
        "totalbuyqty": quote.total_buy_quantity // per,
        "totalsellqty": quote.total_sell_quantity // per,
        "bids": _levels(depth[0], per),
        "ask": _levels(depth[1], per),
        "o": rupees(quote.open),
        "h": rupees(quote.high),
        "l": rupees(quote.low),
        "c": rupees(quote.close),
        "tick_Size": number(listing.tick_size),
        "ltq": quote.last_quantity // per,
        "ltt": quote.last_trade_at // 1000,
        "ltp": rupees(quote.last_price),
        "v": quote.volume // per,
        "atp": rupees(quote.average_price),
        "lower_ckt": rupees(quote.lower_band),
        "upper_ckt": rupees(quote.upper_band),
        "expiry": "",
        "oi": quote.open_interest // per,
        "oiflag": quote.open_interest > 0,
        "pdoi": 0,
        "oipercent": 0.0,
    }


def instrument_number(listing: Listing) -> int:
    """Return Fyers' number of the kind of contract."""
    if listing.kind in _INSTRUMENTS:
        return _INSTRUMENTS[listing.kind]
    if listing.exchange is Venue.MCX:
        return _COMMODITIES[listing.kind]
    kinds = _OPTIONS if listing.kind is Kind.OPTION else _FUTURES
    return kinds[listing.underlying in _INDICES]


def rupees(scaled: int) -> int | float:
    """Return a scaled price as a number."""
    return number(to_decimal(scaled))


def _contract(listing: Listing) -> Row:
    return {
        "symbol": symbol_of(listing),
        "fyToken": fy_token(listing),
        "exchange": exchange_number(listing),
        "segment": segment_number(listing),
        "instrument": instrument_number(listing),
    }


def _average(value: Decimal, quantity: int, listing: Listing) -> int | float:
    return number(value / quantity / listing.multiplier) if quantity else 0


def _change(quote: MarketQuote) -> Row:
    change = quote.last_price - quote.close
    return {"ch": rupees(change), "chp": round(change * 100 / quote.close, 2) if quote.close else 0}


def _levels(levels: Sequence[Level], per: int) -> list[Row]:
    rows = [{"price": rupees(price), "volume": size // per, "ord": count} for price, size, count in levels]
    return rows + [{"price": 0, "volume": 0, "ord": 0}] * (5 - len(rows))
