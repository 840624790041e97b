"""The recorded day through the real processes: start them, sound the webhooks, wait for the end, read the trades."""

import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import psycopg2
import requests

from domain.clock import IST, MarketClock, parse_clock
from launch import stack, testserver
from launch.stack import Stack
from tests.replay.expected import ENTRY_AT, EXIT_AT, Expected

T = TypeVar("T")

STARTS_AT = ENTRY_AT.replace(minute=43)
CAREFUL_SPEED = 10.0
"""Around the minutes in which something is traded: six seconds each, so that a busy machine still hits the minute."""

AROUND = (timedelta(minutes=1), timedelta(minutes=2))
INTO_THE_MINUTE = timedelta(seconds=15)
LEADS = (timedelta(seconds=110), timedelta(seconds=90), timedelta(seconds=240))
"""How far ahead 10:43 lies when the processes are started; a later try finds database and files prepared."""

HELD, STOPPED = "replay-held", "replay-stopped"


class ReplayFailed(RuntimeError):
    """The day could not be played to its end; the message says where it stuck."""


class TooLate(ReplayFailed):
    """The processes were not ready when the recording began."""


@dataclass(frozen=True, slots=True)
class Played:
    """One account's trade as the API shows it."""

    strategy: str
    account: str
    trade: Mapping[str, Any]


def play(recording: Path, expected: Mapping[str, Expected], *, speed: float) -> list[Played]:
    """Play the day and return every trade; raises ``ReplayFailed`` and ``launch.problems.LaunchError``."""
    home = Path(tempfile.mkdtemp(prefix=testserver.STACK_PREFIX))
    try:
        for lead in LEADS[:-1]:
            try:
                return _play(recording, expected, speed=speed, lead=lead, home=home)
            except TooLate as error:
                say(f"{error} Once more, with more time.")
        return _play(recording, expected, speed=speed, lead=LEADS[-1], home=home)
    finally:
        testserver.remove(home)


def _play(
    recording: Path, expected: Mapping[str, Expected], *, speed: float, lead: timedelta, home: Path
) -> list[Played]:
    text = clock_text(datetime.now(UTC) + lead, _busy_minutes(expected), speed=speed)
    clock = parse_clock(text)
    say(f"Starting everything; the recording begins in {lead.seconds} s.")
    with stack.running(_environ(recording, text, speed), state_dir=home) as installation:
        day = Day(installation, clock)
        day.await_prices()
        day.sound_at(ENTRY_AT, "sell")
        day.await_trades(("OPEN", "EXITING", "CLOSED"), by=ENTRY_AT + timedelta(minutes=10))
        day.sound_at(EXIT_AT, "buy")
        day.await_trades(("CLOSED",), by=EXIT_AT + timedelta(minutes=10))
        return day.trades()


def _environ(recording: Path, clock: str, speed: float) -> dict[str, str]:
    """A price a minute is all there is: it may be as old as two of the slowest minutes before it counts as stale."""
    minute = 60 / min(CAREFUL_SPEED, speed)
    return {
        "SEED": "replay",
        "MARKET_CLOCK": clock,
        "SIMULATOR_MARKET": str(recording),
        "SIMULATOR_EXPIRY": ENTRY_AT.date().isoformat(),
        "PAPER_SLIPPAGE_TICKS": "0",
        "FEED_STALE_SECONDS": f"{2 * minute:.0f}",
    }


def _busy_minutes(expected: Mapping[str, Expected]) -> list[datetime]:
    left = {leg.left_at for trade in expected.values() for leg in trade.legs}
    return sorted({STARTS_AT, ENTRY_AT, EXIT_AT} | left)


