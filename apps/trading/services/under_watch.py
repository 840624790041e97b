"""Everything of an installation that is not as it should be, on one screen: orders nobody can account for, exits that
cannot go on, what is halted, whose books were not read, and how the processes are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Model, Q

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount
from apps.risk.models import FlattenRequest, Halt, HaltScope
from apps.risk.wording import reach_words, words_of
from apps.trading.models import AccountState, Intent, Order
from apps.trading.services.chain_watch import CHAIN_VERIFIED
from apps.trading.services.flatten_request import CONFIRM_WITHIN, target_of
from apps.trading.services.processes import FORGOTTEN, LOOP_SILENT, WORKER_SILENT
from apps.users.models import User
from bus.models import Heartbeat, Lease
from domain.orders import OPEN_INTENTS, IntentKind, IntentStatus, OrderStatus

MOST = 100
_FEED = "feed"
_FEED_IS_WELL = frozenset({"live", "closed", "frozen"})
_CHAIN_CHECKED_DAILY = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: the object it leads to, what it is, whose, what is the matter, and for how long (seconds)."""

    row: Model
    what: str
    whose: str
    says: str
    age: float | None = None
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of one kind, and what to say when there is none."""

    key: str
    title: str
    nothing: str
    rows: tuple[Row, ...]

    @property
    def urgent(self) -> int:
        """How many rows need somebody."""
        return sum(1 for row in self.rows if row.is_urgent)


def under_watch(user: User, *, wall: datetime) -> list[Section]:
    """Return every section for what this person may see; ``wall`` is the wall clock."""
    sections = [
        Section("orders", "Orders being checked with the broker", "No order is unaccounted for.", _orders(user, wall)),
        Section("exits", "Exits that cannot go on", "Every exit is on its way.", _exits(user, wall)),
        Section("halts", "Halts in force", "Nothing is halted.", _halts(user, wall)),
        Section("flattens", "Flattenings waiting for a second person", "None is waiting.", _flattens(user, wall)),
        Section(
            "accounts", "Accounts whose books are not read", "Every account's books are read.", _accounts(user, wall)
        ),
        Section("feeds", "Feeds that are not live", "Every feed is live.", _feeds(wall)),
        Section("processes", "Processes", "No process has shown life.", _processes(wall)),
        Section("leases", "Leases", "No loop was ever led.", _leases(wall)),
        Section("chain", "Audit trail", "The chain was never verified.", _chain(wall)),
    ]
    return sections


def _age(at: datetime | None, wall: datetime) -> float | None:
    return None if at is None else max((wall - at).total_seconds(), 0.0)


def _orders(user: User, wall: datetime) -> tuple[Row, ...]:
    rows = Order.objects.for_user(user).filter(status__in=[OrderStatus.UNKNOWN, OrderStatus.PARKED])
    rows = rows.select_related("account", "instrument", "intent").order_by("claimed_at", "pk")
    return tuple(
        Row(
            row=order,
            what=f"{order.intent.kind.title()}: {order.side.lower()} {order.quantity} {order.instrument.symbol}",
            whose=str(order.account),
            says=f"{order.get_status_display()}, {order.reason_code or 'no code'}; "
            f"missing in {order.absent_reads} complete reads",
            age=_age(order.claimed_at or order.submitted_at, wall),
            is_urgent=True,
        )
        for order in rows[:MOST]
    )


def _exits(user: User, wall: datetime) -> tuple[Row, ...]:
    held_up = Q(status=IntentStatus.BLOCKED) | (Q(status__in=OPEN_INTENTS) & ~Q(note=""))
    rows = Intent.objects.for_user(user).filter(held_up, kind=IntentKind.EXIT)
    rows = rows.select_related("account", "leg__instrument").order_by("pk")
    return tuple(
        Row(
            row=intent,
            what=f"Exit: {intent.side.lower()} {intent.leg.open_quantity} {intent.leg.instrument.symbol}",
            whose=str(intent.account),
            says=intent.note or intent.get_status_display(),
            age=_age(intent.created_at, wall),
            is_urgent=True,
        )
        for intent in rows[:MOST]
    )


def _halts(user: User, wall: datetime) -> tuple[Row, ...]:
    rows = Halt.objects.for_user(user).active()
    rows = rows.select_related("tenant", "strategy", "account", "created_by").order_by("-created_at")
    return tuple(
        Row(
            row=halt,
            what=reach_words(halt.scope),
            whose=str(halt.account or halt.strategy or halt.tenant or "everybody"),
            says=f"{halt.reason_code}: {words_of(halt).why}. {halt.reason} (by {halt.created_by or 'the platform'})",
            age=_age(halt.created_at, wall),
            is_urgent=halt.created_by_id is None or halt.scope == HaltScope.PLATFORM,
        )
        for halt in rows[:MOST]
    )


def _flattens(user: User, wall: datetime) -> tuple[Row, ...]:
    rows = FlattenRequest.objects.for_user(user).filter(confirmed_at__isnull=True, asked_at__gt=wall - CONFIRM_WITHIN)
    return tuple(
        Row(row, f"Flatten {target_of(row).name}", str(row.asked_by), row.reason, _age(row.asked_at, wall), True)
        for row in rows.select_related("tenant", "strategy", "account", "asked_by")[:MOST]
    )


def _accounts(user: User, wall: datetime) -> tuple[Row, ...]:
    """Accounts not reconciled by whoever owns them now, and those whose last read failed."""
    epochs = dict(Lease.objects.filter(name__startswith="execution.").values_list("name", "epoch"))
    accounts = BrokerAccount.objects.for_user(user).active().prefetch_related("states").order_by("pk")
    found = (_account_row(account, epochs.get(f"execution.{account.shard}", 0), wall) for account in accounts)
    return tuple(row for row in found if row is not None)[:MOST]


def _account_row(account: BrokerAccount, epoch: int, wall: datetime) -> Row | None:
    states: Sequence[AccountState] = [state for state in account.states.all() if state.mode == account.mode]
    if not states:
        return Row(account, str(account), account.get_mode_display(), "Its books were never read.", None, True)
    state = states[0]
    if state.error_code or state.error:
        says = f"{state.error_code}: {state.error}".strip(": ")
    elif state.reconciled_epoch < epoch:
        says = "Not reconciled since its process was taken over: no entry is sent."
    else:
        return None
    return Row(account, str(account), account.get_mode_display(), says, _age(state.orders_read_at, wall), True)


def _beats(wall: datetime) -> list[Heartbeat]:
    return list(Heartbeat.objects.filter(beat_at__gt=wall - FORGOTTEN).order_by("process"))


def _feeds(wall: datetime) -> tuple[Row, ...]:
    feeds = [beat for beat in _beats(wall) if beat.process.partition(".")[0] == _FEED]
    found = (_feed_row(beat, wall) for beat in feeds)
    return tuple(row for row in found if row is not None)


def _feed_row(beat: Heartbeat, wall: datetime) -> Row | None:
    state, newest = str(beat.detail.get("state", "not known")), beat.detail.get("newest_tick_ms")
    age = wall.timestamp() - newest / 1000 if isinstance(newest, int) else None
    if wall - beat.beat_at > LOOP_SILENT:
        return Row(beat, beat.process, beat.holder, "The process shows no life.", age, True)
    if state in _FEED_IS_WELL:
        return None
    return Row(beat, beat.process, beat.holder, f"The newest price is old: {state}.", age, True)


def _processes(wall: datetime) -> tuple[Row, ...]:
    beats, loops = _beats(wall), set(Lease.objects.values_list("name", flat=True))
    usual = _usual_build(beats)
    return tuple(_process_row(beat, loops=loops, usual=usual, wall=wall) for beat in beats)


def _usual_build(beats: Iterable[Heartbeat]) -> str:
    """Return the build of whoever started last: the others are the ones left behind."""
    newest = max(beats, key=lambda beat: beat.started_at, default=None)
    return newest.build if newest is not None else ""


def _process_row(beat: Heartbeat, *, loops: set[str], usual: str, wall: datetime) -> Row:
    is_silent = wall - beat.beat_at > (LOOP_SILENT if beat.process in loops else WORKER_SILENT)
    said = [f"build {beat.build}"]
    if beat.build != usual:
        said.append(f"not {usual}, which started last")
    if is_silent:
        said.append("no sign of life")
    is_urgent = is_silent or beat.build != usual
    return Row(beat, beat.process, beat.holder, ", ".join(said), _age(beat.beat_at, wall), is_urgent)


def _leases(wall: datetime) -> tuple[Row, ...]:
    return tuple(
        Row(
            row=lease,
            what=lease.name,
            whose=lease.holder or "nobody",
            says=f"epoch {lease.epoch}" + ("" if lease.until > wall else ", run out"),
            age=None if lease.until > wall else _age(lease.until, wall),
            is_urgent=not lease.holder or lease.until <= wall,
        )
        for lease in Lease.objects.order_by("name")
    )


def _chain(wall: datetime) -> tuple[Row, ...]:
    """The last verification of the hash chain."""
    event = AuditEvent.objects.filter(kind=CHAIN_VERIFIED).order_by("-pk").first()
    if event is None:
        return ()
    is_intact, age = bool(event.data.get("intact")), wall - event.at
    says = f"{event.data.get('sealed')} events sealed, head {str(event.data.get('head'))[:12]}"
    if not is_intact:
        says = f"broken at event {event.data.get('broken_at')}: {event.data.get('why')}"
    is_urgent = not is_intact or age > _CHAIN_CHECKED_DAILY
    return (Row(event, "Intact" if is_intact else "Broken", "verified", says, _age(event.at, wall), is_urgent),)
