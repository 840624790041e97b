"""Rules about what may be sent at all: signed in and live, not halted, in the session and in time."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.invariants.evidence import AuditRow, Breach, BrokerSessionRow, HaltRow, OrderRow, TradeRow
from domain.invariants.view import View, grouped
from domain.orders import IntentKind, Mode, OrderStatus

HALT_REACHES_WITHIN = timedelta(seconds=1)
"""A committed halt stops what increases risk within this."""

SESSION_LOSS_REACHES_WITHIN = timedelta(seconds=1)
"""The same of a lost session or a changed mode: whoever decided before may still act on what was so."""

SEND_BOUND = timedelta(seconds=9)
"""How long after its claim an order may arrive: two seconds to the last look, seven until the call times out."""

ACCOUNT = "broker_accounts.brokeraccount"


def claimed(view: View) -> Iterator[tuple[OrderRow, datetime]]:
    """Return the orders that were claimed in the time that is judged and not provably taken back, with when (wall)."""
    for order in view.orders:
        at = order.claimed_at
        if at is not None and order.status != OrderStatus.ABORTED and view.is_judged(at):
            yield order, at


def signed_in_and_live(view: View) -> Iterator[Breach]:
    """I11, second half: a live order is claimed under a broker session in force, an entry also with the account's mode
    live; an order is of its trade's mode. The client's own choice of live is the consent: nothing else is kept."""
    sessions = grouped((one.account_id, one) for one in view.evidence.broker_sessions)
    modes = _mode_changes(view)
    for order, at in claimed(view):
        trade = view.trade_of_pk.get(order.trade_id)
        if trade is not None and trade.mode != order.mode:
            yield Breach("I11", f"order {order.pk}", f"is {order.mode}, its trade is {trade.mode}")
        if order.mode != Mode.LIVE:
            continue
        if not any(_in_force(one, at) for one in sessions.get(order.account_id, [])):
            yield Breach("I11", f"order {order.pk}", f"was claimed at {at} without a broker session")
        if order.kind == IntentKind.ENTRY and _is_on_paper(modes.get(order.account_id, []), at):
            yield Breach("I11", f"order {order.pk}", f"was claimed live at {at} while its account was on paper")


def _in_force(session: BrokerSessionRow, at: datetime) -> bool:
    lost = session.lost_at is not None and at > session.lost_at + SESSION_LOSS_REACHES_WITHIN
    return session.opened_at <= at < session.expires_at and not lost


def _mode_changes(view: View) -> dict[int, list[AuditRow]]:
    told = (one for one in view.audit if one.object_type == ACCOUNT and one.status and one.object_id is not None)
    return grouped((one.object_id, one) for one in told if one.object_id is not None)


def _is_on_paper(changes: list[AuditRow], at: datetime) -> bool:
    """Whether every word about the account's mode, up to a moment before, and the last one, was paper."""
    before = [one.status for one in changes if one.at + SESSION_LOSS_REACHES_WITHIN < at]
    just_now = [one.status for one in changes if one.at <= at <= one.at + SESSION_LOSS_REACHES_WITHIN]
    return bool(before) and before[-1] == Mode.PAPER and Mode.LIVE not in just_now


def halted_entries_stay(view: View) -> Iterator[Breach]:
    """I12: one second after a halt is committed no entry it reaches is claimed or arrives, until it is released."""
    halts = sorted(view.evidence.halts, key=lambda one: one.pk)
    if not halts:
        return
    arrivals = {one.tag: one.at for one in view.places}
    for order, at in claimed(view):
        trade = view.trade_of_pk.get(order.trade_id)
        if order.kind != IntentKind.ENTRY or trade is None:
            continue
        latest = max(at, arrivals.get(order.tag, at))
        for halt in halts:
            if _reaches(halt, trade) and _is_within(halt, latest):
                yield Breach("I12", f"order {order.pk}", f"entered at {latest} under halt {halt.pk} of {halt.since}")


def _reaches(halt: HaltRow, trade: TradeRow) -> bool:
    return {
        "PLATFORM": True,
        "TENANT": halt.tenant_id == trade.tenant_id,
        "STRATEGY": halt.strategy_id == trade.strategy_id,
        "ACCOUNT": halt.account_id == trade.account_id,
    }[halt.scope]


def _is_within(halt: HaltRow, at: datetime) -> bool:
    return at > halt.since + HALT_REACHES_WITHIN and (halt.until is None or at < halt.until)


def sent_in_time(view: View) -> Iterator[Breach]:
    """I19: nothing is claimed outside its market's session, no entry past its time; and what arrives later than a
    claim's call can take arrives within both as well."""
    for order, at in claimed(view):
        if order.submitted_at is None:
            yield Breach("I19", f"order {order.pk}", f"was claimed at {at}, at no market time")
        else:
            yield from _in_time(view, order, order.submitted_at, "was claimed")
    for request in view.places:
        known = view.order_of_tag.get(request.tag)
        if known is not None and known.claimed_at is not None and request.at > known.claimed_at + SEND_BOUND:
            yield from _in_time(view, known, request.market_at, "arrived late")


def _in_time(view: View, order: OrderRow, at: datetime, what: str) -> Iterator[Breach]:
    """``at`` is market time."""
    if not view.is_open(order.market, at=at):
        yield Breach("I19", f"order {order.pk}", f"{what} at {at}, outside every session of {order.market}")
    if order.kind == IntentKind.ENTRY and order.expires_at is not None and at >= order.expires_at:
        yield Breach("I19", f"order {order.pk}", f"{what} at {at}, past its time {order.expires_at}")
