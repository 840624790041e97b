"""A disk of Postgres' own, small enough to be filled. Only root may mount one; elsewhere no disk is ever full."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from launch import places

MEGABYTES = 3000


@contextmanager
def small_disk(home: Path) -> Iterator[Path | None]:
    """Mount it where Postgres will keep a state directory's files; yields where, ``None`` where it cannot be had."""
    owner = places.server_owner()
    at = places.data_home(home, owner) / "pg" if os.geteuid() == 0 else None
    if at is None or not _mount(at):
        yield None
        return
    try:
        yield at
    finally:
        _keep(at)


def _keep(at: Path) -> None:
    """Take the disk away and leave its files, which tell how a breach came about."""
    aside = at.with_name("pg-kept")
    shutil.copytree(at, aside, symlinks=True, ignore=shutil.ignore_patterns("ballast"))
    subprocess.run(["umount", "--lazy", str(at)], check=False, capture_output=True)
    at.rmdir()
    aside.rename(at)


def _mount(at: Path) -> bool:
    at.mkdir(mode=0o700, parents=True, exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0700", "tmpfs", str(at)]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def fill(disk: Path) -> None:
    """Take all the room that is left."""
    room = os.statvfs(disk)
    with _ballast(disk).open("wb") as file, suppress(OSError):  # whoever writes meanwhile took the last of it
        os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_frsize, 1))


def give_room(disk: Path) -> None:
    """Give it back."""
    _ballast(disk).unlink(missing_ok=True)


def _ballast(disk: Path) -> Path:
    return disk / "ballast"
