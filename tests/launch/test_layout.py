"""The layout rules hold here, and each is noticed when broken."""

from pathlib import Path

import pytest

from launch.layout import faults
from launch.settings import ROOT


def test_this_checkout_keeps_the_rules() -> None:
    assert list(faults(ROOT)) == []


@pytest.mark.parametrize(
    "path", ["platform/__init__.py", "tests/platform/test_x.py", "workers/signal.py", "platform/queue/__init__.py"]
)
def test_a_broken_rule_is_noticed(tmp_path: Path, path: str) -> None:
    (tmp_path / "platform").mkdir()
    assert list(faults(tmp_path)) == []
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("")
    assert len(list(faults(tmp_path))) == 1
