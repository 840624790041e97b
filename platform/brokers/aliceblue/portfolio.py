"""Books and funds: complete and whole, or a ``BrokerError``; never an empty book for want of an answer."""

from collections.abc import Sequence

import msgspec

from brokers.aliceblue import mapping, margins
from brokers.aliceblue.access import Access
from brokers.aliceblue.answers import BROKER, read_result
from brokers.aliceblue.errors import NO_HOLDINGS, NO_ORDERS, NO_POSITIONS, NO_TRADES
from brokers.rest import RestAccount
from brokers.transport import WireRequest
from domain.broker import BasketMargin, BrokerError, BrokerUnavailable, Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderRequest

Account = RestAccount[Access]

_ORDERS = "/od/v1/orders"


async def order_book(account: Account) -> list[BrokerOrder]:
    """Return today's orders, oldest first; Alice Blue lists the newest first."""
    result = await _get(account, f"{_ORDERS}/book", what="order book", nothing=NO_ORDERS)
    return mapping.orders_of(result, account.lot_size_of)[::-1]


async def trade_book(account: Account) -> list[BrokerFill]:
    """Return today's executions, oldest first."""
    result = await _get(account, f"{_ORDERS}/trades", what="trade book", nothing=NO_TRADES)
    return mapping.fills_of(result, account.lot_size_of)[::-1]


async def positions(account: Account) -> list[BrokerPosition]:
    """Return net positions, closed ones with quantity 0 included."""
    result = await _get(account, "/od/v1/positions", what="positions", nothing=NO_POSITIONS)
    return mapping.positions_of(result, account.lot_size_of)


async def funds(account: Account) -> Funds:
    """Return the rupees of all segments together."""
    return mapping.funds_of(await _get(account, "/od/v1/limits/", what="limits"))


async def holdings(account: Account) -> list[Holding]:
    """Return the delivered securities."""
    result = await _get(account, "/od/v1/holdings/CNC", what="holdings", nothing=NO_HOLDINGS)
    return mapping.holdings_of(result)


async def order_history(account: Account, broker_order_id: str) -> list[BrokerOrder]:
    """Return the states of one order, oldest first; raises ``BrokerError`` for an order nobody knows."""
    what = "order history"
    request = account.access.post(f"{_ORDERS}/history", {"brokerOrderId": account.order_id(broker_order_id)})
    states = mapping.orders_of(await _answered(account, request, what=what), account.lot_size_of, what=what)
    if not states:
        raise BrokerUnavailable("NO_DATA", f"{BROKER}: nobody knows order {broker_order_id}")
    return mapping.oldest_first(states)


async def basket_margin(account: Account, requests: Sequence[OrderRequest]) -> BasketMargin:
    """Return what orders need together."""
    what = "basket margin"
    try:
        request = margins.basket_request(account.access, requests)
    except ValueError as error:
        raise BrokerError("INVALID", f"{BROKER} {what}: {error}") from error
    return margins.margin_of(await _answered(account, request, what=what))


async def _get(account: Account, path: str, *, what: str, nothing: str = "") -> msgspec.Raw:
    return await _answered(account, account.access.get(path), what=what, nothing=nothing)


async def _answered(account: Account, request: WireRequest, *, what: str, nothing: str = "") -> msgspec.Raw:
    return read_result(await account.read(request), what=what, nothing=nothing)
