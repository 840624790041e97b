"""Each liveness invariant is found when it alone is broken, and nothing is found in a healthy day."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.invariants import Evidence, check_liveness, check_safety, survey
from domain.invariants.broker_side import BrokerBook
from domain.invariants.evidence import HeartbeatRow, IntentRow, MarketSessionRow, NotificationRow, OrderRow
from tests.domain.invariants.scene import (
    BOOK,
    EXTERNAL,
    FILLS,
    MANUAL,
    MANUAL_FILL,
    WIRE,
    at,
    exit_order,
    healthy,
    open_trade,
    order,
    with_leg,
    with_order,
    with_trade,
)

WAITING = exit_order(31, status="PENDING", claimed_at=None, quantity=130, filled_quantity=0, finished_at=None)
ASKED = at(100)
LEAVING = IntentRow(2, 7, 1, 1, 1, 1, "EXIT", "SELL", 260, "LIVE", "WORKING", created_at=at(3601))


def broken(evidence: Evidence, *, when: datetime | None = None, calm_since: datetime | None = None) -> set[str]:
    found = check_liveness(evidence, at=when or evidence.taken_at, calm_since=calm_since)
    return {breach.invariant for breach in found}


def told(key: str, code: str = "X") -> tuple[NotificationRow, ...]:
    return (NotificationRow(key, code, "PAGE", at(590)),)


def asked(status: str, **changes: Any) -> dict[str, Any]:
    """An entry in some state, claimed nearly ten minutes ago."""
    return {"orders": (*healthy().orders, order(31, status=status, filled_quantity=0, expires_at=at(590), **changes))}


def leaving(*orders: OrderRow, created_at: datetime = ASKED, **changes: Any) -> Evidence:
    """The position, with an exit asked for at some time, and what was made of it."""
    return open_trade(
        intents=(*open_trade().intents, replace(LEAVING, created_at=created_at)),
        legs=with_leg(exit_quantity=0, exit_value=Decimal(0)),
        orders=(*open_trade().orders, *orders),
        **changes,
    )


def test_healthy_days_have_no_breach() -> None:
    for evidence in (healthy(), open_trade(), healthy(wire=None, book=None)):
        assert check_liveness(evidence, at=evidence.taken_at, calm_since=at(0)) == []
        assert check_safety(evidence) == []


BROKEN: list[tuple[str, str, Evidence]] = [
    ("an order is never answered", "I5", healthy(**asked("SUBMITTED"))),
    ("nobody is told of an unknown order", "I5", healthy(**asked("UNKNOWN"))),
    (
        "an order stays unknown",
        "I5",
        healthy(**asked("UNKNOWN", claimed_at=at(-100)), notifications=told("unknown:31")),
    ),
    ("nobody was told of a parked order", "I5", healthy(**asked("PARKED"))),
    (
        "an entry outlives its time",
        "I5",
        healthy(orders=(*healthy().orders, order(31, status="OPEN", filled_quantity=0, expires_at=at(500)))),
    ),
    (
        "an order is open long after the close",
        "I5",
        healthy(
            orders=(*healthy().orders, exit_order(31, status="OPEN", filled_quantity=0)), market_now=at(20000 + 1000)
        ),
    ),
    ("a leg that must go has no exit", "I6", open_trade(legs=with_leg(exit_quantity=0, exit_value=Decimal(0)))),
    ("nothing leaves at the cut-off", "I6", open_trade(market_now=at(3603))),
    (
        "nobody is told of what is not flat after the cut-off",
        "I6",
        open_trade(market_now=at(3900), intents=(*open_trade().intents, LEAVING)),
    ),
    ("an exit waits and waits", "I6", leaving(WAITING)),
    ("an exit has no order", "I6", leaving()),
    ("an exit is not tried again", "I6", leaving(exit_order(31, status="REJECTED", filled_quantity=0))),
    ("a closed trade holds something", "I6", healthy(legs=with_leg(exit_quantity=195))),
    (
        "the broker holds what a closed trade left",
        "I6",
        healthy(book=BrokerBook(BOOK.orders, BOOK.fills[:-1])),
    ),
    ("rules cannot be read", "I9", open_trade(trades=(replace(open_trade().trades[0], has_rules=False),))),
    ("the engine never showed life", "I9", open_trade(heartbeats=open_trade().heartbeats[1:])),
    (
        "the engine fell silent",
        "I9",
        open_trade(heartbeats=(HeartbeatRow("signals", "b1", at(400)), open_trade().heartbeats[1])),
    ),
    (
        "prices are old",
        "I9",
        open_trade(
            heartbeats=(open_trade().heartbeats[0], HeartbeatRow("feed", "b1", at(599), prices_age=40.0)),
        ),
    ),
    ("we booked what the broker does not have", "I15", open_trade(book=BrokerBook(BOOK.orders[:2], FILLS[:2]))),
    ("the broker has what we did not book", "I15", open_trade(fills=open_trade().fills[:2])),
    (
        "we booked another price",
        "I15",
        open_trade(fills=(replace(open_trade().fills[0], price=Decimal(98)), *open_trade().fills[1:])),
    ),
    (
        "an order of the broker's app is not declared",
        "I15",
        healthy(book=BrokerBook((*BOOK.orders, MANUAL), (*BOOK.fills, MANUAL_FILL))),
    ),
    ("an order is declared that is not there", "I15", healthy(externals=(EXTERNAL,))),
    ("the profit is a paisa off", "I15", healthy(trades=with_trade(gross_pnl=Decimal("2600.01")))),
]


@pytest.mark.parametrize(("invariant", "evidence"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_each_breach_is_found(invariant: str, evidence: Evidence) -> None:
    assert invariant in broken(evidence)
    assert broken(evidence) <= {invariant, "I15"}


FINE: list[tuple[str, Evidence]] = [
    ("an unknown order is told of", healthy(**asked("UNKNOWN"), notifications=told("unknown:31"))),
    ("a parked order is told of", healthy(**asked("PARKED"), notifications=told("unknown:31"))),
    ("an order was claimed a moment ago", healthy(**asked("SUBMITTED", claimed_at=at(595)))),
    (
        "an exit is under way past the cut-off",
        open_trade(market_now=at(3603), intents=(*open_trade().intents, LEAVING)),
    ),
    (
        "what is not flat is told of",
        open_trade(
            market_now=at(3900),
            intents=(*open_trade().intents, LEAVING),
            notifications=told("square-off-late:1"),
        ),
    ),
    (
        "an order open after the close is told of",
        healthy(
            orders=(*healthy().orders, exit_order(31, status="OPEN", filled_quantity=0)),
            market_now=at(20000 + 1000),
            notifications=told("eod-unresolved:31"),
        ),
    ),
    (
        "rules that cannot be read are told of",
        open_trade(trades=(replace(open_trade().trades[0], has_rules=False),), notifications=told("unwatched:1:4")),
    ),
    (
        "old prices are told of",
        open_trade(
            heartbeats=(open_trade().heartbeats[0], HeartbeatRow("feed", "b1", at(599), prices_age=40.0)),
            notifications=told("feed-outage:7:x", code="FEED_SILENT"),
        ),
    ),
    (
        "the client trades in the broker's app",
        healthy(book=BrokerBook((*BOOK.orders, MANUAL), (*BOOK.fills, MANUAL_FILL)), externals=(EXTERNAL,)),
    ),
    ("nothing runs and nothing is held", healthy(heartbeats=())),
    ("an exit that waits is told of", leaving(WAITING, notifications=told("exit-blocked:2:NO_BROKER_SESSION"))),
    ("an exit was asked for a moment ago", leaving(WAITING, created_at=at(570))),
    ("an exit is at the broker", leaving(replace(WAITING, status="OPEN", claimed_at=at(500)))),
    ("an exit's order ended a moment ago", leaving(replace(WAITING, status="REJECTED", finished_at=at(580)))),
    (
        "prices are old while the market is closed",
        open_trade(
            heartbeats=(open_trade().heartbeats[0], HeartbeatRow("feed", "b1", at(599), prices_age=40.0)),
            market_sessions=(MarketSessionRow("NFO", at(-900), at(599)),),
        ),
    ),
    (
        "a leg that must go was only just marked",
        open_trade(
            legs=with_leg(exit_quantity=0, exit_value=Decimal(0)),
            trades=(replace(open_trade().trades[0], touched_at=at(597)),),
        ),
    ),
    ("a fast clock's two seconds are short", open_trade(market_now=at(3610), pace=60.0)),
]


@pytest.mark.parametrize("evidence", [case[1] for case in FINE], ids=[case[0] for case in FINE])
def test_what_is_allowed_is_no_breach(evidence: Evidence) -> None:
    assert check_liveness(evidence, at=evidence.taken_at) == []


def test_an_exit_late_after_its_cut_off_counts_once_faults_have_stopped() -> None:
    late = replace(healthy().intents[1], created_at=at(15))
    evidence = healthy(trades=with_trade(square_off_at=at(12)), intents=(healthy().intents[0], late), legs=with_leg())
    assert broken(evidence) == set()
    assert broken(evidence, calm_since=at(13)) == set()
    assert broken(evidence, calm_since=at(5)) == {"I6"}
    in_time = (healthy().intents[0], replace(late, created_at=at(13.9)))
    assert broken(replace(evidence, intents=in_time), calm_since=at(5)) == set()


def test_a_day_of_its_own_session_counts_for_the_close() -> None:
    sessions = (MarketSessionRow("NFO", at(-900), at(300)), MarketSessionRow("NFO", at(86_400), at(90_000)))
    resting = (*healthy().orders, exit_order(31, status="OPEN", filled_quantity=0))
    assert broken(healthy(orders=resting, market_sessions=sessions, market_now=at(700))) == set()
    assert broken(healthy(orders=resting, market_sessions=sessions, market_now=at(1300))) == {"I5"}


@given(data=st.data())
def test_order_and_copies_of_records_change_nothing(data: st.DataObject) -> None:
    evidence = data.draw(st.sampled_from([case[2] for case in BROKEN] + [case[1] for case in FINE]))
    of = data.draw(
        st.sampled_from(["orders", "intents", "trades", "legs", "fills", "notifications", "externals", "heartbeats"])
    )
    rows = getattr(evidence, of)
    copies = data.draw(st.lists(st.sampled_from(rows), max_size=4)) if rows else []
    shuffled = replace(evidence, **{of: tuple(data.draw(st.permutations([*rows, *copies])))})
    assert check_liveness(shuffled, at=evidence.taken_at) == check_liveness(evidence, at=evidence.taken_at)


def test_a_survey_tells_of_every_invariant() -> None:
    found = survey(healthy(wire=None, book=None), at=at(600))
    assert [one.invariant for one in found] == [f"I{number}" for number in range(1, 21)]
    assert not any(one.breaches for one in found)
    by_name = {one.invariant: one for one in found}
    assert by_name["I1"].checked == ""
    assert "no ledger" in by_name["I1"].missing
    assert by_name["I8"].checked == "1 exits"
    assert by_name["I8"].missing == ""


def test_a_survey_carries_the_breaches() -> None:
    found = survey(healthy(orders=with_order(2, freeze_quantity=65)), at=at(600))
    assert {one.invariant: len(one.breaches) for one in found if one.breaches} == {"I14": 1}


def carried(**changes: Any) -> Evidence:
    """The day of the exit only: what was entered before is not in its ledger."""
    day: dict[str, Any] = {"since": at(10), "market_since": at(10)}
    return healthy(**{**day, "wire": WIRE[2:], "book": BrokerBook(BOOK.orders[2:], FILLS[3:]), **changes})


def test_what_was_entered_before_the_ledger_is_carried_into_it() -> None:
    assert check_safety(carried()) == []
    assert broken(carried()) == set()
    assert {one.invariant for one in check_safety(carried(fills=healthy().fills[1:]))} == {"I7", "I16"}


def test_what_is_left_after_the_ledger_is_not_looked_for_in_it() -> None:
    evidence = healthy(until=at(10), market_until=at(10), wire=WIRE[:2], book=BrokerBook(BOOK.orders[:2], FILLS[:3]))
    assert check_safety(evidence) == []
    assert broken(evidence) == set()


def test_sends_of_another_day_are_not_judged() -> None:
    """Calendars and sessions of long ago are not kept."""
    gone: dict[str, Any] = {"broker_sessions": (), "market_sessions": ()}
    assert {one.invariant for one in check_safety(healthy(**gone))} == {"I11", "I19"}
    assert check_safety(carried(**gone, since=at(100), market_since=at(100), wire=(), book=BrokerBook())) == []
