"""From a published tick to the exit order at the exchange, commits included, with 100,000 rules armed.

Run as ``PYTHONPATH=.:platform python -m tests.bench.installation exit_latency``. 25,000 trades over 500 contracts, each
with a stop, a target, a trail and a combined stop, lie in accounts no process serves: the risk engine watches them all
the same. Fifty real positions have stops one below the other; single ticks published on the bus reach them one by one,
while 5,000 ticks a second of the other contracts pass. A latency is the ledger's arrival of the SELL less the time just
before its tick was published.
"""

import gc
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from statistics import median, quantiles

import requests
from django.utils import timezone

from apps.broker_accounts.models import BrokerAccount
from apps.markets.clock import now, trading_date
from apps.markets.models import Instrument
from apps.strategies.models import Signal, Strategy, StrategyMap
from apps.trading.models import AccountState, Order, Trade, TradeLeg, Wave
from apps.trading.services import watching
from bus.connection import redis_client
from bus.models import Heartbeat
from bus.ticks import publish
from domain.exit_plan import Amount, ExitPlan, Level, to_json
from domain.prices import to_decimal, to_scaled
from domain.risk import RiskEngine
from domain.ticks import Tick
from launch import supervise
from tests.bench.commits import committed_at
from tests.bench.crowd import make_crowd
from tests.bench.installation import Installation, Ledger, add_clients, tokens_of, wait_for
from tests.bench.record import Figure

INSTRUMENTS = 500
MAPS = 500
WAVES = 50
RULES_EACH = 4
TICKS_A_SECOND = 5_000
BATCH = 64
POSITIONS = 50
ROUNDS = 4
FIRST_STOP, STOP_STEP = Decimal(30), Decimal("0.4")  # percent below the entry: nobody reaches them by chance
REST = 0.1
WITHIN = 60.0
OTHER_SHARD = 63


@dataclass(frozen=True, slots=True)
class Hit:
    """One stop's way out: milliseconds from its tick to the commit of the exit, of the claim, and to the exchange."""

    asked: float
    claimed: float
    arrived: float


def measure(installation: Installation) -> list[Figure]:
    """Return the latencies, and how long the rules took to load."""
    prices = _background_prices()
    armed = _arm_background(prices)
    loading = _load_seconds()
    _restart_signals(installation, armed)
    strategy, webhook = _positions(installation)
    hits = []
    with _passing_ticks(prices) as passed:
        for _ in range(ROUNDS):
            hits += _round(installation, strategy, webhook)
        rate = passed()
    return _figures(hits, loading, armed, rate)


# the crowd of rules --------------------------------------------------------------------------------------------------


def _background_prices() -> dict[int, int]:
    """Make five hundred options nobody else trades; returns where they stand, scaled."""
    expiry = trading_date(now()) + timedelta(days=30)
    made = Instrument.objects.bulk_create(
        [
            Instrument(
                exchange="NFO",
                underlying="PASSING",
                kind="OPT",
                right="CE",
                expiry=expiry,
                strike=Decimal(number),
                symbol=f"PASSING{number}CE",
                lot_size=75,
            )
            for number in range(1, INSTRUMENTS + 1)
        ]
    )
    return {row.pk: to_scaled(Decimal(100)) for row in made}


def _arm_background(prices: dict[int, int]) -> int:
    """Write the trades and return how many; touched an hour ago, so that only a start reads them."""
    strategy, maps = _background_maps()
    waves = _waves(strategy)
    touched = timezone.now() - timedelta(hours=1)
    plan = to_json(
        ExitPlan(
            stop=Level("PERCENT", Decimal(90)),
            target=Level("PERCENT", Decimal(900)),
            trail=Level("PERCENT", Decimal(80)),
            trade_stop=Amount("PERCENT", Decimal(85)),
        )
    )
    trades = Trade.objects.bulk_create(
        [_trade(one, wave, plan, touched) for wave in waves for one in maps], batch_size=2_000
    )
    chance, ids = Random(3), list(prices)
    legs = [_leg(trade, chance.choice(ids), prices) for trade in trades]
    TradeLeg.objects.bulk_create(legs, batch_size=2_000)
    return len(trades)


