"""The whole trading side in one thread: intake, routing, the risk engine, the execution worker, brokers and time.

Every method, of the world or of its supervisor, watcher and people, is one thing that can happen. ``check`` asks the
invariants, with what truly happened at the brokers beside what our tables say. The state machine and the directed
scenarios drive the same methods.
"""

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from apps.broker_accounts.models import BrokerSession
from apps.strategies.services import intake, routing
from apps.strategies.services.tokens import Hook
from apps.trading.models import Order, TradeLeg
from apps.trading.services import day_end
from apps.trading.services.exit import request_exit
from bus.models import Term
from domain.invariants import Breach
from domain.orders import LIVE_TRADES, ExitReason, OrderStatus
from domain.payload import parse_alert
from domain.prices import to_scaled
from domain.ticks import Tick
from tests.cast import publish_price
from tests.model.house import House
from tests.model.judge import Judge
from tests.model.people import People
from tests.model.process import attempt
from tests.model.scene import Scene
from tests.model.street import Street
from tests.model.supervisor import Supervisor
from tests.model.watcher import Watcher
from tests.standing_clock import FakeClock

STEP = 0.25
HEALED_WITHIN = 400.0
SMALLEST = 65

NewWorld = Callable[[], AbstractContextManager["World"]]
"""Makes a world in a transaction that is never committed."""


