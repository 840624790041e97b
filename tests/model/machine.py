"""What can happen, as rules: hypothesis chooses the order, the invariants judge after every step, and at the end
everything must have come to rest."""

import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from apps.broker_accounts.models import AccountMode
from bus import failpoints
from domain.invariants.broker_side import Call
from domain.order_changes import Wish
from domain.orders import ExitReason, OrderStatus, Side
from tests.model.fates import CANCEL_FATES, MODIFY_FATES, PLACE_FATES, Fate, Reading
from tests.model.world import SMALLEST, NewWorld

_ELSEWHERE = ("commands.", "lease.", "paper.", "feed.", "login.", "beat.", "jobs.")
CRASH_POINTS = sorted(name for name in failpoints.POINTS if not name.startswith(_ELSEWHERE))
"""The points reached by what the model drives."""


def _points(*prefixes: str) -> list[str]:
    return [name for name in CRASH_POINTS if name.startswith(prefixes)]


LATER = {"entry deadline": 61.0, "unknown exits' patience": 121.0, "half an hour": 1800.0}
HOURS = {"square-off": (9, 40), "close": (10, 1)}
"""Instants of the day, in UTC."""

reasons = st.sampled_from(
    [ExitReason.STOP_LOSS, ExitReason.TARGET, ExitReason.SQUARE_OFF, ExitReason.MANUAL, ExitReason.KILL_SWITCH]
)
stirs = st.sampled_from(["exit", "entry", "nothing"])
prices = st.sampled_from([Decimal(p) for p in (50, 79, 88, 95, 100, 104, 112, 139, 145, 200)])


@dataclass
class Tally:
    """What all histories together did: for the report, and so that a fault nobody met is noticed."""

    histories: int = 0
    steps: int = 0
    orders: int = 0
    deaths: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        died = ", ".join(f"{name} {number}" for name, number in sorted(self.deaths.items()))
        return (
            f"{self.histories} histories, {self.steps} steps, {self.orders} order requests on the wire, "
            f"{self.deaths.total()} deaths at {len(self.deaths)} of {len(CRASH_POINTS)} points: {died}"
        )


