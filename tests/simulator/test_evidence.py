"""The simulator's ledger, read back as what arrived and what the brokers then held."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.invariants.broker_side import Answer, Call
from domain.invariants.ledger_lines import LedgerError, read_lines
from simulator.evidence import read_ledger
from simulator.ledger import Entry, Event, Ledger

TAG = "A" * 20
START = datetime(2026, 11, 16, 4, tzinfo=UTC)
ENCODER = msgspec.json.Encoder()


def entry(event: Event, endpoint: str = "orders.place", **fields: object) -> Entry:
    values: dict[str, object] = {
        "broker": "zerodha",
        "client": "AB1234",
        "tag": TAG,
        "exchange": "NFO",
        "symbol": "NIFTY",
        "side": "BUY",
        "quantity": 130,
        "price": "100",
        "request": 1,
    }
    return Entry(event=event, endpoint=endpoint, **values | fields)  # type: ignore[arg-type]


async def written(path: Path, *entries: Entry) -> Path:
    """Write entries the way the simulator does."""
    ledger = Ledger(path, market_now=lambda: START)
    for one in entries:
        ledger.append(one)
    await ledger.aclose()
    return path


def lines(*entries: Entry) -> list[bytes]:
    """The same without a file, a second apart."""
    found = []
    for number, one in enumerate(entries):
        moment = (START + timedelta(seconds=number)).isoformat()
        one.at = one.market_at = moment
        found.append(ENCODER.encode(one) + b"\n")
    return found


def test_an_accepted_order_and_its_fills(tmp_path: Path) -> None:
    path = asyncio.run(
        written(
            tmp_path / "ledger.jsonl",
            entry(Event.REQUEST),
            entry(Event.ACCEPTED, order_id="B1"),
            entry(Event.FILL, "exchange", order_id="B1", quantity=65, price="99.5", trade_id="T1", request=0),
        )
    )
    wire, book = read_ledger(path)
    (request,) = wire
    assert (request.line, request.call, request.answer, request.tag) == (1, Call.PLACE, Answer.ACCEPTED, TAG)
    assert (request.broker, request.client_id, request.broker_order_id) == ("zerodha", "AB1234", "B1")
    assert request.market_at == START
    assert request.at > START
    (order,) = book.orders
    assert (order.line, order.tag, order.quantity, order.is_manual, order.ended_line) == (2, TAG, 130, False, None)
    (fill,) = book.fills
    assert (fill.exchange_trade_id, fill.quantity, fill.price) == ("T1", 65, Decimal("99.5"))


def test_a_ledger_that_is_not_there_is_empty(tmp_path: Path) -> None:
    wire, book = read_ledger(tmp_path / "none.jsonl")
    assert (wire, book.orders, book.fills) == ((), (), ())


def test_what_a_fault_spoiled_is_still_accepted() -> None:
    fault = entry(Event.FAULT, order_id="B1", fault="accept_then_timeout")
    wire, book = read_lines(lines(entry(Event.REQUEST), entry(Event.ACCEPTED, order_id="B1"), fault))
    assert [one.answer for one in wire] == [Answer.ACCEPTED]
    assert len(book.orders) == 1


def test_what_was_lost_arrived_and_was_not_seen() -> None:
    wire, book = read_lines(lines(entry(Event.REQUEST), entry(Event.DROPPED, fault="never_delivered")))
    assert [one.answer for one in wire] == [Answer.DROPPED]
    assert book.orders == ()


def test_what_is_accepted_late_arrived_once() -> None:
    late = entry(Event.ACCEPTED, order_id="B1")
    wire, book = read_lines(lines(entry(Event.REQUEST), entry(Event.DROPPED, fault="late_accept"), late))
    assert [(one.answer, one.broker_order_id) for one in wire] == [(Answer.ACCEPTED, "B1")]
    assert len(book.orders) == 1


def test_a_refused_order_is_in_no_book() -> None:
    wire, book = read_lines(lines(entry(Event.REQUEST), entry(Event.REJECTED)))
    assert [one.answer for one in wire] == [Answer.REFUSED]
    assert book.orders == ()


def test_a_call_without_a_decision_is_pending() -> None:
    wire, _ = read_lines(lines(entry(Event.REQUEST)))
    assert [one.answer for one in wire] == [Answer.PENDING]


def test_modifies_and_cancels_are_calls_and_a_cancel_ends_the_order() -> None:
    wire, book = read_lines(
        lines(
            entry(Event.REQUEST),
            entry(Event.ACCEPTED, order_id="B1"),
            entry(Event.REQUEST, "orders.modify", order_id="B1", request=2),
            entry(Event.MODIFIED, "orders.modify", order_id="B1", request=2),
            entry(Event.REQUEST, "orders.cancel", order_id="B1", request=3),
            entry(Event.CANCELLED, "orders.cancel", order_id="B1", request=3),
            entry(Event.REQUEST, "orders.cancel", order_id="B1", request=4),
            entry(Event.REFUSED, "orders.cancel", order_id="B1", request=4),
        )
    )
    assert [one.call for one in wire] == [Call.PLACE, Call.MODIFY, Call.CANCEL, Call.CANCEL]
    assert [one.answer for one in wire] == [Answer.ACCEPTED, Answer.ACCEPTED, Answer.ACCEPTED, Answer.REFUSED]
    assert [(one.ended_line, one.is_rejected) for one in book.orders] == [(6, False)]


def test_a_change_by_another_order_in_the_old_ones_place_leaves_one_order_in_the_book() -> None:
    other = {"tag": "B" * 20, "request": 5}
    _, book = read_lines(
        lines(
            entry(Event.REQUEST),
            entry(Event.ACCEPTED, order_id="B1"),
            entry(Event.ACCEPTED, order_id="B2", **other),
            entry(Event.REQUEST, "orders.modify", order_id="B1", request=2),
            entry(Event.MODIFIED, "orders.modify", order_id="B3", request=2),
            entry(Event.CANCELLED, "exchange", order_id="B1", request=0),
            entry(Event.FILL, "exchange", order_id="B3", quantity=65, price="99.5", trade_id="T1", request=0),
        )
    )
    assert {one.broker_order_id: (one.line, one.ended_line) for one in book.orders} == {
        "B2": (3, None),
        "B3": (2, None),
    }
    assert [one.owner for one in book.fills] == [("zerodha", "AB1234", "B3")]


def test_an_execution_is_known_by_what_its_broker_calls_it() -> None:
    fill = {"quantity": 65, "price": "99.5", "trade_id": "T1", "request": 0}
    _, book = read_lines(
        lines(entry(Event.FILL, "exchange", **fill), entry(Event.FILL, "exchange", execution="B1-T1", **fill))
    )
    assert [one.exchange_trade_id for one in book.fills] == ["T1", "B1-T1"]


def test_the_exchange_may_reject_what_was_accepted() -> None:
    _, book = read_lines(
        lines(
            entry(Event.REQUEST),
            entry(Event.ACCEPTED, order_id="B1"),
            entry(Event.REJECTED, "exchange", order_id="B1", request=0),
        )
    )
    assert [(one.ended_line, one.is_rejected) for one in book.orders] == [(3, True)]


def test_an_order_of_the_brokers_app_reached_no_wire() -> None:
    wire, book = read_lines(lines(entry(Event.ACCEPTED, "manual", order_id="M1", tag="", request=0)))
    assert wire == ()
    assert [one.is_manual for one in book.orders] == [True]


def test_request_numbers_begin_anew_with_the_simulator() -> None:
    other = "B" * 20
    wire, _ = read_lines(
        lines(
            entry(Event.REQUEST),
            entry(Event.ACCEPTED, order_id="B1"),
            entry(Event.REQUEST, tag=other),
            entry(Event.REJECTED, tag=other),
        )
    )
    assert [(one.tag, one.answer) for one in wire] == [(TAG, Answer.ACCEPTED), (other, Answer.REFUSED)]


def test_only_the_wall_times_asked_for_are_read() -> None:
    text = lines(entry(Event.REQUEST), entry(Event.ACCEPTED, order_id="B1"), entry(Event.REQUEST, tag="B" * 20))
    wire, book = read_lines(text, since=START + timedelta(seconds=1), until=START + timedelta(seconds=2))
    assert wire == ()
    assert len(book.orders) == 1


@given(cut=st.integers(min_value=1))
def test_a_torn_line_says_nothing_and_costs_nothing_else(cut: int) -> None:
    first, second, third = lines(
        entry(Event.REQUEST), entry(Event.ACCEPTED, order_id="B1"), entry(Event.REQUEST, tag="B" * 20)
    )
    torn = second[: cut % (len(second) - 2) + 1] + b"\n"
    wire, book = read_lines([first, torn, third])
    assert [one.line for one in wire] == [1, 3]
    assert book.orders == ()


def test_another_file_is_refused() -> None:
    with pytest.raises(LedgerError, match="no line"):
        read_lines([b"\x00\x01\n", b"%PDF\n"])
    with pytest.raises(LedgerError, match="line 1"):
        read_lines([b'{"hello": 1}\n'])
