"""Signed reads of an account, as both markets have them: whole rows of one symbol, page by page, by Binance's clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol, TypeVar

from brokers.binance.access import Access, Door
from brokers.binance.answers import BROKER, OUT_OF_TIME, read_data
from brokers.binance.rows import BookRow, FillRow, at
from brokers.payloads import decoded, malformed
from brokers.rest import RestAccount
from brokers.transport import WireRequest
from domain.broker import BrokerError, BrokerUnavailable
from domain.orders import WORKING, BrokerFill, BrokerOrder

Account = RestAccount[Access]

PAGE = 1000
BOOK_REACHES = timedelta(hours=24)
"""How far back the books show what is finished; what rests is shown whatever its age."""


class Row(Protocol):
    """A row of a book: ``after`` is what asks for those that follow it."""

    symbol: str
    time: int

    def after(self) -> dict[str, str]: ...


_Row = TypeVar("_Row", bound=Row)
_Order = TypeVar("_Order", bound=BookRow)
_Fill = TypeVar("_Fill", bound=FillRow)


async def read(account: Account, path: str, door: Door | None = None, /, *, what: str, **query: str) -> bytes:
    """Return the body of a successful read; raises ``BrokerError``."""
    access = account.access
    await access.clock.settle(account.wire, access.time_url)
    try:
        return read_data(await account.read(_signed(access, path, query, door)), what=what)
    except BrokerUnavailable as error:
        if error.code == OUT_OF_TIME:
            access.clock.doubt()
        raise


async def page(account: Account, path: str, kind: type[list[_Row]], symbol: str, **query: str) -> list[_Row]:
    """Return one page of a symbol's rows; those of another symbol spoil it."""
    body = await read(account, path, what=path, symbol=symbol, **query)
    rows = decoded(body, kind, broker=BROKER, what=path)
    if strangers := {row.symbol for row in rows} - {symbol}:
        raise malformed(BROKER, path, f"rows of {', '.join(sorted(strangers))} were not asked for")
    return rows


async def recent(account: Account, path: str, kind: type[list[_Row]], symbol: str) -> list[_Row]:
    """Return a symbol's last rows, oldest first, all of the last day among them."""
    rows: list[_Row] = await page(account, path, kind, symbol, limit=str(PAGE))
    if len(rows) < PAGE or at(rows[0].time) < since_when(account):
        return rows
    return await _of_the_day(account, path, kind, symbol)


async def order_rows(account: Account, kind: type[list[_Order]]) -> list[_Order]:
    """Return each symbol's orders as they stand, once, oldest first: of two reads the later counts."""
    rows: list[_Order] = []
    for symbol in account.access.symbols:
        resting = await page(account, "openOrders", kind, symbol)
        latest = await recent(account, "allOrders", kind, symbol)
        shown = {row.orderId for row in latest}
        rows += [*(row for row in resting if row.orderId not in shown), *latest]
    return rows


async def fill_rows(account: Account, path: str, kind: type[list[_Fill]]) -> list[_Fill]:
    """Return each symbol's last executions, oldest first."""
    return [row for symbol in account.access.symbols for row in await recent(account, path, kind, symbol)]


def shown_orders(orders: Sequence[BrokerOrder], since: datetime) -> list[BrokerOrder]:
    """Return what rests, and what changed since then."""
    return [one for one in orders if one.status in WORKING or (one.updated_at and one.updated_at >= since)]


def shown_fills(fills: Sequence[BrokerFill], since: datetime) -> list[BrokerFill]:
    """Return the executions since then."""
    return [fill for fill in fills if fill.filled_at >= since]


async def _of_the_day(account: Account, path: str, kind: type[list[_Row]], symbol: str) -> list[_Row]:
    since, most = str(int(since_when(account).timestamp() * 1000)), str(PAGE)
    rows: list[_Row] = await page(account, path, kind, symbol, limit=most, startTime=since)
    following: list[_Row] = list(rows)
    while len(following) == PAGE:
        following = await page(account, path, kind, symbol, limit=most, **following[-1].after())
        rows.extend(following)
    return rows


def since_when(account: Account) -> datetime:
    """Return when the books' day began."""
    return at(account.access.clock.now()) - BOOK_REACHES


def step_of(account: Account, symbol: str) -> Decimal:
    """Return what one unit of a symbol is; raises ``BrokerUnavailable`` where nobody knows."""
    try:
        return account.access.step(symbol)
    except LookupError:
        raise BrokerUnavailable("NO_STEP", f"{BROKER}: the quantity step of {symbol} is not known") from None


def _signed(access: Access, path: str, query: Mapping[str, str], door: Door | None) -> WireRequest:
    try:
        return access.signed("GET", path, door, **query)
    except ValueError as error:
        raise BrokerError("CREDENTIALS", f"{BROKER}: {error}") from error
