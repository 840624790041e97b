"""Faults hit whom they name, as often as they say, and the same way for the same seed."""

import msgspec
import pytest

from simulator.faults import BOOK_FAULTS, ORDER_FAULTS, Fault, FaultKind, FaultPlan

PLACE = {"client": "DEMO01", "endpoint": "orders.place", "symbol": "NIFTY26AUG24200CE"}


def plan(*faults: Fault, seed: int = 7) -> FaultPlan:
    made = FaultPlan(seed)
    for fault in faults:
        made.add(fault)
    return made


def test_nothing_is_spoilt_without_a_plan():
    assert plan().draw(ORDER_FAULTS, **PLACE) is None


@pytest.mark.parametrize(
    ("field", "value", "hit"),
    [
        ("client", "DEMO01", True),
        ("client", "DEMO02", False),
        ("endpoint", "orders.place", True),
        ("endpoint", "orders.*", True),
        ("endpoint", "quote", False),
        ("symbol", "NIFTY26AUG24200CE", True),
        ("symbol", "NIFTY26AUG24200PE", False),
    ],
)
def test_a_fault_hits_only_what_it_names(field, value, hit):
    fault = Fault(kind=FaultKind.ACCEPT_THEN_TIMEOUT, **{field: value})
    assert (plan(fault).draw(ORDER_FAULTS, **PLACE) is not None) is hit


def test_a_counted_fault_ends_after_its_count():
    made = plan(Fault(kind=FaultKind.BAD_JSON, count=2))
    hits = [made.draw(ORDER_FAULTS, **PLACE) is not None for _ in range(4)]
    assert hits == [True, True, False, False]


def test_the_plan_knows_whose_calls_it_has_spoilt():
    made = plan(Fault(kind=FaultKind.BAD_JSON, count=3), Fault(kind=FaultKind.HTML_BODY, client="DEMO02"))
    for client in ("DEMO01", "DEMO02", "DEMO01", "DEMO01", "DEMO02", ""):
        made.draw(ORDER_FAULTS, client=client, endpoint="orders.place")
    assert made.spoilt == {"DEMO01": 2, "DEMO02": 2}


def test_a_fault_of_another_point_is_neither_drawn_nor_spent():
    made = plan(Fault(kind=FaultKind.BOOK_LAG, count=1))
    assert made.draw(ORDER_FAULTS, **PLACE) is None
    assert made.draw(BOOK_FAULTS, client="DEMO01", endpoint="orders.book") is not None


def test_chances_follow_the_seed_and_are_neither_never_nor_always():
    def hits(seed: int) -> list[bool]:
        made = plan(Fault(kind=FaultKind.BAD_JSON, probability=0.5), seed=seed)
        return [made.draw(ORDER_FAULTS, **PLACE) is not None for _ in range(100)]

    assert hits(1) == hits(1)
    assert hits(1) != hits(2)
    assert 20 < sum(hits(1)) < 80


def test_delays_add_to_the_base_latency_within_their_range():
    made = plan(Fault(kind=FaultKind.DELAY, ms=100, max_ms=200))
    made.latency_ms = 80
    waits = [made.delay_seconds(**PLACE) for _ in range(50)]
    assert 0.18 <= min(waits) < max(waits) <= 0.28
    made.clear()
    assert made.delay_seconds(**PLACE) == 0.08


def test_faults_are_lifted_one_by_one_or_all_together():
    made = FaultPlan(1)
    first = made.add(Fault(kind=FaultKind.BAD_JSON))
    made.add(Fault(kind=FaultKind.EMPTY_BODY))
    assert made.clear(first.id) == 1
    assert [fault.kind for fault in made] == [FaultKind.EMPTY_BODY]
    assert made.clear() == 1
    assert list(made) == []


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"kind":"meteor"}',
        b'{"kind":"delay","ms":-1}',
        b'{"kind":"delay","probability":2}',
        b'{"kind":"delay","count":0}',
        b'{"kind":"delay","clinet":"DEMO01"}',
    ],
)
def test_a_malformed_fault_is_refused(body):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Fault)
