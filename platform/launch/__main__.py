"""`python -m launch run|worker|down|status|logs|doctor|seed|test|check`: see README.md beside this file."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence

from launch import checks, control, doctor, run, seed, settings, testserver, worker
from launch.problems import BadSetting, LaunchError

Command = Callable[[Sequence[str]], int]
COMMANDS: dict[str, Command] = {
    "run": lambda _: run.run(settings.from_environ()),
    "worker": lambda _: worker.run(settings.from_environ()),
    "down": lambda _: control.down(settings.from_environ()),
    "status": lambda _: control.status(settings.from_environ()),
    "logs": lambda names: control.logs(settings.from_environ(), names),
    "doctor": lambda _: doctor.doctor(settings.from_environ()),
    "seed": lambda _: seed.seed(settings.from_environ()),
    "test": lambda arguments: testserver.run([each for each in arguments if each != "--"]),
    "check": lambda names: checks.check(settings.from_environ(), names),
}


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; a known problem is one message on stderr."""
    try:
        return _command(arguments)(arguments[1:])
    except LaunchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _command(arguments: Sequence[str]) -> Command:
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        raise BadSetting(f"usage: python -m launch {'|'.join(COMMANDS)}")
    return command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
