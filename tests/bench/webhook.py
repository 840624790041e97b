"""Webhook accepts per second, one durable insert each, and the p99 a single client sees.

Run as ``PYTHONPATH=.:platform python -m tests.bench.webhook``. It starts a scratch Postgres that fsyncs, a scratch
Redis and the product's web server, and leaves nothing behind. The floors are the same server's answer from a view that
does nothing, and a bare insert committed by one connection. The last figure repeats the p99 with Redis frozen.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psycopg2

from launch import postgres_server, processes, redis_server
from launch.places import prepare_state_dir
from launch.programs import WEB_THREADS
from launch.servers import wait_until
from launch.testserver import PREFIX, remove_abandoned, serving
from tests.bench.record import Figure, record

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 16
SECONDS = 8.0
ALONE = 1500
WARM = 300
START_SECONDS = 60.0

_PREPARE = """
import django; django.setup()
from apps.strategies.models import Strategy
from apps.strategies.services.tokens import rotate
from apps.tenants.models import Tenant
tenant = Tenant.objects.create(slug="bench", name="Bench")
strategy = Strategy.objects.create(tenant=tenant, name="Bench", slug="bench", underlying="NIFTY")
print(rotate(strategy, actor=None))
"""

Request = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Servers:
    """What was started; ``redis`` is the process to freeze."""

    port: int
    token: str
    database_url: str
    redis: subprocess.Popen[bytes]


class Caller(asyncio.Protocol):
    """One keep-alive connection that sends a request, waits for the whole answer, and sends the next."""

    def __init__(self, request: Request, *, wanted: bytes) -> None:
        self.request = request
        self.wanted = wanted
        self.spans: list[float] = []
        self.left = 0
        self.until = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = b""
        self._sent_at = 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def start(self, *, requests: int, until: float) -> None:
        """Send so many requests, or until so late, whichever is first."""
        self.left, self.until = requests, until
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self.spans.append(time.perf_counter() - self._sent_at)
        self._buffer = b""
        if not head.startswith(b"HTTP/1.1 202") or self.wanted not in body:
            self.done.set_exception(RuntimeError((head + b" " + body).decode("latin-1")))
        elif self.left and time.perf_counter() < self.until:
            self._send()
        else:
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server closed the connection"))

    def _send(self) -> None:
        self.left -= 1
        self._sent_at = time.perf_counter()
        self.transport.write(self.request())


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise RuntimeError("an answer without a length")


async def call(
    port: int, request: Request, *, clients: int, requests: int, seconds: float
) -> tuple[float, list[float]]:
    """Return the requests answered per second and each one's seconds, by so many clients at once."""
    loop = asyncio.get_running_loop()
    callers = []
    for _ in range(clients):
        _, caller = await loop.create_connection(lambda: Caller(request, wanted=b'"accepted"'), "127.0.0.1", port)
        callers.append(caller)
    started = time.perf_counter()
    for caller in callers:
        caller.start(requests=requests, until=started + seconds)
    await asyncio.gather(*(caller.done for caller in callers))
    took = time.perf_counter() - started
    for caller in callers:
        caller.transport.close()
    spans = [span for caller in callers for span in caller.spans]
    return len(spans) / took, spans


def alert(path: str) -> Request:
    """Return a maker of requests, each another alert."""
    numbers = count()
    run = secrets.token_hex(4)

    def make() -> bytes:
        body = json.dumps(
            {
                "alert_id": f"{run}-{next(numbers)}",
                "action": "buy",
                "symbol": "NSE:NIFTY",
                "price": "26012.35",
                "timenow": datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        return f"{head}\r\n\r\n{body}".encode()

    return make


@contextmanager
def running() -> Iterator[Servers]:
    """Start a durable Postgres, a Redis and the web server on a free port; stop and remove everything at the end."""
    remove_abandoned()
    with ExitStack() as stack:
        state_dir = Path(tempfile.mkdtemp(prefix=PREFIX))
        stack.callback(shutil.rmtree, state_dir, ignore_errors=True)
        prepare_state_dir(state_dir)
        processes.write_identity(state_dir / "owner", processes.identity())
        marker = processes.marker(state_dir)
        postgres = postgres_server.embedded(state_dir, marker=marker, durable=True)
        if not postgres.data_dir.is_relative_to(state_dir):
            stack.callback(shutil.rmtree, postgres.data_dir.parent, ignore_errors=True)
        redis = redis_server.embedded(state_dir, marker=marker, durable=False)
        started = [
            stack.enter_context(serving(server, log=state_dir / "logs" / f"{server.name}.log"))
            for server in (postgres, redis)
        ]
        for server in (postgres, redis):
            wait_until(server.answers, what=server.name, seconds=START_SECONDS)
        postgres_server.create_database(postgres.url)
        environ = _environ(state_dir, postgres.url, redis.url) | marker
        _run(environ, "manage.py", "migrate", "--verbosity", "0")
        token = _run(environ, "-c", _PREPARE).split()[-1]
        port = _free_port()
        stack.enter_context(_web(environ, port, state_dir / "logs" / "web.log"))
        yield Servers(port, token, postgres.url, started[1])


def _environ(state_dir: Path, database_url: str, redis_url: str) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "platform")]),
        "DJANGO_SETTINGS_MODULE": "tests.bench.webhook_settings",
        "VAYDA_PROCESS": "web",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STATE_DIR": str(state_dir),
        "SECRET_KEY": secrets.token_urlsafe(48),
        "MASTER_KEY": b64encode(secrets.token_bytes(32)).decode(),
        "LOG_LEVEL": "WARNING",
    }


