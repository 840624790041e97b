"""`make worker`: the execution workers of some shards on this machine, for an installation that runs elsewhere.

One setting chooses them (SHARD); DATABASE_URL, REDIS_URL and the secrets say whose they are. Each asks for its shard's
lease and waits while another machine holds it: started beside a living worker it is a standby, and the move is done by
stopping the other one.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping

from launch import credentials, doctor, environment, ownership, screen, supervise
from launch import run as launcher
from launch.problems import BadSetting
from launch.programs import execution_programs
from launch.servers import wait_until
from launch.settings import Settings

START_SECONDS = 120.0
# Nothing listens here.
UNASKED = ("ports",)
# Where the installation's other processes are: ours to be told, not to make up.
ADDRESSES = ("BASE_URL", "LIVE_URL", "FLOWER_URL", "SIMULATOR_URL", "SIMULATOR_CLIENTS")


def check_settings(settings: Settings) -> None:
    """Raise BadSetting unless it is said which shards to serve, and whose."""
    if not settings.own_shards:
        raise BadSetting("SHARD must say which execution shards this machine serves, such as 2 or 0,2.")
    if not (settings.database_url and settings.redis_url):
        raise BadSetting("DATABASE_URL and REDIS_URL must be those of the installation this machine works for.")


def product_environ(settings: Settings, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the workers' environment; raises BadSetting without the installation's MASTER_KEY."""
    secrets = credentials.load_shared(settings.state_dir, given=given)
    made = environment.for_product(
        settings,
        secrets=secrets,
        database_url=settings.database_url or "",
        redis_url=settings.redis_url or "",
        inherited=given,
    )
    return made | {name: given[name] for name in ADDRESSES if given.get(name)}


def start_and_watch(settings: Settings, started: float) -> None:
    """Start the workers, say so in one line, and stay until supervisord ends."""
    progress = screen.Progress()
    launcher.clean_up(settings, progress)
    doctor.refuse_to_start(settings, but=UNASKED)
    progress.show("Starting the execution workers")
    supervisor = _start(settings)
    progress.clear()
    ownership.write_phase(settings, ownership.RUNNING)
    names = ", ".join(program.name for program in execution_programs(settings))
    print(f"{names} up ({time.monotonic() - started:.0f} s); Ctrl-C stops them.", flush=True)
    launcher.watch(settings, supervisor)


def _start(settings: Settings) -> subprocess.Popen[bytes]:
    supervisor = supervise.start(settings, execution_programs(settings), product_environ(settings))

    def trouble() -> str | None:
        return launcher.supervisor_trouble(settings, supervisor)

    wait_until(lambda: supervise.answers(settings), what="supervisord", seconds=START_SECONDS, give_up=trouble)
    supervise.start_app(settings)
    wait_until(
        lambda: not supervise.starting(settings), what="The workers", seconds=START_SECONDS, every=0.3, give_up=trouble
    )
    return supervisor


def run(settings: Settings) -> int:
    """Serve the shards until stopped; raises BadSetting, and what a start may raise."""
    check_settings(settings)
    return launcher.hold(settings, start_and_watch)
