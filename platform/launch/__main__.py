"""`python -m launch run|down|status|logs|doctor|test`: see README.md beside this file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from launch import testserver
from launch.problems import LaunchError


def _test(arguments: Sequence[str]) -> int:
    return testserver.run([argument for argument in arguments if argument != "--"])


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"test": _test}
USAGE_ERROR = 2


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; a known problem is one sentence on stderr."""
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        print(f"usage: python -m launch {'|'.join(COMMANDS)}", file=sys.stderr)
        return USAGE_ERROR
    try:
        return command(arguments[1:])
    except LaunchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