class Machine(RuleBasedStateMachine):
    """One history of a trading day. ``new_world`` and ``tally`` are set by the test that runs it."""

    new_world: NewWorld
    tally: Tally

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.world = self._stack.enter_context(type(self).new_world())

    def teardown(self) -> None:
        """Everything comes to rest, unless the history already failed."""
        try:
            if sys.exc_info()[0] is None:
                self.world.calm_down()
                self._count()
        finally:
            self._stack.close()

    def _count(self) -> None:
        self.tally.histories += 1
        self.tally.orders += sum(request.call is Call.PLACE for request in self.world.street.wire)
        self.tally.deaths.update(self.world.deaths)

    @invariant()
    def nothing_is_broken(self) -> None:
        """Safety, after every step."""
        self.tally.steps += 1
        self.world.check()

    # signals -------------------------------------------------------------------------------------------------------

    @initialize(fills=st.sampled_from([None, None, None, 65, 0]), seconds=st.sampled_from([4.0, 4.0, 1.0, 0.0]))
    def begin(self, fills: int | None, seconds: float) -> None:
        """A first trade is on its way or in the market, so that what follows finds something to spoil."""
        self.world.house.fills_at_once = fills
        self.world.turns(3)
        self.world.alert(self.world.scene.hooks[0], "buy")
        self.world.elapse(seconds, step=0.4)

    def _stir(self, what: str) -> None:
        """Give what was just planned something to spoil."""
        if what == "exit":
            self.world.ask_exit(ExitReason.STOP_LOSS)
        elif what == "entry":
            self.world.keep_feed()
            self.world.alert(self.world.scene.hooks[1], "buy")
        self.world.elapse(1.0)

    @rule(strategy=st.sampled_from([0, 1]), word=st.sampled_from(["buy", "buy", "sell"]), is_routed=st.booleans())
    def alert(self, strategy: int, word: str, is_routed: bool) -> None:
        """A new alert; its wake-up may be lost."""
        self.world.keep_feed()
        self.world.alert(self.world.scene.hooks[strategy], word, is_routed=is_routed)
        self.world.turns(2)

    @rule()
    def alert_again(self) -> None:
        """The same alert once more."""
        self.world.alert_again()

    @rule()
    def sweep_signals(self) -> None:
        """The sweep finds what a lost wake-up would have said."""
        self.world.push(1.1)
        self.world.watcher.sweep_signals()

    # the worker ----------------------------------------------------------------------------------------------------

    @rule(rounds=st.integers(1, 4))
    def work(self, rounds: int) -> None:
        """A few rounds of the execution worker."""
        self.world.turns(rounds)

    @rule(rounds=st.integers(1, 3))
    def nudged(self, rounds: int) -> None:
        """A wake-up, maybe doubled, maybe for nothing."""
        for _ in range(rounds):
            self.world.supervisor.nudge()
        self.world.turn()

    @rule()
    def hinted(self) -> None:
        """A postback: read the books."""
        self.world.supervisor.hint(self.world.scene.account.pk)
        self.world.turns(2)

    @rule()
    def answers_come_twice(self) -> None:
        """What the brokers answered is recorded twice."""
        self.world.turn()
        self.world.supervisor.double_answers()
        self.world.turn()

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 4.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, everybody works."""
        self.world.elapse(seconds, step=0.5)

    @rule(seconds=st.sampled_from([2.0, 8.0, 30.0]))
    def stall(self, seconds: float) -> None:
        """The machine stands still, the brokers do not."""
        self.world.push(seconds)
        self.world.turn()

    @rule(point=st.sampled_from(_points("claim.", "wire.", "record.", "routing.", "entry.")), nth=st.integers(1, 2))
    def dies_entering(self, point: str, nth: int) -> None:
        """Whoever comes by a failpoint on the way in dies there."""
        self.world.arm(point, nth)
        self._stir("entry")

    @rule(point=st.sampled_from(_points("claim.", "wire.", "record.", "exit.", "watching.")), nth=st.integers(1, 2))
    def dies_leaving(self, point: str, nth: int) -> None:
        """The same on the way out."""
        self.world.arm(point, nth)
        self._stir("exit")

    @rule(point=st.sampled_from(CRASH_POINTS), stir=stirs)
    def dies_somewhere(self, point: str, stir: str) -> None:
        """The same anywhere, maybe never; the plan stands until another one is made."""
        self.world.arm(point)
        self._stir(stir)

    @rule()
    def killed(self) -> None:
        """The worker dies between two moments, with everything it holds in memory."""
        self.world.turn(hold_tasks=True)
        self.world.kill()
        self.world.turn()

    @rule(is_claiming=st.booleans())
    def frozen(self, is_claiming: bool) -> None:
        """The worker is stopped, maybe between claim and send, and outlives its lease."""
        self.world.turn(hold_tasks=is_claiming)
        self.world.supervisor.freeze()

    @precondition(lambda self: self.world.supervisor.frozen is not None)
    @rule()
    def thawed(self) -> None:
        """The old leader wakes up."""
        self.world.supervisor.thaw()

    @rule()
    def lease_stolen(self) -> None:
        """Another holder, and then our own again under a new epoch."""
        self.world.supervisor.steal_lease()

    # the broker ----------------------------------------------------------------------------------------------------

    @rule(fates=st.lists(st.sampled_from(PLACE_FATES), min_size=1, max_size=2), stir=stirs)
    def orders_will(self, fates: list[Fate], stir: str) -> None:
        """What becomes of the next order requests."""
        self.world.house.place.extend(fates)
        self._stir(stir)

    @rule(fates=st.lists(st.sampled_from(CANCEL_FATES), min_size=1, max_size=2))
    def cancels_will(self, fates: list[Fate]) -> None:
        """What becomes of the next cancels."""
        self.world.house.cancel.extend(fates)

    @rule(fates=st.lists(st.sampled_from(MODIFY_FATES), min_size=1, max_size=2))
    def changes_will(self, fates: list[Fate]) -> None:
        """What becomes of the next price changes."""
        self.world.house.modify.extend(fates)

    @rule(reads=st.lists(st.sampled_from(Reading), min_size=1, max_size=4))
    def books_will(self, reads: list[Reading]) -> None:
        """What the next reads of the order book show."""
        self.world.house.reads.extend(reads)
        self.world.turns(1)

    @rule(seconds=st.sampled_from([0.0, 0.0, 1.0, 5.0, 15.0]))
    def books_lag(self, seconds: float) -> None:
        """The books are some seconds old."""
        self.world.house.book_lag = seconds

    @rule(seconds=st.sampled_from([0.0, 0.0, 1.0, 3.0]))
    def positions_lag(self, seconds: float) -> None:
        """The positions are older than the books."""
        self.world.house.position_lag = seconds

    @rule(units=st.sampled_from([None, 65, 0]))
    def market_is(self, units: int | None) -> None:
        """How much of a new order fills at once."""
        self.world.house.fills_at_once = units

    @precondition(lambda self: self.world.house.resting())
    @rule(which=st.integers(0, 3), units=st.sampled_from([65, 130]))
    def market_takes(self, which: int, units: int) -> None:
        """A resting order is executed in part or whole."""
        resting = self.world.house.resting()
        self.world.house.fill(resting[which % len(resting)].broker_order_id, units)

    @precondition(lambda self: self.world.house.resting())
    @rule(which=st.integers(0, 3))
    def exchange_cancels(self, which: int) -> None:
        """The exchange takes a resting order out: a band was reset, a session ended."""
        resting = self.world.house.resting()
        self.world.house.finish(resting[which % len(resting)].broker_order_id, OrderStatus.CANCELLED, "cancelled")

    @rule()
    def exchange_corrects(self) -> None:
        """An execution comes after its order's end."""
        self.world.fill_late()
        self.world.turns(2)

    @rule(lots=st.integers(1, 3))
    def trader_sells_by_hand(self, lots: int) -> None:
        """The call is sold in the broker's own app, not more than is there, while nothing of ours is under way."""
        self.world.people.leave_by_hand(self.world.scene.call.pk, Side.SELL, lots)

    @rule()
    def token_dies(self) -> None:
        """The broker ends the session."""
        self.world.kill_token()
        self.world.turns(2)

    @rule()
    def trader_signs_in(self) -> None:
        """A new session."""
        self.world.people.sign_in()
        self.world.turns(2)

    # leaving -------------------------------------------------------------------------------------------------------

    @rule(price=prices, is_call=st.booleans())
    def market_moves(self, price: Decimal, is_call: bool) -> None:
        """The price goes somewhere, and fires what stands there."""
        scene = self.world.scene
        self.world.move(scene.call.pk if is_call else scene.put.pk, price)

    @rule()
    def risk_engine_restarts(self) -> None:
        """The signals worker dies and reads everything again."""
        self.world.watcher.restart()
        self.world.watcher.watch()

    @rule(wanted=st.lists(reasons, min_size=1, max_size=4))
    def triggers_fire(self, wanted: list[ExitReason]) -> None:
        """Several reasons within one instant."""
        for reason in wanted:
            self.world.ask_exit(reason)
        self.world.turns(2)

    @rule()
    def trader_leaves(self) -> None:
        """The trader presses the button."""
        self.world.people.ask_exit_by_hand()

    @rule(which=st.integers(0, 3))
    def trader_cancels(self, which: int) -> None:
        """The trader cancels an entry, twice in one go."""
        self.world.people.cancel_by_hand(which)
        self.world.turns(1)

    @rule(which=st.integers(0, 3), price=prices, lots=st.sampled_from([None, None, 1, 2]))
    def trader_changes(self, which: int, price: Decimal, lots: int | None) -> None:
        """The trader gives an entry another price, makes it smaller, or both."""
        self.world.people.change_by_hand(which, Wish(price=price, quantity=None if lots is None else lots * SMALLEST))
        self.world.turns(1)

    @rule()
    def watchdog_squares_off(self) -> None:
        """Whatever is due by the clock."""
        self.world.square_off()

    # people and time -----------------------------------------------------------------------------------------------

    @rule(scope=st.sampled_from(["PLATFORM", "TENANT", "STRATEGY", "ACCOUNT"]))
    def halted(self, scope: str) -> None:
        """Entries stop."""
        self.world.people.halt(scope)

    @rule()
    def released(self) -> None:
        """Entries may go on."""
        self.world.people.release_halts()

    @rule(mode=st.sampled_from(AccountMode))
    def mode_chosen(self, mode: AccountMode) -> None:
        """The client changes between paper and live."""
        self.world.people.choose(mode)

    @rule(what=st.sampled_from(sorted(LATER)))
    def much_later(self, what: str) -> None:
        """A long while, in which nobody of ours worked."""
        self.world.push(LATER[what])
        self.world.keep_feed()
        self.world.turns(2)

    @rule(what=st.sampled_from(sorted(HOURS)))
    def at_the(self, what: str) -> None:
        """The clock strikes."""
        hour, minute = HOURS[what]
        now = self.world.clock()
        at: datetime = now.replace(hour=hour, minute=minute, second=1)
        if at - now > timedelta(0):
            self.world.jump_to(at)
        self.world.watcher.watch()
        self.world.turns(2)
