"""What an expert advisor keeps for good: which commands it began with, and what it answered.

Written before a request goes to the trade server: a command that was begun with is never sent again.
"""

import secrets
from pathlib import Path
from typing import Any

import orjson

Json = dict[str, Any]
KEPT = 2000


class Ring:
    """Answers by command, ``None`` for one begun with and not answered: a file of lines, each of one command."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: dict[str, Json | None] = {}
        self._commands: dict[int, str] = {}
        self.instance = ""
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_bytes().splitlines() if path.exists() else ():
            self._recall(line)
        self._begin_anew()

    def __contains__(self, cmd_id: str) -> bool:
        return cmd_id in self._done

    def answer_to(self, cmd_id: str) -> Json | None:
        """Return what a command was answered with."""
        said = self._done.get(cmd_id)
        return {name: value for name, value in said.items() if name != "places"} if said else None

    def begin(self, cmd_id: str) -> None:
        """Write down that a command is about to be carried out."""
        self._put(cmd_id, None)

    def finish(self, cmd_id: str, answer: Json, *, places: bool) -> None:
        """Write down what it was answered with; ``places``: the order named is the one it made."""
        self._put(cmd_id, {**answer, "places": places})

    def command_of(self, ticket: int) -> str:
        """Return the command that placed an order ("": none of ours); those that changed or cancelled it are others."""
        return self._commands.get(ticket, "")

    def _recall(self, line: bytes) -> None:
        try:
            cmd_id, answer = orjson.loads(line)
        except (orjson.JSONDecodeError, ValueError):
            return  # torn by a crash: its command was not begun with, or what is after it says more
        if cmd_id:
            self._note(cmd_id, answer)
        else:
            self.instance = answer

    def _begin_anew(self) -> None:
        """Keep the newest in a fresh file, which takes the place of the old one at once."""
        self.instance = self.instance or secrets.token_hex(16)
        kept = list(self._done.items())[-KEPT:]
        part = self._path.with_suffix(".part")
        part.write_bytes(b"".join(map(_line, [("", self.instance), *kept])))
        part.replace(self._path)

    def _put(self, cmd_id: str, answer: Json | None) -> None:
        self._note(cmd_id, answer)
        with self._path.open("ab") as file:
            file.write(_line((cmd_id, answer)))

    def _note(self, cmd_id: str, answer: Json | None) -> None:
        self._done[cmd_id] = answer
        if answer and answer["places"] and answer["order"]:
            self._commands[answer["order"]] = cmd_id


def _line(entry: tuple[str, Any]) -> bytes:
    return orjson.dumps(entry) + b"\n"
