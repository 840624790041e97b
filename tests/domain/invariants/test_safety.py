"""Each safety invariant is found when it alone is broken, and nothing is found in a healthy day."""

from dataclasses import replace
from typing import Any

import pytest

from domain.invariants import Evidence, check_safety
from domain.invariants.evidence import BrokerBook
from tests.domain.invariants.scene import (
    BOOK,
    EXITS,
    ORDERS,
    WIRE,
    accepted,
    at,
    exit_order,
    healthy,
    request,
    tag,
    with_order,
    with_request,
)


def broken(evidence: Evidence) -> set[str]:
    return {breach.invariant for breach in check_safety(evidence)}


def intents(*more: Any) -> tuple[Any, ...]:
    return (*healthy().intents, *more)


def test_a_healthy_day_has_no_breach() -> None:
    assert check_safety(healthy()) == []


def test_a_healthy_day_without_a_ledger_has_no_breach() -> None:
    assert check_safety(healthy(wire=None, book=None)) == []


ENTRY, EXIT = healthy().intents
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("a tag arrives twice", "I1", {"wire": (*WIRE, replace(WIRE[0], line=90, at=at(1.2)))}),
    (
        "a tag stands behind two orders at the broker",
        "I1",
        {"book": BrokerBook((*BOOK.orders, accepted(90, ORDERS[0], broker_order_id="B90")), BOOK.fills)},
    ),
    ("a signal has two entries of a leg", "I2", {"intents": intents(replace(ENTRY, pk=3, leg_id=5, trade_id=2))}),
    ("an unwritten order arrives", "I4", {"wire": (*WIRE, request(90, exit_order(99), at=at(300)))}),
    ("an order arrives before its claim", "I4", {"orders": with_order(1, claimed_at=at(1.06))}),
    ("an order arrives that was never claimed", "I4", {"orders": with_order(1, claimed_at=None)}),
    (
        "an aborted order arrives",
        "I4",
        {
            "wire": with_request(21, tag=tag(14)),
            "orders": (
                *(one for one in ORDERS if one.pk != 13),
                replace(EXITS[2], pk=14, tag=tag(14), status="ABORTED"),
            ),
        },
    ),
    ("another quantity arrives than was written", "I4", {"wire": with_request(21, quantity=65)}),
    ("another side arrives than was written", "I4", {"wire": with_request(21, side="BUY")}),
    ("it arrives in another client's name", "I4", {"wire": with_request(21, client_id="XY9999")}),
    ("a leg was left further than entered", "I7", {"legs": (replace(healthy().legs[0], entry_quantity=195),)}),
    ("exits may take more than is held", "I7", {"orders": with_order(13, status="UNKNOWN", filled_quantity=0)}),
    (
        "two exits of a leg are open",
        "I8",
        {"intents": intents(replace(EXIT, pk=3, status="WORKING"), replace(EXIT, pk=4, status="BLOCKED"))},
    ),
]


@pytest.mark.parametrize(("what", "invariant", "changes"), CASES, ids=[case[0] for case in CASES])
def test_each_breach_is_found(what: str, invariant: str, changes: dict[str, Any]) -> None:
    assert invariant in broken(healthy(**changes))
