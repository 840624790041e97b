"""Trade requests, not yet left for the terminal. Pure; ``ValueError`` for what MetaTrader 5 cannot take.

The fields are those of ``MqlTradeRequest`` and two of ours: ``through`` lets a pending limit that is at or through the
market when the terminal comes to it go as a deal instead, with what lies between as the deviation; ``reduce_only`` has
the terminal look for the position once more right before it sends.
https://www.mql5.com/en/docs/constants/structures/mqltraderequest
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from brokers.mt5.facts import MAGIC, Facts
from brokers.mt5.protocol import OrderRow, PositionRow, written
from brokers.mt5.spec import SPEC
from brokers.orders import check_placeable, check_words, checked_order_id, checked_price
from domain.orders import OrderChange, OrderRequest, OrderType, Side

DEAL, PENDING, MODIFY, REMOVE = 1, 5, 7, 8
RETURN, GTC = 2, 0
ANY_DEVIATION = 1_000_000
_TYPES = {
    (OrderType.MARKET, Side.BUY): 0,
    (OrderType.MARKET, Side.SELL): 1,
    (OrderType.LIMIT, Side.BUY): 2,
    (OrderType.LIMIT, Side.SELL): 3,
    (OrderType.SL_M, Side.BUY): 4,
    (OrderType.SL_M, Side.SELL): 5,
}


@dataclass(frozen=True, slots=True)
class Reduction:
    """What one order takes of a hedging account's position: its ticket, and units of it."""

    ticket: int
    units: int


def place_request(request: OrderRequest, facts: Mapping[str, Facts], *, reduction: Reduction | None = None) -> bytes:
    """Return the request of a new order; ``reduction`` is what it takes of a position of a hedging account."""
    check_placeable(SPEC, request)
    symbol = _facts(request.symbol, facts)
    units = _counted(request.quantity, symbol)
    fields: dict[str, object] = {
        "action": DEAL if request.order_type is OrderType.MARKET else PENDING,
        "magic": MAGIC,
        "symbol": symbol.name,
        "volume": symbol.volume(reduction.units if reduction else units),
        "type": _TYPES[request.order_type, request.side],
        "type_filling": symbol.filling,
        "type_time": GTC,
        "deviation": ANY_DEVIATION if request.order_type is OrderType.MARKET else 0,
        "comment": request.client_order_id,
        "position": reduction.ticket if reduction else 0,
        "reduce_only": request.reduce_only,
    }
    if reduction and request.order_type is OrderType.SL_M:
        raise ValueError("a stop cannot close one position of a hedging account")
    return written(fields | _prices(request.order_type, request.price, request.trigger_price))


def modify_request(
    broker_order_id: str, change: OrderChange, order: OrderRow | None, facts: Mapping[str, Facts]
) -> bytes:
    """Return the request of a change; ``order`` is what the book shows of it, ``None`` where it does not."""
    check_words(SPEC, change.exchange, change.order_type, change.validity)
    ticket = int(_ticket(broker_order_id))
    name = order.symbol if order is not None else change.symbol
    symbol = _facts(name, facts)
    if order is not None and symbol.volume(change.quantity) != order.volume_initial:
        raise ValueError("the volume of a pending order cannot be changed")
    wanted = change.trigger_price if change.order_type is OrderType.SL_M else change.price
    if wanted is None:
        raise ValueError("a change without a price changes nothing")
    price = checked_price(wanted, "price")
    return written({"action": MODIFY, "order": ticket, "symbol": name, "type_time": GTC, "price": price})


def cancel_request(broker_order_id: str) -> bytes:
    """Return the request of a cancellation."""
    return written({"action": REMOVE, "order": int(_ticket(broker_order_id))})


def reduction_of(
    request: OrderRequest, positions: Sequence[PositionRow], facts: Mapping[str, Facts]
) -> Reduction | None:
    """Return what an exit takes of a hedging account's positions, of ours alone; ``None`` where there is none.

    One order closes one ticket: the smallest that is large enough, or else the whole of the largest, so that an exit of
    several tickets is several orders one after the other.
    """
    symbol = _facts(request.symbol, facts)
    held = 0 if request.side is Side.SELL else 1
    ours = [one for one in positions if (one.symbol, one.magic, one.type) == (request.symbol, MAGIC, held)]
    sized = sorted((symbol.units(one.volume), one.ticket) for one in ours)
    if not sized:
        return None
    units, ticket = next((one for one in sized if one[0] >= request.quantity), sized[-1])
    return Reduction(ticket, min(units, request.quantity))


def _facts(name: str, facts: Mapping[str, Facts]) -> Facts:
    if name not in facts:
        raise ValueError(f"the terminal shows no tradable symbol {name!r}")
    return facts[name]


def _counted(quantity: int, symbol: Facts) -> int:
    if quantity <= 0 or quantity % symbol.lot_size:
        raise ValueError(f"quantity {quantity} is not a positive multiple of {symbol.lot_size} units of {symbol.name}")
    return quantity


def _prices(kind: OrderType, price: Decimal, trigger: Decimal) -> dict[str, object]:
    if kind is OrderType.MARKET:
        return {"price": Decimal(0)}
    if kind is OrderType.LIMIT:
        return {"price": checked_price(price, "price"), "through": True}
    return {"price": checked_price(trigger, "trigger_price")}


def _ticket(broker_order_id: str) -> str:
    if not checked_order_id(SPEC, broker_order_id).isdigit():
        raise ValueError(f"{broker_order_id!r} is not a ticket")
    return broker_order_id
