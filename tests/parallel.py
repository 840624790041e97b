"""The tests side by side (``make test``): a Redis, a database and folders for each worker, and files in one piece.

A pytest plugin (``-p tests.parallel``) on pytest-xdist. Postgres is shared: pytest-django gives each worker a database
of its own, copied from one that is migrated while the tests are collected.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from execnet.xspec import XSpec
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from launch import postgres_server, processes, testserver
from launch.settings import ROOT

WORKERS_PER_CORE, MOST = 2, 8
"""Tests with processes and sockets wait as much as they compute."""

TEMPLATE = "template_vayda"

WHOLE = ("tests/flows/", "tests/browser/")
"""Folders whose tests share one running installation."""

LONGEST = (*WHOLE, "tests/launch/", "tests/brokers/contract/")
"""What takes longest is begun first: nobody shall wait for it at the end."""

_BROKER = re.compile(r"tests/brokers/contract/test_contract\.py::.*\[(.+)-\d+\]$")
_MIGRATION = pytest.StashKey["subprocess.Popen[bytes]"]()


def pytest_configure(config: pytest.Config) -> None:
    """Let units be handed out in the order of ``pytest_collection_modifyitems``."""
    config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes longest, then the files with the most tests."""
    sizes = Counter(unit_of(item.nodeid) for item in items)
    items.sort(key=lambda item: (_rank(item.nodeid), -sizes[unit_of(item.nodeid)], unit_of(item.nodeid)))


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of workers of ``-n auto``: not more than files are named, and none beside pytest for one."""
    files = len(config.args) if all(".py" in name for name in config.args) else MOST
    workers = min(WORKERS_PER_CORE * (os.cpu_count() or 1), MOST, files)
    return workers if workers > 1 else 0


def pytest_xdist_setupnodes(config: pytest.Config, specs: list[XSpec]) -> None:
    """Give each worker what it must not share with another."""
    if processes.MARKER not in os.environ:
        return  # the run has no servers
    config.stash[_MIGRATION] = _migrate()
    stack = ExitStack()
    config.add_cleanup(stack.close)
    for spec in specs:
        own = stack.enter_context(testserver.beside(Path(os.environ["STATE_DIR"]), spec.id))
        spec.env |= own | {"TEST_DATABASE_TEMPLATE": TEMPLATE}


def pytest_xdist_node_collection_finished(node: WorkerController) -> None:
    """Begin when there is a database to copy."""
    migration = node.config.stash.get(_MIGRATION, None)
    if migration is not None and migration.wait():
        pytest.exit(f"manage.py migrate ended with {migration.returncode}", returncode=pytest.ExitCode.INTERNAL_ERROR)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Hand out units, each whole to one worker."""
    return _Units(config, log)


class _Units(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """Return what a test belongs to: its file, its folder where a folder shares one, its broker in the contract."""
    folder = next((folder for folder in WHOLE if nodeid.startswith(folder)), None)
    broker = _BROKER.match(nodeid)
    return folder or (f"the contract of {broker[1]}" if broker else nodeid.partition("::")[0])


def _rank(nodeid: str) -> int:
    return next((rank for rank, folder in enumerate(LONGEST) if nodeid.startswith(folder)), len(LONGEST))


def _migrate() -> "subprocess.Popen[bytes]":
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{TEMPLATE}").geturl()
    postgres_server.create_database(url)
    environ = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings.test"}
    return subprocess.Popen([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environ)
