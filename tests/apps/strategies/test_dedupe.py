"""One alert is one signal, however often, however fast and by however many it is sent."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.strategies.models import Signal, Strategy
from apps.strategies.services import intake, tokens
from apps.strategies.services.intake import receive
from apps.strategies.services.waking import Waker, newest, waker
from domain.payload import parse_alert
from tests.apps.strategies.conftest import Hook
from tests.cast import Cast


def test_a_resent_alert_is_the_signal_it_was(hook: Hook) -> None:
    body = {"action": "buy", "alert_id": "a-1"}
    first, again = hook.post(body), hook.post(body)

    signal = Signal.objects.get()
    assert first.json() == {"status": "accepted", "signal": signal.pk}
    assert (again.status_code, again.json()) == (200, {"status": "duplicate", "signal": signal.pk})
    assert hook.wakes == [signal.pk]


def test_an_alert_id_counts_once_whatever_else_was_changed(hook: Hook) -> None:
    hook.post({"action": "buy", "alert_id": "a-1", "quantity": 65})
    replay = hook.post({"action": "sell", "alert_id": "a-1", "quantity": 6500})

    assert replay.json()["status"] == "duplicate"
    assert Signal.objects.get().kind == "ENTRY"


def test_a_dated_alert_counts_once_without_an_id(
    hook: Hook, market_at: Callable[[datetime], None], now: datetime
) -> None:
    market_at(now)
    body = {"action": "buy", "timenow": now.isoformat()}
    other = {"action": "buy", "timenow": (now - timedelta(seconds=1)).isoformat()}

    assert [hook.post(one).json()["status"] for one in (body, body, other)] == ["accepted", "duplicate", "accepted"]


def test_the_same_alert_of_two_strategies_is_two_signals(hook: Hook, cast: Cast) -> None:
    twin = Strategy.objects.create(tenant=cast.tenant, name="Twin", slug="twin", underlying="NIFTY")
    url = f"/hooks/tradingview/{tokens.rotate(twin, actor=None)}/"
    body = {"action": "buy", "alert_id": "a-1"}

    assert [hook.post(body).status_code, hook.post(body, url=url).status_code] == [202, 202]


def say_buy(hook: tokens.Hook, wall: datetime) -> str:
    """Send the word alone, at an instant."""
    alert = parse_alert(b"buy", "text/plain")
    return receive(hook=hook, alert=alert, body=b"buy", source_ip=None, now=wall, wall=wall).status


def behind(cast: Cast) -> tokens.Hook:
    """Return what stands behind a new address of the cast's strategy."""
    hook = tokens.find(tokens.rotate(cast.strategy, actor=None), wall=timezone.now())
    assert hook is not None
    return hook


BOUNDARY = datetime(2026, 11, 16, 5, 0, 0, tzinfo=UTC)  # a multiple of the window


@pytest.mark.parametrize("start", [-29, -15, -5, -0.001, 0, 0.001, 5, 29])
@pytest.mark.parametrize(("gap", "status"), [(0, "duplicate"), (5, "duplicate"), (29.9, "duplicate"), (60, "accepted")])
def test_a_bare_word_is_a_resend_within_the_window_and_new_after_it(
    cast: Cast, start: float, gap: float, status: str
) -> None:
    assert BOUNDARY.timestamp() % intake.RESEND_WINDOW.total_seconds() == 0
    first = BOUNDARY + timedelta(seconds=start)

    assert say_buy(behind(cast), first) == "accepted"
    assert say_buy(behind(cast), first + timedelta(seconds=gap)) == status


def test_a_bare_word_is_new_again_as_soon_as_the_window_is_over(cast: Cast) -> None:
    assert say_buy(behind(cast), BOUNDARY + timedelta(seconds=2)) == "accepted"
    assert say_buy(behind(cast), BOUNDARY + timedelta(seconds=33)) == "accepted"


class _Storm:
    """Fifty senders that start together, each on its own connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.gate = threading.Barrier(10)

    def send(self, body: str) -> tuple[int, str, int]:
        try:
            self.gate.wait(timeout=30)
            response = Client().post(self.url, body, content_type="application/json")
            answer = response.json()
            return response.status_code, answer["status"], answer["signal"]
        finally:
            connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("body", ['{"action": "buy", "alert_id": "a-1"}', '{"action": "buy"}'])
def test_fifty_at_once_are_one_signal(cast: Cast, wakes: list[int], body: str) -> None:
    storm = _Storm(f"/hooks/tradingview/{tokens.rotate(cast.strategy, actor=None)}/")

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(storm.send, [body] * 50))
    waker.drain()

    signal = Signal.objects.get()
    assert sorted(answers) == [(200, "duplicate", signal.pk)] * 49 + [(202, "accepted", signal.pk)]
    assert wakes == [signal.pk]


def test_a_wake_up_never_waits_for_redis() -> None:
    hanging, sent = threading.Event(), list[int]()

    def send(signal_id: int) -> None:
        hanging.wait(30)
        sent.append(signal_id)

    slow = Waker(send, room=3)
    assert slow.wake(0, 0)
    taken = [slow.wake(number, number) for number in range(1, 10)]  # Redis hangs all the while
    assert taken.count(False) >= 4
    hanging.set()
    slow.drain()
    assert sent == sorted(sent)
    assert len(sent) == 1 + taken.count(True)


def test_of_signals_that_wait_together_the_newest_wakes_for_its_strategy() -> None:
    assert newest([(1, 7), (2, 8), (3, 7), (5, 7), (4, 8)]) == [5, 4]
    assert newest([]) == []


def test_a_waker_survives_a_wake_up_that_fails() -> None:
    sent: list[int] = []

    def send(signal_id: int) -> None:
        if signal_id == 1:
            raise RuntimeError("the broker library broke")
        sent.append(signal_id)

    hook = threading.excepthook
    threading.excepthook = lambda _: None
    try:
        waking = Waker(send)
        waking.wake(1, 1)
        waking.drain()
        if waking._thread is not None:
            waking._thread.join(30)
        waking.wake(2, 2)
        waking.drain()
    finally:
        threading.excepthook = hook
    assert sent == [2]
