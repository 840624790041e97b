"""What a wave needs to know of the market, read once for all its accounts: the session, the contracts, the prices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings

from apps.markets.clock import trading_date
from apps.markets.models import Instrument
from apps.markets.services.calendar import calendar_of
from apps.markets.services.instruments import NoInstrument, resolve_contract
from apps.markets.services.prices import Price, fresh_prices
from apps.strategies.models import Strategy, StrategyLeg
from apps.strategies.services.exit_plans import square_off_at
from apps.trading.models import SkipReason
from domain.orders import OrderType, Side
from domain.pricing import Touch, protected_price, touch_price
from domain.sessions import Horizon
from domain.venues import venue_of


@dataclass(frozen=True, slots=True)
class ResolvedLeg:
    """A leg with its contract; ``limit`` is the price it will be sent at, ``last_price`` where it stands."""

    instrument: Instrument
    side: Side
    lots: int
    limit: Decimal
    last_price: Decimal


@dataclass(frozen=True, slots=True)
class Market:
    """The market as one wave meets it. ``reason`` says why nobody can enter, and is empty when everybody might."""

    trading_date: date
    legs: tuple[ResolvedLeg, ...] = ()
    square_off_at: datetime | None = None
    reason: str = ""
    detail: str = ""


class _Closed(Exception):
    """Nobody can enter."""

    def __init__(self, reason: SkipReason, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def look(strategy: Strategy, *, now: datetime, wall: datetime) -> Market:
    """Return the market for a strategy's entry at a market time; ``wall`` is for the age of prices."""
    try:
        day = _session_date(strategy, now)
        ends_at = _square_off(strategy, day, now)
        _check_sides(strategy)
        legs = _priced(strategy, _contracts(strategy, now=now, wall=wall), wall=wall)
    except _Closed as closed:
        return Market(trading_date(now), reason=closed.reason, detail=closed.detail)
    except NoInstrument as error:
        return Market(trading_date(now), reason=error.code, detail=error.detail)
    return Market(day, legs, ends_at)


def _session_date(strategy: Strategy, now: datetime) -> date:
    calendar = calendar_of(strategy.exchange, now)
    session = calendar.session_at(now)
    if session is not None:
        return session.trading_date
    if calendar.horizon(now) is Horizon.CLOSED:
        raise _Closed(SkipReason.CALENDAR_UNCONFIRMED, f"The calendar of {strategy.exchange} needs confirming.")
    raise _Closed(SkipReason.SESSION_CLOSED, f"{strategy.exchange} is closed.")


def _square_off(strategy: Strategy, day: date, now: datetime) -> datetime | None:
    ends_at = square_off_at(strategy.square_off_at, on=day)
    if ends_at is not None and ends_at <= now:
        raise _Closed(SkipReason.PAST_SQUARE_OFF, f"Square-off was at {strategy.square_off_at:%H:%M} IST.")
    return ends_at


def _check_sides(strategy: Strategy) -> None:
    """What cannot be sold short must not be entered by selling: the exit would find nothing to buy back."""
    if not venue_of(strategy.exchange).can_short and any(leg.side == Side.SELL for leg in strategy.legs.all()):
        raise _Closed(SkipReason.NO_INSTRUMENT, f"{strategy.exchange} sells only what was bought: no leg may sell.")


def _contracts(strategy: Strategy, *, now: datetime, wall: datetime) -> list[tuple[StrategyLeg, Instrument]]:
    legs = list(strategy.legs.all())
    if not legs:
        raise _Closed(SkipReason.NO_INSTRUMENT, "The strategy has no legs.")
    return [(leg, _contract(strategy, leg, now=now, wall=wall)) for leg in legs]


def _contract(strategy: Strategy, leg: StrategyLeg, *, now: datetime, wall: datetime) -> Instrument:
    underlying, exchange = strategy.underlying, strategy.exchange
    return resolve_contract(leg=leg, underlying=underlying, exchange=exchange, now=now, wall=wall)


def _priced(
    strategy: Strategy, contracts: Sequence[tuple[StrategyLeg, Instrument]], *, wall: datetime
) -> tuple[ResolvedLeg, ...]:
    prices = fresh_prices({instrument.pk for _, instrument in contracts}, wall=wall)
    return tuple(_leg(strategy, leg, instrument, prices) for leg, instrument in contracts)


def _leg(strategy: Strategy, leg: StrategyLeg, instrument: Instrument, prices: Mapping[int, Price]) -> ResolvedLeg:
    price = prices.get(instrument.pk)
    if price is None or price.last_price <= 0:
        raise _Closed(SkipReason.NO_PRICE, f"{instrument.symbol} has no fresh price.")
    touch = Touch(last_price=price.last_price, bid=price.bid, ask=price.ask)
    side = Side(leg.side)
    limit = _limit(strategy.order_type, side=side, touch=touch, tick_size=instrument.tick_size)
    return ResolvedLeg(instrument, side, leg.lots, limit, price.last_price)


def _limit(order_type: str, *, side: Side, touch: Touch, tick_size: Decimal) -> Decimal:
    """A market order of an algo is a limit with protection: exchanges refuse the bare one."""
    if order_type == OrderType.LIMIT:
        return touch_price(side=side, touch=touch, tick_size=tick_size)
    return protected_price(side=side, touch=touch, tick_size=tick_size, percent=settings.ENTRY_PROTECTION_PERCENT)
