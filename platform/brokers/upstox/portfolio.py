"""Books and funds: complete and whole, or a ``BrokerError``; never an empty book for want of an answer."""

from collections.abc import Sequence

import msgspec

from brokers.rest import RestAccount
from brokers.transport import WireRequest
from brokers.upstox import mapping, margins
from brokers.upstox.access import Access
from brokers.upstox.answers import BROKER, read_data
from domain.broker import BasketMargin, BrokerError, BrokerUnavailable, Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderRequest

Account = RestAccount[Access]

_HISTORY = "/v2/order/history"
_NO_SUCH_ORDER = "UDAPI100010"


async def order_book(account: Account) -> list[BrokerOrder]:
    """Return today's orders, every state."""
    return mapping.orders_of(await _read(account, "/v2/order/retrieve-all", what="order book"), account.lot_size_of)


async def trade_book(account: Account) -> list[BrokerFill]:
    """Return today's executions."""
    data = await _read(account, "/v2/order/trades/get-trades-for-day", what="trade book")
    return mapping.fills_of(data, account.lot_size_of)


async def positions(account: Account) -> list[BrokerPosition]:
    """Return net positions, closed ones with quantity 0 included."""
    data = await _read(account, "/v2/portfolio/short-term-positions", what="positions")
    return mapping.positions_of(data, account.lot_size_of)


async def funds(account: Account) -> Funds:
    """Return the rupees of all segments together."""
    return mapping.funds_of(await _read(account, "/v2/user/get-funds-and-margin", what="funds"))


async def order_history(account: Account, broker_order_id: str) -> list[BrokerOrder]:
    """Return the states of one order, oldest first."""
    what, query = "order history", (("order_id", account.order_id(broker_order_id)),)
    return mapping.orders_of(await _read(account, _HISTORY, query=query, what=what), account.lot_size_of, what=what)


async def orders_tagged(account: Account, client_order_id: str) -> list[BrokerOrder]:
    """Return today's orders with this tag, each as it stands; a tag nobody bears is an answer, not an error."""
    what = "lookup by tag"
    try:
        data = await _read(account, _HISTORY, query=(("tag", client_order_id),), what=what)
    except BrokerUnavailable as error:
        if error.code == _NO_SUCH_ORDER:
            return []
        raise
    states = mapping.orders_of(data, account.lot_size_of, what=what)
    return [order for order in mapping.latest_of(states) if order.client_order_id == client_order_id]


async def holdings(account: Account) -> list[Holding]:
    """Return the delivered securities."""
    return mapping.holdings_of(await _read(account, "/v2/portfolio/long-term-holdings", what="holdings"))


async def basket_margin(account: Account, requests: Sequence[OrderRequest]) -> BasketMargin:
    """Return what orders need together."""
    try:
        request = margins.basket_request(account.access, requests)
    except ValueError as error:
        raise BrokerError("INVALID", f"{BROKER} basket margin: {error}") from error
    return margins.margin_of(await _answered(account, request, what="basket margin"), count=len(requests))


async def _read(account: Account, path: str, *, what: str, query: tuple[tuple[str, str], ...] = ()) -> msgspec.Raw:
    return await _answered(account, account.access.read(path, query=query), what=what)


async def _answered(account: Account, request: WireRequest, *, what: str) -> msgspec.Raw:
    return read_data(await account.read(request), what=what)
