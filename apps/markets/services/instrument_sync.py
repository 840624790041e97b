"""Taking a broker's instrument master in: all of it or, when it does not look whole, none of it."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction

from apps.markets.clock import trading_date
from apps.markets.models import LONGEST_NAME, BrokerInstrument, Instrument, InstrumentSync
from bus import clock
from domain.broker import InstrumentRow
from domain.contracts import freeze_quantity
from domain.instruments import Exchange, InstrumentKey, Kind, Right
from domain.prices import FINEST_MULTIPLIER, FINEST_PRICE
from domain.symbols import SymbolError, symbol_of

log = logging.getLogger(__name__)

SMALLEST_SHARE = Decimal("0.5")
"""A master with fewer rows than this share of the last good one was cut short."""

MOST_REFUSED_SHARE = Decimal("0.05")
"""More unreadable rows than this: the format changed, and what could be read cannot be trusted either."""

OTHER_BROKERS_MEMORY = timedelta(days=4)
"""A contract another broker showed this recently is not retired."""

_CHUNK = 5000
_FACTS = ("symbol", "name", "lot_size", "tick_size", "freeze_quantity", "multiplier", "is_active")
_LARGEST_STRIKE = Decimal(10) ** 9
_LARGEST_QUANTITY = 2**31 - 1


class BadRow(ValueError):
    """A row that cannot be a contract; ``field`` is the one at fault."""

    def __init__(self, field_name: str, value: object) -> None:
        super().__init__(f"{field_name} {value!r}")
        self.field = field_name


@dataclass(frozen=True, slots=True)
class _Listed:
    """A readable row: its contract, and the broker's names for it."""

    key: InstrumentKey
    facts: tuple[object, ...]
    broker_symbol: str
    token: str


@dataclass(slots=True)
class _Reading:
    """A master, read: contracts by key, and what was wrong with the rest by field."""

    listed: dict[InstrumentKey, _Listed] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    example: str = ""

    @property
    def refused(self) -> int:
        """Rows left out."""
        return self.faults.total()


def sync_instruments(*, broker: str, rows: Sequence[InstrumentRow], now: datetime) -> InstrumentSync:
    """Bring contracts and the broker's names for them up to date with its master; return what changed.

    New contracts are added, changed facts written, and what disappeared is retired unless another broker still
    shows it. A master that is much shorter than the last good one, or full of unreadable rows, changes nothing: the
    returned row's ``error`` says why, naming the broker and the field. Safe to repeat. ``now`` is market time.
    """
    sync = InstrumentSync(broker=broker, rows=len(rows), started_at=clock.now())
    reading = _read(rows, on=trading_date(now))
    sync.refused = reading.refused
    sync.error = _distrust(broker, len(rows), reading)[:300]
    if not sync.error:
        _take_over(sync, reading)
    sync.finished_at = clock.now()
    sync.save()
    _tell(sync, reading)
    return sync


def record_failed_sync(*, broker: str, error: str) -> InstrumentSync:
    """Note that a master could not be had at all; contracts stay as they are."""
    return InstrumentSync.objects.create(broker=broker, error=f"{broker}: {error}"[:300], finished_at=clock.now())


def _take_over(sync: InstrumentSync, reading: _Reading) -> None:
    with transaction.atomic():
        _one_at_a_time()
        ids = _write_contracts(sync, reading.listed)
        names = {ids[key]: listed for key, listed in reading.listed.items()}
        sync.retired = _retire(sync.broker, set(names))
        _write_names(sync, names)


