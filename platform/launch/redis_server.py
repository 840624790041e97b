"""The embedded Redis: a Unix socket, append-only file, never evicts; and the few questions put to any."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from io import BufferedRWPair
from pathlib import Path
from urllib.parse import unquote, urlsplit

from launch.binaries import find_redis
from launch.places import server_owner, socket_dir
from launch.problems import ServerUnreachable
from launch.servers import Server

SOCKET_NAME = "redis.sock"
CONNECT_SECONDS = 5
OPTIONS = (
    *("--port", "0"),
    *("--unixsocketperm", "700"),
    *("--appendonly", "yes"),
    *("--appendfsync", "everysec"),
    *("--save", ""),
    *("--maxmemory-policy", "noeviction"),
    *("--timeout", "0"),
    # The default drops a subscriber that is 8 MB behind for a minute: a burst of ticks may be more.
    *("--client-output-buffer-limit", "pubsub", "64mb", "32mb", "60"),
)


def embedded(state_dir: Path, *, marker: dict[str, str], durable: bool = True) -> Server:
    """Return how to run Redis there; raises ServerMissing, RedisTooOld, SocketPathTooLong."""
    program = find_redis()
    data = state_dir / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    # The directory is shared with Postgres when the state directory's path is too long for either.
    sockets = socket_dir(state_dir, server_owner())
    url = f"unix://{sockets / SOCKET_NAME}"
    options = OPTIONS if durable else (*OPTIONS, "--appendonly", "no")
    return Server(
        name="redis",
        argv=(str(program.path), "--dir", str(data), "--unixsocket", str(sockets / SOCKET_NAME), *options),
        environ={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **marker},
        data_dir=data,
        owner=None,
        url=url,
        stop_signal="TERM",
        answers=lambda: answers(url),
    )


def answers(url: str) -> bool:
    """Say whether Redis serves requests; loading its file and not there yet are both no."""
    try:
        return ask(url, "PING") == ["PONG"]
    except ServerUnreachable:
        return False


def server_time(url: str) -> datetime:
    """Return Redis's own clock; raises ServerUnreachable."""
    seconds, microseconds = ask(url, "TIME")
    return datetime.fromtimestamp(int(seconds) + int(microseconds) / 1e6, tz=UTC)


def server_version(url: str) -> tuple[int, ...]:
    """Return the running server's version; raises ServerUnreachable."""
    for line in "\n".join(ask(url, "INFO", "server")).splitlines():
        if line.startswith("redis_version:"):
            return tuple(int(part) for part in line.partition(":")[2].strip().split(".") if part.isdigit())
    return (0,)


def ask(url: str, *words: str) -> list[str]:
    """Send one command and return its reply's strings; raises ServerUnreachable, for error replies too."""
    try:
        with _connect(url) as connection, connection.makefile("rwb") as stream:
            for password in _login(url):
                _exchange(stream, password)
            return _exchange(stream, words)
    except (OSError, ValueError) as error:
        raise ServerUnreachable(f"Redis does not answer: {error}") from error


def _exchange(stream: BufferedRWPair, words: tuple[str, ...]) -> list[str]:
    """One request and reply in RESP (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""
    request = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
    stream.write(b"*%d\r\n%s" % (len(words), request))
    stream.flush()
    return _reply(stream)


def _reply(stream: BufferedRWPair) -> list[str]:
    line = stream.readline().decode().rstrip("\r\n")
    kind, rest = line[:1], line[1:]
    if kind in ("+", ":"):
        return [rest]
    if kind == "$":
        return [stream.read(int(rest) + 2)[:-2].decode()]
    if kind == "*":
        return [part for _ in range(int(rest)) for part in _reply(stream)]
    raise ServerUnreachable(f"Redis does not answer: {rest or 'the connection was closed'}")


def _login(url: str) -> list[tuple[str, ...]]:
    parts = urlsplit(url)
    if not parts.password:
        return []
    return [("AUTH", *([unquote(parts.username)] if parts.username else []), unquote(parts.password))]


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(CONNECT_SECONDS)
        try:
            connection.connect(unquote(parts.path))
        except OSError:
            with suppress(OSError):
                connection.close()
            raise
        return connection
    plain = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 6379), timeout=CONNECT_SECONDS)
    if parts.scheme != "rediss":
        return plain
    return ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
