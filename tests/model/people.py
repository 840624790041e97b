"""What people do: the trader on our pages and in the broker's own app, the operator at the desk."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from apps.broker_accounts.models import AccountMode, BrokerAccount
from apps.broker_accounts.services.credentials import open_session
from apps.broker_accounts.services.modes import choose_mode, restore_mode
from apps.markets.clock import trading_date
from apps.risk.models import Halt
from apps.risk.services.halts import set_halt
from apps.trading.models import Order
from apps.trading.services.exit import request_exit_of_all
from apps.trading.services.order_requests import Press, ask_cancel, ask_change
from domain.broker import BrokerToken
from domain.order_changes import NotAllowed, Wish
from domain.orders import UNRESOLVED, ExitReason, OrderStatus, Side
from tests.model.house import House
from tests.model.process import attempt
from tests.model.scene import Scene
from tests.standing_clock import FakeClock

HAND_SETTLES = 5.5
"""Until then a snapshot of positions from before a manual trade may still be believed: two seconds old, read late."""


@dataclass
class People:
    """The scene's people, at work with the live account; ``push`` lets time pass for the brokers alone."""

    clock: FakeClock
    scene: Scene
    house: House
    push: Callable[[float], None]

    # on our pages --------------------------------------------------------------------------------------------------

    def ask_exit_by_hand(self) -> None:
        """The trader presses the button for everything."""
        user, now = self.scene.trader, self.clock()
        attempt(lambda: request_exit_of_all(user=user, reason=ExitReason.MANUAL, now=now))

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

        attempt(run)

    def choose(self, mode: AccountMode) -> None:
        """The client changes between paper and live."""
        account = BrokerAccount.objects.get(pk=self.scene.account.pk)
        choose_mode(account=account, wanted=mode, actor=self.scene.trader)

    def sign_in(self) -> None:
        """The client signs in again."""
        house, account = self.house, BrokerAccount.objects.get(pk=self.scene.account.pk)
        house.token, house.token_is_alive = house.token + 1, True
        token = BrokerToken("token", account.client_id, expires_at=self.clock() + timedelta(hours=12))
        open_session(account=account, token=token, trading_date=trading_date(self.clock()))
        restore_mode(account=account)

    # in the broker's own app ---------------------------------------------------------------------------------------

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

    # at the desk ---------------------------------------------------------------------------------------------------

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
