"""A server to run: its command line, its user, and how to tell that it answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launch.problems import NotReady

POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Server:
    """An embedded Postgres or Redis; `url` is what the product is given to reach it."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    data_dir: Path
    owner: str | None
    url: str
    stop_signal: str
    answers: Callable[[], bool]


def wait_until(
    check: Callable[[], bool],
    *,
    what: str,
    seconds: float,
    every: float = POLL_SECONDS,
    give_up: Callable[[], str | None] = lambda: None,
) -> None:
    """Poll `check` until it is true; raises NotReady after `seconds`, or once `give_up` gives a reason."""
    deadline = time.monotonic() + seconds
    while not check():
        reason = give_up()
        if reason:
            raise NotReady(f"{what}: {reason}")
        if time.monotonic() > deadline:
            raise NotReady(f"{what} did not become ready within {seconds:.0f} s.")
        time.sleep(every)


def scrubbed_command(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return `argv` behind `env -i`: a server of another user must not inherit the product's secrets."""
    return ("/usr/bin/env", "-i", *(f"{name}={value}" for name, value in environ.items()), *argv)


def first_line(error: Exception) -> str:
    """Return the first line of an error's text: a driver's message often runs over several."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
