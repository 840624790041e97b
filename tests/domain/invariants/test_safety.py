"""Each safety invariant is found when it alone is broken, and nothing is found in a healthy day."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.invariants import Evidence, check_safety, unchecked
from domain.invariants.broker_side import BrokerBook, Call
from domain.invariants.evidence import AuditRow, HaltRow, HeartbeatRow, LeaseRow
from tests.domain.invariants.scene import (
    BOOK,
    EXITS,
    MANUAL,
    MANUAL_FILL,
    ORDERS,
    TRADE_TOLD,
    WIRE,
    accepted,
    at,
    execution,
    exit_order,
    healthy,
    request,
    tag,
    with_leg,
    with_order,
    with_request,
    with_trade,
)

NO_LEDGER: dict[str, Any] = {"wire": None, "book": None}


def broken(evidence: Evidence) -> set[str]:
    return {breach.invariant for breach in check_safety(evidence)}


def intents(*more: Any) -> tuple[Any, ...]:
    return (*healthy().intents, *more)


def test_a_healthy_day_has_no_breach() -> None:
    assert check_safety(healthy()) == []


def test_a_healthy_day_without_a_ledger_has_no_breach() -> None:
    assert check_safety(healthy(wire=None, book=None)) == []


ENTRY, EXIT = healthy().intents
TRADER = healthy().heartbeats[0]
LIVE_SESSION = healthy().broker_sessions[0]
BUSY = tuple(request(100 + n, ORDERS[0], at=at(30 + n / 20), call=Call.MODIFY) for n in range(11))
PAPER_ACCOUNT = AuditRow(800, "mode_forced_to_paper", "broker_accounts.brokeraccount", 1, at(-5), "PAPER")
BACK_AGAIN = AuditRow(801, "order_reported", "trading.order", 1, at(50), "OPEN", 130)
FELL = AuditRow(801, "order_reported", "trading.order", 1, at(50), "FILLED", 65)
REPLACED = (*(one for one in ORDERS if one.pk != 13), replace(EXITS[2], pk=14, tag=tag(14), status="ABORTED"))
LATE = at(1 + 70)

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("a tag arrives twice", "I1", {"wire": (*WIRE, replace(WIRE[0], line=90, at=at(1.2)))}),
    (
        "a tag stands behind two orders at the broker",
        "I1",
        {"book": BrokerBook((*BOOK.orders, accepted(90, ORDERS[0], broker_order_id="B90")), BOOK.fills)},
    ),
    ("a signal has two entries of a leg", "I2", {"intents": intents(replace(ENTRY, pk=3, leg_id=5, trade_id=2))}),
    ("more is accepted than intended", "I3", {"intents": (replace(ENTRY, quantity=195), EXIT)}),
    ("our rows show more sent than intended", "I3", {**NO_LEDGER, "intents": (replace(ENTRY, quantity=195), EXIT)}),
    (
        "two orders of a slice are unresolved",
        "I3",
        {"orders": (*ORDERS, exit_order(21, status="PENDING"), exit_order(22, status="UNKNOWN"))},
    ),
    ("an unwritten order arrives", "I4", {"wire": (*WIRE, request(90, exit_order(99), at=at(300)))}),
    ("an order arrives before its claim", "I4", {"orders": with_order(1, claimed_at=at(1.06))}),
    ("an order arrives that was never claimed", "I4", {"orders": with_order(1, claimed_at=None)}),
    ("an aborted order arrives", "I4", {"wire": with_request(21, tag=tag(14)), "orders": REPLACED}),
    ("another quantity arrives than was written", "I4", {"wire": with_request(21, quantity=65)}),
    ("another side arrives than was written", "I4", {"wire": with_request(21, side="BUY")}),
    ("another contract arrives than was written", "I4", {"wire": with_request(21, symbol="ZOTHER")}),
    ("it arrives in another client's name", "I4", {"wire": with_request(21, client_id="XY9999")}),
    ("a leg was left further than entered", "I7", {"legs": with_leg(entry_quantity=195)}),
    ("exits may take more than is held", "I7", {"orders": with_order(13, status="UNKNOWN", filled_quantity=0)}),
    (
        "the broker executes an exit beyond the position",
        "I7",
        {"book": BrokerBook(BOOK.orders, (*BOOK.fills, execution(91, EXITS[2], 65, "110")))},
    ),
    (
        "an exit is accepted while another may still take the position",
        "I7",
        {
            "book": BrokerBook((*BOOK.orders, accepted(20, exit_order(31))), BOOK.fills),
            "orders": (*ORDERS, exit_order(31, status="ABSENT", filled_quantity=0)),
        },
    ),
    (
        "two exits of a leg are open",
        "I8",
        {"intents": intents(replace(EXIT, pk=3, status="WORKING"), replace(EXIT, pk=4, status="BLOCKED"))},
    ),
    ("an older epoch sends after a newer one", "I10", {"orders": with_order(12, epoch=2)}),
    ("the leader sends after its lease's end", "I10", {"leases": (LeaseRow("execution.0", 3, "", at(12)),)}),
    ("a paper order arrives", "I11", {"orders": with_order(2, mode="PAPER", broker="paper")}),
    ("a live order is claimed without a session", "I11", {"broker_sessions": ()}),
    (
        "a live order is claimed under a dead session",
        "I11",
        {"broker_sessions": (replace(LIVE_SESSION, lost_at=at(9)),)},
    ),
    (
        "a live order is claimed under yesterday's session",
        "I11",
        {"broker_sessions": (replace(LIVE_SESSION, expires_at=at(0)),)},
    ),
    ("an entry goes out live from an account on paper", "I11", {"audit": (*healthy().audit, PAPER_ACCOUNT)}),
    ("an order is not of its trade's mode", "I11", {"trades": with_trade(mode="PAPER")}),
    ("an entry goes out under a platform halt", "I12", {"halts": (HaltRow(1, "PLATFORM", at(0.5)),)}),
    ("an entry goes out under its tenant's halt", "I12", {"halts": (HaltRow(1, "TENANT", at(0.5), tenant_id=7),)}),
    ("an entry goes out under a strategy's halt", "I12", {"halts": (HaltRow(1, "STRATEGY", at(0.5), strategy_id=4),)}),
    (
        "an entry goes out under an account's halt",
        "I12",
        {**NO_LEDGER, "halts": (HaltRow(1, "ACCOUNT", at(0.5), account_id=1),)},
    ),
    ("eleven calls arrive within a second", "I13", {"wire": (*WIRE, *BUSY)}),
    ("half a lot is sent", "I14", {"orders": with_order(2, lot_size=50)}),
    ("more than the freeze quantity is sent", "I14", {"orders": with_order(2, freeze_quantity=65)}),
    ("an order shows more filled than its fills", "I16", {"fills": healthy().fills[1:]}),
    ("an execution is booked twice", "I16", {"fills": (*healthy().fills, replace(healthy().fills[0], pk=99))}),
    ("a leg's value is not that of its fills", "I16", {"legs": with_leg(exit_value=Decimal(28601))}),
    ("an order is called filled that is not", "I16", {"orders": with_order(11, status="FILLED")}),
    ("an order goes back", "I16", {"audit": (*healthy().audit, BACK_AGAIN)}),
    ("what is filled falls", "I16", {"audit": (*healthy().audit, FELL)}),
    ("a trade goes back", "I16", {"audit": (*healthy().audit, replace(TRADE_TOLD[0], pk=990))}),
    ("an intent is another tenant's than its account", "I17", {"intents": (replace(ENTRY, tenant_id=8), EXIT)}),
    ("a signal is another tenant's", "I17", {"trades": with_trade(signal_tenant_id=8)}),
    ("a strategy is another tenant's", "I17", {"trades": with_trade(strategy_tenant_id=8)}),
    (
        "an account is another tenant's than its owner",
        "I17",
        {"accounts": (replace(healthy().accounts[0], user_tenant_id=8),)},
    ),
    ("an order is another account's than its trade", "I17", {"orders": with_order(2, account_id=2)}),
    ("an order's end is not told", "I18", {"audit": tuple(one for one in healthy().audit if one.object_id != 13)}),
    ("a trade's end is not told", "I18", {"audit": tuple(one for one in healthy().audit if one.status != "CLOSED")}),
    (
        "an order is claimed outside the session",
        "I19",
        {"market_sessions": (replace(healthy().market_sessions[0], closes_at=at(12)),)},
    ),
    ("an order is claimed where no session is known", "I19", {"market_sessions": ()}),
    ("an entry is claimed past its time", "I19", {"orders": with_order(2, expires_at=at(2))}),
    ("an entry arrives long after its claim and its time", "I19", {"wire": with_request(1, at=LATE, market_at=LATE)}),
    ("two builds run", "I20", {"heartbeats": (*healthy().heartbeats, HeartbeatRow("feed", "b2", at(599)))}),
]


FOLLOWS = {
    "a tag stands behind two orders at the broker": {"I3"},
    "two orders of a slice are unresolved": {"I16", "I18"},
    "an aborted order arrives": {"I16", "I18"},
    "a leg was left further than entered": {"I16"},
    "exits may take more than is held": {"I16", "I18"},
    "an exit is accepted while another may still take the position": {"I18"},
    "an order is called filled that is not": {"I18"},
    "an order is another account's than its trade": {"I11"},
}
"""What else is then wrong, because the same row says so in another way."""


@pytest.mark.parametrize(("what", "invariant", "changes"), CASES, ids=[case[0] for case in CASES])
def test_each_breach_is_found_and_no_other(what: str, invariant: str, changes: dict[str, Any]) -> None:
    assert broken(healthy(**changes)) == {invariant} | FOLLOWS.get(what, set())


ALLOWED: list[tuple[str, dict[str, Any]]] = [
    ("an exit goes out under a halt", {"halts": (HaltRow(1, "PLATFORM", at(5)),)}),
    ("a halt was released before", {"halts": (HaltRow(1, "PLATFORM", at(-10), until=at(-5)),)}),
    ("a halt is younger than its second", {"halts": (HaltRow(1, "PLATFORM", at(1.9)),)}),
    ("a halt is another account's", {"halts": (HaltRow(1, "ACCOUNT", at(0.5), account_id=2),)}),
    (
        "a market that never closes has no sessions",
        {"orders": tuple(replace(one, market="MT5") for one in ORDERS), "market_sessions": ()},
    ),
    ("a session is lost later", {"broker_sessions": (replace(LIVE_SESSION, lost_at=at(30)),)}),
    ("another build stopped", {"heartbeats": (*healthy().heartbeats, HeartbeatRow("feed", "b2", at(500)))}),
    (
        "the trader stands by beside another build",
        {"heartbeats": (replace(TRADER, is_standing_by=True), HeartbeatRow("feed", "b2", at(599)))},
    ),
    (
        "the other build has just started",
        {"heartbeats": (TRADER, HeartbeatRow("feed", "b2", at(599), started_at=at(595)))},
    ),
    ("the other build is proved gone", {"heartbeats": (TRADER, HeartbeatRow("feed", "b2", at(599), is_gone=True))}),
    ("ten calls arrive within a second", {"wire": (*WIRE, *BUSY[:10])}),
    ("an earlier term's lease ended", {"leases": (LeaseRow("execution.0", 4, "", at(12)),)}),
    ("the client trades in the app", {"book": BrokerBook((*BOOK.orders, MANUAL), (*BOOK.fills, MANUAL_FILL))}),
    (
        "the account is back from paper",
        {"audit": (*healthy().audit, PAPER_ACCOUNT, replace(PAPER_ACCOUNT, pk=801, at=at(-3), status="LIVE"))},
    ),
    (
        "the account is back from paper, a second before an order to the microsecond",
        {"audit": (*healthy().audit, PAPER_ACCOUNT, replace(PAPER_ACCOUNT, pk=801, at=at(0), status="LIVE"))},
    ),
    (
        "an order its owner made smaller is full",
        {
            "orders": with_order(11, status="FILLED", reduced_to=frozenset({65})),
            "audit": (*healthy().audit, AuditRow(802, "order_reported", "trading.order", 11, at(50), "FILLED", 65)),
        },
    ),
    (
        "an exit waits unsent behind the position's last order",
        {"orders": (*ORDERS, exit_order(31, status="PENDING", claimed_at=None, filled_quantity=0))},
    ),
]


@pytest.mark.parametrize("changes", [case[1] for case in ALLOWED], ids=[case[0] for case in ALLOWED])
def test_what_is_allowed_is_no_breach(changes: dict[str, Any]) -> None:
    assert check_safety(healthy(**changes)) == []


@pytest.mark.parametrize("of", ["wire", "orders", "intents", "trades", "legs", "fills", "audit", "halts", "heartbeats"])
@given(data=st.data())
def test_order_and_copies_of_records_change_nothing(of: str, data: st.DataObject) -> None:
    _, _, changes = data.draw(st.sampled_from([("", "", {}), *CASES]))
    evidence = healthy(**changes)
    rows = list(getattr(evidence, of) or ())
    copies = data.draw(st.lists(st.sampled_from(rows), max_size=4)) if rows else []
    shuffled = data.draw(st.permutations([*rows, *copies]))
    value = None if getattr(evidence, of) is None else tuple(shuffled)
    assert check_safety(replace(evidence, **{of: value})) == check_safety(evidence)


@given(data=st.data())
def test_order_and_copies_of_the_brokers_book_change_nothing(data: st.DataObject) -> None:
    _, _, changes = data.draw(st.sampled_from([("", "", {}), *CASES]))
    evidence = healthy(**changes)
    book = evidence.book or BOOK
    orders = tuple(data.draw(st.permutations([*book.orders, data.draw(st.sampled_from(book.orders))])))
    fills = tuple(data.draw(st.permutations([*book.fills, data.draw(st.sampled_from(book.fills))])))
    shuffled = replace(evidence, wire=evidence.wire or (), book=BrokerBook(orders, fills))
    assert check_safety(shuffled) == check_safety(replace(evidence, wire=evidence.wire or (), book=book))


def test_of_an_exit_that_only_reduces_less_may_arrive_and_never_more() -> None:
    reducing = with_order(EXITS[2].pk, may_shrink=True)
    less, more = (healthy(orders=reducing, wire=with_request(21, quantity=units)) for units in (65, 195))
    assert "I4" not in broken(less)
    assert "I4" in broken(more)


def test_without_a_ledger_it_says_what_it_could_not_see() -> None:
    assert unchecked(healthy()) == []
    lines = unchecked(healthy(**NO_LEDGER))
    assert {line.split(":")[0] for line in lines} == {"I1", "I4", "I6", "I7", "I10", "I11", "I13", "I15"}
    assert all("no ledger" in line for line in lines)
    assert [line.split(":")[0] for line in unchecked(healthy(heartbeats=()))] == ["I20", "I9"]
