"""Reading the processes' log files: followed across rotation, or just their ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Tail:
    """A log file that is followed across rotation; `offset` is how far it was read."""

    path: Path
    offset: int = 0
    inode: int = 0
    rest: bytes = field(default=b"")

    def skip_to_end(self, *, keep: int) -> None:
        """Begin so that at most the last `keep` bytes are shown."""
        if self.path.exists():
            found = self.path.stat()
            self.inode, self.offset = found.st_ino, max(0, found.st_size - keep)

    def new_lines(self) -> list[str]:
        """Return the whole lines written since the last call."""
        if not self.path.exists():
            return []
        found = self.path.stat()
        if found.st_ino != self.inode or found.st_size < self.offset:
            self.inode, self.offset, self.rest = found.st_ino, 0, b""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = self.rest + file.read()
            self.offset = file.tell()
        *lines, self.rest = data.split(b"\n")
        return [line.decode(errors="replace") for line in lines]


def last_lines(path: Path, count: int) -> str:
    """Return the end of a log; empty when there is none."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
