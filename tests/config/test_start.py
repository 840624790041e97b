"""The Celery processes' own start: the right queue, nothing that is not needed, and no run where none is wanted."""

import os
import subprocess
import sys

import pytest

from config.start import REFUSED
from launch.settings import ROOT

LOADED = """
import sys
from config.start import _application
_application(sys.argv[1])
print(" ".join(sorted(sys.modules)))
"""
FOR_PAGES_ONLY = (
    "config.urls",
    "rest_framework.fields",
    "unfold.admin",
    "flower",
    "prompt_toolkit",
    "apps.dashboard.views",
)


def run(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a process of its own; VAYDA_PROCESS is what the words make of it."""
    inherited = {name: value for name, value in os.environ.items() if name != "VAYDA_PROCESS"}
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=inherited | environ, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("what", ["feed", "signals", "execution.0", "sessions", "jobs", "beat"])
def test_a_worker_loads_its_own_queue_and_no_page(what: str) -> None:
    done = run("-c", LOADED, what, DJANGO_SETTINGS_MODULE="config.settings.local")
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.split())
    assert [name for name in FOR_PAGES_ONLY if name in modules] == []
    others = {"feed", "signals", "execution", "sessions", "jobs"} - {what.partition(".")[0]}
    assert what == "beat" or not modules & {f"workers.{name}" for name in others}


@pytest.mark.parametrize("what", ["executions.0", "execution", "execution.x", "feed.0", ""])
def test_a_queue_nobody_has_is_refused_by_name(what: str) -> None:
    done = run("-m", "config.start", what)
    assert done.returncode == 2
    assert f"no queue is called {what!r}" in done.stderr


def test_a_process_armed_to_die_does_not_start_outside_a_demo() -> None:
    done = run("-m", "config.start", "jobs", CRASH_AT="jobs.sweep:1", DEMO="0")
    assert done.returncode == REFUSED
    assert "CRASH_AT must not be set here" in done.stderr
