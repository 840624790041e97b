"""The contracts on offer: which underlyings, which expiries and strikes, under which symbols and tokens.

Lots, freeze quantities and ticks as in force in November 2026 (NSE/FAOP/70616 and 75521, MCX contract
specification).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from domain.instruments import Exchange, Kind, Right
from domain.symbols import MONTHS, strike_text
from simulator.market.calendar import (
    crude_expiries,
    is_monthly,
    listing_day,
    monthly_expiries,
    weekly_expiries,
)
from simulator.market.types import Listing

SEGMENTS = {"NSE": 1, "NFO": 2, "MCX": 7, "INDICES": 9, "BINANCE": 40, "BINANCE_UM": 41, "MT5": 50}
_WEEKLY_MONTHS = "123456789OND"
_TOKEN_SPAN = 1 << 22
_FIRST_TOKEN = 100_000
OPTION_TICK = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Family:
    """An underlying and everything listed on it.

    ``volatility`` is annual, implied at the money; ``beta`` is the share of its moves that comes from the
    market's common factor (a correlation). ``reach`` is how many strikes are listed on each side.
    ``step`` 0 lists no options.
    """

    underlying: str
    exchange: Exchange
    base: Decimal
    volatility: float
    beta: float
    lot_size: int
    freeze_quantity: int | None
    future_tick: Decimal
    multiplier: Decimal = Decimal(1)
    step: int = 0
    reach: int = 0
    skew: float = 0.0
    smile: float = 0.0


@dataclass(frozen=True, slots=True)
class Spot:
    """The listed underlying of a family; crude has none."""

    underlying: str
    symbol: str
    name: str
    kind: Kind
    exchange_token: int
    tick_size: Decimal


NIFTY = Family(
    "NIFTY",
    Exchange.NFO,
    Decimal(24200),
    0.115,
    0.95,
    65,
    1800,
    Decimal("0.10"),
    step=50,
    reach=22,
    skew=-0.35,
    smile=1.2,
)
BANKNIFTY = Family(
    "BANKNIFTY",
    Exchange.NFO,
    Decimal(57000),
    0.125,
    0.85,
    30,
    600,
    Decimal("0.20"),
    step=100,
    reach=18,
    skew=-0.30,
    smile=1.2,
)
RELIANCE = Family("RELIANCE", Exchange.NFO, Decimal(1420), 0.22, 0.6, 500, None, Decimal("0.10"))
CRUDEOIL = Family("CRUDEOIL", Exchange.MCX, Decimal(5400), 0.32, 0.0, 100, 10_000, Decimal(1))
FAMILIES = {family.underlying: family for family in (NIFTY, BANKNIFTY, RELIANCE, CRUDEOIL)}

# Coins move around the clock: a fifth of a trading year's volatility is half of a calendar year's.
BTCUSDT = Family("BTCUSDT", Exchange.BINANCE, Decimal(61_000), 0.21, 0.9, 1, None, Decimal("0.01"))
ETHUSDT = Family("ETHUSDT", Exchange.BINANCE, Decimal(3_100), 0.28, 0.8, 1, None, Decimal("0.01"))
COIN_FAMILIES = {family.underlying: family for family in (BTCUSDT, ETHUSDT)}

EURUSD = Family("EURUSD", Exchange.MT5, Decimal("1.16"), 0.07, 0.3, 1, None, Decimal("0.00001"))
XAUUSD = Family("XAUUSD", Exchange.MT5, Decimal(4_100), 0.15, 0.2, 1, None, Decimal("0.01"))
US500 = Family("US500", Exchange.MT5, Decimal(6_800), 0.13, 0.8, 1, None, Decimal("0.1"))
CFD_FAMILIES = {family.underlying: family for family in (EURUSD, XAUUSD, US500)}

VIX = Spot("INDIA VIX", "INDIA VIX", "INDIA VIX", Kind.INDEX, 1035, Decimal("0.01"))
SPOTS = (
    Spot("NIFTY", "NIFTY 50", "NIFTY 50", Kind.INDEX, 1001, OPTION_TICK),
    Spot("BANKNIFTY", "NIFTY BANK", "NIFTY BANK", Kind.INDEX, 1016, OPTION_TICK),
    VIX,
    Spot("RELIANCE", "RELIANCE", "RELIANCE INDUSTRIES", Kind.EQUITY, 2885, Decimal("0.10")),
)


def list_contracts(now: datetime) -> list[Listing]:
    """Return everything listed at ``now``; a contract keeps its token from day to day."""
    day = listing_day(now)
    rows = [*_options(NIFTY, option_expiries(day)), *_options(BANKNIFTY, monthly_expiries(day, 1))]
    for family in (NIFTY, BANKNIFTY, RELIANCE):
        rows += _futures(family, monthly_expiries(day, 2))
    rows += _futures(CRUDEOIL, crude_expiries(day, 2))
    return [*map(spot_listing, SPOTS), *with_tokens(rows)]


@dataclass(frozen=True, slots=True)
class Coin:
    """A pair as one of Binance's markets lists it: price step, quantity step and largest order, in coins."""

    family: Family
    exchange: Exchange
    kind: Kind
    tick_size: Decimal
    step: Decimal
    largest: Decimal


