"""The trades beside what they must be."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.replay.day import Played, money
from tests.replay.expected import PAISA, RIGHTS, Expected

COLUMNS = {
    "account": "<22",
    "leg": "<6",
    "in": ">8",
    "out": ">8",
    "gross": ">10",
    "charges": ">9",
    "net": ">10",
    "expected": "<32",
    "": "<9",
}
"""Headings, and how wide each column is and to which side it leans."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what was seen and what was expected, figure by figure."""

    account: str
    leg: str
    seen: tuple[Decimal | None, ...]
    expected: tuple[Decimal | None, ...]

    @property
    def is_right(self) -> bool:
        """Whether every figure is as expected, to the paisa."""
        return self.seen == self.expected


def rows_of(played: Sequence[Played], expected: Mapping[str, Expected], *, accounts: int) -> list[Row]:
    """Return three rows a trade (each leg, the whole); one that says so for every account that has no trade."""
    rows: list[Row] = []
    for strategy, trade in expected.items():
        mine = [one for one in played if one.strategy == strategy]
        for one in mine:
            rows += _rows(one, trade)
        missing = accounts - len(mine)
        rows += [Row(f"{strategy} (none)", "whole", (), _whole(trade)) for _ in range(missing)]
    return rows


def _rows(played: Played, expected: Expected) -> Iterable[Row]:
    legs = {_right(leg): leg for leg in played.trade["legs"]}
    name = f"{played.account} {played.strategy.removeprefix('replay-')}"
    for leg in expected.legs:
        seen = legs.get(leg.right, {})
        prices = tuple(_paisa(money(seen.get(field))) for field in ("entry_price", "exit_price"))
        yield Row(name, leg.right, prices, (leg.entry, leg.exit))
    whole = tuple(_paisa(money(played.trade[field])) for field in ("gross_pnl", "charges", "net_pnl"))
    yield Row(name, "whole", whole, _whole(expected))


def _right(leg: Mapping[str, Any]) -> str:
    return next((right for right in RIGHTS if str(leg["instrument"]).endswith(right)), "?")


def _whole(expected: Expected) -> tuple[Decimal, ...]:
    return expected.gross, expected.charges, expected.net


def _paisa(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(PAISA)


def print_table(rows: Iterable[Row]) -> None:
    """Print the rows; what differs is marked."""
    print(_line(COLUMNS))
    for row in rows:
        cells = ("", "", *row.seen) if row.leg == "whole" else row.seen
        seen = [_text(value) for value in cells] + [""] * (5 - len(cells))
        expected = " / ".join(_text(value) for value in row.expected)
        print(_line((row.account, row.leg, *seen, expected, "" if row.is_right else "DIFFERENT")))


def _line(cells: Iterable[str]) -> str:
    return "  ".join(f"{cell:{form}}" for cell, form in zip(cells, COLUMNS.values(), strict=True)).rstrip()


def _text(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, Decimal) else str(value or "")
