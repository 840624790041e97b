"""Failpoints: every name is in the table and in the code, and an armed one kills or freezes its own process once."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.db import connection, transaction
from django.db.utils import InterfaceError, OperationalError
from django.test import override_settings

from bus import failpoints
from bus.failpoints import POINTS, BadPlan, FixedPlan, Trap, UnknownPoint
from bus.models import Heartbeat

ROOT = Path(failpoints.__file__).parents[2]
PRODUCT = ("apps", "workers", "platform/bus", "platform/config")
POINT = "wire.after_place"
NOW = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)


def calls() -> Counter[str]:
    """Return how often each name stands in the product's code."""
    files = [path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    reached = [
        node.args[0]
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reach"
    ]
    return Counter(str(argument.value) for argument in reached if isinstance(argument, ast.Constant))


def test_every_name_in_the_table_stands_once_in_the_code_and_no_other_does() -> None:
    assert calls() == Counter(dict.fromkeys(POINTS, 1))


def test_nothing_is_armed_without_the_environment() -> None:
    assert failpoints.from_environ({}) is None
    failpoints.reach(POINT)


def test_an_observer_sees_the_points_and_may_stop_what_reaches_them() -> None:
    class Crash(Exception):
        pass

    def crash(name: str) -> None:
        raise Crash(name)

    with failpoints.observed(crash), pytest.raises(Crash, match=POINT):
        failpoints.reach(POINT)
    failpoints.reach(POINT)


def test_an_unknown_name_is_refused_where_anything_listens() -> None:
    with failpoints.observed(lambda name: None), pytest.raises(UnknownPoint):
        failpoints.reach("nowhere")
    with pytest.raises(UnknownPoint):
        Trap(FixedPlan(POINT))("nowhere")


@pytest.mark.parametrize(
    ("text", "error"), [("nowhere:1", UnknownPoint), (f"{POINT}:x", BadPlan), (f"{POINT}:0", BadPlan)]
)
def test_a_plan_that_means_nothing_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        FixedPlan(text)


REACHES = f"""
from bus import failpoints
for turn in range(1, 10):
    print(turn, flush=True)
    failpoints.reach("{POINT}")
"""


def run(tmp_path: Path, program: str = REACHES, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in (failpoints.AT, failpoints.PLAN)}
    environ = clean | {"PYTHONPATH": str(ROOT / "platform")} | environ
    return subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)


def test_a_process_dies_at_the_time_the_environment_names(tmp_path: Path) -> None:
    found = run(tmp_path, CRASH_AT=f"claim.before:1,{POINT}:3")
    assert found.returncode == -signal.SIGKILL
    assert found.stdout.split() == ["1", "2", "3"]


def plan(folder: Path, process: str, **values: object) -> None:
    (folder / f"{process}.json").write_text(json.dumps([{"point": POINT, "reach": 2} | values]))


def test_a_planned_crash_is_written_down_and_happens_once(tmp_path: Path) -> None:
    plan(tmp_path, "execution-0")
    found = run(tmp_path, CRASH_PLAN=str(tmp_path), VAYDA_PROCESS="execution-0")
    assert (found.returncode, found.stdout.split()) == (-signal.SIGKILL, ["1", "2"])
    hit = json.loads((tmp_path / "hits.jsonl").read_text())
    assert (hit["process"], hit["point"], hit["action"]) == ("execution-0", POINT, "kill")
    again = run(tmp_path, CRASH_PLAN=str(tmp_path), VAYDA_PROCESS="execution-0")
    assert (again.returncode, len(again.stdout.split())) == (0, 9)


def test_a_plan_is_for_the_process_it_names(tmp_path: Path) -> None:
    plan(tmp_path, "execution-1")
    assert run(tmp_path, CRASH_PLAN=str(tmp_path), VAYDA_PROCESS="execution-0").returncode == 0


def test_a_running_process_finds_a_plan_written_later(tmp_path: Path) -> None:
    program = f"from bus import failpoints\nwhile True:\n    failpoints.reach('{POINT}')\n"
    environ = os.environ | {"PYTHONPATH": str(ROOT / "platform"), "CRASH_PLAN": str(tmp_path), "VAYDA_PROCESS": "feed"}
    with subprocess.Popen([sys.executable, "-c", program], env=environ) as process:
        assert process.poll() is None
        written = tmp_path / "feed.fresh"
        written.write_text(json.dumps([{"point": POINT, "reach": 5}]))
        written.replace(tmp_path / "feed.json")
        assert process.wait(30) == -signal.SIGKILL


def test_a_frozen_process_goes_on_when_it_is_continued(tmp_path: Path) -> None:
    plan(tmp_path, "feed", action="stop")
    environ = os.environ | {"PYTHONPATH": str(ROOT / "platform"), "CRASH_PLAN": str(tmp_path), "VAYDA_PROCESS": "feed"}
    with subprocess.Popen([sys.executable, "-c", REACHES], env=environ, stdout=subprocess.PIPE, text=True) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.wait(30) == 0


OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def wait_for_the_others_to_end() -> None:
    """Until the server has noticed that a link is gone, and done with what came over it."""
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(OTHERS)
            if cursor.fetchone() == (0,):
                return
    pytest.fail("a backend of the lost link is still at work")


def test_whichever_planned_point_is_reached_first_happens(tmp_path: Path) -> None:
    hits = [{"point": "claim.before", "reach": 1}, {"point": POINT, "reach": 3}]
    (tmp_path / "feed.json").write_text(json.dumps(hits))
    found = run(tmp_path, CRASH_PLAN=str(tmp_path), VAYDA_PROCESS="feed")
    assert (found.returncode, found.stdout.split()) == (-signal.SIGKILL, ["1", "2", "3"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("action", "stored"), [("deafen", True), ("cut", False)])
def test_a_link_lost_before_a_commit_tells_nothing_whether_it_happened(
    action: str, stored: bool, tmp_path: Path
) -> None:
    (tmp_path / "jobs.json").write_text(json.dumps([{"point": POINT, "reach": 1, "action": action}]))
    trap = Trap(failpoints.FolderPlan(tmp_path, "jobs"))

    def store() -> None:
        with transaction.atomic():
            Heartbeat.objects.create(process="cut off", holder="x", build="x", started_at=NOW, beat_at=NOW)
            trap(POINT)

    with pytest.raises((OperationalError, InterfaceError)):
        store()
    connection.close()
    wait_for_the_others_to_end()
    assert Heartbeat.objects.filter(process="cut off").exists() == stored


@pytest.mark.parametrize("name", [failpoints.AT, failpoints.PLAN])
def test_only_a_demo_starts_with_failpoints_armed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "claim.before:1")
    with override_settings(DEMO=False):
        assert "bus.E001" in [message.id for message in run_checks()]
    with override_settings(DEMO=True):
        assert "bus.E001" not in [message.id for message in run_checks()]
