"""Two hosts share the load of two shards; cutting one off loses nothing and sends nothing twice."""

import signal
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.flows.conftest import open_trades
from tests.flows.platform import Platform, wait_for
from tests.scale.hosts import Host, ask, host, lease_of, manage, plug_in, unplug, why_no_namespace, wired_host

pytestmark = [pytest.mark.flow, pytest.mark.slow, pytest.mark.timeout(600)]

TAKEOVER_SECONDS = 15.0  # promised, counted from the lease's end
LATENCY = 1500  # longer than it takes to cut a host off
ENTERED = ("OPEN", "EXITING", "CLOSED")


@dataclass(frozen=True)
class Cut:
    """A way to lose a machine and to get it back."""

    cut: Callable[[Host], None]
    mend: Callable[[Host], None]


def silence(machine: Host) -> None:
    """The database, the queue and the broker stop answering, and no connection breaks."""
    for cable in machine.cables.values():
        cable.cut()


def deliver(machine: Host) -> None:
    """What was said meanwhile arrives at last."""
    for cable in machine.cables.values():
        cable.mend()


def partition(machine: Host) -> None:
    """The database and the queue are gone, and the broker is not: the worst of all."""
    for name, cable in machine.cables.items():
        if name != "SIMULATOR_URL":
            cable.cut()


CUTS = {
    "killed": Cut(lambda machine: machine.signal_all(signal.SIGKILL), lambda machine: None),
    "frozen": Cut(
        lambda machine: machine.signal_all(signal.SIGSTOP), lambda machine: machine.signal_all(signal.SIGCONT)
    ),
    "silent": Cut(silence, deliver),
    "partitioned": Cut(partition, deliver),
    "unplugged": Cut(lambda machine: unplug(), lambda machine: plug_in()),
}


@pytest.fixture
def hosts(front: Platform) -> Iterator[tuple[Host, Host]]:
    """The first host leads shard 0; the second leads shard 1 and stands by for shard 0."""
    flatten(front)
    with wired_host(front.stack, "first", "0") as first, host(front.stack, "second", "0,1") as second:
        with told([first, second]):
            first.start()
            wait_for(lambda: leads(front, 0, first), message="the first host to lead shard 0")
            second.start()
            wait_for(lambda: leads(front, 1, second), message="the second host to lead shard 1")
        yield first, second
        front.simulate("POST", "latency", {"ms": 0})
        flatten(front)


@contextmanager
def told(machines: Iterable[Host]) -> Iterator[None]:
    """Show the last words of every machine's workers when something did not come about."""
    try:
        yield
    except AssertionError:
        for machine in machines:
            print(machine.name, *machine.last_words(), sep="\n")
        raise


def leads(platform: Platform, shard: int, machine: Host) -> bool:
    """Say whether a machine holds a shard's lease."""
    found = lease_of(platform.stack, shard)
    return found.holder == machine.name and found.left > 0


def flatten(platform: Platform) -> None:
    """Leave everything that is open."""
    if not open_trades(platform):
        return
    for number in range(len(platform.demo["traders"])):
        platform.post("square-off/", {"all": True}, trader=number)
    wait_for(lambda: not open_trades(platform), within=90, message="a flat start")


def fire(platform: Platform, action: str) -> int:
    """Send an alert; returns the signal."""
    answer = platform.fire({"action": action, "alert_id": uuid.uuid4().hex})
    assert answer.status_code == 202
    number: int = answer.json()["signal"]
    return number


def wave_of(platform: Platform, signal_id: int) -> list[dict[str, Any]]:
    """Return the trades one signal made."""
    return platform.trades(signal=signal_id)


def entered(platform: Platform, signal_id: int) -> None:
    """Wait until every account has entered."""

    def all_in() -> bool:
        trades = wave_of(platform, signal_id)
        return len(trades) == 20 and all(trade["status"] in ENTERED for trade in trades)

    wait_for(all_in, within=90, message="twenty entries")


def decided(platform: Platform, signal_id: int) -> None:
    """Wait until every account has entered, or its entry is given up because its time ran out before it was sent."""

    def all_over() -> bool:
        trades = wave_of(platform, signal_id)
        return len(trades) == 20 and all(trade["status"] in (*ENTERED, "ENTRY_FAILED") for trade in trades)

    wait_for(all_over, within=180, message="twenty entries decided")


def outcomes(platform: Platform, signal_id: int) -> dict[str, str]:
    """Return what became of the signal's trade in each client's account."""
    client_of = {one["id"]: one["client_id"] for trader in platform.demo["traders"] for one in trader["accounts"]}
    return {client_of[trade["account"]]: trade["status"] for trade in wave_of(platform, signal_id)}


def left(platform: Platform) -> None:
    """Have everybody leave and wait until they have."""
    fire(platform, "sell")
    wait_for(lambda: not open_trades(platform), within=90, message="every exit")


