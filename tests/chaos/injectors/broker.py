"""Brokers that answer late, wrongly or not at all: every fault of the simulator, weighted."""

import time
from dataclasses import dataclass, field
from typing import Any

from brokers.catalog import spec_of
from domain.broker_spec import Capability
from tests.chaos.injectors.base import Injector
from tests.chaos.world import World

LIT_AT_ONCE = 12
PATIENCE = 60.0
"""Seconds after which a fault that nobody meets is put out: it must not keep others from being lit."""

NEEDED = {"postback": Capability.POSTBACK, "ticker": Capability.ORDER_STREAM}
"""What a broker must have for faults of an endpoint to reach its clients."""


@dataclass(frozen=True, slots=True)
class Menu:
    """One kind of fault: how likely, for which endpoints, how many calls at once, and what else it is told.

    ``is_long``: what it does to an exit outlasts the healing, so it ends earlier than the others.
    """

    kind: str
    weight: int
    endpoint: str = "orders.place"
    calls: tuple[int, ...] = (1, 1, 2, 3)
    more: dict[str, Any] = field(default_factory=dict)
    is_long: bool = False
    for_all: bool = False

    @property
    def label(self) -> str:
        """How the report names it."""
        said = [
            f"{key}={value:g}" if isinstance(value, int | float) else f"{value}" for key, value in self.more.items()
        ]
        return " ".join([self.kind, *said, "" if self.endpoint == "orders.place" else f"({self.endpoint})"]).strip()

    def reaches(self, broker: str) -> bool:
        """Whether clients of a broker can meet it: not every broker posts, or has a socket for orders."""
        needed = NEEDED.get(self.endpoint)
        return needed is None or needed in spec_of(broker).offers


ORDER_CALLS = (
    Menu("accept_then_timeout", 4),
    Menu("accept_then_reset", 5),
    Menu("never_delivered", 2, is_long=True),
    Menu("late_accept", 2, more={"seconds": 8}, is_long=True),
    Menu("late_accept", 1, more={"seconds": 83}, is_long=True, calls=(1,)),
    Menu("late_accept", 1, more={"seconds": 110}, is_long=True, calls=(1,)),
    Menu("placed_but_400", 4),
    Menu("no_order_id", 3),
    Menu("html_body", 3),
    Menu("empty_body", 3),
    Menu("bad_json", 3),
    Menu("server_error", 3, more={"accepted": True}),
    Menu("server_error", 2, more={"accepted": False, "status": 503}, is_long=True),
    Menu("too_many_requests", 3, calls=(5, 10, 20), for_all=True),
    Menu("placed_then_rejected", 4),
    Menu("delay", 4, more={"ms": 200, "max_ms": 3000}, calls=(5, 10), for_all=True),
)
CHANGES = (
    Menu("accept_then_timeout", 2, endpoint="orders.modify"),
    Menu("never_delivered", 2, endpoint="orders.modify"),
    Menu("bad_json", 1, endpoint="orders.modify"),
    Menu("accept_then_reset", 2, endpoint="orders.cancel"),
    Menu("never_delivered", 2, endpoint="orders.cancel"),
    Menu("server_error", 1, endpoint="orders.cancel"),
)
READS = (
    Menu("book_lag", 4, endpoint="orders.book", calls=(5, 10, 20), more={"seconds": 10}),
    Menu("book_lag", 2, endpoint="positions", calls=(5, 10), more={"seconds": 5}),
    Menu("empty_book", 4, endpoint="orders.book", calls=(2, 5, 10)),
    Menu("empty_book", 2, endpoint="positions", calls=(1, 2)),
    Menu("truncated_book", 4, endpoint="orders.book", calls=(2, 5, 10)),
    Menu("truncated_book", 2, endpoint="trades.book", calls=(2, 5)),
    Menu("server_error", 3, endpoint="orders.book", calls=(3, 8)),
    Menu("html_body", 2, endpoint="trades.book", calls=(1, 3)),
    Menu("bad_json", 2, endpoint="positions", calls=(1, 3)),
    Menu("too_many_requests", 2, endpoint="orders.book", calls=(5, 10), for_all=True),
)
SESSIONS = (
    Menu("token_death", 1, endpoint="orders.*", calls=(1,)),
    Menu("token_death", 1, endpoint="positions", calls=(1,)),
)
NEWS = (
    Menu("duplicate_postback", 3, endpoint="postback", calls=(5, 10), more={"copies": 5}),
    Menu("out_of_order_postback", 3, endpoint="postback", calls=(3, 6)),
    Menu("forged_postback", 3, endpoint="postback", calls=(3, 6)),
    Menu("dropped_socket", 2, endpoint="ticker", calls=(1,)),
    Menu("silent_socket", 1, endpoint="ticker", calls=(1,), more={"seconds": 10}),
)


