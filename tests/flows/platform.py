"""The whole platform as a user starts it: every process real, on ports and in a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests

import launch.stack
from launch.settings import ROOT
from launch.stack import Stack

T = TypeVar("T")
POLL_SECONDS = 0.4  # five traders are asked each time, and a key may ask 300 times a minute


def wait_for(what: Callable[[], T], *, within: float = 60.0, message: str = "") -> T:
    """Poll until something is truthy and return it; fails with the last value otherwise."""
    deadline = time.monotonic() + within
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{message or what} did not come about within {within:.0f} s; last: {value!r}")
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class Platform:
    """A running installation and what a person or a script does with it."""

    stack: Stack

    @property
    def demo(self) -> Mapping[str, Any]:
        """What demo.json says."""
        return self.stack.demo

    @property
    def state_dir(self) -> Path:
        """Everything the installation writes."""
        return self.stack.settings.state_dir

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
        status = subprocess.run(
            [sys.executable, "-m", "launch", "status"],
            cwd=ROOT,
            env=self.stack.terminal,
            capture_output=True,
            text=True,
        )
        line = next(line for line in status.stdout.splitlines() if line.split()[:1] == [name])
        return int(line.split()[2])

    def kill(self, name: str, how: int = signal.SIGKILL) -> None:
        """Kill a process and its children, as a power cut would."""
        pid = self.pid_of(name)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for victim in [*map(int, children), pid]:
            os.kill(victim, how)


@contextmanager
def running(**extra: str) -> Iterator[Platform]:
    """Start an installation in an empty folder, wait until every account trades, and leave nothing behind."""
    with launch.stack.running(extra) as stack:
        platform = Platform(stack)
        wait_for(lambda: _live_accounts(platform) == 10, within=90, message="the login wave")
        yield platform


def _live_accounts(platform: Platform) -> int:
    return sum(
        account["mode"] == "LIVE"
        for number in range(len(platform.demo["traders"]))
        for account in platform.get("accounts/", trader=number)["results"]
    )
