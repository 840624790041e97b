"""The whole platform as a user starts it: every process real, on ports and in a folder of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import requests

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 240.0
T = TypeVar("T")


def free_ports(count: int = 4) -> int:
    """Return the first of so many neighbouring free ports."""
    for base in range(20_000 + os.getpid() % 20_000, 60_000, count):
        if all(_is_free(base + offset) for offset in range(count)):
            return base
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def wait_for(what: Callable[[], T], *, within: float = 60.0, message: str = "") -> T:
    """Poll until something is truthy and return it; fails with the last value otherwise."""
    deadline = time.monotonic() + within
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{message or what} did not come about within {within:.0f} s; last: {value!r}")
        time.sleep(0.1)


@dataclass
class Platform:
    """A running installation."""

    state_dir: Path
    port: int
    process: subprocess.Popen[bytes]
    demo: dict[str, Any] = field(default_factory=dict)

    def log(self, name: str) -> str:
        """Return one process's log."""
        path = self.state_dir / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def fire(self, body: dict[str, Any], *, webhook: str = "") -> requests.Response:
        """Send an alert to a strategy's webhook, the default one unless named."""
        url = self.demo["base_url"] + self.demo["webhooks"][webhook] if webhook else self.demo["webhook_url"]
        return requests.post(url, json=body, timeout=10)

    def get(self, path: str, *, trader: int = 0, **params: Any) -> Any:
        """Read the API as one of the traders."""
        key = self.demo["traders"][trader]["api_key"]
        url = f"{self.demo['base_url']}/api/v1/{path}"
        answer = requests.get(url, params=params, headers={"Authorization": f"Bearer {key}"}, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: dict[str, Any], *, trader: int = 0, **headers: str) -> requests.Response:
        """Write to the API as one of the traders."""
        key = self.demo["traders"][trader]["api_key"]
        url = f"{self.demo['base_url']}/api/v1/{path}"
        return requests.post(url, json=body, headers={"Authorization": f"Bearer {key}"} | headers, timeout=10)

    def trades(self, **params: Any) -> list[dict[str, Any]]:
        """Return every demo trader's trades, newest first within each."""
        return [
            trade
            for number in range(len(self.demo["traders"]))
            for trade in self.get("trades/", trader=number, page_size=200, **params)["results"]
        ]

    def ledger(self) -> list[dict[str, Any]]:
        """Return what the simulated exchange wrote down."""
        path = self.state_dir / "simulator" / "ledger.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def simulate(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Use the simulated exchange's control endpoint."""
        url = f"{self.demo['simulator_url']}/control/{path}"
        answer = requests.request(method, url, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def pid_of(self, name: str) -> int:
        """Return the process id of one supervised process."""
        out = subprocess.run(
            [sys.executable, "-m", "launch", "status"], cwd=ROOT, env=self._environ(), capture_output=True, text=True
        ).stdout
        line = next(line for line in out.splitlines() if line.split()[:1] == [name])
        return int(line.split()[2])

    def kill(self, name: str, how: int = signal.SIGKILL) -> None:
        """Kill a process and its children, as a power cut would."""
        pid = self.pid_of(name)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for victim in [*map(int, children), pid]:
            os.kill(victim, how)

    def stop(self) -> int:
        """Ask the launcher to end and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def _environ(self) -> dict[str, str]:
        return environ(self.state_dir, self.port)


def environ(state_dir: Path, port: int, **extra: str) -> dict[str, str]:
    """Return the environment of an installation, free of this test run's own servers."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    kept = {name: value for name, value in kept.items() if not name.startswith(("DJANGO_", "PYTEST", "MAKE"))}
    path = os.pathsep.join([str(ROOT), str(ROOT / "platform")])
    return kept | {"STATE_DIR": str(state_dir), "PORT": str(port), "PYTHONPATH": path} | extra


@contextmanager
def running(**extra: str) -> Iterator[Platform]:
    """Start an installation in an empty folder, wait until it trades, and leave nothing behind."""
    state_dir = Path(tempfile.mkdtemp(prefix="vf-"))
    port = free_ports()
    process = subprocess.Popen(
        [sys.executable, "-m", "launch", "run"],
        cwd=ROOT,
        env=environ(state_dir, port, **extra),
        stdout=(state_dir / "launcher.out").open("wb"),
        stderr=subprocess.STDOUT,
    )
    platform = Platform(state_dir, port, process)
    try:
        _await_start(platform)
        yield platform
    finally:
        if process.poll() is None:
            platform.stop()
        if not os.environ.get("KEEP_STATE"):
            shutil.rmtree(state_dir, ignore_errors=True)


def _await_start(platform: Platform) -> None:
    demo = platform.state_dir / "demo.json"

    def is_up() -> bool:
        if platform.process.poll() is not None:
            raise AssertionError((platform.state_dir / "launcher.out").read_text())
        return demo.exists() and _is_ready(platform.port)

    wait_for(is_up, within=START_SECONDS, message="the start")
    platform.demo = json.loads(demo.read_text())
    wait_for(lambda: _live_accounts(platform) == 10, within=90, message="the login wave")


def _is_ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def _live_accounts(platform: Platform) -> int:
    return sum(
        account["mode"] == "LIVE"
        for number in range(len(platform.demo["traders"]))
        for account in platform.get("accounts/", trader=number)["results"]
    )
