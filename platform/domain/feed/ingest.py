"""From a broker's packets to ticks: joined to our instruments, judged, counted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from domain.broker import Quote, RawTick
from domain.feed.validation import Band, LastSeen, Refusal, refusal
from domain.prices import to_scaled
from domain.ticks import Tick


@dataclass(slots=True)
class Named:
    """One instrument as the feed's broker names it, and what was last seen of it.

    ``exchange`` is ours, ``listed_on`` the broker's word for it. ``units`` is what the broker's quantity 1 means on the
    stream; quotes come in units already.
    """

    instrument_id: int
    exchange: str
    kind: str
    listed_on: str
    symbol: str
    token: str
    units: int = 1
    seen: LastSeen = field(default_factory=LastSeen)
    off_band: bool = False


class Ingest:
    """Turns packets into ticks until somebody takes them; remembers only what judging the next one needs."""

    def __init__(self) -> None:
        self.by_token: dict[str, Named] = {}
        self.by_id: dict[int, Named] = {}
        self.pending: list[Tick] = []
        self.ticked: set[int] = set()
        self.accepted = 0
        self.dropped: Counter[str] = Counter()

    def add(self, named: Named) -> None:
        """Know an instrument from now on; a token that moved to another one goes with it."""
        self.remove(named.instrument_id)
        self.by_token[named.token] = self.by_id[named.instrument_id] = named

    def remove(self, instrument_id: int) -> None:
        """Forget an instrument; its packets are strangers' again."""
        known = self.by_id.pop(instrument_id, None)
        if known is not None and self.by_token.get(known.token) is known:
            del self.by_token[known.token]

    def forget_names(self) -> None:
        """Know nobody any more; what waits to be taken stays."""
        self.by_token.clear()
        self.by_id.clear()

    def take_packets(self, packets: Sequence[RawTick], *, received_at: int, latest: int) -> None:
        """Judge a frame; times are epoch milliseconds, ``latest`` the newest stamp not from the future."""
        for packet in packets:
            named = self.by_token.get(packet.token)
            if named is None:
                self.dropped["UNKNOWN_TOKEN"] += 1
                continue
            units = named.units
            tick = Tick(
                named.instrument_id,
                packet.last_price,
                packet.bid,
                packet.ask,
                packet.bid_quantity * units,
                packet.ask_quantity * units,
                packet.volume * units,
                packet.open_interest * units,
                packet.close,
                packet.exchange_at,
                received_at,
            )
            if self._is_believed(named, tick, latest):
                self.ticked.add(named.instrument_id)

    def take_quotes(self, quotes: Iterable[Quote], *, received_at: int, latest: int) -> int:
        """Judge polled quotes by the price limits they bring along; return how many were believed."""
        believed = 0
        for quote in quotes:
            named = self.by_token.get(quote.token)
            if named is None:
                continue
            if not _is_numbers(quote):
                self.dropped[Refusal.NOT_A_NUMBER] += 1
                continue
            named.seen.band, named.off_band = _band(quote), False
            believed += self._is_believed(named, _tick(named, quote, received_at), latest)
        return believed

    def take_pending(self) -> list[Tick]:
        """Return the ticks that wait, oldest first, and start anew."""
        ticks, self.pending = self.pending, []
        return ticks

    def _is_believed(self, named: Named, tick: Tick, latest: int) -> bool:
        quantities = (tick.bid_quantity, tick.ask_quantity, tick.volume, tick.open_interest)
        reason = refusal(
            named.seen,
            last_price=tick.last_price,
            bid=tick.bid,
            ask=tick.ask,
            smallest=min(quantities),
            largest=max(tick.last_price, tick.bid, tick.ask, tick.close, *quantities),
            exchange_at=tick.exchange_at,
            latest=latest,
        )
        if reason is not None:
            self.dropped[reason] += 1
            named.off_band |= reason is Refusal.OFF_BAND
            return False
        if tick.exchange_at:
            named.seen.exchange_at = tick.exchange_at
        self.accepted += 1
        self.pending.append(tick)
        return True


def _is_numbers(quote: Quote) -> bool:
    prices = (quote.last_price, quote.bid, quote.ask, quote.close, quote.lower_band, quote.upper_band)
    return all(price is None or price.is_finite() for price in prices)


def _band(quote: Quote) -> Band | None:
    """Return the day's limits; brokers show 0 where there are none."""
    if not quote.lower_band or not quote.upper_band or quote.upper_band <= quote.lower_band:
        return None
    return Band(to_scaled(quote.lower_band), to_scaled(quote.upper_band))


def _tick(named: Named, quote: Quote, received_at: int) -> Tick:
    return Tick(
        instrument_id=named.instrument_id,
        last_price=to_scaled(quote.last_price),
        bid=to_scaled(quote.bid),
        ask=to_scaled(quote.ask),
        bid_quantity=quote.bid_quantity,
        ask_quantity=quote.ask_quantity,
        volume=quote.volume,
        open_interest=quote.open_interest,
        close=to_scaled(quote.close),
        exchange_at=int(quote.exchange_at.timestamp() * 1000) if quote.exchange_at else 0,
        received_at=received_at,
    )
