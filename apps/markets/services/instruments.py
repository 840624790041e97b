"""Finding contracts: by symbol, by chain, and by the rules of a strategy's leg."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Protocol

from django.db.models import QuerySet

from apps.markets.clock import trading_date
from apps.markets.models import Instrument
from apps.markets.services.calendar import calendar_of
from apps.markets.services.instrument_sync import record_failed_sync, sync_instruments
from apps.markets.services.prices import Price, fresh_prices, price_of
from domain.clock import IST
from domain.expiries import ExpiryRuleError, NoExpiry, parse_expiry_rule, select_expiry
from domain.instruments import Exchange, Kind, Right
from domain.selectors import (
    NoStrike,
    ParityPair,
    StrikeRule,
    StrikeRuleError,
    UnreliableForward,
    nearest_strike,
    parse_strike_rule,
    select_strike,
    synthetic_forward,
)
from domain.symbols import SymbolError, parse_symbol, symbol_of

__all__ = [
    "NoInstrument",
    "Rules",
    "expiries",
    "find_instrument",
    "future_of",
    "near_money",
    "option_chain",
    "record_failed_sync",
    "reference_level",
    "resolve_contract",
    "resolve_expiry",
    "spot_of",
    "strike_reach",
    "sync_instruments",
]

SPOT_EXCHANGES: Mapping[str, tuple[str, str]] = {
    Exchange.NFO: (Exchange.NSE_INDEX, Exchange.NSE),
    Exchange.BFO: (Exchange.BSE_INDEX, Exchange.BSE),
}
"""Where the underlying of a derivative itself is quoted, the index first. MCX options stand on futures."""

PARITY_REACH = 3
"""How many listed strikes each side of the money the forward is read from."""

_EXPIRY_CLOSE = time(15, 30)


class NoInstrument(LookupError):
    """No contract can be named. ``code`` is NO_INSTRUMENT or NO_PRICE, ``detail`` a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class LegRules(Protocol):
    """What names a leg's contract: an exact symbol, or rules. A strategy's leg fits."""

    @property
    def symbol(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def right(self) -> str: ...
    @property
    def strike_rule(self) -> str: ...
    @property
    def expiry_rule(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """A leg's rules, written down where no strategy has them."""

    symbol: str = ""
    kind: str = Kind.OPTION
    right: str = ""
    strike_rule: str = ""
    expiry_rule: str = "WEEK0"


def find_instrument(*, exchange: str, symbol: str, on: date) -> Instrument:
    """Return the tradable contract a person names; raises ``NoInstrument``."""
    try:
        canonical = symbol_of(parse_symbol(symbol, exchange=Exchange(exchange)))
    except (SymbolError, ValueError) as error:
        raise NoInstrument("NO_INSTRUMENT", str(error)) from error
    found = Instrument.objects.tradable(on).filter(exchange=exchange, symbol=canonical).first()
    if found is None:
        raise NoInstrument("NO_INSTRUMENT", f"{exchange}:{canonical} is not listed or has expired")
    return found


def expiries(*, exchange: str, underlying: str, kind: str, on: date) -> list[date]:
    """Return the listed expiries of options or futures from a day on, nearest first."""
    listed = _listed(exchange, underlying, on).filter(kind=kind).exclude(expiry=None)
    days = listed.order_by("expiry").values_list("expiry", flat=True).distinct()
    return [day for day in days if day is not None]


def option_chain(*, exchange: str, underlying: str, expiry: date) -> QuerySet[Instrument]:
    """Return all listed options of one expiry, by strike, calls first."""
    chain = Instrument.objects.filter(
        is_active=True, exchange=exchange, underlying=underlying, kind=Kind.OPTION, expiry=expiry
    )
    return chain.order_by("strike", "right")


def spot_of(*, exchange: str, underlying: str) -> Instrument | None:
    """Return the index or stock under a derivative; ``None`` where there is none, as on MCX."""
    for spot_exchange in SPOT_EXCHANGES.get(exchange, ()):
        found = Instrument.objects.filter(is_active=True, exchange=spot_exchange, symbol=underlying).first()
        if found is not None:
            return found
    return None


def future_of(*, exchange: str, underlying: str, on: date) -> Instrument | None:
    """Return the nearest listed future expiring on the day or later."""
    return _listed(exchange, underlying, on).filter(kind=Kind.FUTURE).order_by("expiry").first()


def resolve_contract(*, leg: LegRules, underlying: str, exchange: str, now: datetime, wall: datetime) -> Instrument:
    """Return the contract a leg means at a market time; raises ``NoInstrument``.

    Expiries and strikes are chosen among the listed ones. The money is where put-call parity puts it; while the
    options do not say, the fresh price of the underlying or, without one, of the future is taken.
    """
    today = trading_date(now)
    if leg.symbol:
        return find_instrument(exchange=exchange, symbol=leg.symbol, on=today)
    expiry = resolve_expiry(leg=leg, underlying=underlying, exchange=exchange, now=now)
    if leg.kind == Kind.FUTURE:
        return _one(_listed(exchange, underlying, today).filter(kind=Kind.FUTURE, expiry=expiry), "future")
    chain = list(option_chain(exchange=exchange, underlying=underlying, expiry=expiry))
    reference = reference_level(chain=chain, underlying=underlying, exchange=exchange, now=now, wall=wall)
    strike = _select(leg, {row.strike for row in chain if row.strike is not None}, reference)
    return _first([row for row in chain if row.strike == strike and row.right == leg.right], f"{strike} {leg.right}")


def resolve_expiry(*, leg: LegRules, underlying: str, exchange: str, now: datetime) -> date:
    """Return the listed expiry a leg's rule names; an expiry today counts until the day's last close.

    Raises ``NoInstrument``.
    """
    today = trading_date(now)
    listed = expiries(exchange=exchange, underlying=underlying, kind=leg.kind, on=today)
    try:
        rule = parse_expiry_rule(leg.expiry_rule)
        return select_expiry(rule, listed, today=today, rolled=_is_over(exchange, now))
    except (ExpiryRuleError, NoExpiry) as error:
        raise NoInstrument("NO_INSTRUMENT", f"{underlying}: {error}") from error


def reference_level(
    *, chain: Sequence[Instrument], underlying: str, exchange: str, now: datetime, wall: datetime
) -> Decimal:
    """Return where the money is for one expiry's options; raises ``NoInstrument`` with NO_PRICE."""
    if not chain:
        raise NoInstrument("NO_INSTRUMENT", f"{underlying} has no options listed for that expiry")
    today = trading_date(now)
    spot = spot_of(exchange=exchange, underlying=underlying)
    future = future_of(exchange=exchange, underlying=underlying, on=chain[0].expiry or today)
    bases = [one for one in (spot, future) if one is not None]  # a month's basis is strikes wide: spot first
    known = price_of([one.pk for one in bases], wall=wall)
    rough = next((known[one.pk].last_price for one in bases if one.pk in known), None)
    if rough is None:
        raise NoInstrument("NO_PRICE", f"{underlying} has no price")
    forward = _parity_forward(chain, rough, now=now, wall=wall) if spot is not None else None
    if forward is not None:
        return forward
    fresh = fresh_prices([one.pk for one in bases], wall=wall)
    for one in bases:
        if one.pk in fresh:
            return fresh[one.pk].last_price
    raise NoInstrument("NO_PRICE", f"neither {underlying} nor its options have a fresh price")


def near_money(chain: Sequence[Instrument], reference: Decimal, *, reach: int) -> list[Instrument]:
    """Return the options within ``reach`` listed strikes of a level, both rights."""
    ladder = sorted({row.strike for row in chain if row.strike is not None})
    if not ladder:
        return []
    at = ladder.index(nearest_strike(ladder, reference))
    near = set(ladder[max(0, at - reach) : at + reach + 1])
    return [row for row in chain if row.strike in near]


def strike_reach(rule: str) -> int:
    """Return how many strikes from the money a strike rule goes; 0 for a text that is none."""
    try:
        return abs(parse_strike_rule(rule).steps)
    except StrikeRuleError:
        return 0


def _parity_forward(chain: Sequence[Instrument], rough: Decimal, *, now: datetime, wall: datetime) -> Decimal | None:
    """Return the forward the options agree on, or ``None``. A strike more each side bounds the step."""
    near = near_money(chain, rough, reach=PARITY_REACH + 1)
    fresh = fresh_prices([row.pk for row in near], wall=wall)
    pairs = _pairs(near, fresh)
    expiry = near[0].expiry if near else None
    if expiry is None or not pairs:
        return None
    left = datetime.combine(expiry, _EXPIRY_CLOSE, tzinfo=IST) - now
    years = max(left, timedelta(0)) / timedelta(days=365)
    try:
        return Decimal(str(round(synthetic_forward(pairs, near=float(rough), years=years), 4)))
    except UnreliableForward:
        return None


def _pairs(near: Sequence[Instrument], fresh: Mapping[int, Price]) -> list[ParityPair]:
    prices: dict[Decimal, dict[str, float]] = {}
    for row in near:
        if row.strike is not None and row.pk in fresh:
            prices.setdefault(row.strike, {})[row.right] = float(fresh[row.pk].middle)
    return [
        ParityPair(float(strike), both[Right.CALL], both[Right.PUT])
        for strike, both in prices.items()
        if Right.CALL in both and Right.PUT in both
    ]


def _select(leg: LegRules, strikes: Collection[Decimal], reference: Decimal) -> Decimal:
    try:
        rule: StrikeRule = parse_strike_rule(leg.strike_rule)
        return select_strike(rule, strikes=strikes, reference=reference, right=Right(leg.right))
    except (StrikeRuleError, NoStrike, ValueError) as error:
        raise NoInstrument("NO_INSTRUMENT", str(error)) from error


def _is_over(exchange: str, now: datetime) -> bool:
    """Whether the last session of the day has closed; a day without one is not over, it never began."""
    today = trading_date(now)
    rows = [row for row in calendar_of(exchange, now).sessions if row.trading_date == today]
    return bool(rows) and max(row.closes_at for row in rows) <= now


def _listed(exchange: str, underlying: str, on: date) -> QuerySet[Instrument]:
    return Instrument.objects.tradable(on).filter(exchange=exchange, underlying=underlying)


def _one(found: QuerySet[Instrument], what: str) -> Instrument:
    return _first(list(found[:1]), what)


def _first(found: Sequence[Instrument], what: str) -> Instrument:
    if not found:
        raise NoInstrument("NO_INSTRUMENT", f"no {what} is listed")
    return found[0]