@dataclass(frozen=True, slots=True)
class Lit:
    """A fault in force, and since when (monotonic)."""

    menu: Menu
    calls: int
    at: float


class BrokerFaults(Injector):
    """Puts faults in force and counts how many calls each has really spoilt."""

    every = 2.0

    def __init__(self, seed: str, name: str, menu: tuple[Menu, ...], *, every: float) -> None:
        self.name, self.every, self.menu = name, every, menu
        super().__init__(seed)
        self._lit: dict[int, Lit] = {}

    def inject(self, world: World) -> None:
        """Light one more; each ends after its calls."""
        self._put_out(world, lit_before=time.monotonic() - PATIENCE)
        menu = [one for one in self.menu if self._may(one, world)]
        if not menu or len(self._lit) > LIT_AT_ONCE:
            return
        chosen = self.random.choices(menu, [one.weight for one in menu])[0]
        calls = self.random.choice(chosen.calls)
        client = "" if chosen.for_all else self.random.choice(["", *_reached(chosen, world)])
        body = {"kind": chosen.kind, "endpoint": chosen.endpoint, "client": client, "count": calls} | chosen.more
        fault = world.simulate("POST", "faults", body)
        self._lit[fault["id"]] = Lit(chosen, calls, time.monotonic())

    def _may(self, menu: Menu, world: World) -> bool:
        is_late = menu.is_long and time.monotonic() > world.long_faults_until
        return not is_late and bool(_reached(menu, world))

    def _put_out(self, world: World, *, lit_before: float) -> None:
        """Put out what has burnt so long, and count what was spoilt by that and by what has burnt down."""
        burning = {fault["id"]: fault["fired"] for fault in world.simulate("GET", "faults")["faults"]}
        for number, lit in list(self._lit.items()):
            if number in burning and lit.at > lit_before:
                continue
            fired = burning.get(number, lit.calls)
            if number in burning:
                world.simulate("DELETE", f"faults/{number}")
            if fired:
                world.count(f"broker: {lit.menu.label}", fired)
            del self._lit[number]

    def heal(self, world: World) -> None:
        """Put out what still burns, and count what it has spoilt."""
        self._put_out(world, lit_before=time.monotonic())


def _reached(menu: Menu, world: World) -> list[str]:
    return [client for client, broker in world.live_brokers.items() if menu.reaches(broker)]


class Exchange(Injector):
    """What an exchange does on bad days: fills in parts, fills late, refuses what it accepted."""

    name = "exchange"
    every = 8.0
    DEVIATIONS = (
        {"partial_fill_ratio": 0.7},
        {"fill_delay_seconds": 2.5},
        {"fill_delay_seconds": 4.0, "partial_fill_ratio": 0.5},
        {"reject_after_accept": "16283 : The order was rejected by the exchange."},
    )

    def inject(self, world: World) -> None:
        """Deviate for a while for one client."""
        deviation = self.random.choice(self.DEVIATIONS)
        client = self.random.choice(world.live_clients)
        world.simulate("POST", "exchange", {"client": client} | deviation)
        world.count(f"exchange: {' and '.join(deviation)}", client=client)
        world.pause(self.random.uniform(3, 8))
        world.simulate("POST", "exchange", {"client": client})

    def heal(self, world: World) -> None:
        """Fill everything at once again."""
        world.simulate("DELETE", "exchange")
