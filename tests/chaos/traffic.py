"""What clients and strategies do all day: alerts, repeated and doubled alerts, square-offs by hand."""

import json
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.world import World

ENTER = {"momentum-call": "buy", "short-straddle": "sell", "momentum-coin": "buy", "momentum-gold": "buy"}
LEAVE = {"momentum-call": "sell", "short-straddle": "buy", "momentum-coin": "sell", "momentum-gold": "sell"}
"""What a strategy's alerts say; those on coins and gold are there where an account can trade them."""

ON = {"momentum-coin": "BTCUSDT", "momentum-gold": "XAUUSD"}
NIFTY = "NIFTY"
RETRIES, RETRY_SECONDS = 3, 1.0
DUPLICATES, PARALLEL = 4, 50


@dataclass(slots=True)
class Said:
    """One alert and what the platform answered."""

    strategy: str
    alert_id: str
    answers: list[tuple[int, Any]] = field(default_factory=list)

    @property
    def signals(self) -> set[int]:
        """The signals the answers named."""
        return {body["signal"] for status, body in self.answers if status in (200, 202) and "signal" in body}


def strategies_of(world: World) -> list[str]:
    """Return the strategies of this run that we have words for."""
    return sorted(ENTER.keys() & world.demo["webhooks"].keys())


def underlyings_of(world: World) -> list[str]:
    """Return what the contracts of these strategies stand on."""
    return sorted({ON.get(slug, NIFTY) for slug in strategies_of(world)})


class Traffic:
    """Sends until told to stop or until enough was said; keeps what was answered."""

    def __init__(self, world: World, *, seed: str, signals: int, every: float) -> None:
        self.world, self.wanted, self.every = world, signals, every
        self.random = random.Random(f"{seed}:traffic")
        self.said: list[Said] = []
        self.done: Counter[str] = Counter()
        self._seed = seed
        self._entered = dict.fromkeys(strategies_of(world), False)

    def run(self) -> None:
        """Enter and leave, one strategy after the other, with people in between."""
        while not self.world.stopping.is_set() and (not self.wanted or len(self.said) < self.wanted):
            began = time.monotonic()
            self._turn(self.random.choice(list(self._entered)))
            self.world.pause(self.every * self.random.uniform(0.5, 1.5) - (time.monotonic() - began))

    def _turn(self, strategy: str) -> None:
        leaving = self._entered[strategy] and self.random.random() < 0.7
        if leaving and self.random.random() < 0.25:
            self._square_off()
        else:
            self._alert(strategy, (LEAVE if leaving else ENTER)[strategy])
        self._entered[strategy] = not leaving

    def _alert(self, strategy: str, action: str) -> None:
        said = Said(strategy, f"{self._seed}-{len(self.said)}")
        self.said.append(said)
        how = self.random.random()
        if how < 0.1:
            self._parallel(said, action)
        else:
            self._once(said, action)
            if how < 0.25:
                self._again(said, action)

    def _once(self, said: Said, action: str) -> None:
        """Like the sender it stands for: again after a failure, a few times."""
        for _ in range(1 + RETRIES):
            if self._send(said, action):
                return
            if self.world.pause(RETRY_SECONDS):
                return
        self.done["alerts nobody took"] += 1

    def _again(self, said: Said, action: str) -> None:
        self.done["alerts repeated"] += 1
        for _ in range(DUPLICATES):
            self._send(said, action)

    def _parallel(self, said: Said, action: str) -> None:
        self.done["alerts sent fifty times at once"] += 1
        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            list(pool.map(lambda _: self._send(said, action), range(PARALLEL)))
        if not said.signals:
            self._once(said, action)

    def _send(self, said: Said, action: str) -> bool:
        answer = self.world.alert(said.strategy, {"action": action, "alert_id": said.alert_id})
        if answer is None:
            return False
        said.answers.append((answer.status_code, _json(answer.text)))
        return answer.status_code < 500

    def _square_off(self) -> None:
        self.done["square-offs by hand"] += 1
        for trader in range(len(self.world.demo["traders"])):
            self.world.post("square-off/", {"all": True}, trader=trader)


def _json(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}
