"""Installing the locked requirements: what is skipped, and what is not."""

import re
from pathlib import Path

import pytest

from launch import bootstrap


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    (tmp_path / "requirements").mkdir()
    for name in ("base", "embedded", "dev"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1\n")
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").write_text("")
    return tmp_path / "venv"


def stamped(venv: Path, wanted: str) -> None:
    bootstrap.stamp_file(venv, wanted).write_text(bootstrap.stamp(wanted))


def test_an_unstamped_environment_is_installed(venv: Path) -> None:
    assert not bootstrap.is_current(venv, "run")


def test_a_stamped_environment_is_left_alone(venv: Path) -> None:
    stamped(venv, "run")
    assert bootstrap.is_current(venv, "run")
    assert not bootstrap.is_current(venv, "dev")


def test_the_larger_set_serves_the_smaller(venv: Path) -> None:
    stamped(venv, "dev")
    assert bootstrap.is_current(venv, "run")


def test_a_changed_lock_is_installed_again(venv: Path) -> None:
    stamped(venv, "dev")
    (venv.parent / "requirements" / "base.txt").write_text("base==2\n")
    assert not bootstrap.is_current(venv, "run")


def test_a_failed_installation_leaves_no_stamp(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "make_venv", lambda _venv: None)
    monkeypatch.setattr(bootstrap, "find_uv", lambda _venv: None)
    monkeypatch.setattr(bootstrap, "pip_command", lambda _venv, _locks: ["/bin/sh", "-c", "exit 1"])
    assert bootstrap.main(venv, "run") == bootstrap.INSTALL_FAILED
    assert not bootstrap.is_current(venv, "run")


def test_a_failed_command_shows_what_it_said() -> None:
    with pytest.raises(bootstrap.InstallError, match="because"):
        bootstrap.run(["/bin/sh", "-c", "echo because; exit 3"], "Trying")


@pytest.mark.parametrize("name", ["base", "embedded", "dev", "uv", "redis-source"])
def test_every_lock_is_pinned_and_hashed(name: str) -> None:
    lock = Path(bootstrap.__file__).resolve().parents[2] / "requirements" / f"{name}.txt"
    requirements = re.split(r"\n(?=[a-z0-9])", lock.read_text().replace("\\\n", " "))
    assert requirements
    assert not [line for line in requirements if "==" not in line or "--hash=sha256:" not in line]
