"""Instrument files are made once a day, and nothing but one day's files is held."""

from datetime import datetime, timedelta

from domain.clock import IST
from simulator.faces.masters import DayFiles

LATE = datetime(2026, 11, 20, 23, 59, tzinfo=IST)


def test_a_file_is_made_once_a_day_and_yesterdays_are_forgotten():
    files: DayFiles[str] = DayFiles()
    made: list[str] = []

    def make(name: str, now: datetime) -> str:
        return files.get(name, lambda: made.append(name) or f"{name} {now:%d}", now=now)

    assert [make("NFO", LATE), make("MCX", LATE), make("NFO", LATE)] == ["NFO 20", "MCX 20", "NFO 20"]
    assert (made, len(files)) == (["NFO", "MCX"], 2)
    assert make("NFO", LATE + timedelta(minutes=2)) == "NFO 21"
    assert len(files) == 1


def test_a_name_that_is_none_is_not_held():
    files: DayFiles[str | None] = DayFiles()
    for number in range(100):
        assert files.get(f"guess-{number}", lambda: None, now=LATE) is None
    assert len(files) == 0
