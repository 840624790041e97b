"""Start-up is recovery: the books are rebuilt from the ledger, so that a killed exchange forgets no fill.

Only lines written under the same market clock count: a replay that runs a day again does not inherit what
an earlier run did on that day. What still rested is CANCELLED, as an exchange that went down would report
it.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec

from domain.clock import MarketClock
from domain.orders import OrderType, Product, Side, Validity
from simulator.clients import ClientRegistry
from simulator.exchange.core import Exchange
from simulator.exchange.types import ClientOrder, ClientTrade, OrderState
from simulator.faces.wording import Wording
from simulator.ledger import Entry, Event
from simulator.market.types import Listing

_NUMBERED = frozenset({Event.ACCEPTED, Event.FILL})
RESTARTED = "Cancelled: the exchange restarted."


@dataclass(slots=True)
class Found:
    """An order as the ledger tells it so far."""

    order: ClientOrder
    trades: list[ClientTrade] = field(default_factory=list)


def recover(
    path: Path, *, exchange: Exchange, clients: ClientRegistry, wording: Wording, clock: MarketClock, now: datetime
) -> int:
    """Rebuild the books from the ledger and return how many orders were taken back."""
    if not path.exists():
        return 0
    orders: dict[str, Found] = {}
    for entry in _entries(path):
        if entry.event in _NUMBERED:
            exchange.skip_numbers(order_id=entry.order_id, trade_id=entry.trade_id)
        if clients.named(entry.client) is not None and _belongs(entry, clock, now):
            _apply(orders, entry, wording)
    for found in orders.values():
        exchange.restore(_finished(found), found.trades)
    return len(orders)


def _entries(path: Path) -> Iterator[Entry]:
    decoder = msgspec.json.Decoder(Entry)
    with path.open("rb") as file:
        for line in file:
            with suppress(msgspec.MsgspecError):  # a line torn by a crash
                yield decoder.decode(line)


def _belongs(entry: Entry, clock: MarketClock, now: datetime) -> bool:
    """Tell whether a line was written under this market clock: its two times must fit."""
    told_at = datetime.fromisoformat(entry.market_at)
    drift = clock.at(datetime.fromisoformat(entry.at)) - told_at
    return abs(drift) <= timedelta(seconds=clock.speed) and told_at <= now


def _apply(orders: dict[str, Found], entry: Entry, wording: Wording) -> None:
    listing = wording.find(entry.broker, entry.exchange, entry.symbol)
    if listing is None or not entry.order_id:
        return  # an expired contract, or a line about no order
    if entry.event is Event.ACCEPTED:
        orders[entry.order_id] = Found(_order(entry, listing))
        return
    found = orders.get(entry.order_id)
    if found is not None:
        _continue(found, entry, listing)


def _continue(found: Found, entry: Entry, listing: Listing) -> None:
    at = datetime.fromisoformat(entry.market_at)
    if entry.event is Event.FILL:
        found.trades.append(_trade(found.order, entry))
    elif entry.event is Event.MODIFIED:
        found.order = replace(_order(entry, listing), placed_at=found.order.placed_at)
    elif entry.event is Event.REJECTED:
        found.order = replace(found.order, state=OrderState.REJECTED, message=entry.message, updated_at=at)
    elif entry.event is Event.CANCELLED:
        found.order = replace(found.order, state=OrderState.CANCELLED, message=entry.message, updated_at=at)


def _order(entry: Entry, listing: Listing) -> ClientOrder:
    at = datetime.fromisoformat(entry.market_at)
    return ClientOrder(
        client=entry.client,
        order_id=entry.order_id,
        exchange_order_id=f"1{entry.order_id}",
        listing=listing,
        side=Side(entry.side),
        quantity=entry.quantity,
        filled_quantity=0,
        cancelled_quantity=0,
        average_price=Decimal(0),
        product=Product(entry.product),
        order_type=OrderType(entry.order_type),
        validity=Validity.DAY,
        price=Decimal(entry.price),
        trigger_price=Decimal(entry.trigger_price),
        triggered=False,
        market_protection=Decimal(0),
        disclosed_quantity=0,
        tag=entry.tag,
        variety=entry.variety or "regular",
        state=OrderState.OPEN,
        reason=None,
        message="",
        modifications=0,
        placed_at=at,
        updated_at=at,
        exchange_at=at,
    )


def _trade(order: ClientOrder, entry: Entry) -> ClientTrade:
    return ClientTrade(
        client=order.client,
        trade_id=entry.trade_id,
        order_id=order.order_id,
        exchange_order_id=order.exchange_order_id,
        listing=order.listing,
        side=order.side,
        product=order.product,
        quantity=entry.quantity,
        price=Decimal(entry.price),
        filled_at=datetime.fromisoformat(entry.market_at),
    )


def _finished(found: Found) -> ClientOrder:
    """Return the order with its fills counted and a final state."""
    order, filled = found.order, sum(trade.quantity for trade in found.trades)
    value = sum((trade.price * trade.quantity for trade in found.trades), Decimal(0))
    counted = replace(order, filled_quantity=filled, average_price=value / filled if filled else Decimal(0))
    left = order.quantity - filled
    if left == 0:
        return replace(counted, state=OrderState.COMPLETE, updated_at=found.trades[-1].filled_at)
    if order.state is OrderState.REJECTED:
        return counted
    message = order.message if order.state is OrderState.CANCELLED else RESTARTED
    return replace(counted, state=OrderState.CANCELLED, cancelled_quantity=left, message=message)
