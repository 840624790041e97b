"""A client's orders, deals and positions as a terminal shows them, made anew from the exchange's book at every look.

What a terminal keeps besides, an order's magic number and the position it closes, is in the order's ``variety``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.orders import OrderType, Side
from domain.prices import to_decimal
from simulator.exchange.core import Exchange
from simulator.exchange.types import FINAL_STATES, ClientOrder, ClientTrade, OrderState
from simulator.faces.mt5.symbols import BY_NAME, EXCHANGE, lots_of

HEDGING = 2
IN, OUT, INOUT = 0, 1, 2
_STATES = {
    OrderState.COMPLETE: 4,
    OrderState.CANCELLED: 2,
    OrderState.REJECTED: 5,
    OrderState.OPEN: 1,
    OrderState.TRIGGER_PENDING: 1,
}
_PARTIAL, _STARTED = 3, 0
Row = dict[str, Any]


@dataclass(slots=True)
class Held:
    """An open position: signed units at an average price."""

    ticket: int
    symbol: str
    magic: int
    comment: str
    opened_msc: int
    units: int = 0
    value: Decimal = field(default=Decimal(0))

    @property
    def average(self) -> Decimal:
        """Mean price of what is held."""
        return self.value / self.units if self.units else Decimal(0)

    def take(self, units: int, price: Decimal) -> int:
        """Add signed units; returns whether they opened, closed, or turned the position."""
        before, after = self.units, self.units + units
        if before * units >= 0:
            self.value += price * units
            entry = IN
        elif after * before >= 0:
            self.value = self.average * after
            entry = OUT
        else:
            self.value, entry = price * after, INOUT
        self.units = after
        return entry


@dataclass(frozen=True, slots=True)
class Book:
    """Everything a terminal shows of an account."""

    orders: Sequence[Row]
    history: Sequence[Row]
    deals: Sequence[Row]
    positions: Sequence[Row]

    def position(self, ticket: int) -> Row | None:
        """Return an open position."""
        return next((row for row in self.positions if row["ticket"] == ticket), None)


def book_of(exchange: Exchange, client: str, *, margin_mode: int) -> Book:
    """Return a client's book."""
    orders = {one.order_id: one for one in exchange.orders(client) if one.listing.exchange == EXCHANGE}
    deals, held, positions_of = _fold(exchange.trades(client), orders, is_hedging=margin_mode == HEDGING)
    rows = {key: _order(one, positions_of.get(key, 0)) for key, one in orders.items()}
    done = {key for key, one in orders.items() if one.state in FINAL_STATES}
    return Book(
        orders=[row for key, row in rows.items() if key not in done],
        history=[row for key, row in rows.items() if key in done],
        deals=deals,
        positions=[_position(exchange, one) for one in held if one.units],
    )


def marks_of(order: ClientOrder) -> tuple[int, int]:
    """Return an order's magic number and the position it was to close (0: none)."""
    magic, _, position = order.variety.partition("/")
    return (int(magic), int(position)) if position else (0, 0)


def _fold(
    trades: Sequence[ClientTrade], orders: Mapping[str, ClientOrder], *, is_hedging: bool
) -> tuple[list[Row], list[Held], dict[str, int]]:
    deals: list[Row] = []
    held: dict[object, Held] = {}
    positions_of: dict[str, int] = {}
    for trade in trades:
        order = orders.get(trade.order_id)
        if order is None:
            continue
        magic, closes = marks_of(order)
        key: object = (closes or int(trade.order_id)) if is_hedging else trade.listing.symbol
        one = held.get(key)
        if one is None or (one.units == 0 and not is_hedging):
            one = held[key] = Held(int(trade.order_id), trade.listing.symbol, magic, order.tag, _msc(trade.filled_at))
        entry = one.take(trade.quantity * trade.side.sign, trade.price)
        positions_of[trade.order_id] = one.ticket
        deals.append(_deal(trade, order, magic=magic, position=one.ticket, entry=entry))
    return deals, list(held.values()), positions_of


def _order(order: ClientOrder, position: int) -> Row:
    magic, closes = marks_of(order)
    name, left = order.listing.symbol, order.quantity - order.filled_quantity
    state = _STATES.get(order.state, _STARTED)
    is_stop = order.order_type in (OrderType.SL, OrderType.SL_M) or order.trigger_price > 0
    return {
        "ticket": int(order.order_id),
        "symbol": name,
        "type": _type(order, is_stop=is_stop),
        "state": _PARTIAL if state == 1 and order.filled_quantity else state,
        "magic": magic,
        "position_id": closes or position,
        "volume_initial": lots_of(order.quantity, name),
        "volume_current": lots_of(left, name),
        "price_open": float(order.trigger_price if is_stop else order.price),
        "price_stoplimit": 0.0,
        "time_setup_msc": _msc(order.placed_at),
        "time_done_msc": _msc(order.updated_at) if order.state in FINAL_STATES else 0,
        "comment": order.message[:31] if order.state is OrderState.REJECTED else order.tag,
    }


def _type(order: ClientOrder, *, is_stop: bool) -> int:
    kind = 4 if is_stop else (0 if order.validity == "IOC" else 2)
    return kind + (0 if order.side is Side.BUY else 1)


def _deal(trade: ClientTrade, order: ClientOrder, *, magic: int, position: int, entry: int) -> Row:
    return {
        "ticket": int(trade.trade_id),
        "order": int(trade.order_id),
        "symbol": trade.listing.symbol,
        "type": 0 if trade.side is Side.BUY else 1,
        "entry": entry,
        "magic": magic,
        "position_id": position,
        "volume": lots_of(trade.quantity, trade.listing.symbol),
        "price": float(trade.price),
        "commission": 0.0,
        "swap": 0.0,
        "profit": 0.0,
        "time_msc": _msc(trade.filled_at),
        "comment": order.tag,
    }


def _position(exchange: Exchange, held: Held) -> Row:
    listing = exchange.market.find(EXCHANGE, held.symbol)
    quote = exchange.market.quote(listing.token) if listing else None
    price = to_decimal(quote.bid if held.units > 0 else quote.ask) if quote else held.average
    gain = (price - held.average) * held.units * BY_NAME[held.symbol].contract_size * BY_NAME[held.symbol].step
    return {
        "ticket": held.ticket,
        "symbol": held.symbol,
        "type": 0 if held.units > 0 else 1,
        "magic": held.magic,
        "volume": lots_of(abs(held.units), held.symbol),
        "price_open": float(held.average),
        "price_current": float(price),
        "profit": float(gain),
        "time_msc": held.opened_msc,
        "comment": held.comment,
    }


def _msc(moment: Any) -> int:
    return int(moment.timestamp() * 1000)
