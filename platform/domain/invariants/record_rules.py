"""Rules about who and what is written down: one tenant throughout, every transition told, one build."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TypeVar

from domain.invariants.evidence import AuditRow, Breach, HeartbeatRow
from domain.invariants.view import View, grouped
from domain.orders import ORDER_MOVES, TRADE_MOVES, OrderStatus, TradeStatus

S = TypeVar("S", bound=StrEnum)

RUNNING_WITHIN = timedelta(seconds=30)
"""A process with a sign of life younger than this runs."""

NOTICED_WITHIN = timedelta(seconds=10)
"""How long two builds may run side by side before each must know."""

TRADERS = "execution."

ORDER, TRADE = "trading.order", "trading.trade"


def one_tenant(view: View) -> Iterator[Breach]:
    """I17: signal, strategy, trade, intent, account, its owner and the broker client on the wire are one tenant's."""
    for account in view.evidence.accounts:
        if account.user_tenant_id != account.tenant_id:
            why = f"is tenant {account.tenant_id}'s, its owner tenant {account.user_tenant_id}'s"
            yield Breach("I17", f"account {account.pk}", why)
    for trade in view.trades:
        yield from _same_tenant(view, f"trade {trade.pk}", trade.account_id, trade.tenant_id)
        for name, other in (("strategy", trade.strategy_tenant_id), ("signal", trade.signal_tenant_id)):
            if other is not None and other != trade.tenant_id:
                yield Breach("I17", f"trade {trade.pk}", f"is tenant {trade.tenant_id}'s, its {name} tenant {other}'s")
    for intent in view.intents:
        yield from _same_tenant(view, f"intent {intent.pk}", intent.account_id, intent.tenant_id)
        if intent.signal_tenant_id not in (None, intent.tenant_id):
            why = f"is tenant {intent.tenant_id}'s, its signal tenant {intent.signal_tenant_id}'s"
            yield Breach("I17", f"intent {intent.pk}", why)
    for order in view.orders:
        intent_row, trade_row = view.intent_of_pk.get(order.intent_id), view.trade_of_pk.get(order.trade_id)
        owners = {one.account_id for one in (order, intent_row, trade_row) if one is not None}
        if len(owners) > 1:
            yield Breach("I17", f"order {order.pk}", f"order, intent and trade are of accounts {sorted(owners)}")


def _same_tenant(view: View, subject: str, account_id: int, tenant_id: int) -> Iterator[Breach]:
    account = view.account_of_pk.get(account_id)
    if account is not None and account.tenant_id != tenant_id:
        yield Breach("I17", subject, f"is tenant {tenant_id}'s, its account tenant {account.tenant_id}'s")


def transitions_told(view: View) -> Iterator[Breach]:
    """I18: every order and trade that left its first state has a line in the trail that tells of the state it is in."""
    told = {(one.object_type, one.object_id, one.status) for one in view.audit if one.status}
    for order in view.orders:
        if order.status != OrderStatus.PENDING and (ORDER, order.pk, order.status) not in told:
            yield Breach("I18", f"order {order.pk}", f"is {order.status}, which no audit entry tells")
    for trade in view.trades:
        if trade.status != TradeStatus.PENDING and (TRADE, trade.pk, trade.status) not in told:
            yield Breach("I18", f"trade {trade.pk}", f"is {trade.status}, which no audit entry tells")


def only_forward(view: View) -> Iterator[Breach]:
    """I16, second half: the trail of an order or a trade moves along its table only, and what is filled never falls."""
    rows = grouped(((one.object_type, one.object_id), one) for one in view.audit if one.status)
    for (kind, pk), trail in rows.items():
        if kind == ORDER:
            yield from _forward(f"order {pk}", trail, _REACHABLE_ORDER)
        elif kind == TRADE:
            yield from _forward(f"trade {pk}", trail, _REACHABLE_TRADE)


def _forward(subject: str, trail: list[AuditRow], reachable: Mapping[str, frozenset[str]]) -> Iterator[Breach]:
    for before, after in pairwise(trail):
        if after.status != before.status and after.status not in reachable.get(before.status, frozenset()):
            yield Breach("I16", subject, f"went from {before.status} back to {after.status} (entry {after.pk})")
    filled = [one.filled for one in trail if one.filled is not None]
    if filled != sorted(filled):
        yield Breach("I16", subject, f"what is filled fell: {filled}")


def _closure(moves: Mapping[S, frozenset[S]]) -> dict[str, frozenset[str]]:
    """Return everything that can be reached from each state, in any number of moves."""
    reached = {state: set(moves.get(state, frozenset())) for state in moves}
    changed = True
    while changed:
        changed = False
        for targets in reached.values():
            further = set[S]().union(*(reached.get(target, set()) for target in targets))
            changed = changed or not further <= targets
            targets |= further
    return {state.value: frozenset(one.value for one in targets) for state, targets in reached.items()}


_REACHABLE_ORDER = _closure(ORDER_MOVES)
_REACHABLE_TRADE = _closure(TRADE_MOVES)


def one_build(view: View) -> Iterator[Breach]:
    """I20: all processes that run are of one build, or those that trade stand by: they take no entries."""
    running = [one for one in view.evidence.heartbeats if not one.is_gone and view.at - one.at <= RUNNING_WITHIN]
    for trader in running:
        if not trader.process.startswith(TRADERS) or trader.is_standing_by:
            continue
        others = {one.build for one in running if one.build != trader.build and _is_known(one, trader)}
        if others:
            why = f"trades as {trader.build} while {', '.join(sorted(others))} runs beside it"
            yield Breach("I20", trader.process, why)


def _is_known(other: HeartbeatRow, trader: HeartbeatRow) -> bool:
    """Whether both were up long enough before the trader's last word to know of each other."""
    starts = [one.started_at for one in (other, trader) if one.started_at is not None]
    return all(trader.at - started_at > NOTICED_WITHIN for started_at in starts)
