"""A short run under fire, with a fixed seed: what `make chaos` does for longer."""

import os
import subprocess
import sys

import pytest

from launch.settings import ROOT
from launch.testserver import python_path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_platform_holds_its_promises_while_everything_around_it_fails() -> None:
    words = ["--scenario", "short", "--seed", "20261120", "--minutes", "1"]
    environ = os.environ | python_path()
    ran = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *words],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
