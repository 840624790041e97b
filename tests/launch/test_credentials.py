"""The installation's own secrets."""

import base64
import stat
from pathlib import Path

from launch.credentials import FILE_NAME, MAKERS, load_or_make


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = load_or_make(tmp_path)
    assert set(first) == set(MAKERS)
    assert load_or_make(tmp_path) == first


def test_only_the_user_can_read_them(tmp_path: Path) -> None:
    load_or_make(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_the_master_key_is_32_bytes(tmp_path: Path) -> None:
    assert len(base64.b64decode(load_or_make(tmp_path)["MASTER_KEY"], validate=True)) == 32


def test_a_new_kind_of_secret_does_not_change_the_old_ones(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("MASTER_KEY=kept=\nEXTRA=too\n")
    found = load_or_make(tmp_path)
    assert (found["MASTER_KEY"], found["EXTRA"]) == ("kept=", "too")
    assert found["SECRET_KEY"]


def test_two_installations_share_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = load_or_make(tmp_path / "a"), load_or_make(tmp_path / "b")
    assert not set(one.values()) & set(other.values())
