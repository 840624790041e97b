"""The installation under fire, as people, brokers and faults reach it."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import requests

from bus.failpoints import Hit
from launch import supervise
from launch.problems import LaunchError
from launch.stack import Stack

POLL_SECONDS = 0.5
HTTP_SECONDS = 10.0


class RunBroken(RuntimeError):
    """The run itself could not work: this says nothing about the product's promises."""


@dataclass(slots=True)
class World:
    """One running installation, the time it has left, and the book of what was done to it."""

    stack: Stack
    plans: Path
    shards: int
    disk: Path | None = None
    """Where Postgres has a disk of its own that may be filled."""
    stopping: threading.Event = field(default_factory=threading.Event)
    alone: threading.Lock = field(default_factory=threading.Lock)
    """Held while a server everybody needs is down: two such faults at once would only hide each other."""
    desk: Any = None
    """``tests.chaos.desk``, once Django is set up."""
    injections: Counter[str] = field(default_factory=Counter)
    aimed: Counter[str] = field(default_factory=Counter)
    """Injections by the client whose account they were about, without the calls that its broker spoilt."""
    notes: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    long_faults_until: float = 0.0
    """Monotonic time after which nothing is injected whose consequences outlast the healing (a 110 s late order)."""

    @property
    def state_dir(self) -> Path:
        """Everything the installation writes."""
        return self.stack.settings.state_dir

    @property
    def ledger(self) -> Path:
        """What the simulated exchange wrote down."""
        return self.state_dir / "simulator" / "ledger.jsonl"

    @property
    def demo(self) -> Mapping[str, Any]:
        """What demo.json says."""
        return self.stack.demo

    @property
    def live_brokers(self) -> dict[str, str]:
        """The customers of the simulated brokers that trade, each with its broker."""
        accounts = (account for trader in self.demo["traders"] for account in trader["accounts"])
        return {account["client_id"]: account["broker"] for account in accounts if account["broker"] != "paper"}

    @property
    def live_clients(self) -> list[str]:
        """The customers of the simulated brokers that trade."""
        return list(self.live_brokers)

    def count(self, name: str, times: int = 1, *, client: str = "") -> None:
        """Note injections of a class; ``client``: whose account alone they were about."""
        self.injections[name] += times
        if client:
            self.aimed[client] += times

    def note(self, text: str) -> None:
        """Write down what happened, with the second of the run, for whoever reads the report."""
        self.notes.append(f"{time.monotonic() - self.began:7.1f} {text}")

    def pause(self, seconds: float) -> bool:
        """Wait; ``True`` at once when the faults are over."""
        return self.stopping.wait(max(0.0, seconds))

    # people and brokers ------------------------------------------------------------------------------------------

    def simulate(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Use the simulated exchange's control endpoint."""
        url = f"{self.stack.settings.simulator_url}/control/{path}"
        answer = requests.request(method, url, json=body, timeout=HTTP_SECONDS)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def spoilt(self) -> dict[str, int]:
        """Return how many calls of each client the brokers' faults have spoilt."""
        found: dict[str, int] = self.simulate("GET", "faults")["spoilt"]
        return found

    def post(self, path: str, body: dict[str, Any], *, trader: int) -> requests.Response | None:
        """Write to the API as a trader; ``None`` when nobody answered."""
        key = self.demo["traders"][trader]["api_key"]
        return self._post(f"/api/v1/{path}", body, {"Authorization": f"Bearer {key}"})

    def alert(self, strategy: str, body: dict[str, Any]) -> requests.Response | None:
        """Send an alert to a strategy's webhook; ``None`` when nobody answered."""
        return self._post(self.demo["webhooks"][strategy], body, {})

    def _post(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> requests.Response | None:
        url = f"{self.stack.settings.base_url}{path}"
        try:
            return requests.post(url, json=body, headers=headers, timeout=HTTP_SECONDS)
        except requests.RequestException:
            return None

    # processes ---------------------------------------------------------------------------------------------------

    def states(self) -> dict[str, supervise.State]:
        """Return what the supervisor says of every process."""
        return {state.name: state for state in supervise.states(self.stack.settings)}

    def pid_of(self, name: str) -> int:
        """Return a supervised process's id, 0 while it does not run."""
        return self.states()[name].pid

    def family(self, name: str) -> list[psutil.Process]:
        """Return a process and its descendants, the parent first; empty while it does not run."""
        try:
            parent = psutil.Process(self.pid_of(name) or -1)
            return [parent, *parent.children(recursive=True)]
        except (psutil.NoSuchProcess, ValueError):
            return []

    def strike(self, victims: list[psutil.Process], how: signal.Signals) -> int:
        """Send a signal to processes; returns how many were there to get it."""
        struck = 0
        for victim in victims:
            try:
                victim.send_signal(how)
                struck += 1
            except psutil.NoSuchProcess:
                continue
        return struck

    def started(self, names: list[str], *, within: float) -> bool:
        """Wait until the named processes run, starting those the supervisor has given up; ``False`` in vain."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            states = self.states()
            if all(states[name].state == "RUNNING" for name in names):
                return True
            if any(states[name].state == "FATAL" for name in names):
                self._start_given_up()
            time.sleep(POLL_SECONDS)
        return False

    def _start_given_up(self) -> None:
        """What an operator would do; counted, so that the report says so."""
        self.count("restarted by hand")
        self.note("the supervisor had given a process up; started by hand")
        try:
            supervise.start_app(self.stack.settings)
        except LaunchError as error:
            self.note(f"not started: {error}")

    # failpoints --------------------------------------------------------------------------------------------------

    def arm(self, process: str, hits: Iterable[Hit]) -> None:
        """Write the plan of a process, whole or not at all: whichever hit is reached first happens."""
        written = self.plans / f"{process}.{os.getpid()}.fresh"
        written.write_text(json.dumps([asdict(hit) for hit in hits]))
        written.replace(self.plans / f"{process}.json")

    def disarm(self, process: str) -> bool:
        """Take a plan back; ``False`` when it was used."""
        try:
            (self.plans / f"{process}.json").unlink()
        except FileNotFoundError:
            return False
        return True

    def hits(self) -> list[dict[str, Any]]:
        """Return every hit failpoint so far, oldest first."""
        book = self.plans / "hits.jsonl"
        if not book.exists():
            return []
        lines = book.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]
