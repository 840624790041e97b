"""The exchange's objects in Kotak's words: the keys of the recorded replies, most values strings."""

from decimal import Decimal

from domain.instruments import Kind
from domain.prices import to_decimal
from simulator.exchange.types import ClientOrder, ClientPosition, ClientTrade, Margins, OrderMargin, OrderState
from simulator.faces.kotak.fields import ORDER_TYPES, PRODUCTS, SIDES
from simulator.faces.kotak.names import instrument_of, segment_of, token_of, trading_symbol, unit
from simulator.faces.kotak.wire import Row, day_first, money, spaced, year_first
from simulator.market.types import Level, Listing, MarketQuote

_PRODUCT_CODES = {word: code for code, word in PRODUCTS.items()}
_SIDE_CODES = {word: code for code, word in SIDES.items()}
_TYPE_CODES = {word: code for code, word in ORDER_TYPES.items()}
_NOTHING = "--"
_LEVELS = 5

Depth = tuple[tuple[Level, ...], tuple[Level, ...]]


def order_row(order: ClientOrder) -> Row:
    """Return an order as the book and the socket show it."""
    return {
        **_order(order),
        "actId": order.client,
        "usrId": order.client,
        "stat": _status(order),
        "cnlQty": order.cancelled_quantity // unit(order.listing),
        "exOrdId": order.exchange_order_id,
        "exCfmTm": day_first(order.exchange_at) if order.exchange_at else _NOTHING,
        "ordDtTm": day_first(order.placed_at),
        "ordEntTm": day_first(order.placed_at),
        "hsUpTm": year_first(order.updated_at),
        "vldt": order.validity.value,
        "boeSec": int(order.updated_at.timestamp()),
        "updRecvTm": int(order.updated_at.timestamp() * 1_000_000_000),
        "tckSz": f"{order.listing.tick_size:.4f}",
    }


def history_row(order: ClientOrder) -> Row:
    """Return an order at one of its states."""
    return {
        **_order(order),
        "exchOrdId": order.exchange_order_id,
        "exchTmstp": spaced(order.exchange_at) if order.exchange_at else _NOTHING,
        "flDtTm": spaced(order.updated_at),
        "ordDur": order.validity.value,
        "exch": order.listing.exchange.value,
    }


def trade_row(trade: ClientTrade, order: ClientOrder) -> Row:
    """Return an execution; its quantity is ``fldQty``."""
    per = unit(trade.listing)
    day, _, hour = day_first(trade.filled_at).partition(" ")
    return {
        **contract_row(trade.listing),
        "actId": trade.client,
        "usrId": trade.client,
        "nOrdNo": trade.order_id,
        "exOrdId": trade.exchange_order_id,
        "flId": trade.trade_id,
        "flDt": day,
        "flTm": hour,
        "exTm": day_first(trade.filled_at),
        "hsUpTm": year_first(trade.filled_at),
        "fldQty": trade.quantity // per,
        "qty": 0,
        "avgPrc": money(trade.price),
        "prc": "",
        "prcTp": _TYPE_CODES[order.order_type],
        "prod": _PRODUCT_CODES[trade.product],
        "trnsTp": _SIDE_CODES[trade.side],
        "rptTp": "fill",
        "GuiOrdId": order.tag,
    }


