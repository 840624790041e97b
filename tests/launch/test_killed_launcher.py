"""A launcher that is killed: the next one takes over what it left, and Ctrl-C then leaves no process."""

import os
import signal

import psutil
import pytest

from launch import ownership, recover, stack

pytestmark = [pytest.mark.flow, pytest.mark.slow, pytest.mark.timeout(600)]
SECONDS = 120


def test_a_killed_launcher_is_recovered_and_ctrl_c_then_leaves_no_process() -> None:
    with stack.running() as up:
        os.kill(up.launcher.pid, signal.SIGKILL)
        up.launcher.wait()
        assert recover.running(up.settings)
        assert ownership.holder(up.settings) is None
        with stack.running({"PORT": str(up.settings.port)}, state_dir=up.settings.state_dir) as again:
            assert again.demo["operator"] == up.demo["operator"]
            assert "Recovering" in again.output()
            os.killpg(os.getpgid(again.launcher.pid), signal.SIGINT)
            assert again.launcher.wait(SECONDS) == 0
            assert recover.running(up.settings) == []
            assert not [
                process.pid
                for process in psutil.process_iter()
                if process.pid != os.getpid() and str(up.settings.state_dir) in " ".join(_command(process))
            ]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []
