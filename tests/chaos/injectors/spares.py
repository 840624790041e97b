"""A second beat, and a second worker for a shard: started beside the first, killed, started again."""

import signal
import subprocess

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


def _doubled(world: World) -> list[Program]:
    wanted = ("beat", *(f"execution-{shard}" for shard in range(world.shards)))
    return [program for program in app_programs(world.stack.settings) if program.name in wanted]


def _start(world: World, program: Program) -> subprocess.Popen[bytes]:
    """Start it as the supervisor would, under a name of its own on the queues."""
    argv = [*program.argv, "--name", f"second-{program.name}"]
    environ = world.stack.environ | dict(program.environ) | {failpoints.PLAN: str(world.plans)}
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
