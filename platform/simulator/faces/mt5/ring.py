"""What an expert advisor keeps for good: which commands it began with, and what it answered.

On disk before a request goes to the trade server: a command that was begun with is never sent again.
"""

import secrets
from pathlib import Path
from typing import Any

import orjson

Json = dict[str, Any]
KEPT = 2000


class Ring:
    """Answers by command, ``None`` for one begun with and not answered; the newest of them, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        said: Json = orjson.loads(path.read_bytes()) if path.exists() else {}
        self.instance: str = said.get("instance") or secrets.token_hex(16)
        self._done: dict[str, Json | None] = said.get("done", {})
        self._save()

    def __contains__(self, cmd_id: str) -> bool:
        return cmd_id in self._done

    def answer_to(self, cmd_id: str) -> Json | None:
        """Return what a command was answered with."""
        return self._done.get(cmd_id)

    def begin(self, cmd_id: str) -> None:
        """Write down that a command is about to be carried out."""
        self._put(cmd_id, None)

    def finish(self, cmd_id: str, answer: Json) -> None:
        """Write down what it was answered with."""
        self._put(cmd_id, answer)

    def command_of(self, ticket: int) -> str:
        """Return the command an order came of ("": none of ours)."""
        return next((one for one, said in self._done.items() if said and said.get("order") == ticket), "")

    def _put(self, cmd_id: str, answer: Json | None) -> None:
        self._done[cmd_id] = answer
        for old in list(self._done)[:-KEPT]:
            del self._done[old]
        self._save()

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_bytes(orjson.dumps({"instance": self.instance, "done": self._done}))
        part.replace(self._path)