def clock_text(wall: datetime, busy: list[datetime], *, speed: float) -> str:
    """Return the ``MARKET_CLOCK`` that shows the first busy minute at ``wall``: careful around those, fast between."""
    careful = min(CAREFUL_SPEED, speed)
    parts = [f"{busy[0].isoformat()}@{wall.timestamp():.3f}x{careful:g}"]
    ends = busy[0] + AROUND[1]
    for minute in busy[1:]:
        if minute - AROUND[0] > ends:
            parts += [f"{ends.isoformat()}x{speed:g}", f"{(minute - AROUND[0]).isoformat()}x{careful:g}"]
        ends = minute + AROUND[1]
    return ",".join(parts)


class Day:
    """One installation living through the day."""

    def __init__(self, installation: Stack, clock: MarketClock) -> None:
        self._installation = installation
        self._clock = clock
        self._demo = installation.demo

    def now(self) -> datetime:
        """Return market time."""
        return self._clock.at(datetime.now(UTC)).astimezone(IST)

    def await_prices(self) -> None:
        """Wait until the recording ticks through the feed; raises ``TooLate`` when that is after the entry's minute."""
        say(f"The processes are up, it is {self.now():%H:%M} in the market.")
        with _database(self._installation) as read:
            self._until(
                lambda: read("SELECT 1 FROM bus_heartbeat WHERE process = 'feed' AND detail->>'state' = 'live'")
            )
        if self.now() >= ENTRY_AT:
            raise TooLate(f"It was {self.now():%H:%M} before the feed ticked.")

    def _until(self, what: Callable[[], object]) -> None:
        while not what() and self.now() < ENTRY_AT:
            time.sleep(0.2)

    def sound_at(self, minute: datetime, action: str) -> None:
        """Send both strategies' alerts a quarter into a minute, when its price has been shown."""
        self._sleep_until(minute + INTO_THE_MINUTE)
        for slug, path in self._demo["webhooks"].items():
            alert = {"action": action, "alert_id": f"{slug}-{uuid.uuid4().hex[:8]}"}
            answer = requests.post(f"{self._demo['base_url']}{path}", json=alert, timeout=10)
            if answer.status_code != 202:
                raise ReplayFailed(f"The webhook of {slug} said {answer.status_code} {answer.text[:300]}")
        say(f"{self.now():%H:%M:%S}  {action}")

    def _sleep_until(self, market: datetime) -> None:
        while (wait := (self._clock.wall_of(market) - datetime.now(UTC)).total_seconds()) > 0:
            time.sleep(min(wait, 1.0))

    def await_trades(self, statuses: tuple[str, ...], *, by: datetime) -> None:
        """Wait until every account's trade stands so; a day that goes on without is told in the table."""
        wanted = sum(len(trader["accounts"]) for trader in self._demo["traders"])
        while True:
            done = [one for one in self.trades() if one.trade["status"] in statuses]
            if len(done) == wanted or self.now() > by:
                break
            time.sleep(0.3)
        say(f"{self.now():%H:%M:%S}  {len(done)} of {wanted} trades {statuses[0].lower()}")

    def trades(self) -> list[Played]:
        """Return every trade the traders see."""
        return [one for trader in self._demo["traders"] for one in self._trades_of(trader)]

    def _trades_of(self, trader: Mapping[str, Any]) -> Iterator[Played]:
        answer = requests.get(
            f"{self._demo['base_url']}/api/v1/trades/",
            params={"page_size": 50},
            headers={"Authorization": f"Bearer {trader['api_key']}"},
            timeout=30,
        )
        answer.raise_for_status()
        labels = {account["id"]: account["client_id"] for account in trader["accounts"]}
        for trade in answer.json()["results"]:
            yield Played(trade["strategy_slug"], labels[trade["account"]], trade)


@contextmanager
def _database(installation: Stack) -> Iterator[Callable[[str], object]]:
    connection = psycopg2.connect(installation.environ["DATABASE_URL"])
    connection.autocommit = True

    def read(query: str) -> object:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()

    try:
        yield read
    finally:
        connection.close()


def money(value: object) -> Decimal | None:
    """Return an amount of the API as a number; ``None`` where it shows none."""
    return None if value is None else Decimal(str(value))


def say(text: str) -> None:
    """Show progress; the table alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)
