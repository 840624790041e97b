"""One person's board in the live process, shared by all of that person's sockets."""

from collections.abc import Mapping
from typing import Any

import orjson

from apps.dashboard import wire
from apps.dashboard.mailbox import Mailbox
from apps.dashboard.market import Market
from apps.dashboard.services.board import Board
from apps.dashboard.wire import paise_text

Memo = dict[frozenset[int], str]


class LiveView:
    """Knows which instruments move which figures, and what was last said of each figure."""

    def __init__(self, *, user_id: int, board: Board, market: Market) -> None:
        self.user_id = user_id
        self.mailboxes: set[Mailbox] = set()
        self.is_reloading = False
        self.is_outdated = False
        self._market = market
        self._said: dict[str, int | None] = {}
        self.load(board)

    def load(self, board: Board) -> None:
        """Show another state of the board from now on."""
        self.board = board
        self.account_ids = board.account_ids
        self.instruments = board.instrument_ids
        self._message = wire.board_message(board)
        keys: dict[int, list[str]] = {}
        for key, line in board.lines.items():
            for instrument_id, _ in line.weights:
                keys.setdefault(instrument_id, []).append(key)
        self._keys = keys
        self._said = {key: line.paise(self._market.scaled) for key, line in board.lines.items()}

    def patch(
        self, changed: set[int], parts: Mapping[int, orjson.Fragment], extra: Mapping[str, Any], memo: Memo
    ) -> str | None:
        """Return the patch of what changed for this person, ``None`` when nothing did.

        People who see the same instruments and have no trade in them share one text by ``memo``.
        """
        mine = changed & self.instruments
        keys = {key for instrument_id in mine for key in self._keys.get(instrument_id, ())}
        if not keys:
            return self._shared(frozenset(mine), parts, extra, memo)
        return _text(mine, parts, self._moved(keys), extra)

    def _moved(self, keys: set[str]) -> dict[str, str | None]:
        lines, scaled, said = self.board.lines, self._market.scaled, self._said
        moved: dict[str, str | None] = {}
        for key in keys:
            paise = lines[key].paise(scaled)
            if paise != said.get(key):
                said[key] = paise
                moved[key] = paise_text(paise)
        return moved

    def _shared(
        self, mine: frozenset[int], parts: Mapping[int, orjson.Fragment], extra: Mapping[str, Any], memo: Memo
    ) -> str | None:
        if not mine and not extra:
            return None
        text = memo.get(mine)
        if text is None:
            text = memo[mine] = _text(mine, parts, {}, extra)
        return text

    def refresh(self) -> str:
        """Return a patch of every current value, for a socket that missed some."""
        parts = {
            key: self._market.fragment(key, with_state=True) for key in self.instruments if key in self._market.ticks
        }
        return _text(
            self.instruments, parts, wire.marked(self.board.lines, self._market.scaled), {"feed": self._feed()}
        )

    def snapshot(self) -> str:
        """Return everything."""
        parts = {
            str(key): self._market.fragment(key, with_state=True)
            for key in self.instruments
            if key in self._market.ticks
        }
        return wire.dump(
            {
                "type": "snapshot",
                "at": wire.now_ms(),
                "feed": self._feed(),
                "prices": parts,
                "pnl": wire.marked(self.board.lines, self._market.scaled),
                **self._message,
            }
        )

    def _feed(self) -> dict[str, Any]:
        return self._market.feed(wire.now_ms())


def _text(
    mine: "set[int] | frozenset[int]",
    parts: Mapping[int, orjson.Fragment],
    pnl: Mapping[str, str | None],
    extra: Mapping[str, Any],
) -> str:
    message: dict[str, Any] = {"type": "patch", "at": wire.now_ms()}
    if mine:
        message["prices"] = {str(key): parts[key] for key in mine if key in parts}
    if pnl:
        message["pnl"] = pnl
    return wire.dump({**message, **extra})
