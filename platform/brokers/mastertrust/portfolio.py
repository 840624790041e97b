"""Books and funds: complete and whole, or a ``BrokerError``; never an empty book for want of an answer."""

import msgspec

from brokers.mastertrust import mapping
from brokers.mastertrust.access import Access
from brokers.mastertrust.answers import BROKER, read_data
from brokers.rest import RestAccount
from domain.broker import BrokerUnavailable, Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds

Account = RestAccount[Access]


async def order_book(account: Account) -> list[BrokerOrder]:
    """Return today's orders: the pending half and only then the completed one, so that no order slips between."""
    pending = await _orders(account, "pending")
    return mapping.joined(pending=pending, completed=await _orders(account, "completed"))


async def trade_book(account: Account) -> list[BrokerFill]:
    """Return today's executions."""
    return mapping.fills_of(await _read(account, "/trades", what="trade book"), account.lot_size_of)


async def positions(account: Account) -> list[BrokerPosition]:
    """Return net positions, closed ones with quantity 0 included."""
    data = await _read(account, "/positions", ("type", "historical"), what="positions")
    return mapping.positions_of(data, account.lot_size_of)


async def funds(account: Account) -> Funds:
    """Return the rupees of all segments together."""
    return mapping.funds_of(await _read(account, "/funds/view", ("type", "all"), what="funds"))


async def holdings(account: Account) -> list[Holding]:
    """Return the delivered securities."""
    return mapping.holdings_of(await _read(account, "/holdings", what="holdings"))


async def order_history(account: Account, broker_order_id: str) -> list[BrokerOrder]:
    """Return the states of one order, oldest first; raises ``BrokerError`` for an order the book does not have."""
    order_id = account.order_id(broker_order_id)
    booked = next((one for one in await order_book(account) if one.broker_order_id == order_id), None)
    if booked is None:
        raise BrokerUnavailable("NO_DATA", f"{BROKER}: nobody knows order {order_id}")
    data = await _read(account, f"/order/{order_id}/history", what="order history")
    return mapping.history_of(data, booked, account.lot_size_of)


async def _orders(account: Account, half: str) -> list[BrokerOrder]:
    data = await _read(account, "/orders", ("type", half), what=f"order book ({half})")
    return mapping.orders_of(data, account.lot_size_of)


async def _read(account: Account, path: str, *query: tuple[str, str], what: str) -> msgspec.Raw:
    request = account.access.request("GET", path, query=(*query, account.access.me))
    return read_data(await account.read(request), what=what)
