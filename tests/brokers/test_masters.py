"""Rows nobody can tell apart are left out, all of them, and named."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from brokers.masters import MalformedLine, Master, unambiguous
from domain.broker import InstrumentRow

OPTION = InstrumentRow(
    exchange="NFO",
    underlying="NIFTY",
    kind="OPT",
    expiry=date(2026, 12, 1),
    strike=Decimal(24200),
    right="CE",
    symbol="NIFTY26D0124200CE",
    token="1",
    lot_size=65,
    tick_size=Decimal("0.05"),
    freeze_quantity=None,
    multiplier=Decimal(1),
)
PUT = replace(OPTION, right="PE", symbol="NIFTY26D0124200PE", token="2")
OTHER = replace(OPTION, strike=Decimal(24250), symbol="NIFTY26D0124250CE", token="3")


def test_rows_that_differ_are_all_kept():
    elsewhere = replace(OPTION, exchange="BFO")  # tokens and symbols are an exchange's own
    assert unambiguous(Master([OPTION, PUT, elsewhere])) == Master([OPTION, PUT, elsewhere])


@pytest.mark.parametrize(
    ("what", "twin"),
    [
        ("token", replace(PUT, token="1")),
        ("symbol", replace(PUT, symbol="NIFTY26D0124200CE")),
        ("contract", replace(OPTION, token="9", symbol="NIFTY01DEC24200CE")),
        ("contract", replace(OPTION, token="9", symbol="NIFTY01DEC24200CE", strike=Decimal("24200.0"))),
    ],
)
def test_rows_that_share_what_names_them_are_both_left_out_and_named(what, twin):
    master = unambiguous(Master([OPTION, OTHER, twin], [MalformedLine(7, "X", "before")]))
    assert master.rows == [OTHER]
    assert master.malformed[0] == MalformedLine(7, "X", "before")
    assert [line.symbol for line in master.malformed[1:]] == [OPTION.symbol, twin.symbol]
    assert all(what in line.reason for line in master.malformed[1:])
