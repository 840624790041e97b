"""Patches delivered per CPU second to 500 people's sockets, beside a bare broadcaster, and what stalled clients cost.

Run as ``PYTHONPATH=.:platform python -m tests.bench.live`` with ``DATABASE_URL`` and ``REDIS_URL``. Everybody has an
own session, account and two-leg trade, so that every patch is another text. The floor is ``websockets.broadcast`` of
one prepared text of the same size at the same rate. CPU seconds are the server processes' own, clients not counted.
"""

import asyncio
import base64
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from statistics import mean, median
from subprocess import DEVNULL, Popen
from urllib.parse import urlsplit

import django
import psutil
from django.conf import settings
from django.db import connection, connections

CLIENTS = 500
STALLED = 50
SECONDS = 10.0
SETTLE_SECONDS = 8.0
FULL_SECONDS = 120.0
STANDSTILL_SECONDS = 2.0  # eight patches' time
TICK_SECONDS = 0.05
WIDE = 1500  # instruments watched where clients stall: megabytes must fill the kernel's buffers
ROUNDS = 3
PATCH = b'"type":"patch"'


class Reader(asyncio.Protocol):
    """One client: shakes hands, then counts text frames that are patches and their bytes."""

    def __init__(self, request: bytes, *, marker: bytes) -> None:
        self.request = request
        self.marker = marker
        self.patches = 0
        self.bytes = 0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = bytearray()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.transport.write(self.request)

    def connection_lost(self, exc: Exception | None) -> None:
        for waiting in (self.opened, self.first):
            if not waiting.done():
                waiting.set_exception(ConnectionError("the server closed the socket"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.opened.done():
            head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(head.decode("latin-1"))
            self._buffer = bytearray(rest)
            self.opened.set_result(None)
        self._frames()

    def _frames(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(buffer[at + 2 : at + 4]), at + 4
            elif size == 127:
                size, start = int.from_bytes(buffer[at + 2 : at + 10]), at + 10
            if len(buffer) - start < size:
                break
            self._count(bytes(buffer[start : start + size]))
            at = start + size
        del buffer[:at]

    def _count(self, payload: bytes) -> None:
        if not self.first.done():
            self.first.set_result(None)
        if self.marker in payload[:40]:
            self.patches += 1
            self.bytes += len(payload)


@dataclass(slots=True)
class Run:
    """What one window showed: patches per reading client, the server's CPU seconds, bytes of a patch."""

    patches: list[int]
    cpu_seconds: float
    size: float
    stalled: list[int] = field(default_factory=list)

    @property
    def per_cpu_second(self) -> float:
        """Deliveries per second of the server's CPU."""
        return sum(self.patches) / self.cpu_seconds


def request(port: int, cookie: str = "") -> bytes:
    """Return a WebSocket handshake."""
    lines = [
        "GET /ws/live/ HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        f"Origin: {settings.BASE_URL}",
        *([f"Cookie: {cookie}"] if cookie else []),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def connect(port: int, cookies: Sequence[str], *, small: bool) -> list[Reader]:
    """Open one socket per cookie, a few at a time, and wait for each one's first message."""
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(20)

    async def one(cookie: str) -> Reader:
        async with gate:
            sock = socket.socket()
            if small:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", port))
            _, reader = await loop.create_connection(lambda: Reader(request(port, cookie), marker=PATCH), sock=sock)
            await asyncio.wait_for(reader.first, 120)
            return reader

    return list(await asyncio.gather(*(one(cookie) for cookie in cookies)))


async def window(server: psutil.Process, readers: Sequence[Reader], stalled: Sequence[Reader] = ()) -> Run:
    """Count for a while; those who stall have stopped to read by then, and nothing more goes into their buffers."""
    since = [reader.patches for reader in (*stalled, *readers)]
    for reader in stalled:
        reader.transport.pause_reading()
    await asyncio.sleep(SETTLE_SECONDS)
    await full(stalled)
    before, spent = [reader.patches for reader in readers], _cpu(server)
    await asyncio.sleep(SECONDS)
    cpu = _cpu(server) - spent
    patches = [reader.patches - count for reader, count in zip(readers, before, strict=True)]
    size = mean(reader.bytes / reader.patches for reader in readers if reader.patches)
    return Run(patches, cpu, size, await woken(stalled, readers, since))


async def full(stalled: Sequence[Reader]) -> None:
    """Wait until the server can write nothing more to any of the stalled: the kernel's queues stand still."""
    until, before = time.monotonic() + FULL_SECONDS, [-1]
    while stalled and (queued := unread(stalled)) != before:
        if time.monotonic() > until:
            raise RuntimeError("the stalled clients' buffers never filled")
        before = queued
        await asyncio.sleep(STANDSTILL_SECONDS)


def unread(stalled: Sequence[Reader]) -> list[int]:
    """Return how many bytes wait in the server's kernel for each client (`tx_queue` of proc(5), net/tcp)."""
    queues = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        queues[int(fields[2].rpartition(":")[2], 16)] = int(fields[4].partition(":")[0], 16)
    return [queues.get(reader.transport.get_extra_info("sockname")[1], 0) for reader in stalled]


async def woken(stalled: Sequence[Reader], readers: Sequence[Reader], since: Sequence[int]) -> list[int]:
    """Let the stalled read again; return what had been kept for each. Raises where they were not held up at all."""
    for reader in stalled:
        reader.transport.resume_reading()
    await asyncio.sleep(1.0)
    got = [reader.patches - count for reader, count in zip((*stalled, *readers), since, strict=True)]
    kept, read = got[: len(stalled)], got[len(stalled) :]
    if kept and mean(kept) >= mean(read):
        raise RuntimeError(f"the stalled clients missed nothing: {mean(kept):.1f} patches kept, {mean(read):.1f} read")
    return kept


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


# The floor: a server that knows nothing but its sockets.


def broadcaster(port: int, size: int) -> None:
    """Serve one prepared text to everybody four times a second."""
    from websockets.asyncio.server import ServerConnection, broadcast, serve  # noqa: PLC0415  # this process only

    text = (PATCH.decode() + "x" * size)[:size]

    async def run() -> None:
        everybody: set[ServerConnection] = set()

        async def hold(one: ServerConnection) -> None:
            everybody.add(one)
            await one.send("hello")
            await one.wait_closed()
            everybody.discard(one)

        async with serve(hold, "127.0.0.1", port, compression=None):
            while True:
                await asyncio.sleep(0.25)
                broadcast(everybody, text)

    asyncio.run(run())


@contextmanager
def process(arguments: Sequence[str], port: int, **environ: str) -> Iterator[psutil.Process]:
    """Run a server until it listens, and stop it after."""
    running = Popen([sys.executable, *arguments], env=os.environ | environ, stdout=DEVNULL, stderr=sys.stderr)
    try:
        _wait_for(port, running)
        yield psutil.Process(running.pid)
    finally:
        running.terminate()
        running.wait(20)


def _wait_for(port: int, running: "Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and running.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# The product: its own process, its own database, everybody with a trade.


def seed() -> tuple[list[str], list[int]]:
    """Make the people; return their session cookies and the instruments' ids."""
    from tests.bench.live_people import make_people  # noqa: PLC0415  # models can be imported only after the set-up

    return make_people(CLIENTS, watched=WIDE, stalled=STALLED)


async def publishing(ids: Sequence[int], work: Callable[[], Awaitable[Run]]) -> Run:
    """Do the work while every instrument's price moves."""
    from bus.connection import async_redis  # noqa: PLC0415
    from bus.ticks import publish_soon  # noqa: PLC0415
    from domain.prices import to_scaled  # noqa: PLC0415
    from domain.ticks import Tick  # noqa: PLC0415

    redis, done = async_redis(), asyncio.Event()

    async def publish() -> None:
        step = 0
        while not done.is_set():
            step += 1
            price, now = to_scaled(Decimal(100) + Decimal(step % 400) / 20), int(time.time() * 1000)
            await publish_soon(redis, [Tick(instrument_id=key, last_price=price, received_at=now) for key in ids])
            await asyncio.sleep(TICK_SECONDS)

    feed = asyncio.create_task(publish())
    try:
        return await work()
    finally:
        done.set()  # never cancelled in the middle of an answer
        await feed
        await redis.aclose()


def product(cookies: Sequence[str], ids: Sequence[int], *, stalled: int = 0) -> Run:
    """Measure the product's own live process."""
    port = free_port()
    serve = ["-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--ws", "websockets-sansio"]
    serve += ["--log-level", "warning", "config.asgi:application"]

    async def work() -> Run:
        sleepers = await connect(port, cookies[:stalled], small=True)
        return await window(server, await connect(port, cookies[stalled:], small=False), sleepers)

    with process(serve, port, DATABASE_URL=scratch_url()) as server:
        return asyncio.run(publishing(ids, work))


def floor(size: int) -> Run:
    """Measure the bare broadcaster."""
    port = free_port()

    async def work() -> Run:
        return await window(server, await connect(port, [""] * CLIENTS, small=False))

    with process(["-m", "tests.bench.live", "broadcaster", str(port), str(size)], port) as server:
        return asyncio.run(work())


def scratch_url() -> str:
    """Return DATABASE_URL for the scratch database this process uses."""
    name = str(connection.settings_dict["NAME"])
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def main() -> None:
    """Measure, in turn, and record."""
    from tests.bench.record import Figure, record  # noqa: PLC0415

    old = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        cookies, ids = seed()
        pairs = [_pair(cookies, ids[:2]) for _ in range(ROUNDS)]
        wide = [product(cookies, ids), product(cookies, ids, stalled=STALLED)]
    finally:
        connections.close_all()
        connection.creation.destroy_test_db(old, verbosity=0)
    values, floors = [own.per_cpu_second for own, _ in pairs], [bare.per_cpu_second for _, bare in pairs]
    healthy = [sum(run.patches) / len(run.patches) for run in wide]
    record(
        [
            Figure("live", f"patches to {CLIENTS} people", median(values), "/CPU s", median(floors), ">= 0.35"),
            Figure("live", f"patches per healthy client, {STALLED} stalled", healthy[1], "each", healthy[0], ">= 0.9"),
        ]
    )


def _pair(cookies: Sequence[str], ids: Sequence[int]) -> tuple[Run, Run]:
    own = product(cookies, ids)
    return own, floor(int(own.size))


if __name__ == "__main__":
    if sys.argv[1:2] == ["broadcaster"]:
        broadcaster(int(sys.argv[2]), int(sys.argv[3]))
    else:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
        django.setup()
        main()
