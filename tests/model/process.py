"""The execution worker as a process that can be frozen, killed and outlived: the real engine on a loop of its own.

Its database is the test's connection; a crash unwinds whatever transaction is open, as a connection's death would, and
nothing the dead process still holds reaches the database or a broker.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from apps.trading.execution.engine import Engine
from apps.trading.execution.state import ShardState
from apps.trading.execution.work import LaneWork
from brokers.catalog import SPECS
from bus import leases
from bus.leases import Held, LeaseLost
from domain.broker import Broker, SessionLost
from tests.model.house import House
from tests.model.line import Line, Wires
from tests.standing_clock import FakeClock

LEASE = "execution.0"
LEASE_SECONDS = 12.0
RENEW_EVERY = 2.0
SPINS = 10
"""Turns of the event loop in which everything that can move has moved."""


FOLLOW_UPS = 4
"""Rounds that follow at once because something came back."""


class Crash(BaseException):
    """The process died here."""


def attempt(what: Callable[[], object]) -> bool:
    """Call a service as its own process would; returns ``False`` when that process died of it."""
    try:
        what()
    except Crash:
        return False
    return True


class TurnEngine(Engine):
    """The engine, which waits for a turn where it would wait for time to pass."""

    turn: asyncio.Event

    async def _wait(self, stopping: asyncio.Event) -> None:
        self.turn.clear()
        await self.turn.wait()


@dataclass
class Process(Wires):
    """One execution worker. ``see`` is told of every order that arrives at a broker, before the broker has it."""

    clock: FakeClock
    houses: Mapping[tuple[int, str], House]
    see: Callable[["Process", str], None]
    held: Held
    is_dead: bool = False
    is_frozen: bool = False
    crash_at: tuple[str, int] | None = None
    reached: dict[str, int] = field(default_factory=dict)
    died_at: list[str] = field(default_factory=list)
    error: BaseException | None = None
    _renewed_at: float = 0.0
    _waiting: list[tuple[float, "asyncio.Future[None]"]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(self._complain)
        self._renewed_at = self.clock.monotonic()
        self.engine: TurnEngine
        self._main: asyncio.Task[None]

    def start(self) -> None:
        """Begin a term."""
        self.loop.run_until_complete(self._begin())

    async def _begin(self) -> None:
        state = ShardState(
            shard=0,
            held=self.held,
            db=self._db,
            specs=SPECS,
            market_now=self.clock,
            wall=self.clock,
        )
        self.engine = TurnEngine(state, self._connect)
        self.engine.turn = asyncio.Event()
        self._main = asyncio.create_task(self.engine.run(asyncio.Event()))

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Pass on what the loop finds wrong while the process lives; of the tasks it died with nobody is told."""
        if not self.is_dead:
            loop.default_exception_handler(context)

    # what the engine is handed ------------------------------------------------------------------------------------

    async def _db(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a service on the test's own connection; Django keeps connections per loop, so the loop looks away."""
        self.check()
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        try:
            return function(*args, **kwargs)
        finally:
            asyncio._set_running_loop(loop)

    async def _connect(self, work: LaneWork) -> Broker:
        self.check()
        house = self.houses[work.lane]
        if not house.token_is_alive and work.session_id:
            raise SessionLost("TokenException", "Incorrect `api_key` or `access_token`.")
        return Line(house, self, house.token)

    # what the broker's line asks ---------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise when this process is dead."""
        if self.is_dead:
            raise Crash

    def wait(self, seconds: float) -> "asyncio.Future[None]":
        """Return a future for so many seconds of the model's time."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append((self.clock.monotonic() + seconds, waiting))
        return waiting

    def saw(self, tag: str) -> None:
        """Tell the world that an order arrives."""
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        try:
            self.see(self, tag)
        finally:
            asyncio._set_running_loop(loop)

    # life ----------------------------------------------------------------------------------------------------------

    def at_point(self, name: str) -> None:
        """A failpoint was reached in this process."""
        self.check()
        self.reached[name] = self.reached.get(name, 0) + 1
        if self.crash_at == (name, self.reached[name]):
            self.is_dead = True
            self.died_at.append(name)
            raise Crash(name)

    @property
    def runs(self) -> bool:
        """Whether it works on: neither dead nor frozen nor deposed."""
        return not self.is_dead and not self.is_frozen

    def turn(self, *, hold_tasks: bool = False) -> None:
        """Let the loop come round once, and whatever it started move; ``hold_tasks``: only the loop itself."""
        if not self.runs:
            return
        if self._renew():
            self._pass(1 if hold_tasks else SPINS)
            for _ in range(0 if hold_tasks else FOLLOW_UPS):
                if self.engine.has_answers and not self.is_dead and not self._main.done():
                    self._pass(SPINS)
        if self._main.done() and not self.is_dead:
            self.error = self._main.exception()
            self.is_dead = True

    def _pass(self, spins: int) -> None:
        self.engine.turn.set()
        self._spin(spins)

    def _renew(self) -> bool:
        """Prolong the lease as the worker's own task does; a lost lease ends the term."""
        if self.clock.monotonic() - self._renewed_at >= RENEW_EVERY:
            self._renewed_at = self.clock.monotonic()
            try:
                leases.renew(self.held)
            except LeaseLost as error:
                self.error, self.is_dead = error, True
                return False
            except Crash:
                return False
        return True

    def _spin(self, turns: int) -> None:
        now = self.clock.monotonic()
        due, self._waiting = (
            [one for one in self._waiting if one[0] <= now],
            [one for one in self._waiting if one[0] > now],
        )
        for _, waiting in due:
            if not waiting.done():
                waiting.set_result(None)
        for _ in range(turns):
            if self.is_dead:
                return
            self.loop.run_until_complete(asyncio.sleep(0))

    def carry_on(self) -> None:
        """Go on after a freeze, without knowing of it: first what was under way, then the loop, the lease last."""
        if self.runs:
            self._spin(SPINS)
            self._pass(SPINS)
            self._renewed_at = float("-inf")
            self._renew()

    def kill(self) -> None:
        """Die here and now."""
        self.is_dead = True

    def close(self) -> None:
        """Clear away what a dead process left in memory."""
        self.is_dead = True
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()


_DIED = "UPDATE bus_lease SET holder = %s WHERE name = %s"
_RAN_OUT = (
    "UPDATE bus_lease SET holder = 'elsewhere:1:1', until = clock_timestamp() - interval '1 hour' WHERE name = %s"
)


def take_over(*, is_proved: bool) -> Held:
    """Succeed whoever led: a process of this host that died, or, without proof, one elsewhere whose lease ran out."""
    with connection.cursor() as cursor:
        if is_proved:
            cursor.execute(_DIED, [f"{leases.host_name()}:999999:1", LEASE])
        else:
            cursor.execute(_RAN_OUT, [LEASE])
    held = leases.acquire(LEASE, seconds=LEASE_SECONDS)
    assert held is not None
    return held