COINS = (
    Coin(BTCUSDT, Exchange.BINANCE, Kind.SPOT, Decimal("0.01"), Decimal("0.00001"), Decimal(9000)),
    Coin(ETHUSDT, Exchange.BINANCE, Kind.SPOT, Decimal("0.01"), Decimal("0.0001"), Decimal(9000)),
    Coin(BTCUSDT, Exchange.BINANCE_UM, Kind.PERPETUAL, Decimal("0.10"), Decimal("0.001"), Decimal(1000)),
    Coin(ETHUSDT, Exchange.BINANCE_UM, Kind.PERPETUAL, Decimal("0.01"), Decimal("0.001"), Decimal(10000)),
)


def list_coins(now: datetime) -> list[Listing]:
    """Return Binance's pairs: they are listed at any time."""
    return [_coin_listing(coin, number) for number, coin in enumerate(COINS, start=1)]


def _coin_listing(coin: Coin, number: int) -> Listing:
    """A unit is the quantity step, so ``multiplier`` is the step and every quantity a whole number."""
    return Listing(
        token=number << 8 | SEGMENTS[coin.exchange],
        exchange_token=number,
        exchange=coin.exchange,
        symbol=coin.family.underlying,
        underlying=coin.family.underlying,
        name=coin.family.underlying,
        kind=coin.kind,
        expiry=None,
        strike=None,
        right=Right.NONE,
        lot_size=coin.family.lot_size,
        tick_size=coin.tick_size,
        freeze_quantity=int(coin.largest / coin.step),
        multiplier=coin.step,
    )


@dataclass(frozen=True, slots=True)
class Cfd:
    """A symbol as a MetaTrader 5 server lists it: units of the base in one lot, lots in a step and in an order."""

    family: Family
    digits: int
    contract_size: int
    step: Decimal
    largest: Decimal


CFDS = (
    Cfd(EURUSD, 5, 100_000, Decimal("0.01"), Decimal(50)),
    Cfd(XAUUSD, 2, 100, Decimal("0.01"), Decimal(50)),
    Cfd(US500, 1, 10, Decimal("0.1"), Decimal(250)),
)


def list_cfds(now: datetime) -> list[Listing]:
    """Return the symbols of the MetaTrader 5 server: they are listed at any time."""
    return [_cfd_listing(cfd, number) for number, cfd in enumerate(CFDS, start=1)]


def _cfd_listing(cfd: Cfd, number: int) -> Listing:
    """A unit is the volume step, and ``multiplier`` what it gains when the price rises by 1."""
    return Listing(
        token=number << 8 | SEGMENTS[Exchange.MT5],
        exchange_token=number,
        exchange=Exchange.MT5,
        symbol=cfd.family.underlying,
        underlying=cfd.family.underlying,
        name=cfd.family.underlying,
        kind=Kind.PERPETUAL,
        expiry=None,
        strike=None,
        right=Right.NONE,
        lot_size=cfd.family.lot_size,
        tick_size=cfd.family.future_tick,
        freeze_quantity=int(cfd.largest / cfd.step),
        multiplier=cfd.contract_size * cfd.step,
    )


