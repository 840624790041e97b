"""TradingView tickers: what contract a chart's name means.

Forms, from TradingView's pages and public usage: ``NSE:NIFTY`` (index or stock), ``NSE:NIFTY1!`` and ``2!``
(continuous futures), ``MCX:CRUDEOILU2026`` (dated future: month code and year), ``NSE:NIFTY251125C24500``
(option). Derivatives are listed under the cash exchange's name; BSX is SENSEX and BKX is BANKEX.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from domain.contracts import MCX_CONTRACTS
from domain.expiries import ExpiryRule, NoExpiry, Pick, select_expiry
from domain.instruments import Exchange, InstrumentKey, Kind, Right
from domain.symbols import strike_text


class TickerError(ValueError):
    """The text is not a ticker we know how to trade."""


class TickerKind(StrEnum):
    """What the ticker names."""

    INDEX = "INDEX"
    EQUITY = "EQUITY"
    FRONT_FUTURE = "FRONT_FUTURE"
    NEXT_FUTURE = "NEXT_FUTURE"
    DATED_FUTURE = "DATED_FUTURE"
    OPTION = "OPTION"


@dataclass(frozen=True, slots=True)
class Ticker:
    """A parsed ticker. ``exchange`` is ours; ``venue`` is TradingView's (NSE, BSE or MCX).

    ``expiry`` is set for options, ``month`` (year, month) for dated futures: the listing tells the day.
    """

    venue: str
    exchange: Exchange
    kind: TickerKind
    underlying: str
    expiry: date | None = None
    month: tuple[int, int] | None = None
    right: Right = Right.NONE
    strike: Decimal | None = None


MONTH_CODES = "FGHJKMNQUVXZ"
INDEX_VENUES = {
    **dict.fromkeys(("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50", "INDIAVIX"), "NSE"),
    **dict.fromkeys(("SENSEX", "BANKEX", "SENSEX50"), "BSE"),
}
ALIASES = {"BSX": "SENSEX", "BKX": "BANKEX"}
_CURRENCIES = frozenset({"USDINR", "EURINR", "GBPINR", "JPYINR"})
_DERIVATIVES = {"NSE": Exchange.NFO, "BSE": Exchange.BFO, "MCX": Exchange.MCX}
_INDEX_EXCHANGES = {"NSE": Exchange.NSE_INDEX, "BSE": Exchange.BSE_INDEX}
_CASH = {"NSE": Exchange.NSE, "BSE": Exchange.BSE}
_NAME = r"[A-Z0-9&_-]{1,30}?"
_PREFIX = re.compile(r"(?:(?P<venue>[A-Z_]{1,12}):)?(?P<rest>[A-Z0-9&_!.-]{1,48})")
_OPTION = re.compile(rf"(?P<root>{_NAME})(?P<day>[0-9]{{6}})(?P<right>[CP])(?P<strike>[0-9]+(?:\.[0-9]+)?)")
_CONTINUOUS = re.compile(rf"(?P<root>{_NAME})(?P<n>[0-9])!")
_DATED = re.compile(rf"(?P<root>{_NAME})(?P<code>[{MONTH_CODES}])(?P<year>20[0-9]{{2}})")
_PLAIN = re.compile(_NAME)


def parse_ticker(text: str) -> Ticker:
    """Read a ticker, with or without its exchange; raises ``TickerError`` saying what is wrong.

    Delayed venues (``NSE_DLY``) count as the venue. Without a venue the name decides: commodities are MCX,
    BSE's indices BSE, everything else NSE.
    """
    match = _PREFIX.fullmatch(text.strip().upper()) if text.isascii() else None
    if match is None:
        raise TickerError(f"{text!r} is not a TradingView ticker")
    venue = re.sub(r"_DLY?$", "", match["venue"] or "")
    if venue not in ("", *_DERIVATIVES):
        raise TickerError(f"{text!r}: the exchange {match['venue']} is not traded here")
    return _parse(match["rest"], venue)


def _parse(rest: str, venue: str) -> Ticker:
    if match := _OPTION.fullmatch(rest):
        return _option(match, venue)
    if match := _CONTINUOUS.fullmatch(rest):
        return _continuous(match, venue)
    if match := _DATED.fullmatch(rest):
        venue, root = _resolve(venue, match["root"])
        month = (int(match["year"]), MONTH_CODES.index(match["code"]) + 1)
        return Ticker(venue, _derivative(venue, root), TickerKind.DATED_FUTURE, root, month=month)
    if _PLAIN.fullmatch(rest):
        return _plain(rest, venue)
    raise TickerError(f"{rest!r} is not an index, a stock, a future or an option")


def _option(match: re.Match[str], venue: str) -> Ticker:
    venue, root = _resolve(venue, match["root"])
    day, right = match["day"], Right.CALL if match["right"] == "C" else Right.PUT
    strike = Decimal(strike_text(Decimal(match["strike"])))
    try:
        expiry = date(2000 + int(day[:2]), int(day[2:4]), int(day[4:]))
    except ValueError as error:
        raise TickerError(f"{match[0]!r} names a day that does not exist") from error
    if strike <= 0:
        raise TickerError(f"{match[0]!r} has a strike of zero")
    return Ticker(venue, _derivative(venue, root), TickerKind.OPTION, root, expiry=expiry, right=right, strike=strike)


def _continuous(match: re.Match[str], venue: str) -> Ticker:
    kinds = {"1": TickerKind.FRONT_FUTURE, "2": TickerKind.NEXT_FUTURE}
    if match["n"] not in kinds:
        raise TickerError(f"{match[0]!r}: continuous futures are 1! and 2!")
    venue, root = _resolve(venue, match["root"])
    return Ticker(venue, _derivative(venue, root), kinds[match["n"]], root)


def _plain(rest: str, venue: str) -> Ticker:
    venue, root = _resolve(venue, rest)
    if venue == "MCX":
        raise TickerError(f"{rest!r} on MCX needs a contract, such as {rest}1!")
    if root in INDEX_VENUES:
        return Ticker(venue, _INDEX_EXCHANGES[venue], TickerKind.INDEX, root)
    return Ticker(venue, _CASH[venue], TickerKind.EQUITY, root)


def _resolve(venue: str, root: str) -> tuple[str, str]:
    name = ALIASES.get(root, root)
    home = INDEX_VENUES.get(name)
    if home and venue and venue != home:
        raise TickerError(f"the index {name} is listed on {home}, not on {venue}")
    return venue or home or ("MCX" if name in MCX_CONTRACTS else "NSE"), name


def _derivative(venue: str, root: str) -> Exchange:
    return Exchange.CDS if venue == "NSE" and root in _CURRENCIES else _DERIVATIVES[venue]


def instrument_key(ticker: Ticker, *, expiries: Collection[date], today: date, rolled: bool) -> InstrumentKey:
    """Return the contract a ticker means; ``expiries`` are its listed futures'. Raises ``NoExpiry``.

    ``1!`` and ``2!`` roll on our calendar: past the roll time (``rolled``) today's expiry no longer counts.
    """
    kinds = {TickerKind.INDEX: Kind.INDEX, TickerKind.EQUITY: Kind.EQUITY, TickerKind.OPTION: Kind.OPTION}
    kind = kinds.get(ticker.kind, Kind.FUTURE)
    expiry = _future_expiry(ticker, expiries, today, rolled) if kind is Kind.FUTURE else ticker.expiry
    return InstrumentKey(ticker.exchange, ticker.underlying, kind, expiry, ticker.strike, ticker.right)


def _future_expiry(ticker: Ticker, expiries: Collection[date], today: date, rolled: bool) -> date:
    if ticker.month is None:
        n = 0 if ticker.kind is TickerKind.FRONT_FUTURE else 1
        return select_expiry(ExpiryRule(Pick.FUTURE, n), expiries, today=today, rolled=rolled)
    listed = [day for day in expiries if (day.year, day.month) == ticker.month]
    if not listed:
        raise NoExpiry(f"no {ticker.underlying} future is listed for {ticker.month[0]}-{ticker.month[1]:02}")
    return max(listed)
