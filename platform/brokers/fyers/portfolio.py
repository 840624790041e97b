"""Books and funds: complete and whole, or a ``BrokerError``; never an empty book for want of an answer."""

from collections.abc import Sequence

from brokers.fyers import mapping, margins
from brokers.fyers.access import Access
from brokers.fyers.answers import BROKER, read_body
from brokers.fyers.words import TAG_OURS
from brokers.rest import RestAccount
from brokers.transport import WireRequest
from domain.broker import BasketMargin, BrokerError, Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderRequest

Account = RestAccount[Access]


async def order_book(account: Account) -> list[BrokerOrder]:
    """Return today's orders, every state."""
    return mapping.orders_of(await _read(account, "/orders", what="order book"), account.lot_size_of)


async def orders_tagged(account: Account, client_order_id: str) -> list[BrokerOrder]:
    """Return today's orders with our tag."""
    request = account.access.call("GET", "/orders", query=(("order_tag", f"{TAG_OURS}{client_order_id}"),))
    shown = mapping.orders_of(await _answered(account, request, what="orders by tag"), account.lot_size_of)
    return [order for order in shown if order.client_order_id == client_order_id]


async def trade_book(account: Account) -> list[BrokerFill]:
    """Return today's executions."""
    return mapping.fills_of(await _read(account, "/tradebook", what="trade book"), account.lot_size_of)


async def positions(account: Account) -> list[BrokerPosition]:
    """Return net positions, closed ones with quantity 0 included."""
    return mapping.positions_of(await _read(account, "/positions", what="positions"), account.lot_size_of)


async def funds(account: Account) -> Funds:
    """Return the rupees of both ledgers together."""
    return mapping.funds_of(await _read(account, "/funds", what="funds"))


async def holdings(account: Account) -> list[Holding]:
    """Return the delivered securities."""
    return mapping.holdings_of(await _read(account, "/holdings", what="holdings"))


async def basket_margin(account: Account, requests: Sequence[OrderRequest]) -> BasketMargin:
    """Return what orders need together."""
    try:
        request = margins.basket_request(account.access, requests)
    except ValueError as error:
        raise BrokerError("INVALID", f"{BROKER} basket margin: {error}") from error
    return margins.margin_of(await _answered(account, request, what="basket margin"))


async def _read(account: Account, path: str, *, what: str) -> bytes:
    return await _answered(account, account.access.call("GET", path), what=what)


async def _answered(account: Account, request: WireRequest, *, what: str) -> bytes:
    return read_body(await account.read(request), what=what)
