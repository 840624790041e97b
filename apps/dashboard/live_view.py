"""One person's board in the live process, shared by all of that person's sockets."""

from collections.abc import Mapping
from typing import Any

import orjson

from apps.dashboard import wire
from apps.dashboard.mailbox import Mailbox
from apps.dashboard.market import Market
from apps.dashboard.marks import Line, to_paise
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
        self.load(board)

    def load(self, board: Board) -> None:
        """Show another state of the board from now on."""
        self.board = board
        self.account_ids = board.account_ids
        self.instruments = board.instrument_ids
        self._market.decimals.update(board.decimals)
        self._message = wire.board_message(board)
        self._figures = _figures(board.lines)
        self._parts: dict[int, list[tuple[int, int]]] = {}
        for number, (line, _) in enumerate(self._figures):
            for instrument_id, weight in line.weights:
                self._parts.setdefault(instrument_id, []).append((number, weight))
        scaled = self._market.scaled
        self._prices = {key: scaled[key] for key in self._parts if key in scaled}
        self._totals = [line.total(scaled) for line, _ in self._figures]
        self._said = [line.paise(scaled) for line, _ in self._figures]

    def patch(
        self, changed: set[int], parts: Mapping[int, orjson.Fragment], extra: Mapping[str, Any], memo: Memo
    ) -> str | None:
        """Return the patch of what changed for this person, ``None`` when nothing did.

        People who see the same instruments and have no trade in them share one text by ``memo``.
        """
        mine = changed & self.instruments
        touched = self._move(mine) if mine else None
        if not touched:
            return self._shared(frozenset(mine), parts, extra, memo)
        return _text(mine, parts, self._news(touched), extra)

    def _move(self, mine: set[int]) -> set[int]:
        """Bring the totals to the new prices, by the difference; return the figures that may read differently."""
        scaled, prices, totals, touched = self._market.scaled, self._prices, self._totals, set()
        for instrument_id in mine:
            price, moved = scaled.get(instrument_id), self._parts.get(instrument_id)
            if moved is None or price is None:
                continue
            before = prices.get(instrument_id)
            prices[instrument_id] = price
            for number, weight in moved:
                total = totals[number]
                if before is None or total is None:
                    totals[number] = self._figures[number][0].total(scaled)
                else:
                    totals[number] = total + weight * (price - before)
                touched.add(number)
        return touched

    def _news(self, touched: set[int]) -> dict[str, str | None]:
        totals, said, news = self._totals, self._said, {}
        for number in touched:
            total = totals[number]
            paise = None if total is None else to_paise(total)
            if paise != said[number]:
                said[number] = paise
                text = paise_text(paise)
                for key in self._figures[number][1]:
                    news[key] = text
        return news

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


def _figures(lines: Mapping[str, Line]) -> list[tuple[Line, list[str]]]:
    """Return each different line once, with the keys it is shown under: one trade often is the whole account."""
    keys: dict[Line, list[str]] = {}
    for key, line in lines.items():
        keys.setdefault(line, []).append(key)
    return list(keys.items())


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
