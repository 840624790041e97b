"""Accounts joined to brokers: the one place where credentials are unsealed and connections made.

Only workers import it; the web process has no way to a broker's wire.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
from django.conf import settings
from redis.exceptions import RedisError

from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.broker_accounts.services.credentials import credentials_of, session_credentials
from apps.broker_accounts.services.sealing import Unsealable
from apps.markets.clock import market_clock, now
from apps.markets.models import BrokerInstrument, Instrument
from apps.trading.execution import paper_book
from apps.trading.execution.paper_book import Database, DatabaseDown
from apps.trading.execution.work import LaneWork
from apps.trading.services.touches import touch_of
from brokers.catalog import endpoint_of, simulated_endpoint, spec_of
from brokers.connect import PaperDesk, connect, connect_order_stream
from brokers.paper.book import (
    BookChange,
    BookUnavailable,
    PaperFill,
    PaperOrder,
    PaperPosition,
    PaperState,
    StaleBook,
    applied,
)
from brokers.paper.market import PaperSettings, PricesUnavailable, Snapshot
from bus.ticks import last_ticks
from domain.broker import Broker, BrokerError, Credentials, Endpoint, OrderStream
from domain.orders import OrderStatus, OrderType, Side, Validity
from domain.venues import VENUES
from workers.bridge_room import Watch, desk_of

PAPER_STALE_AFTER = timedelta(seconds=30)


def endpoint_for(slug: str) -> Endpoint:
    """Return where a broker is reached: the simulated exchange where the deployment has one, else its real hosts."""
    return simulated_endpoint(slug, settings.SIMULATOR_URL) if settings.SIMULATOR_URL else endpoint_of(slug)


def account_credentials(account_id: int) -> tuple[str, Credentials]:
    """Return an account's broker and its credentials, without a token; raises ``BrokerError`` code ``CREDENTIALS``."""
    account = BrokerAccount.objects.select_related("tenant").get(pk=account_id)
    try:
        return account.broker, credentials_of(account)
    except Unsealable as error:
        raise BrokerError("CREDENTIALS", str(error)) from error


def usable_credentials(account_id: int) -> Credentials:
    """Return an account's credentials with today's token; raises ``BrokerError`` code ``NO_SESSION``."""
    session = BrokerSession.objects.usable().filter(account_id=account_id).select_related("account__tenant").first()
    if session is None:
        raise BrokerError("NO_SESSION", "nobody is signed in to this account")
    try:
        return session_credentials(session)
    except Unsealable as error:
        raise BrokerError("CREDENTIALS", str(error)) from error


def lot_sizes(slug: str) -> Callable[[str, str], int]:
    """Return a look-up of contract lots by the broker's exchange and symbol, for brokers that count in lots."""
    rows = BrokerInstrument.objects.filter(broker=slug, instrument__lot_size__gt=1, exchange__in=["MCX", "CDS", "BCD"])
    known = {(row[0], row[1]): row[2] for row in rows.values_list("exchange", "symbol", "instrument__lot_size")}

    def find(exchange: str, symbol: str) -> int:
        """A contract outside our master is somebody's own trade: one unit a lot keeps the book readable."""
        return known.get((exchange, symbol), 1)

    return find


def steps(slug: str) -> Callable[[str, str], Decimal]:
    """Return a look-up of quantity steps by the broker's exchange and symbol, for venues of fractions.

    It raises ``LookupError`` for a contract outside our master: how much one unit of it is, nobody can say. Raises
    ``BrokerError`` with code ``NO_MASTER`` before the first master came: a lane is connected once it is there.
    """
    venues = spec_of(slug).exchanges & VENUES.keys()
    rows = BrokerInstrument.objects.filter(broker=slug, exchange__in=venues)
    known = {(row[0], row[1]): row[2] for row in rows.values_list("exchange", "symbol", "instrument__multiplier")}
    if venues and not known:
        raise BrokerError("NO_MASTER", f"{slug}: its instruments are not known yet")
    return lambda exchange, symbol: known[exchange, symbol]


