"""Who may die: the execution worker, which its supervisor starts anew, and whoever else comes by a failpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.db import connection

from apps.trading.models import Order
from bus.leases import LeaseLost
from domain.invariants import Breach
from domain.orders import OrderStatus
from tests.model.house import House
from tests.model.process import LEASE, LEASE_SECONDS, Crash, Process, take_over
from tests.standing_clock import FakeClock


@dataclass
class Supervisor:
    """Keeps one execution worker running. ``push`` lets time pass for the brokers alone.

    ``deaths`` are the failpoints somebody died at, ``breaches`` what was wrong at the moment an order arrived.
    """

    clock: FakeClock
    houses: Mapping[tuple[int, str], House]
    push: Callable[[float], None]
    process: Process | None = None
    frozen: Process | None = None
    crash_at: tuple[str, int] | None = None
    reached: dict[str, int] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)
    _current: Process | None = None

    # failpoints ----------------------------------------------------------------------------------------------------

    def at_point(self, name: str) -> None:
        """A failpoint was reached, by the execution worker or by whoever calls the services."""
        if self._current is not None:
            self._current.at_point(name)
            return
        self.reached[name] = self.reached.get(name, 0) + 1
        if self.crash_at == (name, self.reached[name]):
            self.crash_at = None
            self.deaths.append(name)
            raise Crash(name)

    def arm(self, point: str, nth: int = 1) -> None:
        """Let whoever reaches a point for the n-th time from now on die there."""
        self.reached.pop(point, None)
        self.crash_at = (point, nth)
        if self.process is not None:
            self.process.reached.pop(point, None)
            self.process.crash_at = (point, nth)

    def disarm(self) -> None:
        """Take every planned death back."""
        self.crash_at = None
        if self.process is not None:
            self.process.crash_at = None

    # the worker ----------------------------------------------------------------------------------------------------

    def lead(self, *, is_proved: bool = True) -> Process:
        """Return the running execution worker, starting one where none runs: the supervisor's work.

        ``is_proved``: whoever led before is known to be dead.
        """
        if self.process is None or self.process.is_dead:
            self._bury()
            held = take_over(is_proved=is_proved)
            self.process = Process(self.clock, self.houses, self._saw, held, crash_at=self.crash_at)
            self._as_worker(self.process, self.process.start)
        return self.process

    def _as_worker(self, process: Process, do: Callable[[], object]) -> None:
        """Do something as a worker: what is reached meanwhile is reached by it."""
        self._current = process
        try:
            do()
        finally:
            self._current = None

    def _bury(self) -> None:
        if self.process is not None:
            error = self.process.error
            if self.process.died_at:
                self.crash_at = None
            self.deaths += self.process.died_at
            self.process.close()
            self.process = None
            if error is not None and not isinstance(error, Crash | LeaseLost):
                raise error

    def turn(self, *, hold_tasks: bool = False) -> None:
        """One round of the execution worker."""
        process = self.lead()
        self._as_worker(process, lambda: process.turn(hold_tasks=hold_tasks))
        if process.is_dead:
            self._bury()

    def nudge(self) -> None:
        """A wake-up arrives, maybe for nothing."""
        self.lead().engine.nudge()

    def hint(self, account_id: int) -> None:
        """A broker says something about an account."""
        self.lead().engine.hint(account_id)

    def kill(self) -> None:
        """The worker is killed wherever it stands."""
        self.lead().kill()
        self._bury()

    def double_answers(self) -> None:
        """Every answer that waits to be recorded is there twice."""
        sender = self.lead().engine.sender
        sender.outcomes.extend(list(sender.outcomes))
        sender.steps.extend(list(sender.steps))

    def freeze(self) -> None:
        """The worker stops in the middle of its work and its lease runs out; another one takes over."""
        self._drop_frozen()
        self.frozen, self.process = self.lead(), None
        self.frozen.is_frozen = True
        self.push(LEASE_SECONDS + 1)
        self.lead(is_proved=False)
        self.turn()

    def thaw(self) -> None:
        """The frozen worker goes on as if nothing had happened, until it finds that it no longer leads."""
        if self.frozen is None:
            return
        self.frozen.is_frozen = False
        for _ in range(3):
            self._as_worker(self.frozen, self.frozen.carry_on)
        self._drop_frozen()

    def _drop_frozen(self) -> None:
        if self.frozen is not None:
            error, self.frozen = self._end_of(self.frozen), None
            if error is not None and not isinstance(error, Crash | LeaseLost):
                raise error

    @staticmethod
    def _end_of(process: Process) -> BaseException | None:
        error = process.error
        process.close()
        return error

    def steal_lease(self) -> None:
        """Somebody else holds the lease for a moment; whoever led learns it by the epoch."""
        victim = self.lead()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE bus_lease SET epoch = epoch + 1, holder = 'thief:1:1' WHERE name = %s", [LEASE])
        self.turn()
        self.turn()
        if self.process is victim:
            self.kill()

    def close(self) -> None:
        """Clear the processes away."""
        for process in (self.process, self.frozen):
            if process is not None:
                process.close()
        self.process = self.frozen = None

    # what it sends -------------------------------------------------------------------------------------------------

    def _saw(self, process: Process, tag: str) -> None:
        """An order arrives: what does our database say of it at this moment?"""
        row = Order.objects.filter(client_order_id=tag).values_list("status", "epoch").first()
        status, epoch = row or ("", 0)
        if status not in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN):
            text = f"arrived while the database says {status or 'nothing'}"
            self.breaches.append(Breach("I4", f"tag {tag}", text))
        if process.held.remaining() <= 0:
            self.breaches.append(Breach("I10", f"tag {tag}", "sent after the lease had run out"))
        if epoch > process.held.epoch:
            self.breaches.append(Breach("I10", f"tag {tag}", f"epoch {process.held.epoch} sent what {epoch} claimed"))