def _one_at_a_time() -> None:
    """Two masters taken in at once would wait for each other's rows; the lock goes with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('instrument sync'))")


def _distrust(broker: str, total: int, reading: _Reading) -> str:
    """Return why the master is not believed; empty when it is."""
    if total == 0:
        return f"{broker}: the instrument master is empty"
    if reading.refused > total * MOST_REFUSED_SHARE:
        worst, count = reading.faults.most_common(1)[0]
        return f"{broker}: {count} of {total} rows have a bad {worst}, for instance {reading.example}"
    last = InstrumentSync.objects.filter(broker=broker, error="").exclude(finished_at=None).first()
    good, before = len(reading.listed), last.rows - last.refused if last else 0
    if good < before * SMALLEST_SHARE:
        return f"{broker}: the instrument master has {good} rows, the last good one had {before}"
    return ""


def _read(rows: Iterable[InstrumentRow], *, on: date) -> _Reading:
    reading = _Reading()
    symbols: set[tuple[str, str]] = set()
    names: set[tuple[str, str]] = set()
    for row in rows:
        try:
            listed = _listed(row, on=on)
            shown = (row.exchange, str(listed.facts[0]))
            _require(listed.key not in reading.listed and shown not in symbols, "key (twice)", row.symbol)
            _require((row.exchange, row.symbol) not in names, "symbol (twice)", row.symbol)
        except BadRow as error:
            reading.faults[error.field] += 1
            reading.example = reading.example or f"{row.exchange}:{row.symbol} {error}"
            continue
        reading.listed[listed.key] = listed
        symbols.add(shown)
        names.add((row.exchange, row.symbol))
    return reading


def _listed(row: InstrumentRow, *, on: date) -> _Listed:
    key = _key(row)
    try:
        symbol = symbol_of(key)
    except SymbolError as error:
        raise BadRow("expiry", row.expiry) from error
    _require(len(symbol) <= 50, "underlying", row.underlying)
    _require(0 < len(row.symbol) <= LONGEST_NAME, "symbol", row.symbol)
    _require(0 < len(row.token) <= LONGEST_NAME, "token", row.token)
    _require(0 < row.lot_size <= _LARGEST_QUANTITY, "lot_size", row.lot_size)
    _require(_is_positive(row.tick_size) and not row.tick_size % FINEST_PRICE, "tick_size", row.tick_size)
    _require(_is_positive(row.multiplier) and not row.multiplier % FINEST_MULTIPLIER, "multiplier", row.multiplier)
    freeze = row.freeze_quantity if row.freeze_quantity is not None else _known_freeze(key, on=on)
    _require(freeze is None or 0 < freeze <= _LARGEST_QUANTITY, "freeze_quantity", freeze)
    facts = (symbol, row.name[:100], row.lot_size, row.tick_size, freeze, row.multiplier, True)
    return _Listed(key, facts, row.symbol, row.token)


def _key(row: InstrumentRow) -> InstrumentKey:
    _require(row.exchange in Exchange.__members__, "exchange", row.exchange)
    kinds = {kind.value for kind in Kind}
    _require(row.kind in kinds, "kind", row.kind)
    kind = Kind(row.kind)
    is_option, is_derivative = kind is Kind.OPTION, kind in (Kind.OPTION, Kind.FUTURE)
    _require(0 < len(row.underlying) <= 30 and row.underlying.isprintable(), "underlying", row.underlying)
    _require((row.expiry is not None) == is_derivative, "expiry", row.expiry)
    _require(row.strike is None or (is_option and _is_positive(row.strike)), "strike", row.strike)
    _require(is_option == (row.strike is not None), "strike", row.strike)
    _require(is_option == (row.right in (Right.CALL, Right.PUT)) and len(row.right) in (0, 2), "right", row.right)
    strike = row.strike.quantize(Decimal("0.0001")) if row.strike is not None else None
    _require(strike == row.strike, "strike", row.strike)
    return InstrumentKey(Exchange(row.exchange), row.underlying, kind, row.expiry, strike, Right(row.right))


def _is_positive(value: Decimal) -> bool:
    return value.is_finite() and Decimal(0) < value < _LARGEST_STRIKE


def _require(condition: bool, field_name: str, value: object) -> None:
    if not condition:
        raise BadRow(field_name, value)


def _known_freeze(key: InstrumentKey, *, on: date) -> int | None:
    if key.kind not in (Kind.FUTURE, Kind.OPTION):
        return None
    try:
        return freeze_quantity(key.underlying, on=on)
    except LookupError:
        return None


def _write_contracts(sync: InstrumentSync, listed: Mapping[InstrumentKey, _Listed]) -> dict[InstrumentKey, int]:
    """Insert and update contracts; return their ids by key."""
    stored = _stored(listed)
    changed = [_row(one) for key, one in listed.items() if key in stored and stored[key][1] != one.facts]
    added = [_row(one) for key, one in listed.items() if key not in stored]
    sync.added, sync.changed = len(added), len(changed)
    if added or changed:
        Instrument.objects.bulk_create(
            added + changed,
            batch_size=_CHUNK,
            update_conflicts=True,
            unique_fields=["exchange", "underlying", "expiry", "kind", "strike", "right"],
            update_fields=[*_FACTS, "updated_at"],
        )
        stored = _stored(listed)
    return {key: stored[key][0] for key in listed}


def _stored(listed: Mapping[InstrumentKey, _Listed]) -> dict[InstrumentKey, tuple[int, tuple[object, ...]]]:
    """Return id and facts of every stored contract of the listed underlyings, by key."""
    exchanges = {key.exchange for key in listed}
    columns = ("pk", "exchange", "underlying", "kind", "expiry", "strike", "right", *_FACTS)
    rows = Instrument.objects.filter(exchange__in=exchanges).order_by().values_list(*columns)
    found: dict[InstrumentKey, tuple[int, tuple[object, ...]]] = {}
    for pk, exchange, underlying, kind, expiry, strike, right, *facts in rows.iterator(chunk_size=_CHUNK):
        key = InstrumentKey(Exchange(exchange), underlying, Kind(kind), expiry, strike, Right(right))
        found[key] = (pk, tuple(facts))
    return found


def _row(listed: _Listed) -> Instrument:
    key = listed.key
    return Instrument(
        exchange=key.exchange,
        underlying=key.underlying,
        kind=key.kind,
        expiry=key.expiry,
        strike=key.strike,
        right=key.right,
        **dict(zip(_FACTS, listed.facts, strict=True)),
    )


def _retire(broker: str, shown: set[int]) -> int:
    """Switch off contracts this broker no longer shows and no other broker does."""
    mine = BrokerInstrument.objects.filter(broker=broker, instrument__is_active=True)
    gone = set(mine.values_list("instrument_id", flat=True)) - shown
    if not gone:
        return 0
    recent = clock.now() - OTHER_BROKERS_MEMORY
    elsewhere = BrokerInstrument.objects.filter(instrument_id__in=gone, seen_at__gte=recent).exclude(broker=broker)
    gone -= set(elsewhere.values_list("instrument_id", flat=True))
    return Instrument.objects.filter(pk__in=gone).update(is_active=False, updated_at=clock.now())


def _write_names(sync: InstrumentSync, names: Mapping[int, _Listed]) -> None:
    """Make the broker's names what its master says. A name it gave to another contract before is taken back first."""
    mine = BrokerInstrument.objects.filter(broker=sync.broker)
    wanted = {(one.key.exchange.value, one.broker_symbol): (pk, one.token) for pk, one in names.items()}
    wrong, kept = [], set()
    for pk, instrument_id, exchange, symbol, token in mine.values_list(
        "pk", "instrument_id", "exchange", "symbol", "token"
    ):
        if wanted.get((exchange, symbol)) == (instrument_id, token):
            kept.add(instrument_id)
        elif instrument_id in names or (exchange, symbol) in wanted:
            wrong.append(pk)
    mine.filter(pk__in=wrong).delete()
    new = [_name(sync, pk, one) for pk, one in names.items() if pk not in kept]
    BrokerInstrument.objects.bulk_create(new, batch_size=_CHUNK)
    mine.filter(instrument_id__in=kept).update(seen_at=sync.started_at)


def _name(sync: InstrumentSync, instrument_id: int, listed: _Listed) -> BrokerInstrument:
    return BrokerInstrument(
        broker=sync.broker,
        instrument_id=instrument_id,
        exchange=listed.key.exchange,
        symbol=listed.broker_symbol,
        token=listed.token,
        seen_at=sync.started_at,
    )


def _tell(sync: InstrumentSync, reading: _Reading) -> None:
    told = {"broker": sync.broker, "rows": sync.rows, "added": sync.added, "changed": sync.changed}
    if sync.error:
        log.error("instrument master refused", extra={**told, "reason": sync.error})
    elif reading.refused:
        log.warning("instrument rows left out", extra={**told, "by_field": dict(reading.faults)})
