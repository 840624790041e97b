"""Instrument files are made once a day, and nothing but one day's files is held."""

from datetime import datetime, timedelta

from domain.clock import IST
from simulator.faces.masters import DayFiles

LATE = datetime(2026, 11, 20, 23, 59, tzinfo=IST)


def test_a_file_is_made_once_a_day_and_yesterdays_are_forgotten() -> None:
    files: DayFiles[str] = DayFiles()
    made: list[str] = []

    def asked(name: str, now: datetime) -> str:
        def make() -> str:
            made.append(name)
            return f"{name} {now:%d}"

        return files.get(name, make, now=now)

    assert [asked("NFO", LATE), asked("MCX", LATE), asked("NFO", LATE)] == ["NFO 20", "MCX 20", "NFO 20"]
    assert (made, len(files)) == (["NFO", "MCX"], 2)
    assert asked("NFO", LATE + timedelta(minutes=2)) == "NFO 21"
    assert len(files) == 1


def test_a_name_that_is_none_is_not_held() -> None:
    files: DayFiles[str | None] = DayFiles()
    for number in range(100):
        assert files.get(f"guess-{number}", lambda: None, now=LATE) is None
    assert len(files) == 0
