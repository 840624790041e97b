"""What each lane of a shard has to do, and which session it may use."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from apps.audit.services.record import record
from apps.broker_accounts.models import BrokerAccount, BrokerSession, ModeReason
from apps.broker_accounts.services.modes import force_paper
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.trading.models import Intent, Order, Trade
from apps.trading.services.names import serving_broker
from apps.trading.services.portfolio import asked_accounts
from apps.trading.services.rows import update_rows
from apps.trading.services.submission import Lane
from bus import clock
from domain.orders import IN_FLIGHT, LIVE_TRADES, UNRESOLVED, IntentKind, IntentStatus, Mode, OrderStatus

AFTERWARDS = timedelta(seconds=15)
"""How long after its last change a trade's lane is watched as closely as before: somebody else may have left, too."""


@dataclass(frozen=True, slots=True)
class LaneWork:
    """One lane and how closely it is to be watched. ``session_id`` is 0 for paper; ``session_key`` changes with it.

    ``portfolio_asked``: somebody wants its holdings and funds read.
    """

    lane: Lane
    broker: str
    client_id: str
    session_id: int
    unresolved: bool
    in_trade: bool
    unknown: bool
    portfolio_asked: bool = False

    @property
    def session_key(self) -> str:
        """Tells a lane's connection from the one a new sign-in needs."""
        return f"{self.broker}:{self.session_id}"


def lane_work(*, shard: int) -> list[LaneWork]:
    """Return the lanes to serve: every account in its mode, and any mode that still has orders or trades.

    A live lane without a usable session is left out: nothing can be asked of its broker.
    """
    rows = BrokerAccount.objects.of_shard(shard).only("mode", "broker", "client_id")
    accounts = {account.pk: account for account in rows}
    unresolved = set(
        Order.objects.filter(account_id__in=accounts, status__in=UNRESOLVED).values_list("account_id", "intent__mode")
    )
    unknown = set(
        Order.objects.filter(account_id__in=accounts, status__in=IN_FLIGHT).values_list("account_id", "intent__mode")
    )
    in_trade = set(
        Trade.objects.filter(
            Q(status__in=LIVE_TRADES) | Q(touched_at__gte=clock.now() - AFTERWARDS), account_id__in=accounts
        )
        .order_by()
        .values_list("account_id", "mode")
        .distinct()
    )
    sessions, asked = _sessions(list(accounts)), asked_accounts(accounts)
    lanes = {(pk, account.mode) for pk, account in accounts.items()} | unresolved | in_trade
    return [
        LaneWork(
            lane=lane,
            broker=serving_broker(accounts[lane[0]].broker, lane[1]),
            client_id=accounts[lane[0]].client_id,
            session_id=sessions.get(lane[0], 0) if lane[1] == Mode.LIVE else 0,
            unresolved=lane in unresolved,
            in_trade=lane in in_trade,
            unknown=lane in unknown,
            portfolio_asked=lane[1] == Mode.LIVE and lane[0] in asked,
        )
        for lane in sorted(lanes)
        if lane[1] == Mode.PAPER or lane[0] in sessions
    ]


def order_calls(lane: Lane, *, since: datetime) -> list[datetime]:
    """Return when order calls of a lane went out, oldest first, as far as rows tell: of an order's changes and cancels
    they keep the last."""
    orders = Order.objects.filter(account_id=lane[0], intent__mode=lane[1]).exclude(status=OrderStatus.ABORTED)
    placed = orders.filter(claimed_at__gte=since).values_list("claimed_at", flat=True)
    changed = orders.filter(Q(modifications__gt=0) | Q(cancel_requested_at__isnull=False), changed_at__gte=since)
    moments = (*placed, *changed.values_list("changed_at", flat=True))
    return sorted(at for at in moments if at is not None)


def _sessions(account_ids: list[int]) -> dict[int, int]:
    rows = BrokerSession.objects.usable().filter(account_id__in=account_ids).order_by("opened_at")
    return dict(rows.values_list("account_id", "pk"))


def block_unreachable(*, shard: int) -> int:
    """Hold the live exits of accounts nobody is signed in to, and page their owners; returns how many are new."""
    signed_in = BrokerSession.objects.usable().values("account_id")
    exits = Intent.objects.filter(
        account__shard=shard,
        kind=IntentKind.EXIT,
        mode=Mode.LIVE,
        status__in=[IntentStatus.NEW, IntentStatus.WORKING],
    )
    blocked = list(exits.exclude(account_id__in=signed_in).select_related("account", "leg__instrument"))
    for intent in blocked:
        intent.status, intent.note = IntentStatus.BLOCKED, "No broker session: log in to leave this trade."
        notify(
            key=f"exit-blocked:{intent.pk}:NO_BROKER_SESSION",
            code="NO_BROKER_SESSION",
            text=f"{intent.account}: an exit of {intent.leg.instrument.symbol} waits. Log in at the broker.",
            tenant_id=intent.tenant_id,
            user_id=intent.account.user_id,
            level=Level.PAGE,
        )
    update_rows(blocked, ["status", "note"])
    return len(blocked)


def mark_session_lost(account_id: int, *, session_key: str, message: str) -> None:
    """A token died: new entries go to paper, live trades stay live, and their exits wait for a sign-in and page."""
    session_id = int(session_key.rpartition(":")[2] or 0)
    with transaction.atomic():
        lost = BrokerSession.objects.filter(pk=session_id, lost_at__isnull=True).update(
            lost_at=clock.now(), lost_reason=message[:200]
        )
        if not lost:
            return
        account = BrokerAccount.objects.select_for_update().get(pk=account_id)
        record("session_lost", account, tenant_id=account.tenant_id, message=message[:200])
        force_paper(account=account, reason=ModeReason.SESSION_LOST)
        notify(
            key=f"session-lost:{session_id}",
            code="SESSION_LOST",
            text=f"{account}: the broker ended the session. Log in again to go on trading live.",
            tenant_id=account.tenant_id,
            user_id=account.user_id,
            level=Level.PAGE,
        )