@dataclass
class World:
    """One run of the model."""

    clock: FakeClock
    scene: Scene
    street: Street = field(init=False)
    houses: dict[tuple[int, str], House] = field(init=False)
    supervisor: Supervisor = field(init=False)
    watcher: Watcher = field(init=False)
    people: People = field(init=False)
    judge: Judge = field(init=False)
    prices: dict[int, Decimal] = field(default_factory=dict)
    _alerts: "count[int]" = field(default_factory=lambda: count(1))
    _last_alert: tuple[Hook, bytes] | None = None

    def __post_init__(self) -> None:
        self.street = Street(self.clock)
        self.houses = self._open_houses()
        for instrument in (self.scene.call, self.scene.put):
            self.prices[instrument.pk] = Decimal(100)
            publish_price(instrument, "100")
        self.supervisor = Supervisor(self.clock, self.houses, self.push)
        self.watcher = Watcher(self.clock)
        self.people = People(self.clock, self.scene, self.house, self.push)
        self.judge = Judge(self.clock, self.scene, self.street, self.house, self.supervisor.breaches, self.clock())

    def _open_houses(self) -> dict[tuple[int, str], House]:
        live, paper = self.scene.account, self.scene.paper_account
        names = self.scene.symbols

        def price(symbol: str) -> Decimal:
            return self.prices[names[symbol]]

        return {
            (live.pk, "LIVE"): House(self.street, "zerodha", live.client_id, price=price),
            (live.pk, "PAPER"): House(self.street, "paper", f"P{live.client_id}", price=price, is_on_wire=False),
            (paper.pk, "PAPER"): House(self.street, "paper", paper.client_id, price=price, is_on_wire=False),
        }

    @property
    def house(self) -> House:
        """The live account's broker."""
        return self.houses[(self.scene.account.pk, "LIVE")]

    # the execution worker ------------------------------------------------------------------------------------------

    @property
    def deaths(self) -> list[str]:
        """The failpoints somebody died at."""
        return self.supervisor.deaths

    def arm(self, point: str, nth: int = 1) -> None:
        """Let whoever reaches a point for the n-th time from now on die there."""
        self.supervisor.arm(point, nth)

    def turn(self, *, hold_tasks: bool = False) -> None:
        """One round of the execution worker."""
        self.supervisor.turn(hold_tasks=hold_tasks)

    def turns(self, rounds: int) -> None:
        """A few rounds, a moment apart."""
        for _ in range(rounds):
            self.push(0.05)
            self.turn()

    def kill(self) -> None:
        """The worker is killed wherever it stands."""
        self.supervisor.kill()

    # time ----------------------------------------------------------------------------------------------------------

    def push(self, seconds: float) -> None:
        """Let time pass for the brokers alone: everything of ours stands still."""
        target = self.clock() + timedelta(seconds=seconds)
        while (due := self.street.next_due()) is not None and due <= target:
            self.clock.set(max(due, self.clock()))
            self.street.run_due()
        self.clock.set(target)

    def elapse(self, seconds: float, *, step: float = STEP) -> None:
        """Let time pass while everybody works."""
        end = self.clock() + timedelta(seconds=seconds)
        while self.clock() < end:
            self.push(min(step, (end - self.clock()).total_seconds()))
            self.keep_feed()
            self.watcher.watch()
            self.turn()

    def jump_to(self, at: datetime) -> None:
        """Everything stops until an instant, and goes on there."""
        if at > self.clock():
            self.push((at - self.clock()).total_seconds())
            self.keep_feed()

    # signals -------------------------------------------------------------------------------------------------------

    def alert(self, hook: Hook, word: str, *, is_routed: bool = True) -> None:
        """A new alert comes in; without routing its wake-up is lost."""
        body = json.dumps({"action": word, "alert_id": f"a-{next(self._alerts)}"}).encode()
        self._last_alert = (hook, body)
        self._receive(hook, body, is_routed=is_routed)

    def alert_again(self) -> None:
        """The last alert is sent once more, and its wake-up, too."""
        if self._last_alert is not None:
            self._receive(*self._last_alert, is_routed=True)

    def _receive(self, hook: Hook, body: bytes, *, is_routed: bool) -> None:
        now = self.clock()

        def run() -> None:
            alert = parse_alert(body, "application/json")
            received = intake.receive(hook=hook, alert=alert, body=body, source_ip=None, now=now, wall=now)
            if is_routed:
                routing.route(received.signal_id, now=now, wall=now)

        attempt(run)

    # the market and the brokers ------------------------------------------------------------------------------------

    def keep_feed(self) -> None:
        """The feed says that prices stand where they stood."""
        for pk in self.prices:
            self.tick(pk, self.prices[pk])

    def tick(self, instrument_id: int, price: Decimal) -> None:
        """The market moves; what should fire does."""
        self.prices[instrument_id] = price
        publish_price(self.scene.instruments[instrument_id], str(price))
        stamp = int(self.clock().timestamp() * 1000)
        self.watcher.see([Tick(instrument_id, to_scaled(price), exchange_at=stamp)])

    def move(self, instrument_id: int, price: Decimal) -> None:
        """The market goes to a price and stays there for some ticks."""
        self.watcher.install(None)
        for _ in range(3):
            self.push(0.02)
            self.tick(instrument_id, price)

    def kill_token(self) -> None:
        """The broker ends the session."""
        self.house.token_is_alive = False

    def fill_late(self) -> None:
        """An entry that the book showed as cancelled was executed all the same: a correction of the exchange's."""
        cancelled = Order.objects.filter(intent__kind="ENTRY", intent__mode="LIVE", status=OrderStatus.CANCELLED)
        known = [order_id for order_id in cancelled.values_list("broker_order_id", flat=True) if order_id]
        for order_id in sorted(known)[-1:]:
            self.house.fill(order_id, SMALLEST)

    # leaving -------------------------------------------------------------------------------------------------------

    def ask_exit(self, reason: ExitReason, legs: Iterable[int] | None = None) -> None:
        """Somebody or something wants positions flat."""
        chosen = list(legs) if legs is not None else self.live_legs()
        attempt(lambda: request_exit(leg_ids=chosen, reason=reason, now=self.clock()))

    def square_off(self) -> None:
        """The watchdog's square-off by the clock."""
        attempt(lambda: day_end.square_off_due(now=self.clock()))

    def live_legs(self) -> list[int]:
        """Return the legs of live trades."""
        return list(TradeLeg.objects.filter(trade__status__in=LIVE_TRADES).order_by("pk").values_list("pk", flat=True))

    # judging -------------------------------------------------------------------------------------------------------

    def find_breaches(self) -> list[Breach]:
        """Return what is broken now."""
        return self.judge.find_breaches()

    def check(self) -> None:
        """Fail when anything that must never be is."""
        found = self.find_breaches()
        assert not found, "\n".join(f"{one.invariant} {one.subject}: {one.text}" for one in found)

    # the end -------------------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """Every fault stops."""
        self.supervisor.disarm()
        for house in self.houses.values():
            house.heal()
        self.supervisor.thaw()
        Term.objects.filter(confirmed_at=None).update(confirmed_at=self.clock(), confirmed_by="operator")
        self.jump_to(self.scene.session_after(self.clock()))
        if not self.house.token_is_alive or not BrokerSession.objects.usable().exists():
            self.people.sign_in()
        self.watcher.restart()

    def calm_down(self) -> None:
        """Heal, then let time pass until nothing is under way any more or it should long have ended."""
        self.heal()
        waited, step = 0.0, 0.5
        while waited < HEALED_WITHIN and (waited < 8 or not self.judge.is_quiet()):
            self._fill_everything()
            self.elapse(step, step=step)
            waited += step
            step = 0.5 if waited < 10 else 2.0
        self.judge.find_late()

    def _fill_everything(self) -> None:
        for house in self.houses.values():
            for order in house.resting():
                house.fill(order.broker_order_id, order.quantity)

    def close(self) -> None:
        """Clear the processes away."""
        self.supervisor.close()
