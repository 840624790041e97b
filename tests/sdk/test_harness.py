"""The harness itself: locks are whole, and a journey that leaves a step out is not done."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from launch import bootstrap
from tests.sdk import harness
from tests.sdk.shared.steps import STEPS

DONE = "\n".join(f'@step("{name}")\ndef test_{number}():\n    pass\n' for number, name in enumerate(STEPS[1:]))
IMPORTS = "import pytest\nfrom steps import step\n"


def journey(folder: Path, text: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Run a journey of the test's own with this Python; its exit code and its report."""
    script, report = folder / "journey.py", folder / "report.json"
    script.write_text(IMPORTS + text)
    shared = harness.HERE / "shared"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", str(shared / "pytest.ini"), "-p", "steps", str(script)],
        cwd=folder,
        env={"PYTHONPATH": str(shared), "JOURNEY_REPORT": str(report), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        check=False,
    )
    return done.returncode, json.loads(report.read_text())


@pytest.mark.parametrize("name", harness.names())
def test_every_package_of_a_lock_has_its_hashes(name):
    lines = (harness.HERE / name / "requirements.txt").read_text().splitlines()
    pins = bootstrap.packages(harness.HERE / name / "requirements.txt")
    assert pins
    assert all(line.endswith("\\") for line in pins)
    assert sum("--hash=sha256:" in line for line in lines) >= len(pins)


@pytest.mark.parametrize("name", harness.names())
def test_what_is_asked_for_is_pinned_and_locked(name):
    wanted = re.sub(r"#.*|\[\w+\]", "", (harness.HERE / name / "requirements.in").read_text()).split()
    lock = (harness.HERE / name / "requirements.txt").read_text().lower()
    assert any("==" in one for one in wanted)
    assert all(one.lower() in lock for one in wanted)


def test_a_step_nobody_did_or_excused_fails_the_journey(tmp_path):
    code, report = journey(tmp_path, DONE)
    assert code != 0
    assert "sign in" not in report["done"]


def test_an_excused_step_is_told_with_its_reason(tmp_path):
    code, report = journey(tmp_path, DONE + 'CANNOT = {"sign in": "the SDK has no such call"}\n')
    assert code == 0
    assert report["cannot"] == {"sign in": "the SDK has no such call"}
    assert set(report["done"].values()) == {"pass"}


def test_a_step_is_done_when_all_its_tests_pass(tmp_path):
    twice = '@step("sign in")\ndef test_a():\n    pass\n@step("sign in")\ndef test_b():\n    assert False\n'
    code, report = journey(tmp_path, DONE + twice)
    assert code != 0
    assert report["done"]["sign in"] == "fail"


def test_a_skipped_test_proves_nothing(tmp_path):
    skipped = '@step("sign in")\ndef test_a():\n    pytest.skip("later")\n'
    code, report = journey(tmp_path, DONE + skipped)
    assert code != 0
    assert report["done"]["sign in"] == "fail"


def test_a_step_of_another_name_is_refused(tmp_path):
    code, _ = journey(tmp_path, DONE + '@step("dance")\ndef test_a():\n    pass\n')
    assert code != 0
