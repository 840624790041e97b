"""Rows nobody can tell apart are left out, all of them, and named; a file that is not whole is refused."""

import gzip
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from brokers.masters import MalformedLine, Master, unambiguous, unzipped
from domain.broker import BrokerUnavailable, InstrumentRow

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


def test_gzip_is_unpacked_and_broken_or_endless_gzip_refused():
    packed = gzip.compress(b"x" * 1000)
    assert unzipped(packed, limit=2000, broker="zerodha") == b"x" * 1000
    assert unzipped(b"plain", limit=2000, broker="zerodha") == b"plain"
    for body, limit in ((packed, 999), (packed[:-5], 2000), (b"\x1f\x8b broken", 2000)):
        with pytest.raises(BrokerUnavailable, match=r"zerodha instrument master: the gzip"):
            unzipped(body, limit=limit, broker="zerodha")
