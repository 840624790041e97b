"""A second beat, and a second worker for a shard: of the same build, of another, or with a clock that is wrong."""

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bus import failpoints
from launch.programs import Program, app_programs
from tests.chaos.injectors.base import Injector
from tests.chaos.world import World

STOP_SECONDS = 20.0


class Spares(Injector):
    """What the first one holds, the second must not act on; when the first dies, it may take over."""

    name = "spares"
    every = 15.0

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def inject(self, world: World) -> None:
        """Start a second one, or kill it where it runs."""
        program = self.random.choice(_doubled(world))
        spare = self._running.pop(program.name, None)
        if spare is None or spare.poll() is not None:
            self._running[program.name] = _start(world, program)
            world.count(f"a second {program.name} started")
        else:
            spare.send_signal(signal.SIGKILL)
            spare.wait(STOP_SECONDS)
            world.count(f"kill -9 of the second {program.name}")

    def heal(self, world: World) -> None:
        """Stop them as an operator would."""
        for spare in self._running.values():
            spare.send_signal(signal.SIGTERM)
        for spare in self._running.values():
            try:
                spare.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                spare.kill()
                spare.wait()
        self._running.clear()


class OtherBuild(Injector):
    """A worker of another build beside the others for a while, as a rolling update leaves it."""

    name = "another build"
    every = 90.0

    def inject(self, world: World) -> None:
        """Start one and stop it; meanwhile nobody may enter anything."""
        program = self.random.choice(_doubled(world)[1:])
        spare = _start(world, program, {"BUILD_ID": "another-build"})
        try:
            world.count("a worker of another build beside the others")
            world.pause(self.random.uniform(8, 14))
        finally:
            spare.kill()
            spare.wait(STOP_SECONDS)


class WrongClocks(Injector):
    """An execution worker whose machine's clock is wrong, and jumps while it leads: it takes over from a killed one."""

    name = "wrong clocks"
    every = 60.0
    WRONG = ("+5s", "-5s", "+2s", "-3s", "+60s")

    def inject(self, world: World) -> None:
        """Start one, kill the worker that leads so that this one follows, let its clock jump, and kill it."""
        program = self.random.choice(_doubled(world)[1:])
        clock = world.plans / f"clock-of-{program.name}"
        clock.write_text(self.random.choice(self.WRONG))
        spare = _start(world, program, faked(clock))
        try:
            world.pause(self.random.uniform(4, 6))
            world.strike(world.family(program.name), signal.SIGKILL)
            for _ in range(2):
                clock.write_text(self.random.choice(self.WRONG))
                world.count("an execution worker's clock jumped")
                world.pause(self.random.uniform(3, 6))
        finally:
            spare.kill()
            spare.wait(STOP_SECONDS)


FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
"""The library that gives one process another clock (Debian: faketime); where it is absent no clock is wrong."""


def faked(clock: Path) -> dict[str, str]:
    """Return the environment of a process whose wall clock is off by what a file says."""
    return {
        "LD_PRELOAD": str(FAKETIME[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _doubled(world: World) -> list[Program]:
    """Return what may run twice, beat first."""
    wanted = ("beat", *(f"execution-{shard}" for shard in range(world.shards)))
    found = {program.name: program for program in app_programs(world.stack.settings)}
    return [found[name] for name in wanted]


def _start(world: World, program: Program, extra: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start it as the supervisor would, under a name of its own on the queues."""
    argv = [*program.argv, "--name", f"second-{program.name}"]
    environ = world.stack.environ | dict(program.environ) | {failpoints.PLAN: str(world.plans)} | dict(extra or {})
    with (world.state_dir / "logs" / f"second-{program.name}.log").open("ab") as output:
        return subprocess.Popen(
            argv,
            cwd=world.stack.settings.root,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
