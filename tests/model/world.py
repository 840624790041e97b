"""The whole trading side in one thread: intake, routing, the risk engine, the execution worker, brokers and time.

Every method is one thing that can happen. ``check`` asks the invariants, with what truly happened at the brokers beside
what our tables say. The state machine and the directed scenarios drive the same methods.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

from django.db import connection
from django.db.models import F

from apps.broker_accounts.models import AccountMode, BrokerAccount, BrokerSession
from apps.broker_accounts.services.credentials import open_session
from apps.broker_accounts.services.modes import choose_mode, restore_mode
from apps.markets.clock import trading_date
from apps.risk.models import Halt
from apps.risk.services.halts import set_halt
from apps.strategies.services import intake, routing
from apps.strategies.services.tokens import Hook
from apps.trading.models import ChangeRequest, Order, Trade, TradeLeg
from apps.trading.services import day_end, watching
from apps.trading.services.evidence import load_evidence
from apps.trading.services.exit import request_exit, request_exit_of_all
from apps.trading.services.order_requests import Press, ask_cancel, ask_change
from bus import failpoints
from bus.leases import LeaseLost
from bus.models import Term
from domain.broker import BrokerToken
from domain.invariants import Breach, Evidence, check_liveness, check_safety
from domain.order_changes import NotAllowed, Wish
from domain.orders import LIVE_TRADES, UNRESOLVED, ExitReason, OrderStatus, Side
from domain.payload import parse_alert
from domain.prices import to_scaled
from domain.risk import Fired, RiskEngine
from domain.ticks import Tick
from tests.cast import publish_price
from tests.model.clock import FakeClock
from tests.model.house import House
from tests.model.process import LEASE, LEASE_SECONDS, Crash, Process, take_over
from tests.model.scene import Scene
from tests.model.street import Street

REREAD_EVERY = 2.0
STEP = 0.25
HEALED_WITHIN = 400.0
SMALLEST = 65
HAND_SETTLES = 5.5
"""Until then a snapshot of positions from before a manual trade may still be believed: two seconds old, read late."""

NewWorld = Callable[[], AbstractContextManager["World"]]
"""Makes a world in a transaction that is never committed."""


@dataclass
class World:
    """One run of the model."""

    clock: FakeClock
    scene: Scene
    street: Street = field(init=False)
    houses: dict[tuple[int, str], House] = field(init=False)
    process: Process | None = None
    frozen: Process | None = None
    crash_at: tuple[str, int] | None = None
    reached: dict[str, int] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)
    prices: dict[int, Decimal] = field(default_factory=dict)
    _current: Process | None = None
    _alerts: "count[int]" = field(default_factory=lambda: count(1))
    _last_alert: tuple[Hook, bytes] | None = None
    _reread_at: float = 0.0

    def __post_init__(self) -> None:
        self.started_at = self.clock()
        self.street = Street(self.clock)
        live, paper = self.scene.account, self.scene.paper_account
        names = self.scene.symbols

        def price(symbol: str) -> Decimal:
            return self.prices[names[symbol]]

        self.houses = {
            (live.pk, "LIVE"): House(self.street, "zerodha", live.client_id, price=price),
            (live.pk, "PAPER"): House(self.street, "paper", f"P{live.client_id}", price=price, is_on_wire=False),
            (paper.pk, "PAPER"): House(self.street, "paper", paper.client_id, price=price, is_on_wire=False),
        }
        for instrument in (self.scene.call, self.scene.put):
            self.prices[instrument.pk] = Decimal(100)
            publish_price(instrument, "100")
        self.restart_risk()

    @property
    def house(self) -> House:
        """The live account's broker."""
        return self.houses[(self.scene.account.pk, "LIVE")]

    # failpoints ---------------------------------------------------------------------------------------------------

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

    def attempt(self, what: Callable[[], object]) -> bool:
        """Call a service as its own process would; returns ``False`` when that process died of it."""
        try:
            what()
        except Crash:
            return False
        return True

    # the execution worker ------------------------------------------------------------------------------------------

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

    def turns(self, rounds: int) -> None:
        """A few rounds, a moment apart."""
        for _ in range(rounds):
            self.push(0.05)
            self.turn()

    def nudge(self) -> None:
        """A wake-up arrives, maybe for nothing."""
        self.lead().engine.nudge()

    def hint(self) -> None:
        """A broker says something about an account."""
        self.lead().engine.hint(self.scene.account.pk)

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
            self.watch()
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

        self.attempt(run)

    def sweep_signals(self) -> None:
        """What a lost wake-up would have announced."""
        self.attempt(lambda: routing.sweep_signals(self.clock()))

    # the risk engine -----------------------------------------------------------------------------------------------

    def restart_risk(self) -> None:
        """The signals worker starts anew: everything is read from the tables."""
        self.risk = RiskEngine(now=self.clock())
        self._install(None)

    def _install(self, since: datetime | None) -> None:
        found = watching.watch_list(on=trading_date(self.clock()), since=since)
        for rules in found.rules:
            self.risk.update(rules)
        for trade_id in found.over:
            self.risk.disarm(trade_id)
        self._reread_at = self.clock.monotonic()

    def watch(self) -> None:
        """The signals worker's round: what changed is read, the clock is looked at, trails are kept."""
        if self.clock.monotonic() - self._reread_at >= REREAD_EVERY:
            self._install(self.clock() - timedelta(seconds=30))
            self.sweep_signals()
        self._act(self.risk.on_clock(self.clock()))
        self.attempt(lambda: watching.keep_trails(self.risk.trails_moved()))

    def _act(self, found: Sequence[Fired]) -> None:
        if found:
            self.attempt(lambda: self._leave(found))

    def _leave(self, found: Sequence[Fired]) -> None:
        """What the signals worker does with what fired."""
        failpoints.reach("watching.fired")
        now = self.clock()
        watching.act_on(found, now=now, trading_date=trading_date(now))

    def keep_feed(self) -> None:
        """The feed says that prices stand where they stood."""
        for pk in self.prices:
            self.tick(pk, self.prices[pk])

    def tick(self, instrument_id: int, price: Decimal) -> None:
        """The market moves; what should fire does."""
        self.prices[instrument_id] = price
        publish_price(self.scene.instruments[instrument_id], str(price))
        stamp = int(self.clock().timestamp() * 1000)
        self._act(self.risk.on_ticks([Tick(instrument_id, to_scaled(price), exchange_at=stamp)]))

    def move(self, instrument_id: int, price: Decimal) -> None:
        """The market goes to a price and stays there for some ticks."""
        self._install(None)
        for _ in range(3):
            self.push(0.02)
            self.tick(instrument_id, price)

    # leaving -------------------------------------------------------------------------------------------------------

    def ask_exit(self, reason: ExitReason, legs: Iterable[int] | None = None) -> None:
        """Somebody or something wants positions flat."""
        chosen = list(legs) if legs is not None else self.live_legs()
        self.attempt(lambda: request_exit(leg_ids=chosen, reason=reason, now=self.clock()))

    def ask_exit_by_hand(self) -> None:
        """The trader presses the button for everything."""
        user, now = self.scene.trader, self.clock()
        self.attempt(lambda: request_exit_of_all(user=user, reason=ExitReason.MANUAL, now=now))

    def cancel_by_hand(self, which: int) -> None:
        """The trader cancels an entry that may still fill."""
        self._ask(which, lambda press: ask_cancel(press, now=self.clock(), wall=self.clock()))

    def change_by_hand(self, which: int, wish: Wish) -> None:
        """The trader gives an entry that may still fill another price, or makes it smaller."""
        self._ask(which, lambda press: ask_change(press, wish, wall=self.clock()))

    def _ask(self, which: int, ask: Callable[[Press], object]) -> None:
        entries = Order.objects.filter(intent__kind="ENTRY", status__in=UNRESOLVED).order_by("pk")
        found = list(entries.values_list("pk", flat=True))
        if not found:
            return
        press = Press(found[which % len(found)], self.scene.trader, uuid4())

        def run() -> None:
            with suppress(NotAllowed):
                ask(press)
                ask(press)  # a double click

        self.attempt(run)

    def square_off(self) -> None:
        """The watchdog's square-off by the clock."""
        self.attempt(lambda: day_end.square_off_due(now=self.clock()))

    def live_legs(self) -> list[int]:
        """Return the legs of live trades."""
        return list(TradeLeg.objects.filter(trade__status__in=LIVE_TRADES).order_by("pk").values_list("pk", flat=True))

    def trade_by_hand(self, instrument_id: int, side: Side, lots: int) -> None:
        """Somebody trades in the broker's own app."""
        instrument, names = self.scene.instruments[instrument_id], self.scene.broker_symbols
        self.house.trade_by_hand(
            exchange=instrument.exchange,
            symbol=names[instrument_id],
            side=side,
            quantity=lots * instrument.lot_size,
            lot_size=instrument.lot_size,
        )

    def leave_by_hand(self, instrument_id: int, side: Side, lots: int) -> None:
        """Somebody leaves (part of) a position in the broker's own app, while no order of ours is under way there.

        The race between the two cannot be won without an order that only reduces: it is no promise, and not modelled.
        """
        instrument = self.scene.instruments[instrument_id]
        held = -side.sign * self.house.net(self.scene.broker_symbols[instrument_id]) // instrument.lot_size
        under_way = Order.objects.filter(status__in=UNRESOLVED - {OrderStatus.PENDING}, instrument=instrument)
        if min(held, lots) > 0 and not under_way.exists():
            self.trade_by_hand(instrument_id, side, min(held, lots))
            self.push(HAND_SETTLES)

    def fill_late(self) -> None:
        """An entry that the book showed as cancelled was executed all the same: a correction of the exchange's."""
        cancelled = Order.objects.filter(intent__kind="ENTRY", intent__mode="LIVE", status=OrderStatus.CANCELLED)
        known = [order_id for order_id in cancelled.values_list("broker_order_id", flat=True) if order_id]
        for order_id in sorted(known)[-1:]:
            self.house.fill(order_id, SMALLEST)

    # people --------------------------------------------------------------------------------------------------------

    def halt(self, scope: str) -> None:
        """An operator stops entries; the workers are told at once, or find out."""
        ids: dict[str, int] = {"tenant_id": self.scene.tenant.pk}
        if scope == "PLATFORM":
            ids = {}
        elif scope == "ACCOUNT":
            ids["account_id"] = self.scene.account.pk
        elif scope == "STRATEGY":
            ids["strategy_id"] = self.scene.strategy.pk
        set_halt(scope=scope, reason="model", actor=self.scene.operator, **ids)  # type: ignore[arg-type]

    def release_halts(self) -> None:
        """Every halt is over."""
        Halt.objects.active().update(released_at=self.clock(), released_by=self.scene.operator)

    def choose(self, mode: AccountMode) -> None:
        """The client changes between paper and live."""
        account = BrokerAccount.objects.get(pk=self.scene.account.pk)
        choose_mode(account=account, wanted=mode, actor=self.scene.trader)

    def kill_token(self) -> None:
        """The broker ends the session."""
        self.house.token_is_alive = False

    def sign_in(self) -> None:
        """The client signs in again."""
        house, account = self.house, BrokerAccount.objects.get(pk=self.scene.account.pk)
        house.token, house.token_is_alive = house.token + 1, True
        token = BrokerToken("token", account.client_id, expires_at=self.clock() + timedelta(hours=12))
        open_session(account=account, token=token, trading_date=trading_date(self.clock()))
        restore_mode(account=account)

    # judging -------------------------------------------------------------------------------------------------------

    def evidence(self) -> Evidence:
        """Return everything there is to look at."""
        found = load_evidence(since=self.started_at - timedelta(hours=1), until=self.clock() + timedelta(seconds=1))
        return found.with_ledger(tuple(self.street.wire), self.street.book)

    def find_breaches(self) -> list[Breach]:
        """Return what is broken now."""
        return [*self.breaches, *self._flips(), *check_safety(self.evidence())]

    def _flips(self) -> Iterator[Breach]:
        """The account's true position never stands on the other side: we only buy the call and only sell the put, and
        what people do by hand they do when nothing of ours is under way."""
        for instrument, side in ((self.scene.call, Side.BUY), (self.scene.put, Side.SELL)):
            symbol = self.scene.broker_symbols[instrument.pk]
            net = self.house.net(symbol)
            if net * side.sign < 0:
                yield Breach("I7", symbol, f"the broker holds {net}: our orders took it through zero")

    def check(self) -> None:
        """Fail when anything that must never be is."""
        found = self.find_breaches()
        assert not found, "\n".join(f"{one.invariant} {one.subject}: {one.text}" for one in found)

    # the end -------------------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """Every fault stops."""
        self.disarm()
        for house in self.houses.values():
            house.heal()
        self.thaw()
        Term.objects.filter(confirmed_at=None).update(confirmed_at=self.clock(), confirmed_by="operator")
        self.jump_to(self.scene.session_after(self.clock()))
        if not self.house.token_is_alive or not BrokerSession.objects.usable().exists():
            self.sign_in()
        self.restart_risk()

    def calm_down(self) -> None:
        """Heal, then let time pass until nothing is under way any more or it should long have ended."""
        self.heal()
        waited, step = 0.0, 0.5
        while waited < HEALED_WITHIN and (waited < 8 or not self.is_quiet()):
            self._fill_everything()
            self.elapse(step, step=step)
            waited += step
            step = 0.5 if waited < 10 else 2.0
        self.find_late()

    def _fill_everything(self) -> None:
        for house in self.houses.values():
            for order in house.resting():
                house.fill(order.broker_order_id, order.quantity)

    def is_quiet(self) -> bool:
        """Whether no order is unresolved and nothing that must go flat is held."""
        leaving = TradeLeg.objects.filter(trade__status__in=LIVE_TRADES, entry_quantity__gt=F("exit_quantity"))
        is_busy = Order.objects.filter(status__in=UNRESOLVED).exists() or ChangeRequest.objects.open().exists()
        return not (is_busy or leaving.exclude(exit_reason="").exists())

    def find_late(self) -> None:
        """Fail when something that must come about has not."""
        unresolved = list(Order.objects.filter(status__in=UNRESOLVED).values_list("pk", "status"))
        held = TradeLeg.objects.filter(trade__status__in=LIVE_TRADES, entry_quantity__gt=F("exit_quantity"))
        lost = list(held.exclude(exit_reason="").values_list("pk", "exit_reason"))
        asked = list(ChangeRequest.objects.open().values_list("pk", "status"))
        late = [f"{one.invariant} {one.subject}: {one.text}" for one in self._late()]
        facts = f"unresolved {unresolved}, not left {lost}, not answered {asked}\n{self.describe()}\n"
        assert [unresolved, lost, asked, late] == [[], [], [], []], facts + "\n".join(late)

    def _late(self) -> list[Breach]:
        return [*self.find_breaches(), *check_liveness(self.evidence(), at=self.clock())]

    def describe(self) -> str:
        """Return the trades and their orders, for a failing run's reader."""
        lines = []
        for trade in Trade.objects.order_by("pk"):
            lines.append(f"trade {trade.pk} {trade.mode} {trade.status} {trade.close_reason}")
            for order in Order.objects.filter(intent__trade=trade).select_related("intent").order_by("pk"):
                lines.append(
                    f"  {order.intent.kind} {order.pk} {order.side} {order.filled_quantity}/{order.quantity} "
                    f"{order.status} {order.reason_code} ({order.intent.status} {order.intent.note})"
                )
        return "\n".join(lines)

    def close(self) -> None:
        """Clear the processes away."""
        for process in (self.process, self.frozen):
            if process is not None:
                process.close()
        self.process = self.frozen = None
