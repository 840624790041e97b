"""Deliveries that race: one wave a signal, one live trade a map, whoever comes first."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from django.db import DatabaseError, connection

from apps.strategies.models import Signal
from apps.strategies.services import routing
from apps.strategies.services.routing import route
from apps.trading.models import Intent, Order, Trade, Wave
from tests.cast import Cast, publish_price

pytestmark = pytest.mark.django_db(transaction=True)


def say(cast: Cast, now: datetime, key: str, kind: str = "ENTRY") -> Signal:
    return Signal.objects.create(tenant=cast.tenant, strategy=cast.strategy, kind=kind, dedupe_key=key, received_at=now)


def deliver(ids: Sequence[int], now: datetime) -> list[Wave | None]:
    """Route every id at the same moment, each on its own connection."""
    gate = threading.Barrier(len(ids))

    def one(signal_id: int) -> Wave | None:
        try:
            gate.wait(30)
            return route(signal_id, now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(ids)) as pool:
        return list(pool.map(one, ids))


def test_a_signal_delivered_eight_times_at_once_is_one_wave(cast: Cast, now: datetime) -> None:
    publish_price(cast.call, "100")
    signal = say(cast, now, "s1")

    waves = deliver([signal.pk] * 8, now)

    assert sum(wave is not None for wave in waves) == 1
    assert (Wave.objects.count(), Trade.objects.count(), Intent.objects.count(), Order.objects.count()) == (1, 2, 2, 2)


def test_two_entries_at_once_open_one_trade_a_map(cast: Cast, now: datetime) -> None:
    publish_price(cast.call, "100")
    ids = [say(cast, now, f"s{number}").pk for number in range(4)]

    deliver(ids, now)

    assert Wave.objects.count() == 4
    assert Trade.objects.count() == 2
    first = Wave.objects.get(signal_id=ids[0])
    assert set(Trade.objects.values_list("wave", flat=True)) == {first.pk}


def test_an_entry_and_its_exit_at_once_end_flat(cast: Cast, now: datetime) -> None:
    publish_price(cast.call, "100")
    entry, leaving = say(cast, now, "s1"), say(cast, now, "s2", "EXIT")

    deliver([leaving.pk, entry.pk, leaving.pk, entry.pk], now)

    assert Wave.objects.count() == 2
    assert set(Trade.objects.values_list("status", flat=True)) == {"EXITING"}
    assert set(Order.objects.values_list("status", flat=True)) == {"ABORTED"}


def test_an_entry_that_cannot_be_routed_does_not_hold_up_the_exit(
    cast: Cast, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_price(cast.call, "100")
    entry, leaving = say(cast, now, "s1"), say(cast, now, "s2", "EXIT")

    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("this entry breaks a constraint")

    monkeypatch.setattr(routing, "enter_wave", fail)
    with pytest.raises(DatabaseError):
        route(entry.pk, now=now)
    entry.refresh_from_db()
    assert entry.status == "ACCEPTED"

    assert route(leaving.pk, now=now) is not None
    entry.refresh_from_db()
    assert (entry.status, Trade.objects.count()) == ("EXPIRED", 0)


def test_the_sweep_goes_on_after_a_signal_that_fails(
    cast: Cast, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = datetime.fromtimestamp(now.timestamp() - 5, tz=now.tzinfo)
    broken, leaving = say(cast, early, "s1"), say(cast, early, "s2", "EXIT")
    monkeypatch.setattr(routing, "look", lambda *_, **__: (_ for _ in ()).throw(DatabaseError("gone")))

    assert routing.sweep_signals(now) == 2

    leaving.refresh_from_db()
    broken.refresh_from_db()
    assert (leaving.status, broken.status) == ("ROUTED", "EXPIRED")
