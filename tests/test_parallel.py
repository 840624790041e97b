"""What of the tests goes to one worker whole, and in which order."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.parallel import pytest_collection_modifyitems, unit_of

CONTRACT = "tests/brokers/contract/test_contract.py::test_the_contract_holds"


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("tests/domain/test_pnl.py::test_a", "tests/domain/test_pnl.py::Test::test_b[x::y]", True),
        ("tests/domain/test_pnl.py::test_a", "tests/domain/test_margin.py::test_a", False),
        ("tests/flows/test_replay.py::test_a", "tests/flows/test_one_signal.py::test_a", True),
        ("tests/flows/test_replay.py::test_a", "tests/browser/test_dashboard.py::test_a", False),
        (f"{CONTRACT}[zerodha-101]", f"{CONTRACT}[zerodha-311]", True),
        (f"{CONTRACT}[zerodha-101]", f"{CONTRACT}[mt5-101]", False),
        (f"{CONTRACT}[a-b-101]", f"{CONTRACT}[a-101]", False),
    ],
)
def test_what_shares_something_stays_together(one: str, other: str, together: bool) -> None:
    assert (unit_of(one) == unit_of(other)) is together


def test_the_longest_begins_and_every_unit_is_in_one_piece_in_its_own_order() -> None:
    names = [
        "tests/domain/test_tags.py::test_a",
        f"{CONTRACT}[zerodha-101]",
        f"{CONTRACT}[mt5-101]",
        "tests/domain/test_pnl.py::test_b",
        f"{CONTRACT}[zerodha-102]",
        "tests/domain/test_pnl.py::test_a",
        "tests/flows/test_replay.py::test_a",
    ]
    items: list[Any] = [SimpleNamespace(nodeid=name) for name in names]
    pytest_collection_modifyitems(items)
    assert [names.index(item.nodeid) for item in items] == [6, 1, 4, 2, 3, 5, 0]
