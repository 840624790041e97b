"""A private RabbitMQ on the loopback, with ports, files and an Erlang name service of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launch import processes, testserver
from launch.settings import HOST
from launch.stack import free_ports
from tests.flows.platform import wait_for

# Debian's command on PATH changes to a user of its own; the server itself lies here.
PLACES = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/homebrew/sbin/rabbitmq-server")
START_SECONDS, STOP_SECONDS = 60.0, 30.0
LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"


def server() -> str:
    """Return the server's command; empty where RabbitMQ is not installed."""
    found = [place for place in PLACES if Path(place).exists()]
    return found[0] if found else shutil.which("rabbitmq-server") or ""


def _environ(home: Path, port: int) -> dict[str, str]:
    return (
        {name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")}
        | processes.marker(home)
        | {
            "HOME": str(home),
            "RABBITMQ_NODENAME": f"vayda{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(port + 1),
            "ERL_EPMD_PORT": str(port + 2),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(home / "none"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "none-env"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": LOOPBACK_ONLY,
        }
    )


@contextmanager
def rabbitmq() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run a server; yields its URL and its process, and leaves nothing behind."""
    home, port = Path(tempfile.mkdtemp(prefix=testserver.PREFIX)), free_ports()
    processes.write_identity(home / testserver.OWNER_FILE, processes.identity())
    with (home / "out").open("wb") as output:
        process = subprocess.Popen(
            [server()], env=_environ(home, port), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_for(lambda: _answers(process, port, home), within=START_SECONDS, message="RabbitMQ")
        yield f"amqp://guest:guest@{HOST}:{port}//", process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(STOP_SECONDS)
        processes.stop_all(processes.survivors(home))  # the name service
        shutil.rmtree(home, ignore_errors=True)


def _answers(process: "subprocess.Popen[bytes]", port: int, home: Path) -> bool:
    if process.poll() is not None:
        raise AssertionError((home / "out").read_text(errors="replace")[-4000:])
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
