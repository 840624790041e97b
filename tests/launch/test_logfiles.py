"""Following log files."""

from pathlib import Path

from launch.logfiles import Tail, last_lines


def test_only_whole_lines_are_shown(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("one\ntw")
    tail = Tail(log)
    assert tail.new_lines() == ["one"]
    with log.open("a") as file:
        file.write("o\n")
    assert tail.new_lines() == ["two"]
    assert tail.new_lines() == []


def test_a_rotated_file_is_followed_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("old\n")
    tail = Tail(log)
    tail.new_lines()
    log.rename(tmp_path / "web.log.1")
    log.write_text("new\n")
    assert tail.new_lines() == ["new"]


def test_following_begins_near_the_end(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("x" * 5000 + "\nlast\n")
    tail = Tail(log)
    tail.skip_to_end(keep=10)
    assert tail.new_lines()[-1] == "last"


def test_a_missing_log_has_no_end(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none.log", 3) == ""
