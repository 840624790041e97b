"""The process put together: one exchange, one clock, one ledger, and a protocol face per broker."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from aiohttp import web

from domain.clock import IST, MarketClock
from simulator import control
from simulator.clients import ClientRegistry, Sessions
from simulator.config import Config, ConfigError
from simulator.exchange.core import Exchange
from simulator.exchange.types import Settings
from simulator.faces.desk import Desk
from simulator.faces.limits import LimitSwitch
from simulator.faces.recorder import Recorder
from simulator.faces.table import FACES
from simulator.faces.wording import Wording
from simulator.faults import FaultPlan
from simulator.ledger import Ledger
from simulator.market.calendar import weekly_expiries
from simulator.market.live import MarketSettings
from simulator.market.recording import RecordingError, read_chain
from simulator.market.replay import RecordedRow, ReplayMarket
from simulator.market.types import Market
from simulator.market.world import WorldMarket
from simulator.recovery import recover

LONGEST_NAP = 0.5
SHORTEST_NAP = 0.005
LONGEST_TAG = 64
"""As long as any broker's; each face holds its clients to its own."""

log = logging.getLogger("simulator")


def build(config: Config) -> web.Application:
    """Return the application; opening its accounts and files happens here, its tasks start with it."""
    desk = _desk(config)
    faces = {row.slug: row.build(desk) for row in FACES}
    app = web.Application(client_max_size=1 << 20)
    for slug, face in faces.items():
        app.add_subapp(f"/{slug}", face.app)
    app.add_subapp(control.PREFIX, control.application(control.Control(desk=desk, faces=faces, config=config)))
    app.router.add_get("/", _index)

    async def running(_: web.Application) -> AsyncIterator[None]:
        for face in faces.values():
            face.start()
        tasks = [_watched(pump(desk)), _watched(desk.recorder.run())]
        yield
        await _stop(tasks)
        for face in faces.values():
            await face.aclose()
        await desk.ledger.aclose()

    async def goodbye(_: web.Application) -> None:
        for face in faces.values():
            await face.close_sockets()

    app.cleanup_ctx.append(running)
    app.on_shutdown.append(goodbye)
    return app


async def _index(request: web.Request) -> web.Response:
    """GET /: where each broker's face is."""
    faces = {row.slug: str(request.url.with_path(f"/{row.slug}")) for row in FACES}
    return web.json_response({"name": "simulated exchange", "faces": faces})


async def pump(desk: Desk) -> None:
    """Move the market whenever its next price is due."""
    while True:
        desk.exchange.step(desk.now())
        await asyncio.sleep(_nap(desk.clock, desk.exchange.market.next_change()))


def _nap(clock: MarketClock, due: datetime | None) -> float:
    if due is None:
        return LONGEST_NAP
    seconds = (clock.wall_of(due) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, SHORTEST_NAP), LONGEST_NAP)


def _desk(config: Config) -> Desk:
    def now() -> datetime:
        return config.clock.at(datetime.now(UTC))

    clients = ClientRegistry(config.clients, added=config.added_clients_path)
    exchange = _exchange(config, clients, now())
    numberings = {row.slug: row.numbering for row in FACES}
    wording = Wording(exchange.market, {row.slug: row.naming for row in FACES}, numberings)
    _take_back(config, exchange, clients, wording, now())
    ledger = Ledger(config.ledger_path, market_now=now)
    return Desk(
        exchange=exchange,
        clients=clients,
        sessions=Sessions(config.sessions_path, now=now, lives={row.slug: row.expiry for row in FACES}),
        ledger=ledger,
        recorder=Recorder(exchange=exchange, ledger=ledger, clients=clients, wording=wording),
        wording=wording,
        faults=FaultPlan(config.seed),
        clock=config.clock,
        limits=LimitSwitch(config.rate_limits),
        address=f"http://127.0.0.1:{config.port}" if config.port else "",
    )


def _exchange(config: Config, clients: ClientRegistry, now: datetime) -> Exchange:
    """Open the market and the accounts."""
    exchange = Exchange(market=_market(config, now), seed=config.seed, settings=_settings(config))
    for client in clients:
        exchange.open_account(client.client, cash=Decimal(client.cash))
    return exchange


def _take_back(config: Config, exchange: Exchange, clients: ClientRegistry, wording: Wording, now: datetime) -> None:
    """Take back what the ledger knows of the accounts."""
    path = config.ledger_path
    count = recover(path, exchange=exchange, clients=clients, wording=wording, clock=config.clock, now=now)
    if count:
        log.info("took back %d orders from %s", count, path)


def _settings(config: Config) -> Settings:
    return Settings(
        slippage_ticks=config.slippage_ticks, partial_fill_ratio=config.partial_fill_ratio, tag_length=LONGEST_TAG
    )


def _market(config: Config, now: datetime) -> Market:
    if config.recording is not None:
        expiry = config.expiry or weekly_expiries(now.astimezone(IST).date(), 1)[0]
        return ReplayMarket(_recorded(config.recording, expiry))
    settings = MarketSettings(volatility_scale=config.volatility)
    return WorldMarket(seed=config.seed, start=now, settings=settings)


def _recorded(path: Path, expiry: date) -> list[RecordedRow]:
    try:
        return read_chain(path, expiry=expiry)
    except RecordingError as error:
        raise ConfigError(f"SIMULATOR_MARKET: {error}") from None


def _watched(work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
    """Run a task whose failure ends the process: a market that stands still must not look alive."""
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(_failed)
    return task


def _failed(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("the simulator cannot go on", exc_info=task.exception())
        raise SystemExit(1)


async def _stop(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)  # a failure was told when it happened
