"""What is asked of a history: what truly happened at the brokers beside what our tables say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F

from apps.trading.models import ChangeRequest, Order, Trade, TradeLeg
from apps.trading.services.evidence import load_evidence
from domain.invariants import Breach, Evidence, check_liveness, check_safety
from domain.orders import LIVE_TRADES, UNRESOLVED, Side
from tests.model.house import House
from tests.model.scene import Scene
from tests.model.street import Street
from tests.standing_clock import FakeClock


@dataclass(frozen=True)
class Judge:
    """Looks on from ``started_at``; ``seen`` is what was found wrong while it happened."""

    clock: FakeClock
    scene: Scene
    street: Street
    house: House
    seen: Sequence[Breach]
    started_at: datetime

    def evidence(self) -> Evidence:
        """Return everything there is to look at."""
        found = load_evidence(since=self.started_at - timedelta(hours=1), until=self.clock() + timedelta(seconds=1))
        return found.with_ledger(tuple(self.street.wire), self.street.book)

    def find_breaches(self) -> list[Breach]:
        """Return what is broken now."""
        return [*self.seen, *self._flips(), *check_safety(self.evidence())]

    def _flips(self) -> Iterator[Breach]:
        """The account's true position never stands on the other side: we only buy the call and only sell the put, and
        what people do by hand they do when nothing of ours is under way."""
        for instrument, side in ((self.scene.call, Side.BUY), (self.scene.put, Side.SELL)):
            symbol = self.scene.broker_symbols[instrument.pk]
            net = self.house.net(symbol)
            if net * side.sign < 0:
                yield Breach("I7", symbol, f"the broker holds {net}: our orders took it through zero")

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
