"""Supervised embedded servers: started, killed in every way, found again, stopped without a trace."""

import shutil
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg2
import pytest

from launch import ownership, postgres_server, processes, recover, run, supervise
from launch.places import fallback_socket_dir, prepare_state_dir
from launch.problems import AlreadyRunning, NotRunning
from launch.programs import server_program
from launch.servers import wait_until
from launch.settings import Settings

SECONDS = 30


def start_servers(settings: Settings) -> run.Plan:
    """Start supervisord with Postgres and Redis, as `make run` does before the product."""
    prepare_state_dir(settings.state_dir)
    plan = run.plan_for(settings)
    supervise.start(settings, [server_program(server) for server in plan.servers], plan.environ)
    for server in plan.servers:
        wait_until(server.answers, what=server.name, seconds=SECONDS)
    postgres_server.create_database(plan.database_url)
    return plan


def all_run(settings: Settings) -> bool:
    return {state.state for state in supervise.states(settings)} == {"RUNNING"}


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


@pytest.fixture
def started(settings: Settings) -> run.Plan:
    return start_servers(settings)


@pytest.fixture(autouse=True)
def stopped_afterwards(settings: Settings) -> object:
    yield
    recover.stop_everything(settings)


def test_a_start_and_a_stop_leave_no_process(settings: Settings, started: run.Plan) -> None:
    wait_until(lambda: all_run(settings), what="both servers", seconds=SECONDS)
    assert {state.name for state in supervise.states(settings)} == {"postgres", "redis"}
    assert recover.stop_everything(settings)
    assert recover.running(settings) == []
    with pytest.raises(NotRunning):
        supervise.states(settings)


def test_the_database_says_that_it_is_durable(started: run.Plan) -> None:
    assert execute(started.database_url, "select current_setting('fsync'), current_setting('synchronous_commit')") == [
        ("on", "on")
    ]


def test_a_killed_supervisor_is_recovered_with_its_data(settings: Settings, started: run.Plan) -> None:
    execute(started.database_url, "create table kept (id int)")
    supervisor = processes.read_identity(settings.state_dir / supervise.IDENTITY_FILE)
    assert supervisor is not None
    psutil.Process(supervisor.pid).kill()
    wait_until(lambda: not processes.is_alive(supervisor), what="the supervisor's end", seconds=SECONDS)
    assert recover.running(settings)
    recover.stop_everything(settings)
    assert recover.running(settings) == []
    again = start_servers(settings)
    assert execute(again.database_url, "select count(*) from kept") == [(0,)]


def test_a_killed_postgres_comes_back_with_its_data(settings: Settings, started: run.Plan) -> None:
    execute(started.database_url, "create table kept (id int)")
    before = {state.name: state.pid for state in supervise.states(settings)}
    psutil.Process(before["postgres"]).send_signal(signal.SIGKILL)

    def is_back() -> bool:
        now = {state.name: state for state in supervise.states(settings)}["postgres"]
        return now.state == "RUNNING" and now.pid != before["postgres"] and started.servers[0].answers()

    wait_until(is_back, what="Postgres", seconds=SECONDS)
    assert execute(started.database_url, "select count(*) from kept") == [(0,)]


def test_a_half_made_cluster_is_made_again(settings: Settings) -> None:
    prepare_state_dir(settings.state_dir)
    (settings.state_dir / "pg").mkdir()
    (settings.state_dir / "pg" / "PG_VERSION").write_text("18\n")
    assert start_servers(settings).database_url
    assert [path.name for path in settings.state_dir.glob("pg.broken-*")]


def test_a_state_dir_too_long_for_sockets_works_all_the_same(settings: Settings, state_dir: Path) -> None:
    state_dir.chmod(0o711)
    long = replace(settings, state_dir=state_dir / ("long" * 25))
    try:
        plan = start_servers(long)
        assert str(long.state_dir) not in plan.redis_url
        assert execute(plan.database_url, "select 1") == [(1,)]
    finally:
        recover.stop_everything(long)
        for preferred in (long.state_dir, long.state_dir / "pg"):
            shutil.rmtree(fallback_socket_dir(preferred))
    assert recover.running(long) == []


def test_a_second_launcher_is_refused_while_the_first_lives(settings: Settings) -> None:
    prepare_state_dir(settings.state_dir)
    with ownership.lock(settings), pytest.raises(AlreadyRunning, match="make down"), ownership.lock(settings):
        pytest.fail("two launchers own one state directory")


def test_a_reused_pid_is_not_taken_for_the_launcher(settings: Settings) -> None:
    prepare_state_dir(settings.state_dir)
    mine = processes.identity()
    stale = processes.Identity(mine.pid, mine.started_at - 1000)
    assert processes.is_alive(mine)
    assert not processes.is_alive(stale)
    processes.write_identity(settings.state_dir / "who", stale)
    assert processes.read_identity(settings.state_dir / "who") == stale


def test_stopping_what_does_not_run_is_no_error(settings: Settings) -> None:
    prepare_state_dir(settings.state_dir)
    assert recover.stop_everything(settings) == []
