"""A position taken over from somebody else's order has no entry of ours: its cost is what is on record."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.invariants.agreement_rules import money_agrees
from domain.invariants.attention_rules import closed_is_flat
from domain.invariants.book_rules import never_crosses_zero
from domain.invariants.broker_side import BookFill, BookOrder, BrokerBook
from domain.invariants.evidence import Evidence, FillRow, LegRow
from domain.invariants.ledger_rules import ledger_adds_up
from domain.invariants.view import View
from tests.domain.invariants.scene import ORDERS, at, healthy

EXIT = replace(ORDERS[-1], pk=90, leg_id=2, trade_id=2, side="BUY", quantity=65, filled_quantity=65, kind="EXIT")
LEG = LegRow(2, 2, 9, "SELL", 65, 65, Decimal(98) * 65, 65, Decimal(97) * 65)


def day(gross: Decimal) -> Evidence:
    trade = replace(healthy().trades[0], pk=2, gross_pnl=gross)
    fill = FillRow(9, 1, EXIT.pk, "T9", 65, Decimal(97), at(20))
    return Evidence(at(600), at(600), orders=(EXIT,), trades=(trade,), legs=(LEG,), fills=(fill,))


@pytest.mark.parametrize(("gross", "breaches"), [(Decimal(65), 0), (Decimal(0), 1), (Decimal("65.01"), 1)])
def test_its_profit_is_reckoned_from_the_price_it_was_taken_over_at(gross: Decimal, breaches: int) -> None:
    assert len(list(money_agrees(View(day(gross))))) == breaches


TURNED = LegRow(1, 1, 9, "BUY", 65, 65, Decimal(100) * 65, 65, Decimal(99) * 65)
OURS = [
    replace(EXIT, pk=80, leg_id=1, trade_id=1, side="BUY", kind="ENTRY", tag="A" * 20),
    replace(EXIT, pk=81, leg_id=1, trade_id=1, side="SELL", tag="B" * 20),
]


def turned_round(*, brought_back: int = 65, flip_of: int | None = 1) -> Evidence:
    """A position left by us and in the broker's app at once, and what of the far side was taken over."""
    trades = [replace(healthy().trades[0], pk=pk) for pk in (1, 2)]
    leg = replace(LEG, entry_quantity=brought_back, entry_value=Decimal(98) * brought_back)
    fills = (
        FillRow(1, 1, 80, "T1", 65, Decimal(100), at(1)),
        FillRow(2, 1, 81, "T2", 65, Decimal(99), at(2)),
        FillRow(3, 1, EXIT.pk, "T3", 65, Decimal(97), at(20)),
    )
    found = Evidence(at(600), at(600), orders=(*OURS, EXIT), legs=(TURNED, leg), fills=fills)
    return replace(found, trades=(trades[0], replace(trades[1], flip_of=flip_of)))


def test_what_was_taken_over_needs_no_entry_of_ours() -> None:
    assert not list(ledger_adds_up(View(turned_round())))
    assert [one.subject for one in ledger_adds_up(View(turned_round(flip_of=None)))] == ["leg 2"]


def test_no_more_is_taken_over_than_our_exits_turned_round() -> None:
    assert "130 were taken over" in "".join(one.text for one in ledger_adds_up(View(turned_round(brought_back=130))))


@pytest.mark.parametrize(("held", "breaches"), [(65, 0), (0, 1)])
def test_an_exit_of_it_takes_no_more_than_was_taken_over(held: int, breaches: int) -> None:
    accepted = BookOrder(5, at(19), EXIT.broker, EXIT.client_id, "B9", EXIT.tag, "NFO", "X", "BUY", 65)
    found = replace(turned_round(brought_back=held), wire=(), book=BrokerBook(orders=(accepted,)))
    assert len(list(never_crosses_zero(View(found)))) == breaches


@pytest.mark.parametrize(("taken", "breaches"), [(65, 0), (130, 1)])
def test_leaving_all_that_was_taken_over_leaves_nothing_at_the_broker(taken: int, breaches: int) -> None:
    found = replace(turned_round(brought_back=taken), legs=(replace(LEG, entry_quantity=taken),))
    accepted = BookOrder(5, at(19), EXIT.broker, EXIT.client_id, "B9", EXIT.tag, "NFO", "X", "BUY", 65)
    bought = BookFill(6, at(19), EXIT.broker, EXIT.client_id, "B9", "T3", "NFO", "X", "BUY", 65, Decimal(97))
    over = tuple(replace(trade, status="CLOSED") for trade in found.trades)
    found = replace(found, trades=over, wire=(), book=BrokerBook(orders=(accepted,), fills=(bought,)))
    assert [one.subject for one in closed_is_flat(View(found))] == ["leg 2"] * breaches
