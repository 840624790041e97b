"""Books and funds, pair by pair: complete and whole, or a ``BrokerError``; never an empty book for want of an answer.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/account-endpoints
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import msgspec

from brokers.binance.access import Access
from brokers.binance.answers import BROKER, OUT_OF_TIME, read_data
from brokers.binance.ids import order_id
from brokers.binance.mapping import OrderRow, TradeRow, at, cost_of, fill_of, orders_of
from brokers.binance.spec import SPEC, SPOT
from brokers.payloads import decoded, malformed
from brokers.rest import RestAccount
from brokers.rows import MalformedRow
from brokers.steps import whole_units
from brokers.transport import WireRequest
from domain.broker import BrokerError, BrokerUnavailable
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderStatus, Product

Account = RestAccount[Access]

PAGE = 1000
BOOK_REACHES = timedelta(hours=24)
"""How far back the books show what is finished; what rests is shown whatever its age."""

_RESTING = frozenset({OrderStatus.OPEN, OrderStatus.TRIGGER_PENDING, OrderStatus.PARTIALLY_FILLED})
_Row = TypeVar("_Row", bound=OrderRow | TradeRow)


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
    rows = await _order_rows(account)
    since = _since(account)
    book = _mapped(account, rows, what="order book")
    return [one for one in book if one.status in _RESTING or (one.updated_at and one.updated_at >= since)]


async def trade_book(account: Account) -> list[BrokerFill]:
    """Return the last day's executions."""
    orders = await _order_rows(account)
    names = {row.orderId: order_id(row.symbol, row.clientOrderId, row.orderId) for row in orders}
    rows = [row for pair in account.access.pairs for row in await _recent(account, "myTrades", list[TradeRow], pair)]
    try:
        fills = [fill_of(row, _step(account, row.symbol), names) for row in rows]
    except MalformedRow as error:
        raise malformed(BROKER, "trade book", error) from error
    since = _since(account)
    return [fill for fill in fills if fill.filled_at >= since]


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
    body = await _read(account, "account", what="account", omitZeroBalances="true")
    row = decoded(body, AccountRow, broker=BROKER, what="account")
    if not all(one.free.is_finite() and one.locked.is_finite() for one in row.balances):
        raise malformed(BROKER, "account", "a balance is not a number")
    return row


async def _position(account: Account, pair: str, held: Decimal, price: Decimal) -> BrokerPosition:
    step = _step(account, pair)
    trades = await _recent(account, "myTrades", list[TradeRow], pair)
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
    return {pair: amounts.get(_base(pair), Decimal(0)) for pair in account.access.pairs}


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


async def _order_rows(account: Account) -> list[OrderRow]:
    """Return each pair's rows as they stand, once, oldest first: of two reads the later counts."""
    rows: list[OrderRow] = []
    for pair in account.access.pairs:
        resting = await _page(account, "openOrders", list[OrderRow], pair)
        recent = await _recent(account, "allOrders", list[OrderRow], pair)
        shown = {row.orderId for row in recent}
        rows += [*(row for row in resting if row.orderId not in shown), *recent]
    return rows


def _mapped(account: Account, rows: Sequence[OrderRow], *, what: str) -> list[BrokerOrder]:
    steps: Mapping[str, Decimal] = {row.symbol: _step(account, row.symbol) for row in rows}
    try:
        return orders_of(rows, steps)
    except MalformedRow as error:
        raise malformed(BROKER, what, error) from error


async def _recent(account: Account, path: str, kind: type[list[_Row]], pair: str) -> list[_Row]:
    """Return a pair's last rows, oldest first, all of the last day among them."""
    since, most = _since(account), str(PAGE)
    rows: list[_Row] = await _page(account, path, kind, pair, limit=most)
    if len(rows) < PAGE or at(rows[0].time) < since:
        return rows
    rows = await _page(account, path, kind, pair, limit=most, startTime=str(int(since.timestamp() * 1000)))
    following: list[_Row] = list(rows)
    while len(following) == PAGE:
        following = await _page(account, path, kind, pair, limit=most, **_after(following[-1]))
        rows.extend(following)
    return rows


def _after(row: OrderRow | TradeRow) -> dict[str, str]:
    return {"orderId": str(row.orderId + 1)} if isinstance(row, OrderRow) else {"fromId": str(row.id + 1)}


async def _page(account: Account, path: str, kind: type[list[_Row]], pair: str, **query: str) -> list[_Row]:
    body = await _read(account, path, what=path, symbol=pair, **query)
    rows = decoded(body, kind, broker=BROKER, what=path)
    if strangers := {row.symbol for row in rows} - {pair}:
        raise malformed(BROKER, path, f"rows of {', '.join(sorted(strangers))} were not asked for")
    return rows


async def _read(account: Account, path: str, *, what: str, **query: str) -> bytes:
    access = account.access
    await access.clock.settle(account.wire, access.rest_url)
    try:
        return read_data(await account.read(_signed(access, path, query)), what=what)
    except BrokerUnavailable as error:
        if error.code == OUT_OF_TIME:
            access.clock.doubt()
        raise


def _signed(access: Access, path: str, query: Mapping[str, str]) -> WireRequest:
    try:
        return access.signed("GET", path, **query)
    except ValueError as error:
        raise BrokerError("CREDENTIALS", f"{BROKER}: {error}") from error


def _units(account: Account, pair: str, amount: Decimal) -> int:
    return whole_units(amount, _step(account, pair))


def _step(account: Account, pair: str) -> Decimal:
    try:
        return account.access.step(pair)
    except LookupError:
        raise BrokerUnavailable("NO_STEP", f"{BROKER}: the quantity step of {pair} is not known") from None


def _since(account: Account) -> datetime:
    return at(account.access.clock.now()) - BOOK_REACHES
