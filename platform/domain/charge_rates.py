"""Charge rates with their dates, as data. Facts as of 2026-11-20.

A rate is a fraction of turnover (price x units x multiplier; for options the premium). STT and stamp duty are
law, the same on NSE and BSE. Contract notes round STT to the rupee: reconcile within one rupee per order.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from domain.instruments import Exchange, Kind
from domain.orders import Side


class Levy(StrEnum):
    """What is charged."""

    STT = "STT"  # CTT on commodities
    EXERCISE = "EXERCISE"  # STT on the intrinsic value of an option the buyer lets expire in the money
    EXCHANGE = "EXCHANGE"  # transaction charge, NSE's investor protection fund included
    SEBI = "SEBI"
    STAMP = "STAMP"
    GST = "GST"  # of brokerage, exchange and SEBI charges


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate for some exchanges and kinds on the days from ``first`` through ``last`` (``None``: in force).

    ``side`` is the only side charged, ``None`` for both.
    """

    levy: Levy
    exchanges: frozenset[Exchange]
    kinds: frozenset[Kind]
    side: Side | None
    rate: Decimal
    first: date
    last: date | None


_FUT, _OPT = frozenset({Kind.FUTURE}), frozenset({Kind.OPTION})
_BOTH = _FUT | _OPT
_EQUITY = frozenset({Exchange.NFO, Exchange.BFO})
_MCX, _CDS = frozenset({Exchange.MCX}), frozenset({Exchange.CDS})
_DERIVATIVES = _EQUITY | _MCX
_ALL = _DERIVATIVES | _CDS
_SPOT, _PERPETUAL = frozenset({Kind.SPOT}), frozenset({Kind.PERPETUAL})
_COINS = (frozenset({Exchange.BINANCE, Exchange.BINANCE_UM}), _SPOT | _PERPETUAL)


def _rate(
    levy: Levy,
    where: tuple[frozenset[Exchange], frozenset[Kind]],
    side: Side | None,
    rate: str,
    first: str,
    last: str = "",
) -> Rate:
    ends = date.fromisoformat(last) if last else None
    return Rate(levy, where[0], where[1], side, Decimal(rate), date.fromisoformat(first), ends)


RATES: tuple[Rate, ...] = (
    _rate(Levy.STT, (_EQUITY, _FUT), Side.SELL, "0.000125", "2023-04-01", "2024-09-30"),
    _rate(Levy.STT, (_EQUITY, _FUT), Side.SELL, "0.0002", "2024-10-01", "2026-03-31"),
    _rate(Levy.STT, (_EQUITY, _FUT), Side.SELL, "0.0005", "2026-04-01"),
    _rate(Levy.STT, (_EQUITY, _OPT), Side.SELL, "0.000625", "2023-04-01", "2024-09-30"),
    _rate(Levy.STT, (_EQUITY, _OPT), Side.SELL, "0.001", "2024-10-01", "2026-03-31"),
    _rate(Levy.STT, (_EQUITY, _OPT), Side.SELL, "0.0015", "2026-04-01"),
    _rate(Levy.EXERCISE, (_EQUITY, _OPT), Side.BUY, "0.00125", "2019-09-01", "2026-03-31"),
    _rate(Levy.EXERCISE, (_EQUITY, _OPT), Side.BUY, "0.0015", "2026-04-01"),
    _rate(Levy.STT, (_MCX, _FUT), Side.SELL, "0.0001", "2013-07-01"),  # non-agricultural
    _rate(Levy.STT, (_MCX, _OPT), Side.SELL, "0.0005", "2013-07-01"),
    _rate(Levy.STT, (_CDS, _BOTH), None, "0", "2010-01-01"),  # currencies bear none
    _rate(Levy.EXCHANGE, (frozenset({Exchange.NFO}), _FUT), None, "0.0000183", "2024-10-01"),
    _rate(Levy.EXCHANGE, (frozenset({Exchange.NFO}), _OPT), None, "0.0003553", "2024-10-01"),
    _rate(Levy.EXCHANGE, (frozenset({Exchange.BFO}), _FUT), None, "0", "2024-10-01"),
    # Published for SENSEX and BANKEX options; taken for the other BSE options too (not verified).
    _rate(Levy.EXCHANGE, (frozenset({Exchange.BFO}), _OPT), None, "0.000325", "2024-10-01"),
    _rate(Levy.EXCHANGE, (_MCX, _FUT), None, "0.000021", "2024-10-01"),
    _rate(Levy.EXCHANGE, (_MCX, _OPT), None, "0.000418", "2024-10-01"),
    _rate(Levy.EXCHANGE, (_CDS, _FUT), None, "0.0000035", "2024-10-01"),
    _rate(Levy.EXCHANGE, (_CDS, _OPT), None, "0.000311", "2024-10-01"),
    _rate(Levy.SEBI, (_ALL, _BOTH), None, "0.000001", "2021-01-01"),
    _rate(Levy.STAMP, (_DERIVATIVES, _FUT), Side.BUY, "0.00002", "2020-07-01"),
    _rate(Levy.STAMP, (_DERIVATIVES, _OPT), Side.BUY, "0.00003", "2020-07-01"),
    _rate(Levy.STAMP, (_CDS, _BOTH), Side.BUY, "0.000001", "2020-07-01"),
    _rate(Levy.GST, (_ALL, _BOTH), None, "0.18", "2017-07-01"),
    # Binance's fee for takers of the lowest tier, paid without a discount (not verified); it is abroad, so none of the
    # Indian levies is in it. What a client owes of its own (1 % TDS on virtual assets) is not counted here.
    _rate(Levy.EXCHANGE, (frozenset({Exchange.BINANCE}), _SPOT), None, "0.001", "2024-01-01"),
    _rate(Levy.EXCHANGE, (frozenset({Exchange.BINANCE_UM}), _PERPETUAL), None, "0.0005", "2024-01-01"),
    # A MetaTrader 5 server takes commission and swap out of the account at rates of its own: none is guessed here.
    *(
        _rate(levy, (frozenset({Exchange.MT5}), _PERPETUAL), None, "0", "2024-01-01")
        for levy in (Levy.EXCHANGE, Levy.STT, Levy.SEBI, Levy.STAMP, Levy.GST)
    ),
    *(_rate(levy, _COINS, None, "0", "2024-01-01") for levy in (Levy.STT, Levy.SEBI, Levy.STAMP, Levy.GST)),
)


def rate_on(levy: Levy, *, exchange: Exchange, kind: Kind, side: Side, on: date) -> Decimal:
    """Return the rate an order on that side pays on a day, 0 where only the other side pays.

    Raises ``LookupError`` where no rate is known: charges are never guessed.
    """
    for rate in RATES:
        applies = rate.levy is levy and exchange in rate.exchanges and kind in rate.kinds
        if applies and rate.first <= on <= (rate.last or date.max):
            return rate.rate if rate.side in (None, side) else Decimal(0)
    raise LookupError(f"no {levy} rate known for {exchange} {kind} on {on}")
