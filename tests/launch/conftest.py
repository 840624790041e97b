"""Settings of a throw-away installation: a private state directory and four free ports."""

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from launch import places, stack
from launch import settings as launch_settings
from launch.settings import HOST, Settings


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A short path: pytest's own temporary directories are too deep for sockets and closed to other users."""
    path = Path(tempfile.mkdtemp(prefix="vayda-launch-"))
    yield path
    if (path / "installation-id").exists():
        shutil.rmtree(places.shared_home() / places.installation_id(path), ignore_errors=True)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def settings(state_dir: Path) -> Settings:
    """An installation of its own; nothing given, so both servers are embedded."""
    found = launch_settings.from_environ({"STATE_DIR": str(state_dir)})
    return replace(found, port=stack.free_ports())


@pytest.fixture
def occupied() -> Iterator[Callable[[int], int]]:
    """Call with a port to listen there until the test ends."""
    held: list[socket.socket] = []

    def occupy(port: int) -> int:
        server = socket.create_server((HOST, port))
        held.append(server)
        return int(server.getsockname()[1])

    yield occupy
    for server in held:
        server.close()
