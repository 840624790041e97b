"""Processes that die or freeze: at the points named in the product, and anywhere."""

import signal
import time
from collections import Counter

import psutil  # type: ignore[import-untyped]

from bus.failpoints import Hit
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

PATIENCE, EARLY = 15.0, 0.35
COMMIT, LOST_LINKS = "before_commit", 0.4
DEEDS = {
    "kill": "kill at a failpoint",
    "stop": "SIGSTOP at a failpoint",
    "cut": "link lost before a commit",
    "deafen": "commit whose outcome is not told",
}

PAUSES = {"web": 30.0, "signals": 3.5, "feed": 45.0, "sessions": 25.0, "jobs": 30.0, "beat": 30.0}
"""Mean seconds between two deaths of a process that runs again: what is always dead does no work to be tested."""


class Failpoints(Injector):
    """kill -9 of one process at its named points, the least hit first."""

    def __init__(self, seed: str, process: str, points: tuple[str, ...] = ()) -> None:
        self.name = f"failpoints of {process}"
        super().__init__(seed)
        self.process, self.points = process, points or POINTS_OF[process]
        self.every = PAUSES.get(process, 2.5)

    def inject(self, world: World) -> None:
        """Arm the points that were hit least and wait until one is hit, or until it plainly is not going to be.

        Mostly once the process runs again; now and then before, because some points are reached in its first second.
        """
        is_early = self.random.random() < EARLY
        if not is_early and not world.started([self.process], within=PATIENCE):
            return
        before = len(world.hits())
        wanted = self._wanted(world)
        world.arm(self.process, [self._hit(point) for point in wanted])
        if wanted == (GRACEFUL,):
            world.strike(world.family(self.process)[:1], signal.SIGTERM)
        action = self._what_happened(world, before)
        if action:
            world.count(f"{DEEDS[action]}, {self.process}")

    def _wanted(self, world: World) -> tuple[str, ...]:
        """Return the third that was hit least: each comes up about as often as any other, however rarely it is reached.

        The graceful stop is a deed of its own, done when its turn has come.
        """
        hits = Counter(hit["point"] for hit in world.hits() if hit["action"] == "kill")
        few = sorted(hits[point] for point in self.points)[len(self.points) // 3]
        behind = tuple(point for point in self.points if hits[point] <= few and point != GRACEFUL)
        is_due = GRACEFUL in self.points and hits[GRACEFUL] <= few
        return (GRACEFUL,) if not behind or (is_due and self.random.random() < 1 / len(behind)) else behind

    def _hit(self, point: str) -> Hit:
        """Mostly a death, at the first time; at a commit now and then a link that is lost, told or not."""
        reach = 1 if point in _RARE else self.random.choice((1, 1, 1, 1, 2, 3))
        loses_link = point.endswith(COMMIT) and self.random.random() < LOST_LINKS
        return Hit(point, reach, self.random.choice(("deafen", "deafen", "cut")) if loses_link else "kill")

    def _what_happened(self, world: World, before: int) -> str:
        """Return the action of the point that was hit, "" where none was."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not world.pause(0.1):
            if found := self._hits_since(world, before):
                return found[0]
        if world.disarm(self.process):
            return ""
        return next(iter(self._hits_since(world, before)), "")

    def _hits_since(self, world: World, before: int) -> list[str]:
        return [hit["action"] for hit in world.hits()[before:] if hit["process"] == self.process]

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
        world.arm(name, [Hit(self.random.choice(self.POINTS), 1, "stop")])
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not world.pause(0.1):
            if any(hit["process"] == name and hit["action"] == "stop" for hit in world.hits()[before:]):
                return True
        return not world.disarm(name)

    def heal(self, world: World) -> None:
        """Let it go on."""
        world.strike(self._stopped, signal.SIGCONT)
        self._stopped = []
