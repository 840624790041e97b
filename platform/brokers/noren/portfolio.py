"""Books and funds: complete and whole, or a ``BrokerError``; never an empty book for want of an answer."""

from brokers.lots import LotSizeOf
from brokers.noren import mapping
from brokers.noren.access import Access
from brokers.noren.answers import is_order_id, read_list, read_object
from brokers.transport import BOOK_BODY_LIMIT, Wire, WireAnswer, WireFailure, WireRequest
from domain.broker import BrokerError, BrokerUnavailable, Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds


async def order_book(wire: Wire, access: Access, lot_size_of: LotSizeOf) -> list[BrokerOrder]:
    """Return today's orders, oldest first; Noren lists the newest first."""
    body = await _list(wire, access, access.call("OrderBook"), what="order book")
    return mapping.orders_of(access.member.spec, body, lot_size_of)[::-1]


async def trade_book(wire: Wire, access: Access, lot_size_of: LotSizeOf) -> list[BrokerFill]:
    """Return today's executions, oldest first."""
    body = await _list(wire, access, access.call("TradeBook", actid=access.user), what="trade book")
    return mapping.fills_of(access.member.spec, body, lot_size_of)[::-1]


async def positions(wire: Wire, access: Access, lot_size_of: LotSizeOf) -> list[BrokerPosition]:
    """Return net positions, closed ones with quantity 0 included."""
    body = await _list(wire, access, access.call("PositionBook", actid=access.user), what="positions")
    return mapping.positions_of(access.member.spec, body, lot_size_of)


async def funds(wire: Wire, access: Access) -> Funds:
    """Return the rupees of all segments together."""
    answer = await send(wire, access, access.call("Limits", actid=access.user))
    return mapping.funds_of(access.member.spec, read_object(access.member.spec, answer, what="limits"))


async def holdings(wire: Wire, access: Access) -> list[Holding]:
    """Return the delivered securities."""
    call = access.call("Holdings", actid=access.user, prd="C")
    return mapping.holdings_of(access.member.spec, await _list(wire, access, call, what="holdings"))


async def order_history(wire: Wire, access: Access, broker_order_id: str, lot_size_of: LotSizeOf) -> list[BrokerOrder]:
    """Return the states of one order, oldest first; raises ``BrokerError`` for an order nobody knows."""
    spec = access.member.spec
    if not is_order_id(broker_order_id):
        raise BrokerError("INVALID", f"{spec.slug}: {broker_order_id!r} is not an order number")
    body = await _list(wire, access, access.call("SingleOrdHist", norenordno=broker_order_id), what="order history")
    states = mapping.orders_of(spec, body, lot_size_of, what="order history")
    if not states:
        raise BrokerUnavailable("NO_DATA", f"{spec.slug}: nobody knows order {broker_order_id}")
    return states[::-1]


async def send(wire: Wire, access: Access, request: WireRequest, *, limit: int = BOOK_BODY_LIMIT) -> WireAnswer:
    """Send a read once; raises ``BrokerUnavailable`` where no whole answer came."""
    try:
        return await wire.send(request, limit=limit)
    except WireFailure as failure:
        raise failure.as_unavailable(access.member.slug) from failure


async def _list(wire: Wire, access: Access, request: WireRequest, *, what: str) -> bytes:
    return read_list(access.member.spec, await send(wire, access, request), what=what)
