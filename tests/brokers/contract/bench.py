"""Where a case runs: a client of its own at the simulated exchange, or a server that answers as told."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

import aiohttp
from aiohttp import web

from brokers.connect import (
    Desk,
    connect,
    connect_feed,
    connect_login,
    connect_market_data,
    connect_order_stream,
)
from domain.broker import (
    Broker,
    BrokerToken,
    Credentials,
    Endpoint,
    InstrumentRow,
    Login,
    MarketData,
    MarketFeed,
    OrderStream,
    Quote,
)
from domain.orders import FINAL, BrokerOrder, OrderRequest, OrderStatus, OrderType, Product, Side
from domain.prices import round_to_tick
from tests.brokers.contract.member import Member
from tests.brokers.servers import serve

EQUITIES = frozenset({"RELIANCE", "VEDL", "M&M"})
PATIENCE = 60.0
HURRY_SECONDS = 1.0
POLL = 0.02
_T = TypeVar("_T")
_numbers = count(1)
_tags = count(1)
_listed: dict[str, Sequence[InstrumentRow]] = {}
"""Contracts that are read once for all cases, by where they were read."""


@dataclass(frozen=True)
class Bench:
    """One case at one broker. ``stack`` closes what the case opened, ``desks`` are those of clients that need one."""

    member: Member
    base: str
    stack: AsyncExitStack
    start_exchange: Callable[[str], Awaitable[str]]
    desks: dict[str, Desk] = field(default_factory=dict)

    async def client(self, **changes: object) -> str:
        """Register a new client at the simulated exchange and return its name."""
        name = self.member.name_of(next(_numbers))
        await self.control("clients", {"clients": [{**self.member.register(name), **changes}]})
        if self.member.desk is not None:
            self.desks[name] = await self.member.desk(self, name)
        return name

    async def site(self, *, timeout: float = 7.0, base: str = "", **changes: object) -> "Site":
        """Return a new client, signed in, its books empty."""
        at = replace(self, base=base or self.base)
        name = await at.client(**changes)
        return await at.signed_in(name, timeout=timeout)

    async def signed_in(self, name: str, *, timeout: float = 7.0) -> "Site":
        """Sign a registered client in."""
        endpoint = self.member.endpoint(self.base)
        credentials = Credentials(name, self.member.fields(name))
        login = connect_login(self.member.slug, credentials, endpoint, desk=self.desks.get(name))
        self.stack.push_async_callback(login.aclose)
        token = await self.token(login, name)
        return self.opened(replace(credentials, access_token=token.access_token), endpoint, timeout=timeout)

    async def token(self, login: Login, name: str) -> BrokerToken:
        """Sign in as a person would, or as a program where the broker needs none."""
        if self.member.code is None:
            return await login.sign_in(now=datetime.now(UTC))
        return await login.exchange(request_token=await self.member.code(self, name), now=datetime.now(UTC))

    async def stub(self, answer: Callable[[web.Request], Awaitable[web.StreamResponse]], **options: Any) -> "Site":
        """Return an account whose broker is a server of the case's own."""
        base = await self.stack.enter_async_context(serve(answer))
        credentials = Credentials("STUB01", self.member.fields("STUB01"), access_token=self.member.token(base))
        if self.member.stub_desk is not None:
            self.desks["STUB01"] = await self.member.stub_desk(self, base)
            options = {"timeout": self.member.stub_seconds, **options}
        return self.opened(credentials, self.member.endpoint(base), **options)

    def opened(self, credentials: Credentials, endpoint: Endpoint, *, timeout: float = 7.0) -> "Site":
        """Connect everything an account has; closed with the case."""
        site = Site(self, credentials, endpoint, timeout)
        self.stack.push_async_callback(site.aclose)
        return site

    async def control(self, path: str, body: object = None, *, method: str = "POST") -> Any:
        """Ask the hand behind the exchange."""
        url = f"{self.base}/control/{path}"
        async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def ledger(self, **wanted: str) -> list[dict[str, Any]]:
        """Return what the exchange wrote down, oldest first."""
        query = "&".join(f"{name}={value}" for name, value in wanted.items())
        entries: list[dict[str, Any]] = (await self.control(f"ledger?{query}", method="GET"))["entries"]
        return entries

    async def until(self, read: Callable[[], Awaitable[_T | None]]) -> _T:
        """Read on until there is something; the case's time limit ends a vain wait."""
        while (found := await read()) is None:  # noqa: ASYNC110 - the exchange is another process
            await asyncio.sleep(POLL)
        return found


