"""One run: start everything, trade under fire, let it heal, judge."""

import importlib
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import django
import requests
from django.db import connections

from bus import failpoints
from domain.clock import IST
from launch import places, stack, testserver
from launch.problems import LaunchError
from launch.settings import ROOT
from tests.chaos.brokers import ZERODHA, patience
from tests.chaos.disk import small_disk
from tests.chaos.injectors.base import Injector, threads_of
from tests.chaos.report import Report
from tests.chaos.scenarios import injectors_of
from tests.chaos.traffic import Traffic
from tests.chaos.world import RunBroken, World

PREFIX = "vayda-chaos-"
SHARDS = 2
LIVE_ACCOUNTS = 10
READY_SECONDS = 120.0
JOIN_SECONDS = 60.0
START_SECONDS = 120.0
AFTER_THE_TURN = timedelta(minutes=1)
LONG_TAIL = 60.0
"""How long before the end nothing is lost or delayed any more that takes minutes to be proved."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for; ``signals`` 0: as many as fit; ``save``: a file for the report."""

    seed: str
    scenario: str
    minutes: float
    signals: int = 0
    every: float = 2.0
    heal_seconds: float = 150.0
    save: str = ""
    brokers: tuple[str, ...] = (ZERODHA,)
    """Where the live accounts are, in turn."""
    points: tuple[str, ...] = ()
    """The failpoints processes die at; all of the scenario's where none is named."""


def wait_for_the_new_day(options: Options, now: datetime) -> float:
    """Return how many seconds a run must wait so that no broker's day begins in its midst.

    At six in the morning, when no market is open, brokers forget the day before: their tokens die and their books begin
    empty. The demo's market never sleeps, and an order given just before that hour could never be proved absent.
    """
    local = now.astimezone(IST)
    six = local.replace(hour=6, minute=0, second=0, microsecond=0)
    turn = six if local < six else six + timedelta(days=1)
    longest = timedelta(
        minutes=options.minutes, seconds=START_SECONDS + options.heal_seconds + patience(options.brokers)
    )
    return (turn + AFTER_THE_TURN - local).total_seconds() if local + longest >= turn else 0.0


def run(options: Options) -> Report:
    """Run once. The state directory is kept when anything was wrong, or KEEP_STATE is set."""
    time.sleep(wait_for_the_new_day(options, datetime.now(UTC)))
    home = Path(mkdtemp(prefix=PREFIX))
    report = Report(options.seed, build(), options.scenario, 0.0, SHARDS, state_dir=str(home))
    try:
        with _running(options, home) as world:
            _Run(world, options, report).all()
    except (RunBroken, LaunchError, requests.RequestException) as error:
        report.broken = str(error)
    report.save(home / "chaos.json")
    if report.status == 0 and not os.environ.get("KEEP_STATE"):
        testserver.remove(home)
    return report