def option_expiries(day: date) -> list[date]:
    """Return NIFTY's option expiries: the two nearest weeklies and the nearest monthly that is neither."""
    weeklies = weekly_expiries(day, 2)
    monthly = next(expiry for expiry in monthly_expiries(day, 2) if expiry not in weeklies)
    return [*weeklies, monthly]


def option_symbol(underlying: str, expiry: date, strike: Decimal, right: Right) -> str:
    """Return Kite's symbol: ``NIFTY26NOV24200CE`` for monthlies, ``NIFTY26D0124200CE`` for weeklies."""
    year = f"{expiry.year % 100:02}"
    middle = MONTHS[expiry.month - 1]
    if not is_monthly(expiry):
        middle = f"{_WEEKLY_MONTHS[expiry.month - 1]}{expiry.day:02}"
    return f"{underlying}{year}{middle}{strike_text(strike)}{right}"


def option_listing(family: Family, expiry: date, strike: Decimal, right: Right) -> Listing:
    """Return an option's listing, its token still 0 (see ``with_tokens``)."""
    symbol = option_symbol(family.underlying, expiry, strike, right)
    return _listing(family, Kind.OPTION, symbol, expiry, OPTION_TICK, strike, right)


def spot_listing(spot: Spot) -> Listing:
    """Return the listing of an index or equity."""
    segment = SEGMENTS["INDICES" if spot.kind is Kind.INDEX else "NSE"]
    return Listing(
        token=spot.exchange_token << 8 | segment,
        exchange_token=spot.exchange_token,
        exchange=Exchange.NSE,
        symbol=spot.symbol,
        underlying=spot.underlying,
        name=spot.name,
        kind=spot.kind,
        expiry=None,
        strike=None,
        right=Right.NONE,
        lot_size=1,
        tick_size=spot.tick_size,
        freeze_quantity=None,
    )


def with_tokens(rows: Iterable[Listing]) -> list[Listing]:
    """Return the rows with tokens that follow from their symbols, so that a restart finds the same ones."""
    taken: set[int] = set()
    tokens: dict[str, int] = {}
    rows = list(rows)
    for symbol in sorted(row.symbol for row in rows):
        tokens[symbol] = _free_token(symbol, taken)
    return [_numbered(row, tokens[row.symbol]) for row in rows]


def _free_token(symbol: str, taken: set[int]) -> int:
    digest = hashlib.sha256(symbol.encode()).digest()
    number = _FIRST_TOKEN + int.from_bytes(digest[:4], "big") % _TOKEN_SPAN
    while number in taken:
        number += 1
    taken.add(number)
    return number


def _numbered(row: Listing, number: int) -> Listing:
    return replace(row, token=number << 8 | SEGMENTS[row.exchange], exchange_token=number)


def _options(family: Family, expiries: Sequence[date]) -> list[Listing]:
    middle = round(family.base / family.step) * family.step
    strikes = [Decimal(middle + offset * family.step) for offset in range(-family.reach, family.reach + 1)]
    return [
        option_listing(family, expiry, strike, right)
        for expiry in expiries
        for strike in strikes
        for right in (Right.CALL, Right.PUT)
    ]


def _futures(family: Family, expiries: Sequence[date]) -> list[Listing]:
    return [
        _listing(family, Kind.FUTURE, _future_symbol(family, expiry), expiry, family.future_tick) for expiry in expiries
    ]


def _future_symbol(family: Family, expiry: date) -> str:
    return f"{family.underlying}{expiry.year % 100:02}{MONTHS[expiry.month - 1]}FUT"


def _listing(
    family: Family,
    kind: Kind,
    symbol: str,
    expiry: date,
    tick_size: Decimal,
    strike: Decimal | None = None,
    right: Right = Right.NONE,
) -> Listing:
    return Listing(
        token=0,
        exchange_token=0,
        exchange=family.exchange,
        symbol=symbol,
        underlying=family.underlying,
        name=family.underlying,
        kind=kind,
        expiry=expiry,
        strike=strike,
        right=right,
        lot_size=family.lot_size,
        tick_size=tick_size,
        freeze_quantity=family.freeze_quantity,
        multiplier=family.multiplier,
    )
