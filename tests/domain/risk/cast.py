"""A small market and its rules in whole rupees, for tests that read like a story."""

from datetime import UTC, datetime, timedelta

from domain.prices import PRICE_SCALE
from domain.risk import Confirm, Fired, LegRules, RiskEngine, TradeRules
from domain.ticks import Tick

START = datetime(2026, 8, 18, 4, 0, tzinfo=UTC)
CALL, PUT = 1, 2
ONCE = Confirm(ticks=1)


def rupees(amount: float) -> int:
    return round(amount * PRICE_SCALE)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def leg(leg_id: int = 1, quantity: int = 10, entry: float = 100, instrument_id: int = CALL, **rules) -> LegRules:
    return LegRules(leg_id=leg_id, instrument_id=instrument_id, quantity=quantity, entry_price=rupees(entry), **rules)


def trade(*legs: LegRules, trade_id: int = 7, map_id: int = 3, confirm: Confirm = ONCE, **rules) -> TradeRules:
    return TradeRules(trade_id=trade_id, map_id=map_id, legs=legs, confirm=confirm, **rules)


def armed(*trades: TradeRules) -> RiskEngine:
    engine = RiskEngine(now=START, refire_after=timedelta(seconds=5))
    for rules in trades:
        engine.arm(rules)
    return engine


def tick(price: float, instrument_id: int = CALL, **fields) -> Tick:
    return Tick(instrument_id, rupees(price), **fields)


def show(engine: RiskEngine, *prices: float, instrument_id: int = CALL) -> list[Fired]:
    """Show unstamped ticks one batch each; return everything fired."""
    return [fired for price in prices for fired in engine.on_ticks([tick(price, instrument_id)])]


def reasons(fired: list[Fired]) -> list[str]:
    return [answer.reason.value for answer in fired]
