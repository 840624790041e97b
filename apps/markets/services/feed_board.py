"""What the feed knows of its instruments now: which are believed, and whether the whole feed is silent."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as Collection
from dataclasses import dataclass
from datetime import datetime

from apps.markets.services.calendar import Calendar
from bus.ticks import TickState
from domain.feed.freshness import Freshness, Moment, judge
from domain.instruments import Kind


@dataclass(slots=True)
class Watched:
    """One subscribed or polled instrument; times are seconds of the event loop's clock, 0 before the first."""

    exchange: str
    kind: str
    subscribed_at: float
    ticked_at: float = 0.0
    polled_at: float = 0.0
    state: Freshness = Freshness.STALE


class Board:
    """The states of all instruments, and what changed since somebody last took the changes."""

    def __init__(self, *, stale_after: float) -> None:
        self.watched: dict[int, Watched] = {}
        self._stale_after = stale_after
        self._open_since: dict[str, float] = {}
        self._changed: dict[int, Freshness] = {}

    def add(self, instrument_id: int, *, exchange: str, kind: str, now: float) -> None:
        """Begin to watch; nothing is believed before the first tick."""
        if instrument_id not in self.watched:
            self.watched[instrument_id] = Watched(exchange, kind, now)
            self._changed[instrument_id] = Freshness.STALE

    def remove(self, instrument_id: int) -> None:
        """Stop watching: its price grows old from now on, and is told so."""
        if self.watched.pop(instrument_id, None) is not None:
            self._changed[instrument_id] = Freshness.STALE

    def keep_only(self, ids: Collection[int]) -> None:
        """Stop watching all others."""
        for instrument_id in self.watched.keys() - ids:
            self.remove(instrument_id)

    def ticked(self, ids: Iterable[int], *, now: float) -> None:
        """Note ticks of the stream; a stale instrument is live again at once."""
        for instrument_id in ids:
            one = self.watched.get(instrument_id)
            if one is None:
                continue
            one.ticked_at = now
            if one.state is Freshness.STALE:
                self._become(instrument_id, one, Freshness.LIVE)

    def polled(self, ids: Iterable[int], *, now: float) -> None:
        """Note polled quotes: the price is known, the stream is no less silent."""
        for instrument_id in ids:
            if instrument_id in self.watched:
                self.watched[instrument_id].polled_at = now

    def judge_all(self, calendars: Mapping[str, Calendar], *, market: datetime, now: float) -> list[Watched]:
        """Judge every instrument at a market time; return those that ought to tick now."""
        moments = self._moments(calendars, market=market, now=now)
        expected: list[Watched] = []
        for instrument_id, one in self.watched.items():
            moment = moments[one.exchange, one.kind == Kind.INDEX]
            state = judge(
                one.state,
                now=now,
                ticked_at=one.ticked_at,
                subscribed_at=one.subscribed_at,
                moment=moment,
                stale_after=self._stale_after,
            )
            if state is not one.state:
                self._become(instrument_id, one, state)
            if moment.is_open and not moment.stands_still:
                expected.append(one)
        return expected

    def silent_since(self, expected: Sequence[Watched]) -> float:
        """Return since when none of the instruments has ticked that ought to; raises ``ValueError`` for none."""
        began = min(max(self._open_since[one.exchange], one.subscribed_at) for one in expected)
        return max(began, max(one.ticked_at for one in expected))

    def take_changes(self, *, at: int) -> list[TickState]:
        """Return the states to tell, stamped; they are told once unless given back."""
        changes = [TickState(instrument_id, state, at) for instrument_id, state in self._changed.items()]
        self._changed.clear()
        return changes

    def give_back(self, changes: Iterable[TickState]) -> None:
        """Tell these later, unless they changed again meanwhile."""
        for change in changes:
            self._changed.setdefault(change.instrument_id, change.state)

    def retell(self) -> None:
        """Tell every state again."""
        self._changed = {instrument_id: one.state for instrument_id, one in self.watched.items()} | self._changed

    def counts(self) -> Counter[str]:
        """Return how many instruments are in each state."""
        return Counter(one.state.value for one in self.watched.values())

    def _become(self, instrument_id: int, one: Watched, state: Freshness) -> None:
        one.state = self._changed[instrument_id] = state

    def _moments(
        self, calendars: Mapping[str, Calendar], *, market: datetime, now: float
    ) -> dict[tuple[str, bool], Moment]:
        moments: dict[tuple[str, bool], Moment] = {}
        for exchange in {one.exchange for one in self.watched.values()}:
            calendar = calendars.get(exchange)
            is_open = calendar is not None and calendar.session_at(market) is not None
            if not is_open:
                self._open_since.pop(exchange, None)
            opened_at = self._open_since.setdefault(exchange, now) if is_open else 0.0
            frozen = calendar is not None and calendar.is_index_frozen(market)
            moments[exchange, False] = Moment(is_open, opened_at)
            moments[exchange, True] = Moment(is_open, opened_at, stands_still=frozen)
        return moments
