"""Where sockets and files may lie."""

import os
import tempfile
from pathlib import Path

import pytest

from launch import places
from launch.places import fallback_socket_dir, fits_socket, installation_id, prepare_state_dir, socket_dir
from launch.problems import SocketPathTooLong, StateDirUnusable

LONG = "x" * 100


def test_the_limit_counts_the_whole_socket_path_in_bytes() -> None:
    room = places.SOCKET_LIMIT - len(places.LONGEST_SOCKET_NAME) - 1
    assert fits_socket(Path("/" + "a" * (room - 1)))
    assert not fits_socket(Path("/" + "a" * room))
    assert not fits_socket(Path("/" + "ä" * (room // 2 + 1)))


def test_a_short_path_is_used_as_it_is(tmp_path: Path) -> None:
    assert socket_dir(Path("/tmp/s"), None) == Path("/tmp/s")


def test_a_long_path_gets_a_private_stand_in_which_is_always_the_same(tmp_path: Path) -> None:
    preferred = tmp_path / LONG
    first = socket_dir(preferred, None)
    try:
        assert first == socket_dir(preferred, None) == fallback_socket_dir(preferred)
        assert first.stat().st_mode & 0o777 == 0o700
        assert fits_socket(first)
        assert socket_dir(tmp_path / ("y" * 100), None) != first
    finally:
        first.rmdir()
        fallback_socket_dir(tmp_path / ("y" * 100)).rmdir()


def test_no_short_directory_at_all_is_a_clear_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / LONG
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with pytest.raises(SocketPathTooLong, match="TMPDIR"):
        socket_dir(deep, None)


def test_a_stand_in_that_somebody_else_put_there_is_refused(tmp_path: Path) -> None:
    preferred = tmp_path / LONG
    fake = fallback_socket_dir(preferred)
    fake.symlink_to(tmp_path)
    try:
        with pytest.raises(StateDirUnusable, match="somebody else"):
            socket_dir(preferred, None)
    finally:
        fake.unlink()


def test_a_state_dir_below_a_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateDirUnusable, match="Not a directory"):
        prepare_state_dir(tmp_path / "file" / "state")


def test_an_installation_keeps_its_name(tmp_path: Path) -> None:
    assert installation_id(tmp_path) == installation_id(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as another user")
def test_as_root_a_closed_state_dir_gets_its_data_elsewhere(tmp_path: Path, state_dir: Path) -> None:
    owner = places.server_owner()
    assert owner is not None
    prepare_state_dir(state_dir)
    assert places.data_home(state_dir, owner) == state_dir
    closed = state_dir / "closed"
    closed.mkdir(mode=0o700)
    inside = prepare_state_dir(closed / "state")
    moved = places.data_home(inside, owner)
    try:
        assert moved != inside
        assert places.can_reach(moved, owner)
    finally:
        (moved / "state_dir").unlink()
        moved.rmdir()
