"""``python -m tests.brokers.contract``: run the contract, print the table, keep BROKERS.md up to date.

Arguments are handed to pytest (``-k zerodha``); ``--write`` writes BROKERS.md without running anything.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.brokers.contract.document import PATH, document
from tests.brokers.contract.table import markdown

TESTS = Path(__file__).parent / "test_contract.py"
# The cases are loaded before pytest could rewrite their asserts, and quite readable without.
_OPTIONS = ("-q", "--show-capture=no", "-W", "ignore::pytest.PytestAssertRewriteWarning")


class Results:
    """A pytest plugin that keeps what became of each case at each broker."""

    def __init__(self) -> None:
        self.by_case: dict[tuple[str, int], str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome of the call, and of a set-up that failed."""
        if report.when == "call" or report.failed:
            column, _, number = report.nodeid.partition("[")[2].rstrip("]").rpartition("-")
            self.by_case[column, int(number)] = "pass" if report.passed else report.outcome


def main(arguments: Sequence[str]) -> int:
    """Return 0 when everything that ran passed."""
    if list(arguments) == ["--write"]:
        PATH.write_text(document())
        return 0
    results = Results()
    code = pytest.main([str(TESTS), *_OPTIONS, *arguments], plugins=[results])
    print(f"\n{markdown(results.by_case)}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
