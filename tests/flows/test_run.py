"""`make run` whole: what its screen shows, what it promises on disk, and what it answers to another terminal."""

import json
import stat
import subprocess
import sys
import urllib.request

import pytest

from launch.programs import app_programs
from launch.settings import ROOT
from launch.stack import Stack
from tests.flows.platform import Platform

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]
SECONDS = 120


@pytest.fixture
def up(installation: Platform) -> Stack:
    return installation.stack


def launch(up: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the launcher from another terminal."""
    return subprocess.run(
        [sys.executable, "-m", "launch", *arguments],
        cwd=ROOT,
        env=up.terminal,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def test_the_screen_shows_addresses_logins_and_a_signal_to_fire(up: Stack) -> None:
    shown = up.output()
    assert "PAPER and SIMULATED" in shown
    for piece in (up.demo["base_url"], up.demo["webhook_url"], up.demo["operator"]["email"], "curl "):
        assert piece in shown


def test_demo_json_holds_what_a_script_needs_and_only_its_user_reads_it(up: Stack) -> None:
    path = up.settings.state_dir / "demo.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    demo = json.loads(path.read_text())
    assert {"base_url", "live_url", "webhook_url", "flower_url", "simulator_url", "operator", "traders"} <= set(demo)
    assert {"email", "password"} <= set(demo["operator"])
    assert demo["traders"]
    for trader in demo["traders"]:
        assert {"email", "password", "api_key", "accounts"} <= set(trader)


def test_the_web_process_says_that_it_is_ready(up: Stack) -> None:
    with urllib.request.urlopen(f"{up.demo['base_url']}/readyz", timeout=10) as answer:
        assert answer.status == 200


def test_every_process_runs_and_status_shows_it(up: Stack) -> None:
    done = launch(up, "status")
    assert done.returncode == 0, done.stdout + done.stderr
    for program in app_programs(up.settings):
        assert f"\n{program.name} " in f"\n{done.stdout}"


def test_a_second_start_is_refused(up: Stack) -> None:
    done = launch(up, "run")
    assert done.returncode == 19
    assert "make down" in done.stderr


def test_doctor_finds_nothing_wrong_while_it_runs(up: Stack) -> None:
    done = launch(up, "doctor")
    assert done.returncode == 0, done.stdout
