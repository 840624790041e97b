"""Books and funds: complete and whole, or a ``BrokerError``; never an empty book for want of an answer."""

from collections.abc import Sequence

import msgspec

from brokers.lots import LotSizeOf
from brokers.transport import BOOK_BODY_LIMIT, Wire, WireFailure, WireRequest
from brokers.zerodha import mapping, margins
from brokers.zerodha.access import Access
from brokers.zerodha.answers import BROKER, read_data
from domain.broker import BasketMargin, BrokerError, Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderRequest


async def order_book(wire: Wire, access: Access, lot_size_of: LotSizeOf) -> list[BrokerOrder]:
    """Return today's orders, every state."""
    return mapping.orders_of(await _read(wire, access, "/orders", what="order book"), lot_size_of)


async def trade_book(wire: Wire, access: Access, lot_size_of: LotSizeOf) -> list[BrokerFill]:
    """Return today's executions."""
    return mapping.fills_of(await _read(wire, access, "/trades", what="trade book"), lot_size_of)


async def positions(wire: Wire, access: Access, lot_size_of: LotSizeOf) -> list[BrokerPosition]:
    """Return net positions, closed ones with quantity 0 included."""
    data = await _read(wire, access, "/portfolio/positions", what="positions")
    return mapping.positions_of(data, lot_size_of)


async def funds(wire: Wire, access: Access) -> Funds:
    """Return the enabled segments' rupees together."""
    return mapping.funds_of(await _read(wire, access, "/user/margins", what="margins"))


async def order_history(wire: Wire, access: Access, broker_order_id: str, lot_size_of: LotSizeOf) -> list[BrokerOrder]:
    """Return the states of one order, oldest first."""
    path = f"/orders/{checked_order_id(broker_order_id)}"
    return mapping.orders_of(await _read(wire, access, path, what="order history"), lot_size_of)


async def holdings(wire: Wire, access: Access) -> list[Holding]:
    """Return the delivered securities."""
    return mapping.holdings_of(await _read(wire, access, "/portfolio/holdings", what="holdings"))


async def basket_margin(wire: Wire, access: Access, requests: Sequence[OrderRequest]) -> BasketMargin:
    """Return what orders need together."""
    try:
        request = margins.basket_request(access, requests)
    except ValueError as error:
        raise BrokerError("INVALID", f"{BROKER} basket margin: {error}") from error
    return margins.margin_of(await _answered(wire, request, what="basket margin"), count=len(requests))


def checked_order_id(broker_order_id: str) -> str:
    """Return the id; raises ``BrokerError`` with code ``INVALID`` for one Kite cannot have given."""
    if not (0 < len(broker_order_id) <= 64 and broker_order_id.isascii() and broker_order_id.isalnum()):
        raise BrokerError("INVALID", f"{BROKER}: {broker_order_id!r} is not an order id")
    return broker_order_id


async def _read(wire: Wire, access: Access, path: str, *, what: str) -> msgspec.Raw:
    return await _answered(wire, access.request("GET", path), what=what)


async def _answered(wire: Wire, request: WireRequest, *, what: str) -> msgspec.Raw:
    try:
        answer = await wire.send(request, limit=BOOK_BODY_LIMIT)
    except WireFailure as failure:
        raise failure.as_unavailable(BROKER) from failure
    return read_data(answer, what=what)
