"""A strategy with a webhook, the operator's desk, a market with prices, and a record of every wake-up."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from apps.markets import clock
from apps.markets.services.calendar import forget_calendar
from apps.strategies.services import tokens
from apps.strategies.services.waking import waker
from bus import commands
from bus.connection import redis_client
from bus.ticks import LAST, STATE
from domain.clock import MarketClock
from tests.cast import Cast, publish_price


@pytest.fixture(autouse=True)
def _clean_market() -> Iterator[None]:
    """Nothing is left of an earlier test's calendar and prices."""
    forget_calendar()
    redis_client().delete(LAST, STATE)
    yield
    forget_calendar()
    redis_client().delete(LAST, STATE)


@pytest.fixture
def wakes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Signals the router was woken for."""
    sent: list[int] = []
    monkeypatch.setattr(commands, "send_route_signal", sent.append)
    return sent


@pytest.fixture
def market_at(monkeypatch: pytest.MonkeyPatch, now: datetime) -> Callable[[datetime], None]:
    """Let market time stand still at an instant."""

    def stand(at: datetime) -> None:
        still = MarketClock(market=at, wall=at, speed=0.0)
        monkeypatch.setattr(clock, "market_clock", lambda: still)

    return stand


@dataclass
class Hook:
    """Posts alerts to the cast's strategy."""

    client: Client
    token: str
    capture: Any
    wakes: list[int] = field(repr=False)

    @property
    def url(self) -> str:
        return f"/hooks/tradingview/{self.token}/"

    def post(
        self, body: object, *, url: str = "", content_type: str = "application/json", **headers: Any
    ) -> HttpResponse:
        """Send a body (anything but bytes and text as JSON) and let the wake-ups go out."""
        raw = body if isinstance(body, bytes | str) else json.dumps(body)
        with self.capture(execute=True):
            response = self.client.post(url or self.url, raw, content_type=content_type, headers=headers)
        waker.drain()
        return response


@pytest.fixture
def hook(cast: Cast, client: Client, wakes: list[int], django_capture_on_commit_callbacks: Any) -> Hook:
    """The cast's strategy behind a webhook."""
    return Hook(client, tokens.rotate(cast.strategy, actor=cast.operator), django_capture_on_commit_callbacks, wakes)


@pytest.fixture
def desk(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.operator)
    return client


@pytest.fixture
def prices(cast: Cast) -> Cast:
    """Fresh prices: the index at 26000, its call at 100, its put at 80."""
    publish_price(cast.index, "26000")
    publish_price(cast.call, "100")
    publish_price(cast.put, "80")
    return cast


@pytest.fixture
def later(now: datetime) -> datetime:
    """A moment after the signal came in."""
    return now + timedelta(seconds=1)