def _run(environ: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments[:2])} failed: {done.stderr}")
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _web(environ: dict[str, str], port: int, log: Path) -> Iterator[None]:
    """Serve config.wsgi as ``make run`` does."""
    granian = str(Path(sys.executable).with_name("granian"))
    where = ("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port))
    how = ("--workers", "1", "--blocking-threads", str(WEB_THREADS), "--no-ws", "--http", "1", "--no-access-log")
    with log.open("ab") as output:
        child = subprocess.Popen(
            [granian, *where, *how, "config.wsgi:application"], cwd=ROOT, env=environ, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: _listens(port), what="web", seconds=START_SECONDS)
        yield
    finally:
        child.terminate()
        child.wait(30)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def commit_spans(url: str, *, commits: int) -> list[float]:
    """Return the seconds of so many bare inserts, each committed by itself on one connection."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    spans = []
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare (id bigserial PRIMARY KEY, body text)")
        for _ in range(commits):
            started = time.perf_counter()
            cursor.execute("INSERT INTO bare (body) VALUES (%s) RETURNING id", ["x" * 200])
            spans.append(time.perf_counter() - started)
        cursor.execute("SHOW fsync")
        if (cursor.fetchone() or ("",))[0] != "on":
            raise SystemExit("the scratch database does not fsync")
    connection.close()
    return spans


def stored(url: str) -> int:
    """Return how many signals there are."""
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM strategies_signal")
        (number,) = cursor.fetchone() or (0,)
    connection.close()
    return int(number)


def percentile(spans: list[float], percent: float) -> float:
    """Return a percentile in milliseconds."""
    ordered = sorted(spans)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


def main() -> None:
    """Measure, check that every accept is a row, and record."""
    with running() as servers:
        record(measure(servers))


def measure(servers: Servers) -> list[Figure]:
    """Return the figures; raises when an answer is not an accept or an accept is not a row."""
    hook, bare = alert(f"/hooks/tradingview/{servers.token}/"), alert("/bare/")
    answered = 0

    def alone(request: Request, requests: int = ALONE) -> list[float]:
        return asyncio.run(call(servers.port, request, clients=1, requests=requests, seconds=600))[1]

    def together(request: Request) -> tuple[float, int]:
        rate, spans = asyncio.run(call(servers.port, request, clients=CLIENTS, requests=10**9, seconds=SECONDS))
        return rate, len(spans)

    for request in (bare, hook):
        alone(request, WARM)
    bare_alone, hook_alone = alone(bare), alone(hook)
    bare_rate, _ = together(bare)
    hook_rate, accepted = together(hook)
    commits = commit_spans(servers.database_url, commits=ALONE)
    servers.redis.send_signal(signal.SIGSTOP)
    try:
        frozen = alone(hook)
    finally:
        servers.redis.send_signal(signal.SIGCONT)
    answered = WARM + len(hook_alone) + accepted + len(frozen)
    if stored(servers.database_url) != answered:
        raise SystemExit(f"{answered} alerts were accepted and {stored(servers.database_url)} stored")
    return [
        Figure("webhook", f"accepts, {CLIENTS} clients (floor: bare view)", hook_rate, "1/s", bare_rate, "500/s"),
        Figure(
            "webhook",
            "p99, 1 client (floor: bare view)",
            percentile(hook_alone, 99),
            "ms",
            percentile(bare_alone, 99),
            "10 ms",
        ),
        Figure(
            "webhook", "p50, 1 client (floor: bare view)", percentile(hook_alone, 50), "ms", percentile(bare_alone, 50)
        ),
        Figure(
            "webhook", "p99, 1 client (floor: bare commit)", percentile(hook_alone, 99), "ms", percentile(commits, 99)
        ),
        Figure(
            "webhook", "p50, 1 client (floor: bare commit)", percentile(hook_alone, 50), "ms", percentile(commits, 50)
        ),
        Figure(
            "webhook", "p99, 1 client, Redis frozen", percentile(frozen, 99), "ms", percentile(hook_alone, 99), "10 ms"
        ),
    ]


if __name__ == "__main__":
    main()