def shard_of_clients(platform: Platform) -> dict[str, int]:
    """Return the shard of each of the simulated broker's clients."""
    rows = ask(
        platform.stack,
        "SELECT client_id, shard FROM broker_accounts_brokeraccount WHERE broker <> 'paper' AND NOT is_feed",
    )
    return {str(client): int(str(shard)) for client, shard in rows}


def placed(platform: Platform, since: int) -> list[dict[str, Any]]:
    """Return the orders that reached the exchange after a point of its ledger."""
    rows = platform.ledger()[since:]
    return [row for row in rows if row["event"] == "REQUEST" and row["endpoint"] == "orders.place"]


def positions(platform: Platform) -> dict[tuple[str, str], int]:
    """Return what the exchange's fills leave in each client's account, where anything is left."""
    net: dict[tuple[str, str], int] = defaultdict(int)
    for row in platform.ledger():
        if row["event"] == "FILL":
            net[row["client"], row["symbol"]] += row["quantity"] * (1 if row["side"] == "BUY" else -1)
    return {key: quantity for key, quantity in net.items() if quantity}


def test_both_hosts_send_the_orders_of_their_own_shard(front: Platform, hosts: tuple[Host, Host]) -> None:
    since = len(front.ledger())
    entered(front, fire(front, "buy"))
    left(front)
    clients = shard_of_clients(front)
    sent = Counter(clients[row["client"]] for row in placed(front, since))
    assert set(sent) == {0, 1}
    assert sum(sent.values()) == 20
    assert positions(front) == {}
    for number, machine in enumerate(hosts):
        assert lease_of(front.stack, number).holder == machine.name


@pytest.mark.parametrize("how", CUTS)
def test_a_host_cut_off_in_the_middle_of_a_wave_loses_nothing(
    front: Platform, hosts: tuple[Host, Host], how: str
) -> None:
    if how == "unplugged" and (reason := why_no_namespace()):
        pytest.skip(reason)
    first, second = hosts
    since, clients = len(front.ledger()), shard_of_clients(front)
    front.simulate("POST", "latency", {"ms": LATENCY})
    signal_id = fire(front, "buy")
    wait_for(
        lambda: [row for row in placed(front, since) if clients[row["client"]] == 0],
        message="an order of shard 0 on the wire",
    )
    CUTS[how].cut(first)
    sent_before = {row["client"] for row in placed(front, since)}
    lease = lease_of(front.stack, 0)
    wait_for(
        lambda: leads(front, 0, second), within=max(0.0, lease.left) + TAKEOVER_SECONDS, message="the standby to lead"
    )
    front.simulate("POST", "latency", {"ms": 0})
    decided(front, signal_id)
    CUTS[how].mend(first)
    left(front)
    assert positions(front) == {}
    ends = outcomes(front, signal_id)
    assert {ends[client] for client in sent_before} == {"CLOSED"}
    assert set(ends.values()) <= {"CLOSED", "ENTRY_FAILED"}
    orders = placed(front, since)
    assert {tag: count for tag, count in Counter(row["tag"] for row in orders).items() if count > 1} == {}
    bought = Counter(row["client"] for row in orders if row["side"] == "BUY")
    assert max(bought.values()) == 1
    assert {client for client in clients if ends[client] == "CLOSED"} <= set(bought)
    assert lease_of(front.stack, 0).epoch == lease.epoch + 1


def test_a_shard_moves_to_another_host_without_the_other_noticing(front: Platform, hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    before = lease_of(front.stack, 1)
    signal_id = fire(front, "buy")
    entered(front, signal_id)
    first.stop()
    wait_for(lambda: leads(front, 0, second), message="the shard at its new host")
    left(front)
    after = lease_of(front.stack, 1)
    assert (after.holder, after.epoch) == (before.holder, before.epoch)
    assert positions(front) == {}


def test_accounts_move_to_the_other_shard_while_they_hold_positions(front: Platform, hosts: tuple[Host, Host]) -> None:
    since, clients = len(front.ledger()), shard_of_clients(front)
    moving = sorted(client for client, shard in clients.items() if shard == 0)
    signal_id = fire(front, "buy")
    entered(front, signal_id)
    ids = [
        str(row[0])
        for row in ask(front.stack, "SELECT id FROM broker_accounts_brokeraccount WHERE client_id = ANY(%s)", moving)
    ]
    manage(front.stack, "move_accounts", *ids, "--to", "1", "--wait", "60")
    left(front)
    manage(front.stack, "move_accounts", *ids, "--to", "0", "--wait", "60")
    orders = placed(front, since)
    assert Counter((row["client"], row["side"]) for row in orders) == {
        (client, side): 1 for client in {row["client"] for row in orders} for side in ("BUY", "SELL")
    }
    assert len(orders) == 20
    assert positions(front) == {}
