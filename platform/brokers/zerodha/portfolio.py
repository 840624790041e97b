"""Books and funds: complete and whole, or a ``BrokerError``; never an empty book for want of an answer."""

import msgspec

from brokers.lots import LotSizeOf
from brokers.transport import BOOK_BODY_LIMIT, Wire, WireFailure
from brokers.zerodha import mapping
from brokers.zerodha.access import Access
from brokers.zerodha.answers import BROKER, read_data
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds


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


async def _read(wire: Wire, access: Access, path: str, *, what: str) -> msgspec.Raw:
    try:
        answer = await wire.send(access.request("GET", path), limit=BOOK_BODY_LIMIT)
    except WireFailure as failure:
        raise failure.as_unavailable(BROKER) from failure
    return read_data(answer, what=what)
