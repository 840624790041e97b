"""Which faults a run mixes."""

from collections.abc import Callable, Collection, Sequence

from tests.chaos.injectors import broker
from tests.chaos.injectors.base import Injector
from tests.chaos.injectors.broker import BrokerFaults, Exchange, Menu
from tests.chaos.injectors.crashes import POINTS_OF, Failpoints, Freezes, Kills
from tests.chaos.injectors.market import EverythingAtOnce, Feed, Ticks
from tests.chaos.injectors.people import Halts, OwnApp, SignIns
from tests.chaos.injectors.servers import FullDisk, Postgres, Redis
from tests.chaos.injectors.spares import FAKETIME, OtherBuild, Spares, WrongClocks
from tests.chaos.injectors.waves import HaltedWaves

Scenario = Callable[[str], Sequence[Injector]]


def thin(seed: str) -> list[Injector]:
    """The least that says anything: a dying sender, and a broker that takes orders without saying so."""
    points = ("claim.committed", "wire.before_place", "wire.after_place")
    silent = (Menu("accept_then_timeout", 1),)
    return [Failpoints(seed, "execution-0", points), BrokerFaults(seed, "silent broker", silent, every=5)]


def crashes(seed: str) -> list[Injector]:
    """Every process at every point, and anywhere else."""
    return [*(Failpoints(seed, process) for process in POINTS_OF), Kills(seed), *_leading_to_rare_points(seed)]


def _leading_to_rare_points(seed: str) -> list[Injector]:
    return [
        BrokerFaults(seed, "lost orders", (Menu("never_delivered", 1, is_long=True),), every=8),
        BrokerFaults(seed, "sessions", broker.SESSIONS, every=25),
        BrokerFaults(seed, "changes", broker.CHANGES, every=6),
        Exchange(seed),
        Feed(seed),
        SignIns(seed),
    ]


def brokers(seed: str) -> list[Injector]:
    """Every fault of the brokers."""
    return [
        BrokerFaults(seed, "orders", broker.ORDER_CALLS, every=1.5),
        BrokerFaults(seed, "changes", broker.CHANGES, every=6),
        BrokerFaults(seed, "reads", broker.READS, every=2.5),
        BrokerFaults(seed, "sessions", broker.SESSIONS, every=15),
        BrokerFaults(seed, "news", broker.NEWS, every=3),
        Exchange(seed),
    ]


def servers(seed: str) -> list[Injector]:
    """Postgres and Redis."""
    return [Redis(seed), Postgres(seed), FullDisk(seed)]


def freezes(seed: str) -> list[Injector]:
    """Execution that sleeps through its lease."""
    return [Freezes(seed), *hosts(seed), *_leading_to_rare_points(seed)]


def hosts(seed: str) -> list[Injector]:
    """Second workers: of this build, of another one, with a wrong clock."""
    return [Spares(seed), OtherBuild(seed), *([WrongClocks(seed)] if FAKETIME else [])]


def market(seed: str) -> list[Injector]:
    """Prices and people."""
    return [Feed(seed), Ticks(seed), EverythingAtOnce(seed), OwnApp(seed), SignIns(seed), Halts(seed)]


def waves(seed: str) -> list[Injector]:
    """Halts in the middle of waves of a thousand orders."""
    return [HaltedWaves(seed)]


def everything(seed: str) -> list[Injector]:
    """All of it at once: the release run."""
    crashing = [Failpoints(seed, process) for process in POINTS_OF]
    lost = BrokerFaults(seed, "lost orders", (Menu("never_delivered", 1, calls=(1,), is_long=True),), every=12)
    return [*crashing, Kills(seed), *hosts(seed), Freezes(seed), lost, *brokers(seed), *servers(seed), *market(seed)]


def short(seed: str) -> list[Injector]:
    """A little of each, for every change of the code."""
    redis, postgres = Redis(seed, freeze_seconds=(6, 10)), Postgres(seed)
    redis.every = postgres.every = 25.0
    crashing = [Failpoints(seed, process) for process in ("execution-0", "execution-1", "signals", "web")]
    orders = BrokerFaults(seed, "orders", broker.ORDER_CALLS, every=2)
    reads = BrokerFaults(seed, "reads", broker.READS, every=4)
    return [*crashing, orders, reads, redis, postgres, Exchange(seed), *market(seed)]


AT_RANDOM = frozenset({"all", "brokers"})
"""Scenarios whose live accounts are at brokers the seed deals, unless they are named; in the others all at one."""

SCENARIOS: dict[str, Scenario] = {
    "thin": thin,
    "crashes": crashes,
    "brokers": brokers,
    "servers": servers,
    "freezes": freezes,
    "market": market,
    "hosts": hosts,
    "waves": waves,
    "all": everything,
    "short": short,
}


def injectors_of(scenario: str, seed: str, *, points: Collection[str] = ()) -> list[Injector]:
    """Return what a scenario injects; with ``points``, processes die at these of the named points alone."""
    found = list(SCENARIOS[scenario](seed))
    for one in found:
        if points and isinstance(one, Failpoints):
            one.points = tuple(point for point in one.points if point in points)
    return [one for one in found if not isinstance(one, Failpoints) or one.points]