def _background_maps() -> tuple[Strategy, list[StrategyMap]]:
    source = BrokerAccount.objects.filter(broker="paper").select_related("user").order_by("pk")[0]
    strategy = Strategy.objects.create(tenant=source.tenant, name="Crowd of rules", slug="rules", underlying="NIFTY")
    accounts = BrokerAccount.objects.bulk_create(
        [
            BrokerAccount(
                tenant=source.tenant, user=source.user, broker="paper", client_id=f"RULES{n:03}", shard=OTHER_SHARD
            )
            for n in range(MAPS)
        ]
    )
    return strategy, StrategyMap.objects.bulk_create([StrategyMap(strategy=strategy, account=a) for a in accounts])


def _waves(strategy: Strategy) -> list[Wave]:
    signals = Signal.objects.bulk_create(
        [
            Signal(
                tenant_id=strategy.tenant_id,
                strategy=strategy,
                kind="ENTRY",
                dedupe_key=uuid.uuid4().hex,
                status="ROUTED",
                received_at=now(),
            )
            for _ in range(WAVES)
        ]
    )
    return Wave.objects.bulk_create(
        [Wave(tenant_id=strategy.tenant_id, strategy=strategy, signal=one, kind="ENTRY") for one in signals]
    )


def _trade(one: StrategyMap, wave: Wave, plan: dict[str, object], touched: datetime) -> Trade:
    return Trade(
        tenant_id=wave.tenant_id,
        account_id=one.account_id,
        strategy_id=wave.strategy_id,
        strategy_map=one,
        wave=wave,
        mode="PAPER",
        product="NRML",
        status="OPEN",
        exit_plan=plan,
        entry_deadline_at=now(),
        trading_date=trading_date(now()),
        touched_at=touched,
        opened_at=now(),
    )


def _leg(trade: Trade, instrument_id: int, prices: dict[int, int]) -> TradeLeg:
    return TradeLeg(
        trade=trade,
        position=1,
        instrument_id=instrument_id,
        side="BUY",
        quantity=75,
        entry_quantity=75,
        entry_value=to_decimal(prices[instrument_id]) * 75,
    )


def _load_seconds() -> float:
    """Return how long reading and arming everything takes in a process of its own, as at a worker's start."""
    gc.collect()
    started = time.perf_counter()
    found = watching.watch_list(on=trading_date(now()))
    engine = RiskEngine(now=now())
    for rules in found.rules:
        engine.update(rules)
    return time.perf_counter() - started


def _restart_signals(installation: Installation, armed: int) -> None:
    """Stop the worker: its supervisor starts it again, and it reads everything."""
    (pid,) = (state.pid for state in supervise.states(installation.stack.settings) if state.name == "signals")
    os.kill(pid, signal.SIGTERM)
    beat = Heartbeat.objects.filter(process="signals")

    def is_armed() -> bool:
        row = beat.first()
        return row is not None and row.detail.get("trades", 0) >= armed

    wait_for(is_armed, within=120, message="the signals worker with every rule")


# the real positions --------------------------------------------------------------------------------------------------


def _positions(installation: Installation) -> tuple[Strategy, str]:
    names = [f"EXIT{number:03}" for number in range(POSITIONS)]
    installation.simulate("limits", {"enabled": False})
    add_clients(installation, names)
    strategy, webhook = make_crowd("leavers", tokens_of(installation, names), stop_value=FIRST_STOP)
    for number, one in enumerate(strategy.maps.order_by("pk")):
        StrategyMap.objects.filter(pk=one.pk).update(stop_value=FIRST_STOP + STOP_STEP * number)
    read = AccountState.objects.filter(account__maps__strategy=strategy, mode="LIVE", reconciled_epoch__gt=0)
    wait_for(lambda: read.count() == POSITIONS, within=120, message="the books of every account")
    return strategy, webhook


@contextmanager
def _passing_ticks(prices: dict[int, int]) -> Iterator[Callable[[], float]]:
    """Publish ticks of the crowd's contracts, a little around where they stand; yields how many a second it came to."""
    stop, count, started = threading.Event(), [0], time.monotonic()

    def run() -> None:
        client, chance, ids = redis_client(), Random(9), list(prices)
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            at = int(time.time() * 1000)
            chosen = chance.choices(ids, k=BATCH)
            publish(client, [_moved(pk, prices[pk], chance, at) for pk in chosen])
            count[0] += BATCH
            due += BATCH / TICKS_A_SECOND

    thread = threading.Thread(target=run, name="passing-ticks", daemon=True)
    thread.start()
    try:
        yield lambda: count[0] / (time.monotonic() - started)
    finally:
        stop.set()
        thread.join()