def build() -> str:
    """Return the commit the run proves something about, marked where the checkout differs from it."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return os.environ.get("BUILD_ID") or found or "unknown"


@contextmanager
def _running(options: Options, home: Path) -> Iterator[World]:
    plans = home / "plans"
    plans.mkdir(parents=True)
    digits = "".join(character for character in options.seed if character.isdigit())
    extra = {
        "SHARDS": str(SHARDS),
        failpoints.PLAN: str(plans),
        "SIMULATOR_SEED": digits[:9] or "1",
        "BROKERS": ",".join(options.brokers),
    }
    places.prepare_state_dir(home)
    with small_disk(home) as disk, stack.running(extra, state_dir=home) as running:
        os.environ.update(running.environ)
        django.setup()
        yield World(running, plans, SHARDS, disk)


class _Run:
    """The phases of a run."""

    def __init__(self, world: World, options: Options, report: Report) -> None:
        self.world, self.options, self.report = world, options, report
        self.injectors: Sequence[Injector] = injectors_of(options.scenario, options.seed, points=options.points)
        # Both need Django, which is set up only now.
        self.judge: Any = importlib.import_module("tests.chaos.checker")
        self.desk = world.desk = importlib.import_module("tests.chaos.desk")
        self.checker = self.judge.Checker(world, since=datetime.now(UTC) - timedelta(minutes=10))
        self.traffic = Traffic(world, seed=options.seed, signals=options.signals, every=options.every)
        self.broke: list[BaseException] = []
        self.calm_since = datetime.now(UTC)
        self.heal_seconds = options.heal_seconds + patience(options.brokers)

    def all(self) -> None:
        """Fire, heal, judge, and write down what came of it."""
        self._wait_until_trading()
        watching = threading.Thread(target=self._guarded, args=(self.checker.run,), name="checker", daemon=True)
        watching.start()
        self._fire()
        self._heal()
        self.checker.ended.set()
        watching.join(JOIN_SECONDS)
        self._judge()

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # told to the run, which ends
            self._break(error)

    def _break(self, error: BaseException) -> None:
        self.broke.append(error)
        self.world.note(f"broke: {error!r}")
        self.world.stopping.set()

    def _wait_until_trading(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while self.desk.live_accounts() < LIVE_ACCOUNTS:
            if time.monotonic() > deadline:
                raise RunBroken("the accounts were not signed in")
            time.sleep(0.5)

    def _fire(self) -> None:
        seconds = self.options.minutes * 60
        self.world.began = time.monotonic()
        self.world.long_faults_until = self.world.began + seconds - LONG_TAIL
        talking = threading.Thread(target=self._guarded, args=(self.traffic.run,), name="traffic", daemon=True)
        talking.start()
        threads = [talking, *threads_of(list(self.injectors), self.world, self._break)]
        self._wait_for_the_end(seconds, talking)
        self.world.stopping.set()
        for thread in threads:
            thread.join(JOIN_SECONDS)
        self.report.seconds = time.monotonic() - self.world.began

    def _wait_for_the_end(self, seconds: float, talking: threading.Thread) -> None:
        """Until the time is over; with a number of signals until they are sent."""
        while not self.world.stopping.wait(0.5):
            over = time.monotonic() - self.world.began > seconds
            if over or (self.options.signals and not talking.is_alive()):
                return

    def _heal(self) -> None:
        began = time.monotonic()
        connections.close_all()  # the server they led to may be gone
        for injector in self.injectors:
            injector.heal(self.world)
        names = [name for name, state in self.world.states().items() if state.state != "STOPPED"]
        self.calm_since = datetime.now(UTC)
        if not self.world.started(names, within=self.heal_seconds):
            self.world.note(f"not running after the healing: {self.world.states()}")
        while self._leave_everything() and time.monotonic() - began < self.heal_seconds:
            time.sleep(3)
        self.report.healed_seconds = time.monotonic() - began
        self.report.left = self.desk.unsettled()

    def _leave_everything(self) -> bool:
        """Ask every trade to go; returns whether anything still moves."""
        self.desk.sign_in_the_lost()
        for trader in range(len(self.world.demo["traders"])):
            self.world.post("square-off/", {"all": True}, trader=trader)
        return bool(self.desk.unsettled())

    def _judge(self) -> None:
        report, world = self.report, self.world
        self.checker.conclude(self.traffic.said, left=report.left, calm_since=self.calm_since)
        report.totals, report.wire = self.desk.totals(), self.checker.wire
        report.brokers = self._by_broker()
        report.verdicts = self.desk.verdicts()
        report.traffic = dict(self.traffic.done) | {"alerts": len(self.traffic.said)}
        report.injections, report.notes = dict(world.injections), world.notes
        report.hits = dict(Counter(hit["point"] for hit in world.hits() if hit["action"] == "kill"))
        report.looks, report.blind_looks = self.checker.looks, self.checker.blind
        report.slowest_look, report.not_checked = self.checker.slowest, self.checker.not_checked
        report.covered = self.checker.covered
        report.breaches = [self.judge.as_row(found) for found in self.checker.found.values()]
        report.broken = self._what_broke()

    def _by_broker(self) -> dict[str, dict[str, Any]]:
        """Return whose accounts are where, what reached each broker, and how much of it was about these accounts."""
        spoilt = self.world.spoilt()
        rows: dict[str, dict[str, Any]] = {}
        for client, broker in self.world.live_brokers.items():
            row = rows.setdefault(broker, {"accounts": [], "injections": 0, "orders": 0, "fills": 0})
            row["accounts"].append(client)
            row["injections"] += self.world.aimed[client] + spoilt.get(client, 0)
        for broker, counts in self.checker.wire_of.items():
            if broker in rows:
                rows[broker] |= counts
        return rows

    def _what_broke(self) -> str:
        if self.broke:
            return "; ".join(repr(error) for error in self.broke)
        if not self.report.wire.get("orders on the wire"):
            return "no order reached the wire: nothing was proved"
        return ""
