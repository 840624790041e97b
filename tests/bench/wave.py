"""One signal into two hundred live accounts, through the real processes, at a broker that takes 80 ms to answer.

Run as ``PYTHONPATH=.:platform python -m tests.bench.installation wave``. A round is a webhook's POST, the wave of
entries, then everybody's exit. Times count from the signal's acceptance (``Signal.received_at``) to the last request's
arrival at the exchange (its ledger) and to the last answer we hold (``Order.acknowledged_at``) and have committed.
Beside it, in every round, a raw wave: 200 warm connections that POST the same form at the same latency, no database.

The ledger and Postgres' commit times must agree that every order was committed before it was sent; if one was not, or
an order is missing or there twice, the benchmark fails.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median, quantiles

import requests

from apps.strategies.models import Signal
from apps.trading.models import AccountState, Order, Trade
from tests.bench.commits import committed_at
from tests.bench.crowd import make_crowd
from tests.bench.installation import Installation, add_clients, tokens_of, wait_for
from tests.bench.raw import raw_wave
from tests.bench.record import Figure

log = logging.getLogger(__name__)

ACCOUNTS = 200
LATENCY = 80
ROUNDS = 7
WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Round:
    """One wave, in milliseconds since the signal's acceptance; ``raw`` is the bare wave of the same round."""

    begun: float
    written: float
    committed: float
    first_sent: float
    last_sent: float
    last_answer: float
    last_recorded: float
    raw_sent: float
    raw: float


def measure(installation: Installation) -> list[Figure]:
    """Return the figures of several rounds."""
    crowd = [f"CROWD{number:03}" for number in range(ACCOUNTS)]
    raw = [f"RAW{number:03}" for number in range(ACCOUNTS)]
    installation.simulate("limits", {"enabled": False})
    add_clients(installation, [*crowd, *raw])
    tokens = tokens_of(installation, [*crowd, *raw])
    strategy, webhook = make_crowd("crowd", {name: tokens[name] for name in crowd})
    wait_until_warm(strategy.pk, ACCOUNTS)
    installation.simulate("latency", {"ms": LATENCY})
    raw_tokens = {name: tokens[name] for name in raw}
    rounds = [_round(installation, webhook, strategy.pk, raw_tokens) for _ in range(ROUNDS)]
    return _figures(rounds[1:])  # the first one warms caches and connections


def wait_until_warm(strategy_id: int, accounts: int) -> None:
    """Every lane has read its books once: its connection is open and its entries are allowed."""
    read = AccountState.objects.filter(
        account__maps__strategy=strategy_id, mode="LIVE", reconciled_epoch__gt=0, positions_read_at__isnull=False
    )
    wait_for(lambda: read.count() == accounts, within=120, message="the books of every account")


def _round(installation: Installation, webhook: str, strategy_id: int, raw_tokens: Mapping[str, str]) -> Round:
    ledger = installation.ledger()
    signal_id = fire(webhook, "buy")
    _wait_for_answers(signal_id)
    sent, answered = ledger.placed("REQUEST"), ledger.placed("ACCEPTED")
    raw_sent, raw = raw_wave(installation, raw_tokens)
    figures = _read(signal_id, sent, answered, raw_sent, raw)
    _leave(webhook, strategy_id)
    log.info("%s", figures)
    return figures


def fire(webhook: str, action: str) -> int:
    """Send an alert; returns the signal."""
    answer = requests.post(webhook, json={"action": action, "alert_id": uuid.uuid4().hex}, timeout=10)
    answer.raise_for_status()
    signal_id: int = answer.json()["signal"]
    return signal_id


def _wait_for_answers(signal_id: int) -> None:
    answered = Order.objects.filter(intent__signal=signal_id, acknowledged_at__isnull=False)
    wait_for(lambda: answered.count() == ACCOUNTS, within=WITHIN, message="every acknowledgement")


def _leave(webhook: str, strategy_id: int) -> None:
    live = Trade.objects.live().filter(strategy=strategy_id)
    filled = live.filter(status="OPEN")
    wait_for(lambda: filled.count() == ACCOUNTS, within=WITHIN, message="every entry's fill")
    fire(webhook, "sell")
    wait_for(lambda: not live.exists(), within=WITHIN, message="every exit")


def _read(
    signal_id: int,
    sent: Sequence[Mapping[str, str]],
    answered: Sequence[Mapping[str, str]],
    raw_sent: float,
    raw: float,
) -> Round:
    signal = Signal.objects.get(pk=signal_id)
    orders = {order.client_order_id: order for order in Order.objects.filter(intent__signal=signal_id)}
    ids = [order.pk for order in orders.values()]
    kinds = ("order_submitted", "order_answered")
    committed, recorded = (committed_at(kind, "trading.order", ids) for kind in kinds)
    _check(orders, sent, committed)
    zero = signal.received_at

    def since(at: datetime | None) -> float:
        return (at - zero).total_seconds() * 1000 if at else 0.0

    arrivals = [datetime.fromisoformat(row["at"]) for row in sent]
    return Round(
        begun=since(signal.routed_at),
        written=since(max(committed_at("signal_routed", "strategies.signal", [signal_id]).values())),
        committed=since(max(committed.values())),
        first_sent=since(min(arrivals)),
        last_sent=since(max(arrivals)),
        last_answer=since(max(datetime.fromisoformat(row["at"]) for row in answered)),
        last_recorded=since(max(recorded.values())),
        raw_sent=raw_sent,
        raw=raw,
    )


def _check(orders: Mapping[str, Order], sent: Sequence[Mapping[str, str]], committed: Mapping[int, datetime]) -> None:
    """Raise unless every order reached the exchange exactly once, and after its commit."""
    tags = [row["tag"] for row in sent]
    if len(orders) != ACCOUNTS or sorted(tags) != sorted(orders):
        raise RuntimeError(f"{len(orders)} orders, {len(tags)} requests, {len(set(tags) & set(orders))} in common")
    for row in sent:
        if committed[orders[row["tag"]].pk] > datetime.fromisoformat(row["at"]):
            raise RuntimeError(f"order {row['tag']} was sent before it was committed")


def _figures(rounds: Sequence[Round]) -> list[Figure]:
    raw, raw_sent = (median(getattr(one, name) for one in rounds) for name in ("raw", "raw_sent"))
    ends = [one.last_recorded for one in rounds]
    shown = {
        "signal accepted to its routing begun": "begun",
        "signal accepted to orders committed": "written",
        "signal accepted to last commit before a send": "committed",
        "signal accepted to first order on the wire": "first_sent",
    }
    return [
        *(Figure("wave", text, median(getattr(one, name) for one in rounds), "ms") for text, name in shown.items()),
        Figure("wave", "signal accepted to last order on the wire", _mid(rounds, "last_sent"), "ms", raw_sent),
        Figure("wave", "signal accepted to last answer by the broker", _mid(rounds, "last_answer"), "ms", raw),
        Figure(
            "wave", "signal accepted to last acknowledgement, p50", median(ends), "ms", raw, f"<= {LATENCY * 2.5:.0f}"
        ),
        Figure(
            "wave",
            "signal accepted to last acknowledgement, p95",
            quantiles(ends, n=20, method="inclusive")[-1],
            "ms",
            raw,
        ),
        Figure("wave", "signal accepted to last acknowledgement, max", max(ends), "ms", raw),
        Figure("wave", "raw sockets: last reply", raw, "ms", float(LATENCY)),
    ]


def _mid(rounds: Sequence[Round], name: str) -> float:
    values: list[float] = [getattr(one, name) for one in rounds]
    return median(values)
