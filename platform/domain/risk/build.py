"""From the rules of an armed leg, entry, trade or map to the form that watches them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.orders import ExitReason
from domain.risk.book import ArmedMap, ArmedTrade, Slot
from domain.risk.forms import Form, Level, PriceForm, Terms
from domain.risk.rules import MULTIPLIER_SCALE, EntryEvent, EntryRule, LegRules, PnlRules
from domain.risk.trails import FollowPrice, LockPnl
from domain.risk.watch import Watch

Watches = Mapping[int, Watch]


def leg_form(leg: LegRules, slot: Slot, watches: Watches, *, best: int | None = None) -> PriceForm | None:
    """Return the leg's stop, target and trail as a form of its signed price, ``None`` where it has none.

    ``best`` is the best signed price it had reached before an update.
    """
    sign = leg.sign
    stop = [Level(ExitReason.STOP_LOSS, sign * leg.stop, up=False)] if leg.stop is not None else []
    target = [Level(ExitReason.TARGET, sign * leg.target, up=True)] if leg.target is not None else []
    if not stop and not target and leg.trail is None:
        return None
    terms = Terms(
        watches=(watches[leg.instrument_id],),
        weights=(sign,),
        constant=0,
        confirm=leg.confirm or slot.trade.rules.confirm,
        levels=(*stop, *target),
        trail=FollowPrice(rules=leg.trail, sign=sign, entry=sign * leg.entry_price) if leg.trail else None,
        best=_best_price(leg, best),
    )
    return PriceForm(terms, slot)


def _best_price(leg: LegRules, best: int | None) -> int:
    """Return the best of the entry price, what the caller remembers and what was reached, signed."""
    remembered = leg.trail.best if leg.trail else None
    known = (leg.sign * leg.entry_price, remembered and leg.sign * remembered, best)
    return max(value for value in known if value is not None)


def entry_form(rule: EntryRule, slot: Slot, watches: Watches) -> PriceForm:
    """Return the entry trigger as a form of the instrument's price."""
    terms = Terms(
        watches=(watches[rule.instrument_id],),
        weights=(1,),
        constant=0,
        confirm=slot.trade.rules.confirm,
        levels=(Level(EntryEvent.TRIGGER, rule.level, up=rule.above),),
    )
    return PriceForm(terms, slot)


def trade_form(trade: ArmedTrade, watches: Watches, *, best: int | None = None) -> Form | None:
    """Return the combined P&L rules as a form of the trade's P&L, ``None`` without rules or open legs.

    ``best`` is the best P&L, in the form's value, it had reached before an update.
    """
    rules = trade.rules.pnl
    if rules is None:
        return None
    pnl = _pnl(trade.rules.legs, trade.rules.realised, watches)
    levels = _pnl_levels(rules)
    if not pnl.watches or not (levels or rules.trail):
        return None
    remembered = (rules.trail.best or 0) if rules.trail else 0
    terms = Terms(
        watches=pnl.watches,
        weights=pnl.weights,
        constant=pnl.constant,
        confirm=trade.rules.confirm,
        unit=MULTIPLIER_SCALE,
        levels=levels,
        trail=LockPnl(rules=rules.trail, unit=MULTIPLIER_SCALE) if rules.trail else None,
        best=max(0, remembered * MULTIPLIER_SCALE, best or 0),
    )
    return Form(terms, trade)


def _pnl_levels(rules: PnlRules) -> tuple[Level, ...]:
    stop = [Level(ExitReason.TRADE_STOP, rules.stop * MULTIPLIER_SCALE, up=False)] if rules.stop is not None else []
    target = (
        [Level(ExitReason.TRADE_TARGET, rules.target * MULTIPLIER_SCALE, up=True)] if rules.target is not None else []
    )
    return (*stop, *target)


def map_form(armed: ArmedMap, watches: Watches) -> Form | None:
    """Return the day limits as a form of the map's day P&L, ``None`` without limits or open legs."""
    limits = armed.limits
    if limits is None:
        return None
    pnl = _pnl(armed.open_legs(), armed.realised, watches)
    loss = [Level(ExitReason.DAY_LOSS, -limits.loss * MULTIPLIER_SCALE, up=False)] if limits.loss is not None else []
    target = (
        [Level(ExitReason.DAY_TARGET, limits.target * MULTIPLIER_SCALE, up=True)] if limits.target is not None else []
    )
    if not pnl.watches or not (loss or target):
        return None
    terms = Terms(
        watches=pnl.watches,
        weights=pnl.weights,
        constant=pnl.constant,
        confirm=limits.confirm,
        unit=MULTIPLIER_SCALE,
        levels=(*loss, *target),
    )
    return Form(terms, armed)


class _Pnl(NamedTuple):
    watches: tuple[Watch, ...]
    weights: tuple[int, ...]
    constant: int


def _pnl(legs: Iterable[LegRules], realised: int, watches: Watches) -> _Pnl:
    """Return ``realised + sum((price - entry) * weight)`` by instrument; what cancels is left out."""
    constant = realised * MULTIPLIER_SCALE
    weights: dict[int, int] = {}
    for leg in legs:
        constant -= leg.entry_price * leg.weight
        weights[leg.instrument_id] = weights.get(leg.instrument_id, 0) + leg.weight
    net = {instrument: weight for instrument, weight in weights.items() if weight}
    return _Pnl(tuple(watches[instrument] for instrument in net), tuple(net.values()), constant)
