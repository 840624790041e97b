"""Books and funds, pair by pair: complete and whole, or a ``BrokerError``; never an empty book for want of an answer.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/account-endpoints
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from brokers.binance.answers import BROKER, read_data
from brokers.binance.ids import order_id
from brokers.binance.mapping import OrderRow, TradeRow, cost_of, fill_of, orders_of
from brokers.binance.reads import (
    Account,
    fill_rows,
    order_rows,
    read,
    recent,
    shown_fills,
    shown_orders,
    since_when,
    step_of,
)
from brokers.binance.spec import SPEC, SPOT
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, mapped
from brokers.steps import whole_units
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, Product


class _Balance(msgspec.Struct):
    asset: str
    free: Decimal
    locked: Decimal


class AccountRow(msgspec.Struct):
    """What ``GET /account`` says of an account."""

    uid: int
    balances: list[_Balance]


class _Price(msgspec.Struct):
    symbol: str
    price: Decimal


async def order_book(account: Account) -> list[BrokerOrder]:
    """Return what rests and the last day's orders, every state, each pair's oldest first."""
    rows = await order_rows(account, list[OrderRow])
    since = since_when(account)
    return shown_orders(_mapped(account, rows, what="order book"), since)


async def trade_book(account: Account) -> list[BrokerFill]:
    """Return the last day's executions."""
    orders = await order_rows(account, list[OrderRow])
    names = {row.orderId: order_id(row.symbol, row.clientOrderId, row.orderId) for row in orders}
    rows = await fill_rows(account, "myTrades", list[TradeRow])
    fills = mapped(
        rows, lambda row: fill_of(row, step_of(account, row.symbol), names), broker=BROKER, what="trade book"
    )
    return shown_fills(fills, since_when(account))


async def positions(account: Account) -> list[BrokerPosition]:
    """Return what is held of each pair's coin, in whole steps; a coin not held is no row."""
    held = _held(account, await account_row(account))
    prices = await _prices(account, [pair for pair, amount in held.items() if _units(account, pair, amount)])
    return [await _position(account, pair, held[pair], price) for pair, price in prices.items()]


async def funds(account: Account) -> Funds:
    """Return the account's money: free to spend, and bound in orders and coins at their last price."""
    row = await account_row(account)
    held = {pair: amount for pair, amount in _held(account, row).items() if amount}
    prices = await _prices(account, list(held))
    money = {balance.asset: balance for balance in row.balances}.get(SPEC.currency)
    free, locked = (money.free, money.locked) if money else (Decimal(0), Decimal(0))
    used = locked + sum((held[pair] * prices[pair] for pair in held), Decimal(0))
    return Funds(available=free, used=used, total=free + used)


async def account_row(account: Account) -> AccountRow:
    """Return the account's own row."""
    body = await read(account, "account", what="account", omitZeroBalances="true")
    row = decoded(body, AccountRow, broker=BROKER, what="account")
    if not all(one.free.is_finite() and one.locked.is_finite() for one in row.balances):
        raise malformed(BROKER, "account", "a balance is not a number")
    return row


async def _position(account: Account, pair: str, held: Decimal, price: Decimal) -> BrokerPosition:
    step = step_of(account, pair)
    trades = await recent(account, "myTrades", list[TradeRow], pair)
    cost = cost_of(trades, held=held, base=_base(pair), within=step)
    return BrokerPosition(
        exchange=SPOT,
        symbol=pair,
        product=Product.CNC,
        quantity=whole_units(held, step),
        average_price=price if cost is None else cost,
        last_price=price,
        multiplier=step,
    )


def _held(account: Account, row: AccountRow) -> dict[str, Decimal]:
    amounts = {balance.asset: balance.free + balance.locked for balance in row.balances}
    return {pair: amounts.get(_base(pair), Decimal(0)) for pair in account.access.symbols}


def _base(pair: str) -> str:
    return pair.removesuffix(SPEC.currency)


async def _prices(account: Account, pairs: Sequence[str]) -> dict[str, Decimal]:
    if not pairs:
        return {}
    asked = ("symbols", msgspec.json.encode(pairs).decode())
    body = read_data(await account.read(account.access.public("ticker/price", asked)), what="prices")
    prices = {row.symbol: row.price for row in decoded(body, list[_Price], broker=BROKER, what="prices")}
    if missing := set(pairs) - prices.keys():
        raise malformed(BROKER, "prices", f"none of {', '.join(sorted(missing))}")
    return {pair: prices[pair] for pair in pairs}


def _mapped(account: Account, rows: Sequence[OrderRow], *, what: str) -> list[BrokerOrder]:
    steps: Mapping[str, Decimal] = {row.symbol: step_of(account, row.symbol) for row in rows}
    try:
        return orders_of(rows, steps)
    except (MalformedRow, ArithmeticError) as error:
        raise malformed(BROKER, what, error) from error


def _units(account: Account, pair: str, amount: Decimal) -> int:
    return whole_units(amount, step_of(account, pair))
