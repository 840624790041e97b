"""Books and funds: complete and whole, or a ``BrokerError``; never an empty book for want of an answer."""

from brokers.noren import mapping
from brokers.noren.access import Access
from brokers.noren.answers import read_list, read_object
from brokers.rest import RestAccount
from domain.broker import BrokerUnavailable, Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds

Account = RestAccount[Access]


async def order_book(account: Account) -> list[BrokerOrder]:
    """Return today's orders, oldest first; Noren lists the newest first."""
    body = await _list(account, "OrderBook", what="order book")
    return mapping.orders_of(account.spec, body, account.lot_size_of)[::-1]


async def trade_book(account: Account) -> list[BrokerFill]:
    """Return today's executions, oldest first."""
    body = await _list(account, "TradeBook", what="trade book", actid=account.access.user)
    return mapping.fills_of(account.spec, body, account.lot_size_of)[::-1]


async def positions(account: Account) -> list[BrokerPosition]:
    """Return net positions, closed ones with quantity 0 included."""
    body = await _list(account, "PositionBook", what="positions", actid=account.access.user)
    return mapping.positions_of(account.spec, body, account.lot_size_of)


async def funds(account: Account) -> Funds:
    """Return the rupees of all segments together."""
    answer = await account.read(account.access.call("Limits", actid=account.access.user))
    return mapping.funds_of(account.spec, read_object(account.spec, answer, what="limits"))


async def holdings(account: Account) -> list[Holding]:
    """Return the delivered securities."""
    body = await _list(account, "Holdings", what="holdings", actid=account.access.user, prd="C")
    return mapping.holdings_of(account.spec, body)


async def order_history(account: Account, broker_order_id: str) -> list[BrokerOrder]:
    """Return the states of one order, oldest first; raises ``BrokerError`` for an order nobody knows."""
    body = await _list(account, "SingleOrdHist", what="order history", norenordno=account.order_id(broker_order_id))
    states = mapping.orders_of(account.spec, body, account.lot_size_of, what="order history")
    if not states:
        raise BrokerUnavailable("NO_DATA", f"{account.spec.slug}: nobody knows order {broker_order_id}")
    return states[::-1]


async def _list(account: Account, call: str, *, what: str, **fields: str) -> bytes:
    return read_list(account.spec, await account.read(account.access.call(call, **fields)), what=what)
