"""A thousand positions squared off at once, at a broker that takes 80 ms to answer.

Run as ``PYTHONPATH=.:platform python -m tests.bench.installation square_off``. Two hundred accounts hold five contracts
each. Times count from the moment the exits are asked for to the last order's arrival at the exchange and to the last
answer that is committed. The floor is a raw wave of the same round: as many warm connections that POST five forms one
after the other, because the calls of one account go out one after the other, too.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from apps.markets.clock import now
from apps.strategies.models import Strategy
from apps.trading.models import Order, Trade, TradeLeg
from apps.trading.services.day_end import AT_ONCE
from apps.trading.services.exit import request_exit
from domain.orders import ExitReason, IntentKind
from tests.bench.commits import committed_at
from tests.bench.crowd import make_crowd
from tests.bench.installation import Installation, add_clients, tokens_of, wait_for
from tests.bench.raw import raw_wave
from tests.bench.record import Figure
from tests.bench.wave import fire, wait_until_warm

log = logging.getLogger(__name__)

ACCOUNTS, LEGS = 200, 5
POSITIONS = ACCOUNTS * LEGS
LEAST = POSITIONS * 95 // 100  # a busy machine lets a few entries run out of time
LATENCY = 80
ROUNDS = 4
WITHIN = 180.0


@dataclass(frozen=True, slots=True)
class Round:
    """One square-off, in milliseconds since it was asked for; ``raw`` is the bare wave of the same round."""

    asked: float
    first_sent: float
    last_sent: float
    last_recorded: float
    raw_sent: float
    raw: float


def measure(installation: Installation) -> list[Figure]:
    """Return the figures of several rounds."""
    crowd = [f"FLAT{number:03}" for number in range(ACCOUNTS)]
    bare = [f"BARE{number:03}" for number in range(ACCOUNTS)]
    installation.simulate("limits", {"enabled": False})
    add_clients(installation, [*crowd, *bare])
    tokens = tokens_of(installation, [*crowd, *bare])
    strategy, webhook = make_crowd("holders", {name: tokens[name] for name in crowd}, legs=LEGS)
    wait_until_warm(strategy.pk, ACCOUNTS)
    installation.simulate("latency", {"ms": LATENCY})
    raw_tokens = {name: tokens[name] for name in bare}
    rounds = [_round(installation, strategy, webhook, raw_tokens) for _ in range(ROUNDS)]
    return _figures(rounds[1:])  # the first one warms caches and connections


def _round(installation: Installation, strategy: Strategy, webhook: str, raw_tokens: dict[str, str]) -> Round:
    fire(webhook, "buy")
    live = Trade.objects.live().filter(strategy=strategy)
    held = TradeLeg.objects.filter(trade__in=live.filter(status="OPEN"), entry_quantity__gt=0)
    on_their_way = live.filter(status__in=("PENDING", "ENTERING"))
    wait_for(lambda: held.exists() and not on_their_way.exists(), within=WITHIN, message="the end of every entry")
    leg_ids = sorted(held.values_list("pk", flat=True))
    if len(leg_ids) < LEAST:
        raise RuntimeError(f"only {len(leg_ids)} of {POSITIONS} positions were entered in time")
    raw_sent, raw = raw_wave(installation, raw_tokens, each=LEGS)
    ledger = installation.ledger()
    started_at = datetime.now(tz=UTC)
    _ask(leg_ids)
    asked_at = datetime.now(tz=UTC)
    exits = Order.objects.filter(intent__leg__in=leg_ids, intent__kind=IntentKind.EXIT)
    answered = exits.filter(acknowledged_at__isnull=False)
    wait_for(
        lambda: answered.values("intent__leg").distinct().count() == len(leg_ids), within=WITHIN, message="answers"
    )
    arrivals = [datetime.fromisoformat(row["at"]) for row in ledger.placed("REQUEST")]
    recorded = committed_at("order_answered", "trading.order", exits.values_list("pk", flat=True))
    wait_for(lambda: not live.exists(), within=WITHIN, message="every exit's fill")
    _check([row["tag"] for row in ledger.placed("REQUEST")], positions=len(leg_ids))

    def since(at: datetime) -> float:
        return (at - started_at).total_seconds() * 1000

    found = Round(
        since(asked_at), since(min(arrivals)), since(max(arrivals)), since(max(recorded.values())), raw_sent, raw
    )
    log.info("%s", found)
    return found


def _ask(leg_ids: Sequence[int]) -> None:
    """Do what the clock's square-off does."""
    for start in range(0, len(leg_ids), AT_ONCE):
        request_exit(leg_ids=leg_ids[start : start + AT_ONCE], reason=ExitReason.SQUARE_OFF, now=now())


def _check(tags: Sequence[str], *, positions: int) -> None:
    """Raise when an order reached the exchange twice."""
    if len(tags) != len(set(tags)) or len(tags) < positions:
        raise RuntimeError(f"{len(tags)} requests under {len(set(tags))} tags for {positions} positions")


def _figures(rounds: Sequence[Round]) -> list[Figure]:
    def mid(name: str) -> float:
        values: list[float] = [getattr(one, name) for one in rounds]
        return median(values)

    raw = mid("raw")
    return [
        Figure("square_off", f"{POSITIONS:,} positions: exits committed", mid("asked"), "ms"),
        Figure("square_off", "asked to first order on the wire", mid("first_sent"), "ms"),
        Figure("square_off", "asked to last order on the wire", mid("last_sent"), "ms", mid("raw_sent")),
        Figure("square_off", "asked to last acknowledgement, p50", mid("last_recorded"), "ms", raw),
        Figure("square_off", "asked to last acknowledgement, max", max(one.last_recorded for one in rounds), "ms", raw),
        Figure("square_off", "raw sockets: last reply", raw, "ms", float(LATENCY * LEGS)),
    ]