def position_row(position: ClientPosition) -> Row:
    """Return a position: what was bought and sold today and what was carried into it; amounts are rupees."""
    listing = position.listing
    per = unit(listing)
    carried_buys = position.buy_quantity - position.day_buy_quantity
    carried_sells = position.sell_quantity - position.day_sell_quantity
    return {
        **contract_row(listing),
        "prod": _PRODUCT_CODES[position.product],
        "flBuyQty": str(position.day_buy_quantity // per),
        "flSellQty": str(position.day_sell_quantity // per),
        "buyAmt": money(position.day_buy_value),
        "sellAmt": money(position.day_sell_value),
        "cfBuyQty": str(carried_buys // per),
        "cfSellQty": str(carried_sells // per),
        "cfBuyAmt": money(position.buy_value - position.day_buy_value),
        "cfSellAmt": money(position.sell_value - position.day_sell_value),
        "sqrFlg": "Y",
        "posFlg": "true",
        "type": instrument_of(listing),
        "exp": str(_expires(listing)),
        "upldPrc": "0.00",
    }


def limits_row(margins: Margins) -> Row:
    """Return the funds; what is used counts profits and losses in, so that the rest is free."""
    return {
        "Category": "CLIENT_DEMO",
        "EntityId": "",
        "CollateralValue": money(margins.cash),
        "Net": money(margins.available),
        "MarginUsed": money(margins.cash - margins.available),
        "SpanMarginPrsnt": money(margins.span),
        "ExposureMarginPrsnt": money(margins.exposure),
        "PremiumPrsnt": money(margins.option_premium),
        "RealizedMtomPrsnt": money(margins.realised),
        "UnrealizedMtomPrsnt": money(margins.unrealised),
        "NotionalCash": "0",
        "AdhocMargin": "0",
    }


def margin_row(margin: OrderMargin, margins: Margins) -> Row:
    """Return what one order would need."""
    used = margins.cash - margins.available
    short = max(margin.total - margins.available, Decimal(0))
    return {
        "avlCash": f"{margins.cash:.6f}",
        "totMrgnUsd": f"{used + margin.total:.6f}",
        "mrgnUsd": f"{used:.6f}",
        "ordMrgn": f"{margin.total:.6f}",
        "rmsVldtd": "NOT_OK" if short else "OK",
        "reqdMrgn": f"{used + margin.total:.6f}",
        "avlMrgn": f"{margins.cash:.6f}",
        "insufFund": f"{short:.6f}",
    }


def contract_row(listing: Listing) -> Row:
    """Return the contract of a row; ``lotSz`` is a lot in counted quantities."""
    per = unit(listing)
    return {
        "exSeg": segment_of(listing),
        "trdSym": trading_symbol(listing),
        "sym": listing.underlying,
        "tok": str(token_of(listing)),
        "series": "EQ" if listing.kind is Kind.EQUITY else "XX",
        "optTp": listing.right.value or "XX",
        "stkPrc": money(listing.strike or Decimal(0)),
        "expDt": listing.expiry.strftime("%d %b, %Y") if listing.expiry else "NA",
        "brdLtQty": listing.lot_size // per,
        "lotSz": str(listing.lot_size // per),
        "multiplier": str(listing.multiplier * per),
        "precision": "2",
        "genNum": "1",
        "genDen": "1",
        "prcNum": "1",
        "prcDen": "1",
    }


def quote_row(listing: Listing, quote: MarketQuote, depth: Depth, *, key: str) -> Row:
    """Return everything a quote shows; ``key`` is what it was asked by."""
    per = unit(listing)
    change = quote.last_price - quote.close
    return {
        "exchange_token": key,
        "display_symbol": f"{trading_symbol(listing)}-IN" if listing.kind is Kind.INDEX else trading_symbol(listing),
        "exchange": segment_of(listing),
        "lstup_time": str(quote.exchange_at // 1000),
        "ltp": _price(quote.last_price),
        "last_traded_quantity": str(quote.last_quantity // per),
        "total_buy": str(quote.total_buy_quantity // per),
        "total_sell": str(quote.total_sell_quantity // per),
        "last_volume": str(quote.volume // per),
        "avg_cost": _price(quote.average_price),
        "open_int": str(quote.open_interest // per),
        "change": _price(change),
        "per_change": f"{change / quote.close * 100:.4f}" if quote.close else "0",
        "low_price_range": _price(quote.lower_band),
        "high_price_range": _price(quote.upper_band),
        "year_high": "0",
        "year_low": "0",
        "ohlc": {name: _price(getattr(quote, name)) for name in ("open", "high", "low", "close")},
        "depth": {side: _rows(levels, per) for side, levels in zip(("buy", "sell"), depth, strict=True)},
    }


def _order(order: ClientOrder) -> Row:
    per = unit(order.listing)
    return {
        **contract_row(order.listing),
        "nOrdNo": order.order_id,
        "ordSt": _status(order),
        "qty": order.quantity // per,
        "fldQty": order.filled_quantity // per,
        "unFldSz": order.pending_quantity // per,
        "avgPrc": money(order.average_price),
        "prc": money(order.price),
        "trgPrc": money(order.trigger_price),
        "prcTp": _TYPE_CODES[order.order_type],
        "prod": _PRODUCT_CODES[order.product],
        "trnsTp": _SIDE_CODES[order.side],
        "rejRsn": order.message if order.state is OrderState.REJECTED else _NOTHING,
        "GuiOrdId": order.tag,
    }


def _status(order: ClientOrder) -> str:
    return order.state.value.lower()


def _expires(listing: Listing) -> int:
    return 0 if listing.expiry is None else (listing.expiry.toordinal() - 719_163) * 86_400


def _price(scaled: int) -> str:
    return f"{to_decimal(scaled):.4f}"


def _rows(levels: tuple[Level, ...], per: int) -> list[Row]:
    """Return the rows of one side; an index shows one of nothing."""
    shown = [(_price(one.price), str(one.quantity // per), str(one.orders)) for one in levels[:_LEVELS]]
    return [dict(zip(("price", "quantity", "orders"), row, strict=True)) for row in shown or [("0", "0", "0")]]
