"""Noren's rows as they are decoded: numbers come as strings, fields that say nothing are left out."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from brokers.rows import MalformedRow
from domain.clock import IST

_FORMS = ("%H:%M:%S %d-%m-%Y", "%d-%m-%Y %H:%M:%S")
_FIRST_REAL_YEAR = 2000
"""What never happened is stamped 01-01-1980."""


class OrderRow(msgspec.Struct):
    """One row of the order book, of an order's history, or of the socket (there ``rpt`` is ``reporttype``)."""

    norenordno: str
    status: str
    exch: str
    tsym: str
    trantype: str
    prctyp: str
    prd: str
    qty: int
    prc: Decimal
    fillshares: int | None = None
    avgprc: Decimal = Decimal(0)
    trgprc: Decimal = Decimal(0)
    cancelqty: int | None = None
    remarks: str = ""
    rejreason: str = ""
    norentm: str = ""
    ls: Decimal = Decimal(1)


class TradeRow(msgspec.Struct):
    """One row of the trade book: an execution with its order."""

    norenordno: str
    flid: str
    exch: str
    tsym: str
    trantype: str
    flqty: int
    flprc: Decimal
    fltm: str = ""
    norentm: str = ""
    exch_tm: str = ""
    ls: Decimal = Decimal(1)


class PositionRow(msgspec.Struct):
    """One row of the position book; the recorded sample calls the product ``prarr``."""

    exch: str
    tsym: str
    netqty: int
    netavgprc: Decimal
    lp: Decimal
    prcftr: Decimal
    prd: str = ""
    prarr: str = ""
    ls: Decimal = Decimal(1)


def first_time(*texts: str) -> datetime | None:
    """Return the first real one of IST times, in UTC; ``None`` where none is shown.

    Raises ``MalformedRow`` for a text that is no time.
    """
    for text in texts:
        moment = _time(text) if text else None
        if moment is not None and moment.year >= _FIRST_REAL_YEAR:
            return moment
    return None


def _time(text: str) -> datetime:
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=IST).astimezone(UTC)
        except ValueError:
            continue
    raise MalformedRow(f"{text!r} is not a time")
