"""The process itself: what it says when it cannot start, and how it stops."""

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.shared import ROOT

DEADLINE = 30


def start(state_dir: Path, *arguments: str) -> "subprocess.Popen[str]":
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SIMULATOR_", "MARKET_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "simulator", "--state-dir", str(state_dir), *arguments],
        env=environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"},
        stderr=subprocess.PIPE,
        text=True,
    )


def announced(process: "subprocess.Popen[str]") -> str:
    found = re.search(r"http://[\d.:]+", process.stderr.readline())
    assert found
    return found[0]


def test_a_wrong_setting_is_named_and_ends_with_2(tmp_path):
    process = start(tmp_path, "--port", "99999")
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 2
    assert "SIMULATOR_PORT must lie between 0 and 65535" in errors
    assert "Traceback" not in errors


def test_a_taken_port_is_told_and_ends_with_2(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(tmp_path, "--port", str(taken.getsockname()[1]))
        _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 2
    assert "address already in use" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_even_with_a_request_unanswered(tmp_path, number):
    process = start(tmp_path, "--port", "0")
    url = announced(process)
    token = requests.post(f"{url}/control/request-token", json={"client": "DEMO01"}, timeout=DEADLINE)
    assert token.ok
    silent = {"kind": "accept_then_timeout", "endpoint": "session.token"}
    requests.post(f"{url}/control/faults", json=silent, timeout=DEADLINE)
    waiting = threading.Thread(target=unanswered, args=(url, token.json()["request_token"]))
    waiting.start()
    give_up = time.monotonic() + DEADLINE
    while not requests.get(f"{url}/control/state", timeout=DEADLINE).json()["sessions"]:
        assert time.monotonic() < give_up
    process.send_signal(number)
    _, errors = process.communicate(timeout=DEADLINE)
    waiting.join(timeout=DEADLINE)
    assert process.returncode == 0
    assert "Traceback" not in errors


def unanswered(url: str, request_token: str) -> None:
    checksum = hashlib.sha256(f"demo01key{request_token}demo01secret".encode()).hexdigest()
    form = {"api_key": "demo01key", "request_token": request_token, "checksum": checksum}
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{url}/zerodha/session/token", data=form, timeout=DEADLINE)
