"""A wave of a thousand orders, halted on its way out."""

import importlib
import time
from typing import Any

import requests

from tests.chaos.injectors.base import Injector
from tests.chaos.world import RunBroken, World

NAME = "crowd"
ACCOUNTS, LEGS = 250, 4
ALERT_SECONDS, GONE_SECONDS = 15.0, 120.0


class HaltedWaves(Injector):
    """An alert for 250 accounts of four legs each, a halt while its orders go out; then everybody leaves."""

    name = "halted waves"
    every = 3.0

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self._webhook = ""
        self._halts: list[int] = []

    def inject(self, world: World) -> None:
        """Enter, halt somewhere within the wave, release, leave."""
        if not self._webhook:
            self._webhook = _crowd(world)
        self._alert("buy")
        world.pause(self.random.uniform(0.2, 4.0))
        halt = self.random.choice((lambda: world.desk.halt_strategy(NAME), world.desk.halt_tenant))
        self._halts.append(halt())
        world.count("halt in the middle of a wave of 1,000 orders")
        world.pause(self.random.uniform(2, 4))
        self.heal(world)
        self._wait_until_gone(world)

    def heal(self, world: World) -> None:
        """Let entries go on, and everybody leave."""
        while self._halts:
            world.desk.release(self._halts[-1])
            self._halts.pop()
        if self._webhook:
            self._alert("sell")

    def _alert(self, action: str) -> None:
        body = {"action": action, "alert_id": f"{NAME}-{self.random.getrandbits(64)}"}
        requests.post(self._webhook, json=body, timeout=ALERT_SECONDS).raise_for_status()

    def _wait_until_gone(self, world: World) -> None:
        deadline = time.monotonic() + GONE_SECONDS
        while world.desk.live_trades_of(NAME) and not world.pause(0.5):
            if time.monotonic() > deadline:
                raise RunBroken(
                    f"trades of the crowd are still open {GONE_SECONDS:.0f} s after their exits were asked for"
                )


def _crowd(world: World) -> str:
    """Make the accounts and return their strategy's webhook; what needs Django is imported once that is set up."""
    bench: Any = importlib.import_module("tests.bench.installation")
    crowd: Any = importlib.import_module("tests.bench.crowd")
    waves: Any = importlib.import_module("tests.bench.wave")
    installation = bench.Installation(world.stack)
    names = [f"WAVE{number:03}" for number in range(ACCOUNTS)]
    bench.add_clients(installation, names)
    strategy, webhook = crowd.make_crowd(NAME, bench.tokens_of(installation, names), legs=LEGS)
    waves.wait_until_warm(strategy.pk, ACCOUNTS)
    return str(webhook)
