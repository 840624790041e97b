"""The brokers under the contract, and the table of brokers by cases."""

from collections.abc import Iterator, Mapping

from tests.brokers.contract.case import CASES, Case, Standing
from tests.brokers.contract.cases import (  # noqa: F401 - importing them registers their cases
    answers,
    bad_input,
    books,
    instruments,
    limits,
    orders,
    sign_in,
    sockets,
    states,
)
from tests.brokers.contract.member import Member
from tests.brokers.contract.members import (
    aliceblue,
    binance,
    binance_um,
    flattrade,
    fyers,
    ibkr,
    kotak,
    mastertrust,
    mt5,
    upstox,
    zerodha,
)

_MEMBERS = (
    zerodha.MEMBER,
    flattrade.MEMBER,
    fyers.MEMBER,
    kotak.MEMBER,
    ibkr.MEMBER,
    aliceblue.MEMBER,
    binance.MEMBER,
    binance_um.MEMBER,
    mastertrust.MEMBER,
    upstox.MEMBER,
    mt5.MEMBER,
)

MEMBERS: Mapping[str, Member] = {one.column: one for one in _MEMBERS}
"""Every (adapter, face) pair; a new broker is one more row."""


def pairs() -> Iterator[tuple[Member, Case]]:
    """Every case at every broker, by number."""
    for number in sorted(CASES):
        for member in MEMBERS.values():
            yield member, CASES[number]


def markdown(results: Mapping[tuple[str, int], str] | None = None) -> str:
    """Return the table; ``results`` (by column and number) replace what is expected by what happened."""
    heads = [member.title for member in MEMBERS.values()]
    lines = [f"| case | | {' | '.join(heads)} |", f"|---|---|{'---|' * len(heads)}"]
    for number in sorted(CASES):
        cells = [_cell(member, CASES[number], results) for member in MEMBERS.values()]
        lines.append(f"| {number} | {CASES[number].title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(member: Member, case: Case, results: Mapping[tuple[str, int], str] | None) -> str:
    standing, reason = case.standing(member)
    if standing is not Standing.RUN:
        return f"{standing}: {reason}"
    return standing.value if results is None else results.get((member.column, case.number), "not run")
