"""Square-offs without beat: by the engine's clock, by the database's, and by both at once."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from apps.notifications.models import Notification
from apps.trading.models import Intent, Order, Trade, TradeLeg
from apps.trading.services import cutoffs, day_end, watching
from bus import commands
from bus.leases import Held
from bus.models import Heartbeat
from domain.risk import RiskEngine
from tests.apps.trading.conftest import enter
from tests.cast import Cast, publish_price
from workers.loop import Lead
from workers.signals import _Watch

pytestmark = pytest.mark.django_db


def held(cast: Cast, now: datetime, *, due: datetime, key: str = "s1") -> Trade:
    """Hold a call until its square-off time."""
    publish_price(cast.call, "100")
    (trade,) = enter(cast, now, accounts=[cast.account], key=key)
    Order.objects.filter(intent__trade=trade).update(status="FILLED", filled_quantity=65)
    Intent.objects.filter(trade=trade).update(status="DONE")
    trade.legs.update(entry_quantity=65, entry_value=Decimal(6500))
    Trade.objects.filter(pk=trade.pk).update(status="OPEN", square_off_at=due)
    return trade


def squared_off(trade: Trade) -> bool:
    return Intent.objects.filter(trade=trade, kind="EXIT", reason="SQUARE_OFF").count() == 1


def test_the_databases_clock_decides_whatever_this_machines_says(
    cast: Cast, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = datetime.now(tz=UTC)
    due = held(cast, now, due=real - timedelta(seconds=1))
    later = held(cast, now, due=real + timedelta(hours=1), key="s2")
    for wrong in (timedelta(days=-1), timedelta(days=1)):
        monkeypatch.setattr(timezone, "now", lambda wrong=wrong: real + wrong)
        cutoffs.fire_due()
    assert squared_off(due)
    assert TradeLeg.objects.get(trade=later).exit_reason == ""


def test_firing_twice_asks_once(cast: Cast, now: datetime) -> None:
    trade = held(cast, now, due=datetime.now(tz=UTC))
    assert cutoffs.fire_due() == 1
    assert cutoffs.fire_due() == 0
    assert day_end.square_off_due(now=datetime.now(tz=UTC)) == 0
    assert squared_off(trade)
    assert Order.objects.filter(intent__trade=trade, intent__kind="EXIT").count() == 1


def test_the_risk_engine_fires_a_square_off_by_itself(cast: Cast, now: datetime) -> None:
    due = now + timedelta(seconds=10)
    trade = held(cast, now, due=due)
    engine = RiskEngine(now=now)
    for rules in watching.watch_list(on=now.date()).rules:
        engine.update(rules)
    assert engine.on_clock(due - timedelta(milliseconds=1)) == []
    watching.act_on(engine.on_clock(due), now=due, trading_date=now.date())
    assert squared_off(trade)


class Here(Lead):
    """A leader whose database work runs on the test's own connection."""

    def __init__(self) -> None:
        super().__init__(Held("signals", 1, "", 60.0), None, None, asyncio.Event())  # type: ignore[arg-type]

    async def db(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        try:
            return function(*args, **kwargs)
        finally:
            asyncio._set_running_loop(loop)

    async def db_first(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self.db(function, *args, **kwargs)


def test_the_signals_worker_fires_it_without_beat_and_without_its_own_clock(
    cast: Cast, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = held(cast, now, due=datetime.now(tz=UTC) - timedelta(seconds=1))
    monkeypatch.setattr(RiskEngine, "on_clock", lambda self, at: [])  # a clock that stands still
    lead = Here()
    fire = cutoffs.fire_due

    def fire_and_stop() -> int:
        lead.stopping.set()
        return fire()

    monkeypatch.setattr(cutoffs, "fire_due", fire_and_stop)
    asyncio.run(_Watch(lead).run())
    assert squared_off(trade)


def test_beats_silence_is_told_and_its_urgent_work_done(
    cast: Cast, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(commands, "_on_commit", lambda task, queue, *_: woken.append(queue))
    enter(cast, now, accounts=[cast.account])
    woken.clear()
    _beat(seconds_ago=60)
    assert cutoffs.stand_in_for_beat()
    assert cutoffs.stand_in_for_beat()
    assert "execution.0" in woken
    assert Notification.objects.filter(code="BEAT_SILENT", tenant=cast.tenant, level="PAGE").count() == 1


def test_nobody_stands_in_for_a_beat_that_lives(cast: Cast) -> None:
    _beat(seconds_ago=5)
    assert not cutoffs.stand_in_for_beat()
    assert not Notification.objects.exists()


def _beat(*, seconds_ago: float) -> None:
    at = datetime.now(tz=UTC) - timedelta(seconds=seconds_ago)
    Heartbeat.objects.update_or_create(
        process="beat", defaults={"holder": "h", "build": "dev", "started_at": at, "beat_at": at}
    )