def _moved(instrument_id: int, price: int, chance: Random, at: int) -> Tick:
    moved = price + price * chance.randrange(-100, 101) // 10_000
    return Tick(instrument_id, moved, moved, moved, 75, 75, 1, 1, price, at, at)


def _round(installation: Installation, strategy: Strategy, webhook: str) -> list[Hit]:
    answer = requests.post(webhook, json={"action": "buy", "alert_id": uuid.uuid4().hex}, timeout=10)
    answer.raise_for_status()
    live = Trade.objects.live().filter(strategy=strategy)
    opened = live.filter(status="OPEN")
    wait_for(lambda: opened.count() == POSITIONS, within=WITHIN, message="every entry's fill")
    time.sleep(3.0)  # the engine has read the fills, the lanes their positions
    ledger = installation.ledger()
    hit_at = {leg.pk: _hit(leg, ledger) for leg in _highest_stop_first(strategy)}
    wait_for(lambda: not live.exists(), within=WITHIN, message="every exit")
    arrived = {row["tag"]: datetime.fromisoformat(row["at"]) for row in ledger.placed("REQUEST", side="SELL")}
    return _hits(hit_at, arrived)


def _highest_stop_first(strategy: Strategy) -> Sequence[TradeLeg]:
    held = TradeLeg.objects.filter(trade__strategy=strategy, trade__status="OPEN", stop_price__isnull=False)
    return list(held.order_by("-stop_price"))


def _hit(leg: TradeLeg, ledger: Ledger) -> datetime:
    """Publish one tick at a leg's stop; return when, after its order has arrived and the workers had time to rest."""
    before = len(ledger.placed("REQUEST", side="SELL"))
    price = to_scaled(leg.stop_price or Decimal(0))
    stamp = int(time.time() * 1000)
    published_at = datetime.now(tz=UTC)
    publish(redis_client(), [Tick(leg.instrument_id, price, price, price, 75, 75, 1, 1, price, stamp, stamp)])
    wait_for(lambda: len(ledger.placed("REQUEST", side="SELL")) > before, within=WITHIN, message="the exit")
    time.sleep(REST)
    return published_at


def _hits(hit_at: dict[int, datetime], arrived: dict[str, datetime]) -> list[Hit]:
    """Join each leg's tick with its first exit order; raises when an exit was not the stop's or did not arrive."""
    orders = Order.objects.filter(intent__leg__in=hit_at, intent__kind="EXIT", attempt=0).select_related("intent")
    found = {order.intent.leg_id: order for order in orders}
    if found.keys() != hit_at.keys() or any(order.intent.reason != "STOP_LOSS" for order in found.values()):
        raise RuntimeError(f"{len(found)} of {len(hit_at)} stops led to an exit")
    asked = committed_at("exit_requested", "trading.tradeleg", hit_at)
    claimed = committed_at("order_submitted", "trading.order", [order.pk for order in found.values()])
    return [
        Hit(
            asked=_milliseconds(hit_at[leg], asked[leg]),
            claimed=_milliseconds(hit_at[leg], claimed[order.pk]),
            arrived=_milliseconds(hit_at[leg], arrived[order.client_order_id]),
        )
        for leg, order in found.items()
    ]


def _milliseconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() * 1000


def _figures(hits: Sequence[Hit], loading: float, armed: int, rate: float) -> list[Figure]:
    arrived = [hit.arrived for hit in hits]
    hundredths = quantiles(arrived, n=100, method="inclusive")
    asked, claimed = median(hit.asked for hit in hits), median(hit.claimed for hit in hits)
    return [
        Figure("exit", "ticks passing meanwhile", rate, "ticks/s"),
        Figure("exit", f"{armed * RULES_EACH:,} rules read and armed", loading, "s"),
        Figure("exit", "tick to exit committed, p50", asked, "ms"),
        Figure("exit", "tick to claim committed, p50", claimed, "ms"),
        Figure("exit", "tick to exit order at the exchange, p50", median(arrived), "ms", None, "<= 15"),
        Figure("exit", "tick to exit order at the exchange, p95", hundredths[94], "ms"),
        Figure("exit", "tick to exit order at the exchange, p99", hundredths[98], "ms", None, "<= 50"),
        Figure("exit", "tick to exit order at the exchange, max", max(arrived), "ms"),
    ]
