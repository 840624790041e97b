"""What trades stand at: realised by their fills, and the open part at the last price the market showed."""

import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal

from redis.exceptions import RedisError

from apps.trading.models import Trade, TradeLeg
from apps.trading.services.settle import realised
from bus.ticks import last_ticks
from domain.orders import LIVE_TRADES, Side
from domain.pnl import net_shown, unrealized_pnl
from domain.prices import to_decimal

log = logging.getLogger(__name__)

Prices = Mapping[int, Decimal]


def last_prices(instrument_ids: Iterable[int]) -> Prices:
    """Return the last price of each instrument that has one, in rupees; none while Redis cannot be reached."""
    try:
        ticks = last_ticks(instrument_ids)
    except RedisError as error:
        log.warning("prices cannot be read", extra={"reason": str(error)})
        return {}
    return {one: to_decimal(tick.last_price) for one, tick in ticks.items() if tick.last_price > 0}


def gross_pnl(trade: Trade, prices: Prices) -> Decimal | None:
    """Return a trade's profit before charges; ``None`` while a contract it holds has no price.

    A live trade's includes the open part; a finished trade's is what its fills made.
    """
    if trade.status not in LIVE_TRADES:
        return trade.gross_pnl
    parts = [_leg(leg, prices) for leg in trade.legs.all()]
    known = [part for part in parts if part is not None]
    return sum(known, Decimal(0)) if len(known) == len(parts) else None


def net_pnl(trade: Trade, prices: Prices) -> Decimal | None:
    """Return a trade's profit after the charges known so far, to the paisa; ``None`` as for ``gross_pnl``."""
    gross = gross_pnl(trade, prices)
    return None if gross is None else net_shown(gross=gross, charges=trade.charges)


def _leg(leg: TradeLeg, prices: Prices) -> Decimal | None:
    entered = leg.entry_price
    if entered is None or not leg.open_quantity:
        return realised(leg)
    last_price = prices.get(leg.instrument_id)
    if last_price is None:
        return None
    signed, multiplier = Side(leg.side).sign * leg.open_quantity, leg.instrument.multiplier
    held = unrealized_pnl(quantity=signed, average_price=entered, last_price=last_price, multiplier=multiplier)
    return realised(leg) + held