class Site:
    """One account: its broker, market data, and what a case needs to trade with them."""

    def __init__(self, bench: Bench, credentials: Credentials, endpoint: Endpoint, timeout: float) -> None:
        self.bench = bench
        self.name = credentials.client_id
        self.credentials = credentials
        self.endpoint = endpoint
        self.desk = bench.desks.get(self.name)
        slug = bench.member.slug
        self.broker: Broker = connect(
            slug,
            credentials,
            endpoint,
            timeout=timeout,
            lot_size_of=self.lot_size_of,
            step_of=self.step_of,
            desk=self.desk,
        )
        self.login: Login = connect_login(slug, credentials, endpoint, timeout=timeout, desk=self.desk)
        self.market: MarketData = connect_market_data(
            slug,
            credentials,
            endpoint,
            timeout=timeout,
            lot_size_of=self.lot_size_of,
            step_of=self.step_of,
            equities=EQUITIES,
            desk=self.desk,
        )
        self._rows: Sequence[InstrumentRow] = ()

    async def aclose(self) -> None:
        """Close what is held."""
        for held in (self.broker, self.login, self.market):
            await held.aclose()

    def lot_size_of(self, exchange: str, symbol: str) -> int:
        """Units per lot by the broker's own names."""
        return {(row.exchange, row.symbol): row.lot_size for row in self._rows}[exchange, symbol]

    def step_of(self, exchange: str, symbol: str) -> Decimal:
        """What one unit is by the broker's own names; before a master was read, what the stage says."""
        if not self._rows:
            return self.bench.member.stage.step
        return {(row.exchange, row.symbol): row.multiplier for row in self._rows}[exchange, symbol]

    def hurried(self) -> "Site":
        """Return the same account, but one that waits a second for an answer and no longer.

        For calls whose answer does not come: everything else a case does may take as long as a busy machine needs.
        """
        site = self.bench.opened(self.credentials, self.endpoint, timeout=HURRY_SECONDS)
        site._rows = self._rows
        return site

    def feed(self, **options: Any) -> MarketFeed:
        """Return a market socket, not yet open; closed with the case."""
        feed = connect_feed(
            self.bench.member.slug,
            self.credentials,
            self.endpoint,
            lot_size_of=self.lot_size_of,
            step_of=self.step_of,
            desk=self.desk,
            **options,
        )
        self.bench.stack.push_async_callback(feed.aclose)
        return feed

    def orders_pushed(self) -> OrderStream:
        """Return the order socket, not yet open; closed with the case."""
        stream = connect_order_stream(
            self.bench.member.slug,
            self.credentials,
            self.endpoint,
            lot_size_of=self.lot_size_of,
            step_of=self.step_of,
        )
        self.bench.stack.push_async_callback(stream.aclose)
        return stream

    async def rows(self) -> Sequence[InstrumentRow]:
        """Return the day's master, read once."""
        if not self._rows and self.bench.member.long_listing:
            self._rows = _listed.get(self.endpoint.rest_url, ())
        if not self._rows:
            self._rows = _listed[self.endpoint.rest_url] = await self.market.instruments()
        return self._rows

    async def pick(self, exchange: str, kind: str, underlying: str) -> InstrumentRow:
        """Return the first contract of its kind."""
        wanted = (exchange, kind, underlying)
        found = [row for row in await self.rows() if (row.exchange, row.kind, row.underlying) == wanted]
        return min(found, key=lambda row: (row.expiry or datetime.now(UTC).date(), row.strike or 0))

    async def liquid(self) -> InstrumentRow:
        """Return what most cases trade: the stage's choice."""
        chosen = self.bench.member.stage.liquid
        return await self.option() if chosen is None else await self.pick(*chosen)

    async def option(self) -> InstrumentRow:
        """Return the NIFTY call nearest to the money that expires first."""
        index = await self.pick("NSE_INDEX", "INDEX", "NIFTY")
        (spot,) = await self.market.quotes([(index.exchange, index.symbol)])
        first = (await self.pick("NFO", "OPT", "NIFTY")).expiry
        calls = [row for row in await self.rows() if (row.underlying, row.right, row.expiry) == ("NIFTY", "CE", first)]
        return min(calls, key=lambda row: abs((row.strike or 0) - spot.last_price))

    async def quote(self, row: InstrumentRow) -> Quote:
        """Return one quote."""
        (quote,) = await self.market.quotes([(row.exchange, row.symbol)])
        return quote

    async def resting(self, row: InstrumentRow, **changes: object) -> OrderRequest:
        """Return a buy order of one lot that rests: well below the market, well within the day's band."""
        quote = await self.quote(row)
        low = quote.lower_band or quote.last_price * (1 - 2 * _reach(row))
        return request(row, price=round_to_tick((low + quote.last_price) / 2, row.tick_size, up=True), **changes)

    async def crossing(self, row: InstrumentRow, side: Side = Side.BUY, **changes: object) -> OrderRequest:
        """Return an order of one lot that trades at once, within the day's band."""
        quote, buying = await self.quote(row), side is Side.BUY
        factor = 1 + _reach(row) if buying else 1 - _reach(row)
        wanted = max(round_to_tick(quote.last_price * factor, row.tick_size, up=buying), row.tick_size)
        limit = (quote.upper_band if buying else quote.lower_band) or wanted
        return request(row, side=side, price=min(wanted, limit) if buying else max(wanted, limit), **changes)

    async def tagged(self, tag: str) -> BrokerOrder | None:
        """Return the one order of the book with this tag; more than one is a failure."""
        found = [order for order in await self.broker.order_book() if order.client_order_id == tag]
        assert len(found) <= 1, found
        return found[0] if found else None

    async def reached(self, tag: str, status: OrderStatus) -> BrokerOrder:
        """Read the book until the order stands so."""

        async def read() -> BrokerOrder | None:
            found = await self.tagged(tag)
            if found is None or found.status is status:
                return found
            assert found.status not in FINAL, f"{found.status}: {found.reason}"
            return None

        return await self.bench.until(read)

    async def fault(self, kind: str, endpoint: str = "", **more: object) -> None:
        """Spoil this client's next call."""
        await self.bench.control(
            "faults", {"kind": kind, "client": self.name, "endpoint": endpoint, "count": 1, **more}
        )

    async def spoil_market(self, kind: str, **more: object) -> None:
        """Spoil the next call for market data, or its socket: nobody's in particular where they are everybody's."""
        client = "" if self.bench.member.public_data else self.name
        await self.bench.control("faults", {"kind": kind, "client": client, "count": 1, **more})

    async def deviate(self, **how: object) -> None:
        """Make the exchange treat this client in its own way."""
        await self.bench.control("exchange", {"client": self.name, **how})


