"""Books, positions and money at the futures exchange, contract by contract: complete and whole, or a ``BrokerError``.

https://developers.binance.com/docs/derivatives/usds-margined-futures/account/rest-api
"""

from decimal import Decimal

import msgspec

from brokers.binance.access import FUTURES_DOOR_3
from brokers.binance.answers import BROKER
from brokers.binance.futures.mapping import (
    ONE_WAY,
    OrderRow,
    PositionRow,
    TradeRow,
    fill_of,
    names_of,
    order_of,
    position_of,
)
from brokers.binance.reads import (
    Account,
    fill_rows,
    order_rows,
    read,
    shown_fills,
    shown_orders,
    since_when,
    step_of,
)
from brokers.binance.spec import SPEC
from brokers.payloads import decoded, malformed
from brokers.rows import mapped
from domain.broker import BrokerError
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds

_HEDGED = (
    f"{BROKER}: the futures account is in hedge mode, which holds two positions of one contract; "
    "choose one-way mode among the futures preferences"
)


class _Mode(msgspec.Struct):
    dualSidePosition: bool


class _Asset(msgspec.Struct):
    asset: str
    marginBalance: Decimal
    availableBalance: Decimal


class _Wallet(msgspec.Struct):
    assets: list[_Asset]


async def check_mode(account: Account) -> None:
    """Raise ``BrokerError`` with code ``HEDGE_MODE`` for an account that holds long and short apart."""
    body = await read(account, "positionSide/dual", what="position mode")
    if decoded(body, _Mode, broker=BROKER, what="position mode").dualSidePosition:
        raise BrokerError("HEDGE_MODE", _HEDGED)


async def order_book(account: Account) -> list[BrokerOrder]:
    """Return what rests and the last day's orders, every state, each contract's oldest first."""
    rows = await order_rows(account, list[OrderRow])
    names, since = names_of(rows), since_when(account)
    book = mapped(
        rows, lambda row: order_of(row, step_of(account, row.symbol), names), broker=BROKER, what="order book"
    )
    return shown_orders(book, since)


async def trade_book(account: Account) -> list[BrokerFill]:
    """Return the last day's executions."""
    names = names_of(await order_rows(account, list[OrderRow]))
    rows = await fill_rows(account, "userTrades", list[TradeRow])
    fills = mapped(
        rows, lambda row: fill_of(row, step_of(account, row.symbol), names), broker=BROKER, what="trade book"
    )
    return shown_fills(fills, since_when(account))


async def positions(account: Account) -> list[BrokerPosition]:
    """Return the net positions of the account's contracts; raises ``BrokerError``, ``HEDGE_MODE`` where none is net."""
    body = await read(account, "positionRisk", FUTURES_DOOR_3, what="positions")
    rows = decoded(body, list[PositionRow], broker=BROKER, what="positions")
    if any(row.positionSide != ONE_WAY for row in rows):
        raise BrokerError("HEDGE_MODE", _HEDGED)
    ours = [row for row in rows if row.symbol in account.access.symbols]
    return mapped(ours, lambda row: position_of(row, step_of(account, row.symbol)), broker=BROKER, what="positions")


async def funds(account: Account) -> Funds:
    """Return the futures wallet's money: free for new positions, and bound in positions and orders."""
    body = await read(account, "account", FUTURES_DOOR_3, what="futures account")
    assets = {one.asset: one for one in decoded(body, _Wallet, broker=BROKER, what="futures account").assets}
    money = assets.get(SPEC.currency, _Asset(SPEC.currency, Decimal(0), Decimal(0)))
    if not (money.marginBalance.is_finite() and money.availableBalance.is_finite()):
        raise malformed(BROKER, "futures account", "a balance is not a number")
    used = money.marginBalance - money.availableBalance
    return Funds(available=money.availableBalance, used=used, total=money.marginBalance)
