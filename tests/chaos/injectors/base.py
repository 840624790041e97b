"""What every class of faults has in common."""

import random
import threading
from collections.abc import Callable

import requests
from django.db import connections
from django.db.utils import Error
from redis.exceptions import RedisError

from launch.problems import LaunchError
from tests.chaos.world import World


class Injector:
    """One class of faults: how often, what it does, and how everything is made good again.

    ``every`` is the mean pause in seconds. The choices of an injector follow from the run's seed and its name alone.
    """

    name: str
    every: float = 10.0

    def __init__(self, seed: str) -> None:
        self.random = random.Random(f"{seed}:{self.name}")

    def inject(self, world: World) -> None:
        """Do it once, and count it."""
        raise NotImplementedError

    def heal(self, world: World) -> None:
        """Undo what lasts."""

    def run(self, world: World) -> None:
        """Inject until the faults are over."""
        while not world.pause(self.random.expovariate(1 / self.every)):
            try:
                self.inject(world)
            except (requests.RequestException, LaunchError, Error, RedisError) as error:
                connections.close_all()  # of this thread: the server may be gone
                world.note(f"{self.name}: not injected: {str(error)[:200]}")


def threads_of(
    injectors: list[Injector], world: World, broke: Callable[[BaseException], None]
) -> list[threading.Thread]:
    """Start one thread an injector; what breaks one is handed to ``broke``: then the run itself is no good."""

    def work(injector: Injector) -> None:
        try:
            injector.run(world)
        except BaseException as error:  # noqa: BLE001  # told to the run, which ends
            broke(error)

    threads = [threading.Thread(target=work, args=(one,), name=one.name, daemon=True) for one in injectors]
    for thread in threads:
        thread.start()
    return threads
