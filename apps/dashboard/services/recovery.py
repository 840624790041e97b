"""What is not as it should be, as a person reads it: orders being checked, exits held up, halts, orders of others."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, time

from django.db.models import Q
from django.utils import timezone

from apps.dashboard import wording
from apps.dashboard.services.account_filter import Chosen
from apps.dashboard.services.board import CheckLine, ExternalLine, HaltLine, HeldUpLine
from apps.dashboard.services.order_lines import broker_name
from apps.markets.models import Instrument
from apps.risk.models import Halt, HaltScope
from apps.risk.wording import LOGIN_CODES, reach_words, words_of
from apps.trading.models import ExternalOrder, Intent, Order
from apps.trading.services.outside import instruments_of
from apps.trading.wording import CHECKING, advice
from apps.users.models import User
from domain.clock import IST
from domain.orders import OPEN_INTENTS, UNRESOLVED, IntentKind, IntentStatus, OrderStatus

MOST_EXTERNAL = 50


def checks_of(trade_ids: Collection[int]) -> Mapping[int, tuple[CheckLine, ...]]:
    """Return the orders being checked with the broker, by trade."""
    rows = Order.objects.filter(intent__trade_id__in=trade_ids, status__in=CHECKING)
    found: dict[int, list[CheckLine]] = defaultdict(list)
    for order in rows.select_related("intent", "instrument").order_by("pk"):
        found[order.intent.trade_id].append(_check(order))
    return {key: tuple(lines) for key, lines in found.items()}


def _check(order: Order) -> CheckLine:
    return CheckLine(
        order_id=order.pk,
        what=f"{order.intent.kind.title()}, {order.side.lower()} {order.quantity} {order.instrument.symbol}",
        words=wording.order_words(order.status),
        advice=advice(order.status),
        since=order.claimed_at or order.submitted_at or order.created_at,
        client_order_id=order.client_order_id,
        is_parked=order.status == OrderStatus.PARKED,
    )


def held_up_of(trade_ids: Collection[int]) -> Mapping[int, tuple[HeldUpLine, ...]]:
    """Return the exits that cannot go on now, with the reason, by trade."""
    held_up = Q(status=IntentStatus.BLOCKED) | (Q(status__in=OPEN_INTENTS) & ~Q(note=""))
    rows = Intent.objects.filter(held_up, trade_id__in=trade_ids, kind=IntentKind.EXIT)
    found: dict[int, list[HeldUpLine]] = defaultdict(list)
    for intent in rows.select_related("leg__instrument").order_by("pk"):
        line = HeldUpLine(intent.leg.instrument.symbol, intent.note or "The platform tries again in a moment.")
        found[intent.trade_id].append(line)
    return {key: tuple(lines) for key, lines in found.items()}


def halt_lines(halts: Sequence[Halt], *, names: Mapping[int, str]) -> tuple[HaltLine, ...]:
    """Return halts as lines; ``names`` are strategies' by id."""
    return tuple(_halt(halt, names) for halt in halts)


def _halt(halt: Halt, names: Mapping[int, str]) -> HaltLine:
    words = words_of(halt)
    is_strategy = halt.scope == HaltScope.STRATEGY
    what = f"{names.get(halt.strategy_id or 0, 'A strategy')} halted" if is_strategy else reach_words(halt.scope)
    return HaltLine(
        scope=halt.scope,
        code=halt.reason_code,
        what=what,
        why=words.why,
        said=halt.reason if halt.created_by_id is not None else "",
        advice=words.advice,
        since=halt.created_at,
        needs_login=halt.reason_code in LOGIN_CODES,
        needs_operator=halt.reason_code not in LOGIN_CODES,
    )


def externals_today(user: User, chosen: Chosen) -> list[ExternalLine]:
    """Return the orders placed outside the platform in the chosen accounts, first seen today, newest first."""
    start = datetime.combine(timezone.now().astimezone(IST).date(), time(), tzinfo=IST)
    rows = ExternalOrder.objects.for_user(user).filter(seen_at__gte=start).select_related("account")
    if not chosen.is_all:
        rows = rows.filter(account_id__in=chosen.ids)
    return external_lines(rows.order_by("-seen_at", "-pk")[:MOST_EXTERNAL])


def external_lines(rows: Iterable[ExternalOrder]) -> list[ExternalLine]:
    """Return orders placed outside the platform as lines, with our name of the contract where we know it."""
    found = list(rows)
    known = instruments_of(found)
    return [_external(row, known.get((row.account.broker, row.symbol))) for row in found]


def _external(row: ExternalOrder, instrument: Instrument | None) -> ExternalLine:
    return ExternalLine(
        id=row.pk,
        account=row.account.label or row.account.client_id,
        symbol=instrument.symbol if instrument is not None else row.symbol,
        side=row.side,
        quantity=row.quantity,
        filled_quantity=row.filled_quantity,
        average_price=row.average_price,
        decimals=None if instrument is None else instrument.decimals,
        words=wording.order_words(row.status),
        broker_order_id=row.broker_order_id,
        seen_at=row.seen_at,
        broker=broker_name(row.account.broker),
        is_open=row.status in UNRESOLVED,
    )
