"""A shard's engine with scripted brokers, driven step by step."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from apps.strategies.models import Signal
from apps.trading.execution.engine import Engine
from apps.trading.execution.state import ShardState
from apps.trading.execution.work import LaneWork
from apps.trading.models import ChangeRequest, Order, Trade, Wave
from apps.trading.services.entry import PlannedLeg, PlannedTrade, enter_wave
from brokers.catalog import SPECS
from bus import leases
from domain.broker import Broker
from domain.exit_plan import ExitPlan, Level
from tests.apps.trading.scripted import ScriptedBroker
from tests.cast import Cast, publish_price
from tests.standing_clock import FakeClock, standing

PLAN = ExitPlan(stop=Level("PERCENT", Decimal(20)), target=Level("PERCENT", Decimal(40)))


A_CALL = 0.001
"""How many seconds a database call takes where the clock stands still: a slow machine is no reason for another
outcome."""


@dataclass
class Clock:
    """A wall clock a test can push on. ``standing`` is what the whole process goes by, where it does not run."""

    ahead: timedelta = timedelta(0)
    standing: FakeClock | None = None

    def __call__(self) -> datetime:
        return timezone.now() + self.ahead

    def monotonic(self) -> float:
        """Seconds as the engine counts them."""
        return time.monotonic() if self.standing is None else self.standing.monotonic()

    def note_call(self) -> None:
        """Let the time of a database call pass."""
        if self.standing is not None:
            self.standing.push(A_CALL)


@dataclass
class Shard:
    """Drives an engine pass by pass on the test's own thread and transaction."""

    now: datetime
    brokers: dict[tuple[int, str], ScriptedBroker] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    engine: Engine | None = None

    def broker(self, account: Any, mode: str = "LIVE") -> ScriptedBroker:
        return self.brokers.setdefault((account.pk, mode), ScriptedBroker())

    async def _connect(self, work: LaneWork) -> Broker:
        return self.brokers.setdefault(work.lane, ScriptedBroker())

    async def _db(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.clock.note_call()
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)  # Django keeps connections per loop; the test's transaction is the thread's
        try:
            return function(*args, **kwargs)
        finally:
            asyncio._set_running_loop(loop)

    def start(self) -> Engine:
        """Take the shard over: a new epoch, nothing in memory."""
        if self.engine is not None:
            leases.release(self.engine.state.held)
        held = leases.acquire("execution.0", seconds=60)
        assert held is not None
        state = ShardState(
            shard=0,
            held=held,
            db=self._db,
            specs=SPECS,
            market_now=lambda: self.now,
            wall=self.clock,
        )
        self.engine = Engine(state, self._connect)
        return self.engine

    def run(self, until: Callable[[], bool], *, passes: int = 60) -> None:
        """Run rounds until something is so; fails when it never is. Reads are due at every round."""
        engine = self.engine or self.start()
        state = engine.state

        async def go() -> None:
            for _ in range(passes):
                state.sweep_soon()
                for worker in state.lanes.values():
                    worker.next_read = 0.0
                await engine.work()
                await asyncio.sleep(0)
                while state.tasks and not any(broker.gate for broker in self.brokers.values()):
                    await asyncio.wait(set(state.tasks))
                if await self._db(until):
                    return
            raise AssertionError(f"never became so\n{await self._db(self._stand)}")

        asyncio.run(go())

    def _stand(self) -> str:
        """Say how things stand, for whoever reads why a test failed."""
        lanes = self.engine.state.lanes if self.engine is not None else {}
        orders = Order.objects.order_by("pk").values("pk", "status", "reason_code", "price", "filled_quantity")
        asked = ChangeRequest.objects.order_by("pk").values("pk", "kind", "status", "code")
        return "\n".join(map(str, [*orders, *asked, *lanes.values()]))

    def settle(self, passes: int = 4) -> None:
        """Run a few rounds, whatever they bring."""
        rounds = iter(range(passes))
        self.run(lambda: next(rounds, passes) >= passes - 1)


@pytest.fixture
def shard(cast: Cast, now: datetime) -> Iterator[Shard]:
    """The shard of the cast's accounts, not started.

    Time passes by its database calls and when it is pushed, not by itself.
    """
    with standing(timezone.now()) as clock:
        publish_price(cast.call, "100")
        publish_price(cast.put, "80")
        yield Shard(now=now, clock=Clock(standing=clock))


def enter(
    cast: Cast, now: datetime, *, accounts: list[Any], legs: int = 1, lots: int = 1, key: str = "s1", side: str = "BUY"
) -> list[Trade]:
    """Fan a signal out to accounts: trade the call, and the put as second leg."""
    signal = Signal.objects.create(
        tenant=cast.tenant, strategy=cast.strategy, kind="ENTRY", dedupe_key=key, received_at=now
    )
    wave = Wave.objects.create(tenant=cast.tenant, strategy=cast.strategy, signal=signal, kind="ENTRY")
    contracts = [(cast.call, Decimal("103")), (cast.put, Decimal("83"))][:legs]
    planned = [
        PlannedTrade(
            strategy_map_id=cast.maps[[m.account_id for m in cast.maps].index(account.pk)].pk,
            account=account,
            product="MIS",
            legs=tuple(PlannedLeg(instrument, side, 65 * lots, price) for instrument, price in contracts),
            exit_plan=PLAN,
            square_off_at=None,
            entry_deadline_at=now + timedelta(seconds=60),
            trading_date=now.date(),
        )
        for account in accounts
    ]
    return enter_wave(wave=wave, planned=planned, skips=[], now=now)


def statuses(trade: Trade) -> list[str]:
    """Return the trade's orders' states, oldest first."""
    return list(Order.objects.filter(intent__trade=trade).order_by("pk").values_list("status", flat=True))
