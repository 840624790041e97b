"""Which instruments the platform needs prices of, and why."""

import time
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from apps.markets.clock import now as market_now
from apps.markets.clock import trading_date
from apps.markets.models import Instrument, WatchlistItem
from apps.markets.services.feed_host import References
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
from bus import clock
from domain.feed.subscriptions import Want
from domain.instruments import Kind
from domain.orders import LIVE_TRADES
from domain.venues import INDIA, exchanges_of

REACH = 5
"""Listed strikes each side of the money that are kept fresh, so that the next entry finds a price."""

REMEMBER_SECONDS = 60.0
"""How long contracts are remembered; they change once a day."""

T = TypeVar("T")


@dataclass(slots=True)
class Needs:
    """Reads those of one source; one per feed, as it remembers contracts between readings.

    What is not listed is asked for again.
    """

    source: str = INDIA
    _known: dict[Hashable, Any] = field(default_factory=dict)
    _levels: dict[tuple[str, str], Decimal | None] = field(default_factory=dict)
    _read_at: float = 0.0

    def read(self) -> References:
        """Return every reference, by what refers."""
        self._forget_old()
        now = market_now()
        exchanges = exchanges_of(self.source)
        legs = list(_legs(exchanges))
        return [
            (Want.TRADE, list(_in_trades(exchanges))),
            (Want.ORDER, list(_in_orders(exchanges))),
            (Want.UNDERLYING, [base.pk for leg in legs for base in self._bases_of(leg, now)]),
            (Want.LEG, [pk for leg in legs for pk in self._of_leg(leg, now)]),
            (Want.WATCHLIST, list(_watched(exchanges))),
        ]

    def _forget_old(self) -> None:
        self._levels.clear()
        if time.monotonic() - self._read_at >= REMEMBER_SECONDS:
            self._known.clear()
            self._read_at = time.monotonic()

    def _remember(self, key: Hashable, find: Callable[[], T]) -> T:
        found: T = self._known.get(key) or find()
        if found:
            self._known[key] = found
        return found

    def _bases_of(self, leg: StrategyLeg, now: datetime) -> list[Instrument]:
        """Return what a leg's money is measured on: the index or stock, and the front future."""
        exchange, underlying = leg.strategy.exchange, leg.strategy.underlying

        def find() -> list[Instrument]:
            spot = spot_of(exchange=exchange, underlying=underlying)
            future = future_of(exchange=exchange, underlying=underlying, on=trading_date(now))
            return [one for one in (spot, future) if one is not None]

        return self._remember(("bases", exchange, underlying), find)

    def _of_leg(self, leg: StrategyLeg, now: datetime) -> list[int]:
        """Return the contracts a leg may mean next; none while nothing is listed or priced."""
        exchange, underlying = leg.strategy.exchange, leg.strategy.underlying
        if leg.symbol:
            return self._remember(("symbol", exchange, leg.symbol), lambda: _exact(leg, now))
        rule = (exchange, underlying, leg.kind, leg.expiry_rule)
        expiry = self._remember(("expiry", *rule), lambda: _expiry(leg, now))
        if expiry is None:
            return []
        if leg.kind == Kind.FUTURE:
            return self._remember(("future", *rule), lambda: _futures(leg, expiry))
        return self._near_money(leg, expiry, now)

    def _near_money(self, leg: StrategyLeg, expiry: date, now: datetime) -> list[int]:
        exchange, underlying = leg.strategy.exchange, leg.strategy.underlying
        if (exchange, underlying) not in self._levels:
            self._levels[exchange, underlying] = _last_price(self._bases_of(leg, now))
        reference = self._levels[exchange, underlying]
        if reference is None:
            return []
        chain = self._remember(
            ("chain", exchange, underlying, expiry),
            lambda: list(option_chain(exchange=exchange, underlying=underlying, expiry=expiry)),
        )
        reach = max(REACH, strike_reach(leg.strike_rule) + 2)
        return [row.pk for row in near_money(chain, reference, reach=reach)]


def _exact(leg: StrategyLeg, now: datetime) -> list[int]:
    try:
        found = find_instrument(exchange=leg.strategy.exchange, symbol=leg.symbol, on=trading_date(now))
    except NoInstrument:
        return []
    return [found.pk]


def _expiry(leg: StrategyLeg, now: datetime) -> date | None:
    try:
        return resolve_expiry(leg=leg, underlying=leg.strategy.underlying, exchange=leg.strategy.exchange, now=now)
    except NoInstrument:
        return None


def _futures(leg: StrategyLeg, expiry: date) -> list[int]:
    found = Instrument.objects.filter(
        is_active=True,
        exchange=leg.strategy.exchange,
        underlying=leg.strategy.underlying,
        kind=Kind.FUTURE,
        expiry=expiry,
    )
    return list(found.values_list("pk", flat=True))


def _legs(exchanges: Collection[str]) -> Iterable[StrategyLeg]:
    """Return one leg per rule: strategies that ask for the same contracts are one question."""
    active = StrategyLeg.objects.filter(
        strategy__is_active=True, strategy__tenant__is_active=True, strategy__exchange__in=exchanges
    )
    rule = ("strategy__exchange", "strategy__underlying", "symbol", "kind", "expiry_rule", "strike_rule")
    return active.select_related("strategy").order_by(*rule).distinct(*rule)


def _in_trades(exchanges: Collection[str]) -> Iterable[int]:
    held = TradeLeg.objects.filter(trade__status__in=LIVE_TRADES, instrument__exchange__in=exchanges)
    return held.values_list("instrument_id", flat=True)


def _in_orders(exchanges: Collection[str]) -> Iterable[int]:
    return Order.objects.unresolved().filter(instrument__exchange__in=exchanges).values_list("instrument_id", flat=True)


def _watched(exchanges: Collection[str]) -> Iterable[int]:
    watched = WatchlistItem.objects.filter(user__is_active=True, instrument__exchange__in=exchanges)
    return watched.values_list("instrument_id", flat=True)


def _last_price(bases: Sequence[Instrument]) -> Decimal | None:
    """Return the last price of the first base that has one, however old: it only says where to look."""
    found = price_of([base.pk for base in bases], wall=clock.now())
    return next((found[base.pk].last_price for base in bases if base.pk in found), None)
