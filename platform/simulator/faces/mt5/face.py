"""The face put together: the terminal's functions, under /mt5, and the expert advisors attached to terminals."""

import asyncio
import logging
from functools import partial
from pathlib import Path

import msgspec
import orjson
from aiohttp import web

from simulator.faces.desk import Desk
from simulator.faces.face import Face, application
from simulator.faces.mt5 import wire
from simulator.faces.mt5.calls import BROKER, TerminalCounter
from simulator.faces.mt5.expert import Attachment, Expert
from simulator.faces.mt5.orders import TerminalOrders
from simulator.faces.mt5.portfolio import Portfolio
from simulator.faults import SOCKET_FAULTS

TERMINAL = "/terminal"

log = logging.getLogger("simulator")


class Charts:
    """The expert advisors that run: one a terminal, a new one in the place of the one before."""

    def __init__(self, counter: TerminalCounter, rings: Path) -> None:
        self._counter = counter
        self._rings = rings
        self._running: dict[str, asyncio.Task[None]] = {}

    async def attach(self, request: web.Request) -> web.Response:
        """POST /expert: what a person does who puts the expert advisor on a chart and enters address and token."""
        try:
            attached = msgspec.json.decode(await request.read(), type=Attachment)
        except msgspec.MsgspecError as error:
            return wire.failure(wire.TerminalError(wire.NO_SUCH_CALL, str(error)))
        client = self._counter.named(attached.login)
        if client is None or client.api_secret != attached.password:
            return wire.failure(self._counter.session_lost())
        await self._end(client.client)
        self._run(attached, terminal=str(request.url.with_path(f"/{BROKER}{TERMINAL}").with_query(None)))
        return wire.success(True)

    def attach_all(self) -> None:
        """Attach the terminals of clients that say where to: they are on a chart whenever the exchange runs."""
        desk = self._counter.desk
        for client in desk.clients if desk.address else ():
            if client.broker == BROKER and "bridge_token" in client.extra:
                attached = Attachment(
                    login=client.client,
                    password=client.api_secret,
                    url=client.extra["bridge_url"],
                    token=client.extra["bridge_token"],
                )
                self._run(attached, terminal=f"{desk.address}/{BROKER}{TERMINAL}")

    def _run(self, attached: Attachment, *, terminal: str) -> None:
        ring, silence = self._rings / f"{attached.login}.json", partial(self._silence, attached.login)
        expert = Expert(attached, terminal=terminal, ring=ring, silence=silence)
        task = asyncio.get_running_loop().create_task(expert.run())
        task.add_done_callback(partial(_ended, attached.login))
        self._running[attached.login] = task

    async def detach(self, request: web.Request) -> web.Response:
        """DELETE /expert: take it off the chart again; a terminal without one has nothing to lose."""
        await self._end(str(orjson.loads(await request.read())["login"]))
        return wire.success(True)

    async def aclose(self) -> None:
        """Close every terminal."""
        for client in list(self._running):
            await self._end(client)

    def _silence(self, client: str) -> float:
        fault = self._counter.desk.faults.draw(SOCKET_FAULTS, client=client, endpoint="ticker")
        return fault.seconds if fault is not None else 0.0

    async def _end(self, client: str) -> None:
        task = self._running.pop(client, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _ended(login: str, task: asyncio.Task[None]) -> None:
    """A terminal that stops for a reason nobody foresaw must not do so in silence."""
    if not task.cancelled() and task.exception() is not None:
        log.error("the terminal of %s broke", login, exc_info=task.exception())


def build(desk: Desk) -> Face:
    """Build the face."""
    counter = TerminalCounter(desk)
    app, charts = application(counter), Charts(counter, desk.ledger.path.parent / "mt5")
    _functions(app.router, counter)
    app.router.add_post("/expert", charts.attach)
    app.router.add_delete("/expert", charts.detach)

    async def close(_: web.Application) -> None:
        await charts.aclose()

    app.on_shutdown.append(close)
    return Face(app=app, sockets=(), begin=charts.attach_all)


def _functions(router: web.UrlDispatcher, counter: TerminalCounter) -> None:
    orders, books = TerminalOrders(counter), Portfolio(counter.desk)
    router.add_post(f"{TERMINAL}/order_send", orders.send)
    reads = {
        "order_check": (orders.examined, "orders.check"),
        "account_info": (books.account, "funds"),
        "orders_get": (books.orders, "orders.book"),
        "history_orders_get": (books.history_orders, "orders.history"),
        "history_deals_get": (books.deals, "trades.book"),
        "positions_get": (books.positions, "positions"),
        "books": (books.books, "orders.book"),
        "symbols_get": (books.symbols, "instruments"),
        "symbol_info": (books.symbol, "instruments"),
        "ticks": (books.ticks, "quote"),
        "copy_rates_range": (books.rates, "historical"),
    }
    for function, (read, name) in reads.items():
        router.add_post(f"{TERMINAL}/{function}", counter.reading(read, name=name))
