"""Which instruments the platform needs prices of, and why."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from apps.markets.clock import now as market_now
from apps.markets.clock import trading_date
from apps.markets.models import Instrument, WatchlistItem
from apps.markets.services.feed import References
from apps.markets.services.instruments import (
    NoInstrument,
    find_instrument,
    future_of,
    near_money,
    option_chain,
    resolve_expiry,
    spot_of,
    strike_reach,
)
from apps.markets.services.prices import price_of
from apps.strategies.models import StrategyLeg
from apps.trading.models import Order, TradeLeg
from domain.feed.subscriptions import Want
from domain.instruments import Kind
from domain.orders import LIVE_TRADES

REACH = 5
"""Listed strikes each side of the money that are kept fresh, so that the next entry finds a price."""

CHAIN_SECONDS = 60.0
"""How long a chain's contracts are remembered; they change once a day."""

_Chain = tuple[str, str, date]


@dataclass(slots=True)
class Needs:
    """Reads them; one per feed, as it remembers chains between readings."""

    _chains: dict[_Chain, Sequence[Instrument]] = field(default_factory=dict)
    _bases: dict[tuple[str, str], list[Instrument]] = field(default_factory=dict)
    _read_at: float = 0.0

    def read(self) -> References:
        """Return every reference, by what refers."""
        self._forget_old()
        now = market_now()
        legs = list(_legs())
        return [
            (Want.TRADE, list(_in_trades())),
            (Want.ORDER, list(_in_orders())),
            (Want.UNDERLYING, [base.pk for leg in legs for base in self._bases_of(leg, now)]),
            (Want.LEG, [pk for leg in legs for pk in self._of_leg(leg, now)]),
            (Want.WATCHLIST, list(_watched())),
        ]

    def _forget_old(self) -> None:
        if time.monotonic() - self._read_at >= CHAIN_SECONDS:
            self._chains.clear()
            self._bases.clear()
            self._read_at = time.monotonic()

    def _bases_of(self, leg: StrategyLeg, now: datetime) -> list[Instrument]:
        """Return what a leg's money is measured on: the index or stock, and the front future."""
        exchange, underlying = leg.strategy.exchange, leg.strategy.underlying
        if (exchange, underlying) not in self._bases:
            spot = spot_of(exchange=exchange, underlying=underlying)
            future = future_of(exchange=exchange, underlying=underlying, on=trading_date(now))
            self._bases[exchange, underlying] = [one for one in (spot, future) if one is not None]
        return self._bases[exchange, underlying]

    def _of_leg(self, leg: StrategyLeg, now: datetime) -> list[int]:
        """Return the contracts a leg may mean next; none while nothing is listed or priced."""
        exchange, underlying = leg.strategy.exchange, leg.strategy.underlying
        try:
            if leg.symbol:
                return [find_instrument(exchange=exchange, symbol=leg.symbol, on=trading_date(now)).pk]
            expiry = resolve_expiry(leg=leg, underlying=underlying, exchange=exchange, now=now)
        except NoInstrument:
            return []
        if leg.kind == Kind.FUTURE:
            return list(
                Instrument.objects.tradable(trading_date(now))
                .filter(exchange=exchange, underlying=underlying, kind=Kind.FUTURE, expiry=expiry)
                .values_list("pk", flat=True)
            )
        return self._near_money(leg, expiry, now)

    def _near_money(self, leg: StrategyLeg, expiry: date, now: datetime) -> list[int]:
        reference = _last_price(self._bases_of(leg, now))
        if reference is None:
            return []
        chain = self._chain(leg.strategy.exchange, leg.strategy.underlying, expiry)
        reach = max(REACH, strike_reach(leg.strike_rule) + 2)
        return [row.pk for row in near_money(chain, reference, reach=reach)]

    def _chain(self, exchange: str, underlying: str, expiry: date) -> Sequence[Instrument]:
        key = (exchange, underlying, expiry)
        if key not in self._chains:
            self._chains[key] = list(option_chain(exchange=exchange, underlying=underlying, expiry=expiry))
        return self._chains[key]


def _legs() -> Iterable[StrategyLeg]:
    """Return one leg per rule: strategies that ask for the same contracts are one question."""
    active = StrategyLeg.objects.filter(strategy__is_active=True, strategy__tenant__is_active=True)
    rule = ("strategy__exchange", "strategy__underlying", "symbol", "kind", "expiry_rule", "strike_rule")
    return active.select_related("strategy").order_by(*rule).distinct(*rule)


def _in_trades() -> Iterable[int]:
    return TradeLeg.objects.filter(trade__status__in=LIVE_TRADES).values_list("instrument_id", flat=True)


def _in_orders() -> Iterable[int]:
    return Order.objects.unresolved().values_list("instrument_id", flat=True)


def _watched() -> Iterable[int]:
    return WatchlistItem.objects.filter(user__is_active=True).values_list("instrument_id", flat=True)


def _last_price(bases: Sequence[Instrument]) -> Decimal | None:
    """Return the last price of the first base that has one, however old: it only says where to look."""
    found = price_of([base.pk for base in bases], wall=timezone.now())
    return next((found[base.pk].last_price for base in bases if base.pk in found), None)
