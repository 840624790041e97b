"""Books and funds: complete and whole, or a ``BrokerError``; never an empty book for want of an answer."""

from decimal import Decimal

import msgspec

from brokers.ibkr.access import Access
from brokers.ibkr.answers import BROKER, read_body
from brokers.ibkr.mapping import RUPEES, Summary, fills_of, orders_of, positions_of
from brokers.payloads import decoded, malformed
from brokers.rest import RestAccount
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds

Account = RestAccount[Access]

PAGE = 100
"""Positions on a page; a shorter one is the last."""

_MOST_PAGES = 50


class _Rate(msgspec.Struct):
    rate: Decimal


class _Told(msgspec.Struct):
    message: str


async def order_book(account: Account) -> list[BrokerOrder]:
    """Return the orders of the session, every state.

    Neither filtered nor forced: a filter mutes the order socket, and a forced answer is an empty one.
    """
    query = (("accountId", account.access.account_id),)
    book = orders_of(await _read(account, "/iserver/account/orders", what="order book", query=query))
    account.access.order_ids.update({row.client_order_id: row.broker_order_id for row in book if row.client_order_id})
    return book


async def trade_book(account: Account) -> list[BrokerFill]:
    """Return today's executions, joined to the orders the order book has shown."""
    query = (("accountId", account.access.account_id),)
    body = await _read(account, "/iserver/account/trades", what="trade book", query=query)
    return fills_of(body, account.access.order_ids)


async def positions(account: Account) -> list[BrokerPosition]:
    """Return net positions, closed ones with quantity 0 included: page by page, and none from IBKR's cache."""
    path = f"/portfolio/{account.access.account_id}/positions"
    answer = await account.read(account.access.request("POST", f"{path}/invalidate"))
    decoded(read_body(answer, what="positions"), _Told, broker=BROKER, what="positions")
    found: list[BrokerPosition] = []
    for page in range(_MOST_PAGES):
        rows, count = positions_of(await _read(account, f"{path}/{page}", what="positions"))
        found += rows
        if count < PAGE:
            return found
    raise malformed(BROKER, "positions", f"more than {_MOST_PAGES} pages")


async def funds(account: Account) -> Funds:
    """Return the account's money in rupees, at IBKR's own rate where it is kept in another currency."""
    path = f"/portfolio/{account.access.account_id}/summary"
    summary = decoded(await _read(account, path, what="funds"), Summary, broker=BROKER, what="funds")
    rate = await _rupees_per(account, summary.availablefunds.currency or "")
    available, used = summary.availablefunds.amount * rate, summary.initmarginreq.amount * rate
    return Funds(available=available, used=used, total=available + used)


async def _rupees_per(account: Account, currency: str) -> Decimal:
    if currency == RUPEES:
        return Decimal(1)
    query = (("target", RUPEES), ("source", currency))
    body = await _read(account, "/iserver/exchangerate", what="exchange rate", query=query)
    rate = decoded(body, _Rate, broker=BROKER, what="exchange rate").rate
    if not rate.is_finite() or rate <= 0:
        raise malformed(BROKER, "exchange rate", f"{rate} is none")
    return rate


async def _read(account: Account, path: str, *, what: str, query: tuple[tuple[str, str], ...] = ()) -> bytes:
    return read_body(await account.read(account.access.request("GET", path, query=query)), what=what)
