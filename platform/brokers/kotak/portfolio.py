"""Books and funds: complete and whole, or a ``BrokerError``; never an empty book for want of an answer."""

import msgspec

from brokers.kotak import mapping
from brokers.kotak.access import Access
from brokers.kotak.answers import read_object, read_rows
from brokers.kotak.spec import SPEC
from brokers.rest import RestAccount
from brokers.transport import WireRequest
from domain.broker import BrokerUnavailable, Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds

Account = RestAccount[Access]

_ALL = {"seg": "ALL", "exch": "ALL", "prod": "ALL"}


async def order_book(account: Account) -> list[BrokerOrder]:
    """Return today's orders as Kotak lists them, by samples the oldest first."""
    rows = await _rows(account, account.access.get("/quick/user/orders"), what="order book")
    return mapping.orders_of(rows, account.lot_size_of)


async def trade_book(account: Account) -> list[BrokerFill]:
    """Return today's executions."""
    rows = await _rows(account, account.access.get("/quick/user/trades"), what="trade book")
    return mapping.fills_of(rows, account.lot_size_of)


async def positions(account: Account) -> list[BrokerPosition]:
    """Return net positions, closed ones with quantity 0 included."""
    rows = await _rows(account, account.access.get("/portfolio/v2/positions"), what="positions")
    return mapping.positions_of(rows, account.lot_size_of)


async def funds(account: Account) -> Funds:
    """Return the rupees of all segments together."""
    answer = await account.read(account.access.post("/quick/user/limits", _ALL))
    return mapping.funds_of(read_object(answer, what="limits"))


async def holdings(account: Account) -> list[Holding]:
    """Return the delivered securities."""
    answer = await account.read(account.access.get("/portfolio/v1/holdings"))
    return mapping.holdings_of(read_rows(answer, what="holdings", is_bare=True))


async def order_history(account: Account, broker_order_id: str) -> list[BrokerOrder]:
    """Return the states of one order, oldest first; Kotak lists the newest first.

    Raises ``BrokerError`` for an order nobody knows.
    """
    request = account.access.post("/quick/order/history", {"nOrdNo": account.order_id(broker_order_id)})
    rows = await _rows(account, request, what="order history")
    states = mapping.orders_of(rows, account.lot_size_of, what="order history")
    if not states:
        raise BrokerUnavailable("NO_DATA", f"{SPEC.slug}: nobody knows order {broker_order_id}")
    return states[::-1]


async def _rows(account: Account, request: WireRequest, *, what: str) -> msgspec.Raw | bytes:
    return read_rows(await account.read(request), what=what)
