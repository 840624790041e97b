"""Processes that die or freeze: at the points named in the product, and anywhere."""

import signal
import time
from collections import Counter

import psutil  # type: ignore[import-untyped]

from tests.chaos.injectors.base import Injector
from tests.chaos.world import World

_EXIT = ("exit.before_lock", "exit.opened", "exit.before_commit")
_SEND = ("commands.before_send", "commands.sent")
_LEASE = ("lease.acquired", "lease.renewed")
_ENGINE = (
    "claim.before",
    "claim.epoch_checked",
    "claim.submitted",
    "claim.before_commit",
    "claim.committed",
    "wire.before_place",
    "wire.after_place",
    "record.before",
    "record.before_commit",
    "record.committed",
    "reports.locked",
    "reports.fills_booked",
    "settle.intents_written",
    "reports.before_commit",
    "reports.committed",
    "sweep.exits_found",
    "sweep.idle_settled",
    "disown.before",
    "disown.after",
    "paper.version_moved",
    "paper.saved",
)
_RARE = (
    "wire.before_modify",
    "wire.after_modify",
    "wire.before_cancel",
    "wire.after_cancel",
    "steps.recorded",
    "resolver.before_commit",
    "resolver.absent_committed",
    "session.lost",
)
"""Reached only where other faults lead: armed longer."""

GRACEFUL = "lease.released"
"""Reached on a graceful stop only."""

POINTS_OF = {
    "web": ("intake.before_insert", "intake.stored", *_EXIT, *_SEND),
    "signals": (
        "routing.claimed",
        "entry.intents_written",
        "entry.before_commit",
        "routing.committed",
        "routing.exit_claimed",
        "watching.fired",
        GRACEFUL,
        *_EXIT,
        *_SEND,
        *_LEASE,
    ),
    "execution-0": (*_ENGINE, *_RARE, *_SEND, *_LEASE, GRACEFUL),
    "execution-1": (*_ENGINE, *_RARE, *_SEND, *_LEASE, GRACEFUL),
    "feed": ("feed.published", *_LEASE, GRACEFUL),
    "sessions": ("login.before_store", "login.token_stored", "login.stored"),
    "jobs": ("jobs.sweep",),
    "beat": ("beat.reserved",),
}
"""Which process reaches which points."""

PATIENCE, RARE_PATIENCE = 15.0, 30.0

PAUSES = {"web": 60.0, "signals": 15.0, "feed": 45.0, "sessions": 40.0, "jobs": 40.0, "beat": 40.0}
"""Mean seconds between two deaths of a process that runs again: what is always dead does no work to be tested."""


class Failpoints(Injector):
    """kill -9 of one process at its named points, the least hit first."""

    def __init__(self, seed: str, process: str, points: tuple[str, ...] = ()) -> None:
        self.name = f"failpoints of {process}"
        super().__init__(seed)
        self.process, self.points = process, points or POINTS_OF[process]
        self.every = PAUSES.get(process, 5.0)
        self.tried: Counter[str] = Counter()

    def inject(self, world: World) -> None:
        """Arm one point and wait until it is hit, or until it plainly is not going to be."""
        if not world.started([self.process], within=PATIENCE):
            return
        point = self._next(world)
        self.tried[point] += 1
        before = len(world.hits())
        world.arm(self.process, point=point, reach=self._reach(point))
        if point == GRACEFUL:
            world.strike(world.family(self.process)[:1], signal.SIGTERM)
        patience = RARE_PATIENCE if point in _RARE else PATIENCE
        if self._was_hit(world, before, patience):
            world.count(f"kill at a failpoint, {self.process}")

    def _next(self, world: World) -> str:
        hits = Counter(hit["point"] for hit in world.hits())
        chance = self.random.random
        return min(self.points, key=lambda point: (hits[point] + self.tried[point] / 3, chance()))

    def _reach(self, point: str) -> int:
        """Mostly the first time, sometimes in the middle of a wave."""
        return 1 if point in _RARE or point == GRACEFUL else self.random.choice((1, 1, 1, 2, 3, 5, 8))

    def _was_hit(self, world: World, before: int, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and not world.pause(0.1):
            if any(hit["process"] == self.process for hit in world.hits()[before:]):
                return True
        return not world.disarm(self.process)

    def heal(self, world: World) -> None:
        """Take back what was armed."""
        world.disarm(self.process)


PROGRAMS = ("web", "live", "feed", "signals", "sessions", "jobs", "beat", "flower")


class Kills(Injector):
    """kill -9 of whole programs, parents and children, wherever they are."""

    name = "kills"
    every = 25.0

    def inject(self, world: World) -> None:
        """Kill the parent, the children, or all of one program."""
        names = [*PROGRAMS, *(f"execution-{shard}" for shard in range(world.shards))]
        name = self.random.choice(names)
        family = world.family(name)
        if not family:
            return
        part = self.random.choice(("parent", "children", "all"))
        victims = {"parent": family[:1], "children": family[1:] or family[:1], "all": family}[part]
        if world.strike(victims, signal.SIGKILL):
            world.count(f"kill -9 of {name}")


class Freezes(Injector):
    """SIGSTOP of an execution worker for longer than its lease, at a point of the send or anywhere, then SIGCONT."""

    name = "freezes"
    every = 60.0
    POINTS = ("claim.committed", "wire.before_place", "wire.after_place", "record.before_commit", "claim.before_commit")

    def __init__(self, seed: str, *, seconds: float = 16.0) -> None:
        super().__init__(seed)
        self.seconds = seconds
        self._stopped: list[psutil.Process] = []

    def inject(self, world: World) -> None:
        """Freeze one, wait out its lease, let it go on."""
        name = f"execution-{self.random.randrange(world.shards)}"
        self._stopped = world.family(name)
        if self.random.random() < 0.5:
            frozen = bool(world.strike(self._stopped, signal.SIGSTOP))
        else:
            frozen = self._freeze_at_a_point(world, name)
        if frozen:
            world.count("SIGSTOP of execution beyond its lease")
            world.pause(self.seconds)
        self.heal(world)

    def _freeze_at_a_point(self, world: World, name: str) -> bool:
        before = len(world.hits())
        world.arm(name, point=self.random.choice(self.POINTS), reach=1, action="stop")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not world.pause(0.1):
            if any(hit["process"] == name and hit["action"] == "stop" for hit in world.hits()[before:]):
                return True
        return not world.disarm(name)

    def heal(self, world: World) -> None:
        """Let it go on."""
        world.strike(self._stopped, signal.SIGCONT)
        self._stopped = []