class Desk:
    """Connects the lanes of one execution process: one pool of connections, one database thread."""

    def __init__(self, db: Database, connector: aiohttp.BaseConnector) -> None:
        self._db = db
        self._connector = connector
        self._watch = Watch(db)
        self._instruments: dict[tuple[str, str], Instrument] = {}

    async def connect(self, work: LaneWork) -> Broker:
        """Return a lane's broker; raises ``BrokerError``."""
        if work.broker == "paper":
            return self._paper(work)
        credentials = await self._db(usable_credentials, work.lane[0])
        return connect(
            work.broker,
            credentials,
            endpoint_for(work.broker),
            timeout=settings.BROKER_TIMEOUT_SECONDS,
            lot_size_of=await self._db(lot_sizes, work.broker),
            step_of=await self._db(steps, work.broker),
            connector=self._connector,
            desk=desk_of(work.broker, work.lane[0], self._db, self._watch),
        )

    async def listen(self, work: LaneWork) -> OrderStream:
        """Return a live lane's order socket, not yet open; raises ``BrokerError``."""
        return connect_order_stream(
            work.broker,
            await self._db(usable_credentials, work.lane[0]),
            endpoint_for(work.broker),
            lot_size_of=await self._db(lot_sizes, work.broker),
            step_of=await self._db(steps, work.broker),
            connector=self._connector,
        )

    def _paper(self, work: LaneWork) -> Broker:
        desk = PaperDesk(
            book=PostgresBook(work.lane[0], self._db),
            prices=self.price,
            clock=now,
            settings=PaperSettings(slippage_ticks=settings.PAPER_SLIPPAGE_TICKS, stale_after=_paper_stale_after()),
        )
        return connect("paper", Credentials(client_id=work.client_id), endpoint_of("paper"), desk=desk)

    async def price(self, exchange: str, symbol: str) -> Snapshot | None:
        """Return a contract's market from the live feed; ``None`` for a contract nobody knows."""
        key = (exchange, symbol)
        if key not in self._instruments:
            found = await self._db(Instrument.objects.filter(exchange=exchange, symbol=symbol).first)
            if found is None:
                return None
            self._instruments[key] = found
        snapshot: Snapshot = await self._db(_snapshot, self._instruments[key])
        return snapshot


def _paper_stale_after() -> timedelta:
    """Paper fills at nothing older than this; in a replay the wall seconds count, not the recorded ones."""
    return PAPER_STALE_AFTER * max(market_clock().speed, 1.0)


def _snapshot(instrument: Instrument) -> Snapshot:
    try:
        tick = last_ticks([instrument.pk]).get(instrument.pk)
    except RedisError as error:
        raise PricesUnavailable(str(error)) from error
    touch = touch_of(tick) if tick else None
    received = datetime.fromtimestamp(tick.received_at / 1000, tz=UTC) if tick else datetime.fromtimestamp(0, tz=UTC)
    return Snapshot(
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        last_price=touch.last_price if touch else Decimal(0),
        at=market_clock().at(received),
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        freeze_quantity=instrument.freeze_quantity,
        multiplier=instrument.multiplier,
        bid=touch.bid if touch else Decimal(0),
        ask=touch.ask if touch else Decimal(0),
        bid_quantity=tick.bid_quantity if tick else 0,
        ask_quantity=tick.ask_quantity if tick else 0,
    )


class PostgresBook:
    """One paper account's book in Postgres. Kept in memory between changes: the version tells when it is not ours."""

    def __init__(self, account_id: int, db: Database) -> None:
        self._account_id = account_id
        self._db = db
        self._state: PaperState | None = None

    async def load(self) -> PaperState:
        """Return the book; raises ``BookUnavailable``."""
        if self._state is None:
            try:
                self._state = await self._db(_load, self._account_id)
            except DatabaseDown as error:
                raise BookUnavailable(str(error)) from error
        return self._state

    async def apply(self, change: BookChange) -> None:
        """Save a change whole; raises ``StaleBook`` and ``BookUnavailable``."""
        state = await self.load()
        following = applied(state, change)
        self._state = None  # until the save is certain, what is known is what Postgres says
        try:
            saved = await self._db(_save, self._account_id, change)
        except DatabaseDown as error:
            raise BookUnavailable(str(error)) from error
        if not saved:
            raise StaleBook("the book moved on")
        self._state = following


def _load(account_id: int) -> PaperState:
    head = paper_book.head_of(account_id)
    orders, fills, positions = paper_book.rows_of(account_id, now=now())
    return PaperState(
        cash=head.cash,
        version=head.version,
        orders={row.order_id: _order(row) for row in orders},
        fills=tuple(_fill(row) for row in fills),
        positions={(row.exchange, row.symbol, row.product): _position(row) for row in positions},
    )


def _fields(row: Any, names: list[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _order(row: Any) -> PaperOrder:
    fields = _fields(row, paper_book.ORDER_FIELDS)
    kinds: Mapping[str, Any] = {"side": Side, "order_type": OrderType, "validity": Validity, "status": OrderStatus}
    return PaperOrder(**fields | {name: kind(fields[name]) for name, kind in kinds.items()})


def _fill(row: Any) -> PaperFill:
    fields = _fields(row, paper_book.FILL_FIELDS)
    return PaperFill(**fields | {"side": Side(fields["side"])})


def _position(row: Any) -> PaperPosition:
    return PaperPosition(**_fields(row, paper_book.POSITION_FIELDS))


def _save(account_id: int, change: BookChange) -> bool:
    return paper_book.save_change(
        account_id,
        base_version=change.base_version,
        cash=change.cash,
        orders=[asdict(order) for order in change.orders],
        fills=[asdict(fill) for fill in change.fills],
        positions=[asdict(position) for position in change.positions],
    )
