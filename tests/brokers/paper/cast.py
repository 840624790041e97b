"""The paper account that its tests share: a market that can be moved, a clock that can be set."""

import json
import os
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import get_type_hints

from brokers.connect import PaperDesk, connect
from brokers.paper.book import (
    BookChange,
    MemoryBook,
    PaperBook,
    PaperFill,
    PaperOrder,
    PaperPosition,
    PaperState,
    applied,
)
from brokers.paper.client import PaperBroker
from brokers.paper.market import PaperSettings, Snapshot, SymbolKey
from domain.broker import Credentials, Endpoint
from domain.orders import OrderRequest, OrderType, Product, Side

OPEN = datetime(2026, 8, 18, 5, 15, tzinfo=UTC)  # 10:45 IST
CALL = ("NFO", "NIFTY18AUG2624200CE")
CASH = Decimal(1_000_000)
LAST_PRICE_ONLY = PaperSettings(slippage_ticks=0)


class Market:
    """Snapshots by symbol, and the time."""

    def __init__(self) -> None:
        self.now = OPEN
        self.snapshots: dict[SymbolKey, Snapshot] = {}
        self.show()

    def show(self, last_price: str = "42.10", key: SymbolKey = CALL, **changes: object) -> Snapshot:
        """Show a new price, as of now."""
        before = self.snapshots.get(key) or Snapshot(
            *key, Decimal(0), self.now, tick_size=Decimal("0.05"), lot_size=65, freeze_quantity=1800
        )
        after = replace(before, last_price=Decimal(last_price), at=self.now, **changes)
        self.snapshots[key] = after
        return after

    def tick(self, last_price: str, **changes: object) -> Snapshot:
        """Let a second pass and show a new price."""
        self.now += timedelta(seconds=1)
        return self.show(last_price, **changes)

    async def price(self, exchange: str, symbol: str) -> Snapshot | None:
        return self.snapshots.get((exchange, symbol))


def broker(market: Market, book: PaperBook | None = None, settings: PaperSettings = LAST_PRICE_ONLY) -> PaperBroker:
    desk = PaperDesk(
        book=book or MemoryBook(cash=CASH), prices=market.price, clock=lambda: market.now, settings=settings
    )
    made = connect("paper", Credentials("PAPER1"), Endpoint("", ""), desk=desk)
    assert isinstance(made, PaperBroker)
    return made


_numbers = iter(range(1, 1_000_000))


def request(**changes: object) -> OrderRequest:
    """A market order to sell two lots of the call, under a tag of its own, with changes."""
    base = OrderRequest(
        client_order_id=f"PAPER{next(_numbers):015d}",
        exchange=CALL[0],
        symbol=CALL[1],
        token="1",
        side=Side.SELL,
        quantity=130,
        lot_size=65,
        product=Product.MIS,
        order_type=OrderType.MARKET,
    )
    return replace(base, **changes)


class FileBook:
    """A book in a file: written beside, synced, then moved over the old one."""

    def __init__(self, path: Path, *, cash: Decimal = CASH) -> None:
        self._path = path
        self._cash = cash

    async def load(self) -> PaperState:
        if not self._path.exists():
            return PaperState(cash=self._cash)
        stored = json.loads(self._path.read_text())
        orders = [_revived(PaperOrder, row) for row in stored["orders"]]
        positions = [_revived(PaperPosition, row) for row in stored["positions"]]
        return PaperState(
            cash=Decimal(stored["cash"]),
            version=stored["version"],
            orders={order.order_id: order for order in orders},
            fills=tuple(_revived(PaperFill, row) for row in stored["fills"]),
            positions={position.key: position for position in positions},
        )

    async def apply(self, change: BookChange) -> None:
        state = applied(await self.load(), change)
        stored = {
            "cash": state.cash,
            "version": state.version,
            "orders": [asdict(one) for one in state.orders.values()],
            "fills": [asdict(one) for one in state.fills],
            "positions": [asdict(one) for one in state.positions.values()],
        }
        fresh = self._path.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump(stored, file, default=_plain)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _revived(kind, row):
    hints = get_type_hints(kind)
    return kind(**{one.name: _value(hints[one.name], row[one.name]) for one in fields(kind)})


def _value(kind, value):
    if kind is Decimal:
        return Decimal(value)
    if kind in (datetime, datetime | None):
        return value and datetime.fromisoformat(value)
    return kind(value)
