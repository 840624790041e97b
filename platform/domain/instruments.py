"""The contract: its key, and the facts that belong to it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Exchange(StrEnum):
    """Where a contract is listed; derivatives and indices have their own codes.

    Those that are not Indian are described in ``domain.venues``.
    """

    NSE = "NSE"
    BSE = "BSE"
    NFO = "NFO"
    BFO = "BFO"
    CDS = "CDS"
    BCD = "BCD"
    MCX = "MCX"
    NSE_INDEX = "NSE_INDEX"
    BSE_INDEX = "BSE_INDEX"
    BINANCE = "BINANCE"  # its spot market
    BINANCE_UM = "BINANCE_UM"  # its USD-M futures
    MT5 = "MT5"  # what a MetaTrader 5 terminal shows, whoever's server it is at


class Kind(StrEnum):
    """What the contract is."""

    INDEX = "INDEX"
    EQUITY = "EQ"
    FUTURE = "FUT"
    OPTION = "OPT"
    SPOT = "SPOT"  # a coin, paid for and held
    PERPETUAL = "PERP"  # a future without expiry


class Right(StrEnum):
    """The option's right; NONE for everything that is not an option."""

    CALL = "CE"
    PUT = "PE"
    NONE = ""


@dataclass(frozen=True, slots=True)
class InstrumentKey:
    """The identity of a contract. Symbols are views of it; brokers' strings are never parsed to trade."""

    exchange: Exchange
    underlying: str
    kind: Kind
    expiry: date | None = None
    strike: Decimal | None = None
    right: Right = Right.NONE


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract with the facts that belong to it.

    ``lot_size`` is units per lot, ``freeze_quantity`` the largest order in units (``None``: no limit known),
    ``multiplier`` the money one unit gains when the price rises by 1 (1 for NSE and BSE, 0.1 for MCX gold quoted per
    10 g in lots of 1,000 g, the quantity step where quantities are fractions).
    """

    key: InstrumentKey
    symbol: str
    lot_size: int
    tick_size: Decimal
    freeze_quantity: int | None = None
    multiplier: Decimal = Decimal(1)
