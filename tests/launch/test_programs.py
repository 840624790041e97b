"""The table of processes and the supervisor's configuration made from it."""

import configparser
import shlex
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from launch import credentials, environment, supervise
from launch.programs import APP, Program, app_programs, execution_programs, server_program
from launch.servers import Server
from launch.settings import Settings


def parsed(settings: Settings, programs: Iterable[Program]) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(supervise.render(settings, programs, socket=Path("/tmp/s")))
    return parser


def redis(settings: Settings) -> Server:
    return Server(
        name="redis",
        argv=("/bin/redis-server", "--save", ""),
        environ={"TZ": "UTC"},
        data_dir=settings.state_dir,
        owner=None,
        url="unix:///tmp/r",
        stop_signal="TERM",
        answers=lambda: True,
    )


def test_every_process_of_the_product_is_in_the_table(settings: Settings) -> None:
    assert [program.name for program in app_programs(settings)] == [
        *("simulator", "web", "live", "feed", "signals", "execution-0", "sessions", "jobs", "beat", "flower")
    ]


def test_there_is_one_execution_process_per_shard_each_with_its_own_queue(settings: Settings) -> None:
    shards = [p for p in app_programs(replace(settings, shards=3)) if p.name.startswith("execution")]
    assert [p.argv[-1] for p in shards] == ["execution.0", "execution.1", "execution.2"]
    assert [p.environ["VAYDA_SHARD"] for p in shards] == ["0", "1", "2"]


def test_a_machine_runs_the_workers_of_its_own_shards_only(settings: Settings) -> None:
    here = replace(settings, shards=4, own_shards=(1, 3))
    assert [program.name for program in execution_programs(here)] == ["execution-1", "execution-3"]
    assert [p for p in app_programs(here) if p.name.startswith("execution")] == list(execution_programs(here))


def test_the_product_waits_to_be_started_and_the_servers_do_not(settings: Settings) -> None:
    config = parsed(settings, [server_program(redis(settings)), *app_programs(settings)])
    assert config["program:redis"]["autostart"] == "true"
    assert {config[f"program:{p.name}"]["autostart"] for p in app_programs(settings)} == {"false"}


def test_the_servers_are_stopped_last(settings: Settings) -> None:
    config = parsed(settings, [server_program(redis(settings)), *app_programs(settings)])
    assert int(config["group:redis"]["priority"]) < int(config[f"group:{APP}"]["priority"])


def test_commands_survive_the_configuration_file_whole(settings: Settings) -> None:
    programs = [server_program(redis(settings)), *app_programs(settings)]
    config = parsed(settings, programs)
    for program in programs:
        command = config[f"program:{program.name}"]["command"].replace("%%", "%")
        assert tuple(shlex.split(command)) == program.argv


def test_a_worker_is_given_time_to_finish_what_it_sends(settings: Settings) -> None:
    execution = next(p for p in app_programs(settings) if p.name == "execution-0")
    assert execution.stop_seconds >= 30


def test_no_secret_is_written_to_the_configuration(settings: Settings) -> None:
    secrets = credentials.load_or_make(settings.state_dir)
    text = supervise.render(settings, app_programs(settings), socket=Path("/tmp/s"))
    assert not [name for name, value in secrets.items() if value in text]


def test_a_server_inherits_nothing(settings: Settings) -> None:
    assert server_program(redis(settings)).argv[:3] == ("/usr/bin/env", "-i", "TZ=UTC")


def test_the_product_gets_its_addresses_and_secrets_and_loses_the_shells_leftovers(settings: Settings) -> None:
    environ = environment.for_product(
        settings,
        secrets={"SECRET_KEY": "s", "FLOWER_AUTH": "ops:p"},
        database_url="postgres://d",
        redis_url="unix:///tmp/r",
        inherited={"PGHOST": "elsewhere", "MAKEFLAGS": "w", "MARKET_CLOCK": "demo", "PATH": "/bin"},
    )
    assert "PGHOST" not in environ
    assert "MAKEFLAGS" not in environ
    assert environ["MARKET_CLOCK"] == "demo"
    assert environ["BASE_URL"] == f"http://127.0.0.1:{settings.port}"
    assert environ["CELERY_BROKER_URL"] == "redis+socket:///tmp/r?virtual_host=0"
    assert environ["FLOWER_BASIC_AUTH"] == "ops:p"
    assert environ["PYTHONPATH"].split(":") == [str(settings.root), str(settings.root / "platform")]


def test_a_given_redis_is_used_with_database_zero_for_tasks() -> None:
    assert environment.celery_broker("redis://:p@cache:6379") == "redis://:p@cache:6379/0"
