"""Prices that stop, freeze or jump; people who act at the same moment; halts in the middle of a wave."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bus.connection import redis_client
from bus.ticks import CHANNEL
from tests.chaos.injectors.base import Injector
from tests.chaos.traffic import LEAVE, strategies_of, underlyings_of
from tests.chaos.world import World


class Feed(Injector):
    """Silence, a cut line, a frozen exchange, spikes."""

    name = "feed"
    every = 30.0

    def inject(self, world: World) -> None:
        """One of them."""
        self.random.choice((self._silence, self._drop, self._freeze, self._spike, self._spike))(world)

    def _silence(self, world: World) -> None:
        seconds = self.random.uniform(5, 15)
        self._spoil(world, {"kind": "silent_socket", "seconds": seconds})
        world.count("feed: silent socket")

    def _drop(self, world: World) -> None:
        self._spoil(world, {"kind": "dropped_socket"})
        world.count("feed: dropped socket")

    def _spoil(self, world: World, fault: dict[str, Any]) -> None:
        client = self.random.choice(world.desk.feed_clients())
        world.simulate("POST", "faults", {"client": client, "count": 1} | fault)

    def _freeze(self, world: World) -> None:
        underlying = self.random.choice(underlyings_of(world))
        world.simulate("POST", "market", {"action": "freeze", "underlying": underlying, "on": True})
        world.count("feed: frozen prices")
        world.pause(self.random.uniform(4, 10))
        self.heal(world)

    def _spike(self, world: World) -> None:
        """There and back: stops and targets fire, resting limits are left behind."""
        percent, underlying = self.random.choice((-1.2, -0.6, 0.6, 1.2)), self.random.choice(underlyings_of(world))
        for move in (percent, -percent):
            world.simulate("POST", "market", {"action": "shock", "underlying": underlying, "percent": move})
            world.pause(self.random.uniform(1, 4))
        world.count("feed: spike and back", 2)

    def heal(self, world: World) -> None:
        """Let prices move."""
        for underlying in underlyings_of(world):
            world.simulate("POST", "market", {"action": "freeze", "underlying": underlying, "on": False})


class Ticks(Injector):
    """Batches of ticks that come again, late and in the wrong order: the bus promises neither order nor once."""

    name = "ticks"
    every = 20.0
    HEARD_SECONDS = 3.0

    def inject(self, world: World) -> None:
        """Listen for a while, then say everything again, shuffled, a few seconds too late."""
        heard = self._heard(world)
        world.pause(self.random.uniform(0.5, 4))
        self.random.shuffle(heard)
        for batch in heard:
            redis_client().publish(CHANNEL, batch)
            world.pause(self.random.uniform(0, 0.05))
        world.count("feed: old ticks again, out of order", bool(heard))

    def _heard(self, world: World) -> list[bytes]:
        batches: list[bytes] = []
        with redis_client().pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(CHANNEL)
            until = time.monotonic() + self.HEARD_SECONDS
            while time.monotonic() < until and not world.stopping.is_set():
                message = channel.get_message(timeout=0.2)
                batches += [message["data"]] if message else []
        return batches


class EverythingAtOnce(Injector):
    """Stop, target, an exit alert and every client's square-off within a millisecond of each other."""

    name = "everything at once"
    every = 45.0

    def inject(self, world: World) -> None:
        """Move the market through every stop while everybody leaves by hand."""
        percent, underlying = self.random.choice((-1.5, 1.5)), self.random.choice(underlyings_of(world))
        shock = {"action": "shock", "underlying": underlying, "percent": percent}
        number = self.random.getrandbits(64)
        with ThreadPoolExecutor(max_workers=12) as pool:
            moved = pool.submit(world.simulate, "POST", "market", shock)
            for trader in range(len(world.demo["traders"])):
                pool.submit(world.post, "square-off/", {"all": True}, trader=trader)
            for slug in strategies_of(world):
                pool.submit(world.alert, slug, {"action": LEAVE[slug], "alert_id": f"all-{slug}-{number}"})
        moved.result()
        world.count("stop, target, alert and square-off at once")
        world.pause(3)
        world.simulate("POST", "market", shock | {"percent": -percent})
