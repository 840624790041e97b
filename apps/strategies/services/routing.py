"""From a stored signal to its one wave, however often and by however many it is delivered.

Signals of one strategy are routed one after the other in the order they came, under a lock on the strategy: an exit
never overtakes its entry, and two entries never both find the account free. The signal's compare-and-set and the unique
keys of wave and intents decide who routed it; everybody else leaves quietly.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction

from apps.audit.services.record import record
from apps.markets.clock import market_clock
from apps.strategies.models import Signal, SignalKind, SignalStatus, Strategy
from apps.strategies.services.decisions import EntryDecisions
from apps.strategies.services.facts import read_facts
from apps.strategies.services.market import look
from apps.trading.models import SkipReason, Trade, TradeLeg, Wave, WaveVerdict
from apps.trading.services.entry import enter_wave
from apps.trading.services.exit import request_exit
from bus import clock, failpoints
from domain.orders import ExitReason

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=5)
"""What routing may take beyond the age an alert may have: it was fresh when it was accepted."""

LOST_AFTER = timedelta(seconds=1)


def route(signal_id: int, *, now: datetime, wall: datetime | None = None) -> Wave | None:
    """Route a signal, and before it whatever its strategy said earlier and nobody routed.

    Returns the wave this call made of the signal; ``None`` when another delivery made it, it expired or is unknown.
    ``now`` is market time, ``wall`` judges the age of prices.
    """
    signal = Signal.objects.filter(pk=signal_id, status=SignalStatus.ACCEPTED).first()
    if signal is None:
        return None
    waiting = Signal.objects.filter(strategy_id=signal.strategy_id, status=SignalStatus.ACCEPTED, pk__lte=signal_id)
    wave = None
    for one in waiting.select_related("strategy").order_by("pk"):
        try:
            wave = _route_one(one, now=now, wall=wall or clock.now())
        except DatabaseError:
            if one.pk == signal_id or one.kind == SignalKind.EXIT:
                raise
            log.exception("an entry could not be routed before a later signal", extra={"signal": one.pk})
            _give_up(one, now, "could not be routed before a later signal")
    return wave if wave is not None and wave.signal_id == signal_id else None


def sweep_signals(now: datetime) -> int:
    """Route signals whose wake-up was lost; returns how many were found waiting."""
    clock = market_clock()
    lost_before = clock.at(clock.wall_of(now) - LOST_AFTER)
    lost = Signal.objects.filter(status=SignalStatus.ACCEPTED, received_at__lt=lost_before).order_by("pk")
    ids = list(lost.values_list("pk", flat=True))
    for signal_id in ids:
        try:
            route(signal_id, now=now)
        except DatabaseError:
            # One strategy's trouble must not keep the others' exits waiting; the next sweep comes back to it.
            log.exception("a signal could not be routed", extra={"signal": signal_id})
    return len(ids)


def _route_one(signal: Signal, *, now: datetime, wall: datetime) -> Wave | None:
    if signal.kind == SignalKind.EXIT:
        return _exit(signal, now)
    if _age(signal, now) > timedelta(seconds=settings.SIGNAL_MAX_AGE_SECONDS) + GRACE:
        _give_up(signal, now, f"{_age(signal, now).total_seconds():.0f} s old when it was routed")
        return None
    return _enter(signal, now=now, wall=wall)


def _age(signal: Signal, now: datetime) -> timedelta:
    """A wall-clock age: a recorded day may run faster than the machine that routes it."""
    return market_clock().wall_between(signal.received_at, now)


def _enter(signal: Signal, *, now: datetime, wall: datetime) -> Wave | None:
    strategy = signal.strategy
    market = look(strategy, now=now, wall=wall)
    with transaction.atomic():
        if not _claim(signal, now):
            return None
        failpoints.reach("routing.claimed")
        facts = read_facts(strategy, on=market.trading_date)
        planned, skips = EntryDecisions(strategy, facts, market, now=now).all()
        wave = _wave(signal, now)
        enter_wave(wave=wave, planned=planned, skips=skips, now=now)
        _record(signal, wave, taken=len(planned), skipped=len(skips))
        failpoints.reach("entry.before_commit")
    failpoints.reach("routing.committed")
    return wave


def _exit(signal: Signal, now: datetime) -> Wave | None:
    """Ask every live trade of the strategy to be left, whatever else is switched off or halted."""
    with transaction.atomic():
        if not _claim(signal, now):
            return None
        failpoints.reach("routing.exit_claimed")
        live = list(Trade.objects.live().filter(strategy=signal.strategy).values_list("pk", "strategy_map_id"))
        legs = list(TradeLeg.objects.filter(trade__in=[pk for pk, _ in live]).values_list("pk", flat=True))
        request_exit(leg_ids=legs, reason=ExitReason.SIGNAL, now=now)
        wave = _wave(signal, now)
        verdicts = _exit_verdicts(wave, {map_id for _, map_id in live})
        WaveVerdict.objects.bulk_create(verdicts)
        _record(signal, wave, taken=len(live), skipped=sum(1 for verdict in verdicts if not verdict.taken))
    return wave


def _exit_verdicts(wave: Wave, in_trade: set[int | None]) -> list[WaveVerdict]:
    maps = wave.strategy.maps.order_by("pk").values_list("pk", "account_id")
    return [
        WaveVerdict(
            wave=wave,
            strategy_map_id=map_id,
            account_id=account_id,
            taken=map_id in in_trade,
            reason="" if map_id in in_trade else SkipReason.NOT_IN_TRADE,
        )
        for map_id, account_id in maps
    ]


def _claim(signal: Signal, now: datetime) -> bool:
    """Lock the strategy, then take the signal; ``False`` when somebody else took it."""
    Strategy.objects.select_for_update(no_key=True).only("pk").get(pk=signal.strategy_id)
    taken = Signal.objects.filter(pk=signal.pk, status=SignalStatus.ACCEPTED)
    return bool(taken.update(status=SignalStatus.ROUTED, routed_at=now))


def _give_up(signal: Signal, now: datetime, reason: str) -> None:
    with transaction.atomic():
        waiting = Signal.objects.filter(pk=signal.pk, status=SignalStatus.ACCEPTED)
        if waiting.update(status=SignalStatus.EXPIRED, routed_at=now, reason=reason[:100]):
            record("signal_expired", signal, tenant_id=signal.tenant_id, reason=reason)


def _wave(signal: Signal, now: datetime) -> Wave:
    return Wave.objects.create(
        tenant_id=signal.tenant_id, strategy=signal.strategy, signal=signal, kind=signal.kind, created_at=now
    )


def _record(signal: Signal, wave: Wave, *, taken: int, skipped: int) -> None:
    record("signal_routed", signal, tenant_id=signal.tenant_id, wave=wave.pk, taken=taken, skipped=skipped)
