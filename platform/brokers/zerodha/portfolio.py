"""Books and funds: complete and whole, or a ``BrokerError``; never an empty book for want of an answer."""

from collections.abc import Sequence

import msgspec

from brokers.rest import RestAccount
from brokers.transport import WireRequest
from brokers.zerodha import mapping, margins
from brokers.zerodha.access import Access
from brokers.zerodha.answers import BROKER, read_data
from domain.broker import BasketMargin, BrokerError, Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderRequest

Account = RestAccount[Access]


async def order_book(account: Account) -> list[BrokerOrder]:
    """Return today's orders, every state."""
    return mapping.orders_of(await _read(account, "/orders", what="order book"), account.lot_size_of)


async def trade_book(account: Account) -> list[BrokerFill]:
    """Return today's executions."""
    return mapping.fills_of(await _read(account, "/trades", what="trade book"), account.lot_size_of)


async def positions(account: Account) -> list[BrokerPosition]:
    """Return net positions, closed ones with quantity 0 included."""
    return mapping.positions_of(await _read(account, "/portfolio/positions", what="positions"), account.lot_size_of)


async def funds(account: Account) -> Funds:
    """Return the enabled segments' rupees together."""
    return mapping.funds_of(await _read(account, "/user/margins", what="margins"))


async def order_history(account: Account, broker_order_id: str) -> list[BrokerOrder]:
    """Return the states of one order, oldest first."""
    path = f"/orders/{account.order_id(broker_order_id)}"
    return mapping.orders_of(await _read(account, path, what="order history"), account.lot_size_of)


async def holdings(account: Account) -> list[Holding]:
    """Return the delivered securities."""
    return mapping.holdings_of(await _read(account, "/portfolio/holdings", what="holdings"))


async def basket_margin(account: Account, requests: Sequence[OrderRequest]) -> BasketMargin:
    """Return what orders need together."""
    try:
        request = margins.basket_request(account.access, requests)
    except ValueError as error:
        raise BrokerError("INVALID", f"{BROKER} basket margin: {error}") from error
    return margins.margin_of(await _answered(account, request, what="basket margin"), count=len(requests))


async def _read(account: Account, path: str, *, what: str) -> msgspec.Raw:
    return await _answered(account, account.access.request("GET", path), what=what)


async def _answered(account: Account, request: WireRequest, *, what: str) -> msgspec.Raw:
    return read_data(await account.read(request), what=what)
