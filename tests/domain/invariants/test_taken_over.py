"""A position taken over from somebody else's order has no entry of ours: its cost is what is on record."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.invariants.agreement_rules import money_agrees
from domain.invariants.evidence import Evidence, FillRow, LegRow
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
