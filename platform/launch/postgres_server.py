"""The embedded Postgres: made once with initdb, reached over a Unix socket only, small in memory."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from launch.binaries import find_postgres
from launch.places import Owner, data_home, server_owner, socket_dir
from launch.problems import LaunchError, ServerUnreachable
from launch.servers import Server, first_line

USER = "app"
DATABASE = "vayda"
# Free of the host's locales, and gives case mapping; the wheel has no ICU.
LOCALE_OPTIONS = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
CONNECT_SECONDS = 5
# Sized for a demo beside ten Python processes, not for a production database.
SMALL = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",
    # Every backend's resident size counts what it touched of it; the system's page cache holds the rest.
    "shared_buffers": "16MB",
    "wal_buffers": "2MB",
    "max_connections": "100",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "1",
    "jit": "off",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def embedded(state_dir: Path, *, marker: dict[str, str], durable: bool = True) -> Server:
    """Create the cluster when it is new and return how to run it; raises ServerMissing, SocketPathTooLong."""
    owner = server_owner()
    programs = find_postgres(owner)
    data = data_home(state_dir, owner) / "pg"
    environ = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath, **marker}
    initialise(programs, data, owner=owner, environ=environ, durable=durable)
    sockets = socket_dir(data, owner)
    url = f"postgres://{USER}@{quote(str(sockets), safe='')}/{DATABASE}"
    return Server(
        name="postgres",
        argv=(str(programs / "postgres"), "-D", str(data), "-k", str(sockets), *_options(durable=durable)),
        environ=environ,
        data_dir=data,
        owner=owner.name if owner else None,
        url=url,
        # SIGINT is the fast stop: SIGTERM would wait for every client to leave.
        stop_signal="INT",
        answers=lambda: answers(url),
    )


def _options(*, durable: bool) -> list[str]:
    settings = SMALL | (DURABLE if durable else THROW_AWAY)
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def initialise(programs: Path, data: Path, *, owner: Owner | None, environ: dict[str, str], durable: bool) -> None:
    """Run initdb unless the cluster is complete; an initdb that was killed half way is started over."""
    if (data / "PG_VERSION").exists() and (data / "global" / "pg_control").exists():
        return
    _empty_directory(data, owner)
    argv = [
        str(programs / "initdb"),
        "-D",
        str(data),
        "-U",
        USER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        *LOCALE_OPTIONS,
    ]
    who = {"user": owner.uid, "group": owner.gid, "extra_groups": []} if owner else {}
    done = subprocess.run(argv, cwd="/", env=environ, capture_output=True, text=True, check=False, **who)  # type: ignore[call-overload]
    if done.returncode:
        raise LaunchError(f"initdb failed in {data}: {done.stderr.strip()}")


def _empty_directory(data: Path, owner: Owner | None) -> None:
    """Leave an empty 0700 directory of the right owner; what a broken start left is moved aside."""
    if data.exists() and any(data.iterdir()):
        broken = data.with_name(f"{data.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        data.rename(broken)
    data.mkdir(mode=0o700, exist_ok=True)
    data.chmod(0o700)
    if owner:
        os.chown(data, owner.uid, owner.gid)


def answers(url: str) -> bool:
    """Say whether a connection is accepted; starting up and not there yet are both no."""
    try:
        server_time(_maintenance(url))
    except ServerUnreachable:
        return False
    return True


def server_time(url: str) -> datetime:
    """Return the database's own clock; raises ServerUnreachable with the driver's reason."""
    try:
        connection = psycopg2.connect(_dsn(url), connect_timeout=CONNECT_SECONDS)
    except psycopg2.OperationalError as error:
        raise ServerUnreachable(f"Postgres does not answer: {first_line(error)}") from error
    try:
        with connection.cursor() as cursor:
            cursor.execute("select clock_timestamp()")
            (now,) = cursor.fetchone() or (datetime.min.replace(tzinfo=UTC),)
            return now if isinstance(now, datetime) else datetime.min.replace(tzinfo=UTC)
    finally:
        connection.close()


def create_database(url: str) -> bool:
    """Create the database the URL names when the cluster lacks it; returns whether it was new."""
    name = urlsplit(url).path.lstrip("/")
    connection = psycopg2.connect(_dsn(_maintenance(url)), connect_timeout=CONNECT_SECONDS)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", [name])
            if cursor.fetchone():
                return False
            cursor.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            return True
    finally:
        connection.close()


def applied_migrations(url: str) -> int | None:
    """Return how many migrations the database has recorded; None before the first migrate."""
    connection = psycopg2.connect(_dsn(url), connect_timeout=CONNECT_SECONDS)
    try:
        with connection.cursor() as cursor:
            cursor.execute("select to_regclass('public.django_migrations') is not null")
            if not (cursor.fetchone() or (False,))[0]:
                return None
            cursor.execute("select count(*) from django_migrations")
            return int((cursor.fetchone() or (0,))[0])
    finally:
        connection.close()


def _maintenance(url: str) -> str:
    """Return the same server's URL with the database every cluster has."""
    return urlunsplit(urlsplit(url)._replace(path="/postgres"))


def _dsn(url: str) -> str:
    """Return the URL as libpq spells it: the scheme postgres:// is accepted, a percent-encoded host too."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=parts.query or urlencode({"application_name": "launch"})))
