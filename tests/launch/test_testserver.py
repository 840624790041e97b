"""The throw-away Postgres and Redis that tests run on."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg2
import pytest

from launch import postgres_server, redis_server, testserver
from launch.servers import wait_until
from launch.settings import ROOT

SLEEPER = """
import os, pathlib, time
def test_wait():
    pathlib.Path(os.environ["TOLD"]).write_text(os.environ["STATE_DIR"])
    while True: time.sleep(0.05)
"""


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A `python -m launch test` in the middle of a test that never ends."""
    (tmp_path / "test_sleeper.py").write_text(SLEEPER)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "launch",
            "test",
            "--",
            "-p",
            "no:django",
            "-c",
            str(tmp_path / "pytest.ini"),
            str(tmp_path),
        ],
        cwd=ROOT,
        env=os.environ | testserver.python_path() | {"TOLD": str(tmp_path / "told")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until((tmp_path / "told").exists, what="the test in the suite", seconds=60)
    yield child
    if child.poll() is None:
        child.kill()
    child.wait()


def told_state_dir(tmp_path: Path) -> Path:
    wait_until(lambda: bool((tmp_path / "told").read_text()), what="the state directory", seconds=10)
    return Path((tmp_path / "told").read_text())


def test_both_servers_serve_and_then_leave_nothing() -> None:
    with testserver.running() as servers:
        state_dir = servers.state_dir
        with psycopg2.connect(servers.database_url) as connection, connection.cursor() as cursor:
            cursor.execute("select current_database(), current_setting('fsync')")
            assert cursor.fetchone() == ("vayda", "off")
        connection.close()
        assert redis_server.server_version(servers.redis_url) >= (6, 2)
        assert redis_server.ask(servers.redis_url, "CONFIG", "GET", "maxmemory-policy")[1] == "noeviction"
        assert len(testserver.belonging_to(state_dir)) > 2
    assert not state_dir.exists()
    assert testserver.belonging_to(state_dir) == []


def test_two_runs_at_once_do_not_meet() -> None:
    with testserver.running() as one, testserver.running() as other:
        redis_server.ask(one.redis_url, "SET", "key", "one")
        assert redis_server.ask(other.redis_url, "EXISTS", "key") == ["0"]
        assert one.database_url != other.database_url


def test_workers_of_a_run_share_postgres_and_nothing_else() -> None:
    with testserver.running() as servers:
        with testserver.beside(servers.state_dir, "a") as one, testserver.beside(servers.state_dir, "b") as other:
            redis_server.ask(one["REDIS_URL"], "SET", "key", "one")
            for url in (other["REDIS_URL"], servers.redis_url):
                assert redis_server.ask(url, "EXISTS", "key") == ["0"]
            assert not {*one.values()} & {*other.values(), *servers.environ.values()}
            assert "DATABASE_URL" not in one
        assert len(list(servers.state_dir.glob("*/tmp"))) == 2
    assert not servers.state_dir.exists()


def test_what_a_worker_left_ends_with_the_run() -> None:
    with testserver.running() as servers, ExitStack() as abandoned:
        environ = abandoned.enter_context(testserver.beside(servers.state_dir, "a"))
        assert redis_server.answers(environ["REDIS_URL"])
        testserver.stop_left(servers.state_dir)
        assert not redis_server.answers(environ["REDIS_URL"])
        assert testserver.belonging_to(servers.state_dir) == []


def test_the_suites_exit_code_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_red.py").write_text("def test_red(): assert False\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "launch",
            "test",
            "--",
            "-p",
            "no:django",
            "-c",
            str(tmp_path / "pytest.ini"),
            str(tmp_path),
        ],
        cwd=ROOT,
        env=os.environ | testserver.python_path(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "1 failed" in done.stdout


def test_sigterm_ends_the_tests_and_both_servers(suite: subprocess.Popen[bytes], tmp_path: Path) -> None:
    state_dir = told_state_dir(tmp_path)
    suite.send_signal(signal.SIGTERM)
    assert suite.wait(60) != 0
    assert not state_dir.exists()
    assert testserver.belonging_to(state_dir) == []


def test_a_killed_run_is_cleaned_up_by_the_next(suite: subprocess.Popen[bytes], tmp_path: Path) -> None:
    state_dir = told_state_dir(tmp_path)
    suite.kill()
    suite.wait()
    assert testserver.belonging_to(state_dir)
    testserver.remove_abandoned()
    assert testserver.belonging_to(state_dir) == []
    assert not state_dir.exists()


def test_a_living_run_is_not_cleaned_up() -> None:
    with testserver.running() as servers:
        testserver.remove_abandoned()
        assert postgres_server.answers(servers.database_url)


def test_a_strangers_directory_of_the_same_name_is_left_alone() -> None:
    stranger = Path(tempfile.mkdtemp(prefix=testserver.PREFIX))
    testserver.remove_abandoned()
    assert stranger.exists()
    stranger.rmdir()