def _reach(row: InstrumentRow) -> Decimal:
    """How far from the last price an order surely trades, or rests, where no band is shown; a share's is narrow."""
    return Decimal("0.04") if row.kind == "EQ" else Decimal("0.25")


def new_tag() -> str:
    """Return a tag nobody used, which every broker takes: 18 digits, no nought before them."""
    return f"{100_000 + next(_tags)}{time.monotonic_ns() % 10**12:012d}"


def request(row: InstrumentRow, *, price: Decimal, lots: int = 1, **changes: Any) -> OrderRequest:
    """Return a limit order to buy one lot to carry forward, with changes."""
    base = OrderRequest(
        client_order_id=new_tag(),
        exchange=row.exchange,
        symbol=row.symbol,
        token=row.token,
        side=Side.BUY,
        quantity=lots * row.lot_size,
        lot_size=row.lot_size,
        product=Product.CNC if row.kind in ("EQ", "SPOT") else Product.NRML,
        order_type=OrderType.LIMIT,
        price=price,
    )
    return replace(base, **changes)


def answering(status: int, body: bytes, content_type: str, *, headers: Mapping[str, str] | None = None) -> Any:
    """Return a handler that gives one answer to everything."""

    async def answer(http: web.Request) -> web.StreamResponse:
        await http.read()
        return web.Response(status=status, body=body, headers={"Content-Type": content_type, **(headers or {})})

    return answer
