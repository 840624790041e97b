"""A terminal's book in our words. Pure; a row that is not what is documented is refused by name.

https://www.mql5.com/en/docs/constants/tradingconstants/orderproperties
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from brokers.mt5.facts import EXCHANGE, MAGIC, Facts, Untradable
from brokers.mt5.protocol import DealRow, OrderRow, PositionRow, Sums, Sync
from brokers.mt5.spec import SPEC
from brokers.rows import MalformedRow, mapped
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderStatus, OrderType, Product, Side

_S, _T = OrderStatus, OrderType
_TYPES = {
    0: (Side.BUY, _T.MARKET),
    1: (Side.SELL, _T.MARKET),
    2: (Side.BUY, _T.LIMIT),
    3: (Side.SELL, _T.LIMIT),
    4: (Side.BUY, _T.SL_M),
    5: (Side.SELL, _T.SL_M),
    6: (Side.BUY, _T.SL),
    7: (Side.SELL, _T.SL),
}
CLOSE_BY = 8
"""An order that closes two positions with each other: it has no side, only its deals count."""

_RESTING = {0: "STARTED", 1: "PLACED", 3: "PARTIAL", 7: "REQUEST_ADD", 8: "REQUEST_MODIFY", 9: "REQUEST_CANCEL"}
_DONE = {
    2: ("CANCELED", _S.CANCELLED),
    4: ("FILLED", _S.FILLED),
    5: ("REJECTED", _S.REJECTED),
    6: ("EXPIRED", _S.EXPIRED),
}
_SIDES = {0: Side.BUY, 1: Side.SELL}
_STOPS = frozenset({_T.SL, _T.SL_M})
ZERO = Decimal(0)
Symbols = Mapping[str, Facts]


def own_part(sync: Sync) -> Sync:
    """Return what of a hedging account's book is ours: our tickets, our orders, and whoever else's on those tickets.

    Other tickets there are positions of their own: no order of ours touches them, so what we hold and may leave must
    not be counted together with them.
    """
    tickets = {row.ticket for row in sync.positions if row.magic == MAGIC}
    tickets |= {row.position_id for row in sync.orders if row.magic == MAGIC and row.position_id}
    tickets |= {row.position_id for row in sync.deals if row.magic == MAGIC and row.position_id}
    return msgspec.structs.replace(
        sync,
        orders=[row for row in sync.orders if row.magic == MAGIC or row.cmd_id or row.position_id in tickets],
        deals=[row for row in sync.deals if row.magic == MAGIC or row.position_id in tickets],
        positions=[row for row in sync.positions if row.magic == MAGIC],
    )


def orders_of(sync: Sync, symbols: Symbols) -> list[BrokerOrder]:
    """Return the book's orders, oldest first; raises ``BrokerUnavailable``."""
    deals = _by_order(sync.deals)
    rows = sorted((row for row in sync.orders if row.type != CLOSE_BY), key=lambda row: row.time_setup_msc)
    return mapped(rows, lambda row: _order(row, deals.get(row.ticket, ()), symbols), broker=SPEC.slug, what="orders")


def fills_of(sync: Sync, symbols: Symbols) -> list[BrokerFill]:
    """Return the executions; entries of the account that are none are left out. Raises ``BrokerUnavailable``."""
    rows = [row for row in sync.deals if row.type in _SIDES]
    return mapped(rows, lambda row: _fill(row, symbols), broker=SPEC.slug, what="deals")


def positions_of(sync: Sync, symbols: Symbols) -> list[BrokerPosition]:
    """Return one net position per symbol, whatever tickets it is made of; one closed within the day has quantity 0.

    Raises ``BrokerUnavailable``.
    """
    held: dict[str, list[PositionRow]] = {row.symbol: [] for row in sync.deals if row.type in _SIDES}
    last = {row.symbol: row.price for row in sync.deals if row.type in _SIDES}
    for row in sync.positions:
        held.setdefault(row.symbol, []).append(row)
        last[row.symbol] = row.price_current
    rows = [(name, held[name], last[name]) for name in sorted(held)]
    return mapped(rows, lambda row: _position(*row, symbols), broker=SPEC.slug, what="positions")


def funds_of(sums: Sums) -> Funds:
    """Return the account's money."""
    return Funds(available=sums.margin_free, used=sums.margin, total=sums.margin_free + sums.margin)


def _order(row: OrderRow, deals: Sequence[DealRow], symbols: Symbols) -> BrokerOrder:
    side, kind = _TYPES[row.type]
    facts = _facts(row.symbol, symbols)
    quantity, left = _units(row.volume_initial, facts), _units(row.volume_current, facts)
    if not 0 <= left <= quantity or quantity == 0:
        raise MalformedRow(f"{left} of {quantity} units left")
    raw, status = _state(row, kind, filled=quantity - left, left=left)
    stop = kind in _STOPS
    return BrokerOrder(
        broker_order_id=str(row.ticket),
        client_order_id=row.cmd_id or (row.comment if SPEC.is_tag(row.comment) else ""),
        exchange=EXCHANGE,
        symbol=row.symbol,
        side=side,
        quantity=quantity,
        filled_quantity=quantity - left,
        average_price=_average(deals),
        status=status,
        order_type=kind,
        price=row.price_stoplimit if kind is _T.SL else (ZERO if stop else row.price_open),
        trigger_price=row.price_open if stop else ZERO,
        product=Product.NRML.value,
        raw_status=raw,
        reason=row.comment if status is _S.REJECTED else "",
        updated_at=_time(row.time_done_msc or row.time_setup_msc),
    )


def _state(row: OrderRow, kind: OrderType, *, filled: int, left: int) -> tuple[str, OrderStatus]:
    if row.state in _RESTING:
        if filled:
            return _RESTING[row.state], _S.PARTIALLY_FILLED
        return _RESTING[row.state], _S.TRIGGER_PENDING if kind in _STOPS else _S.OPEN
    if row.state not in _DONE:
        raise MalformedRow(f"state {row.state} is not known")
    raw, status = _DONE[row.state]
    if status is _S.FILLED and left:
        return raw, _S.CANCELLED  # done, with part of it never filled
    return raw, status


def _average(deals: Iterable[DealRow]) -> Decimal:
    rows = list(deals)
    volume = sum((row.volume for row in rows), ZERO)
    return sum((row.volume * row.price for row in rows), ZERO) / volume if volume else ZERO


def _fill(row: DealRow, symbols: Symbols) -> BrokerFill:
    quantity = _units(row.volume, _facts(row.symbol, symbols))
    if quantity <= 0 or row.price <= 0:
        raise MalformedRow(f"a deal of {quantity} units at {row.price}")
    return BrokerFill(
        broker_order_id=str(row.order),
        exchange_trade_id=str(row.ticket),
        exchange=EXCHANGE,
        symbol=row.symbol,
        side=_SIDES[row.type],
        quantity=quantity,
        price=row.price,
        filled_at=_time(row.time_msc),
    )


def _position(name: str, held: Sequence[PositionRow], last: Decimal, symbols: Symbols) -> BrokerPosition:
    facts = _facts(name, symbols)
    signed = [(_units(row.volume, facts) * _SIDES[row.type].sign, row) for row in held]
    net = sum(units for units, _ in signed)
    same = [(units, row) for units, row in signed if units * net > 0]
    size = sum(units for units, _ in same)
    return BrokerPosition(
        exchange=EXCHANGE,
        symbol=facts.name,
        product=Product.NRML.value,
        quantity=net,
        average_price=sum((row.price_open * units for units, row in same), ZERO) / size if size else ZERO,
        last_price=last,
        multiplier=facts.multiplier,
    )


def _by_order(deals: Iterable[DealRow]) -> Mapping[int, list[DealRow]]:
    found: dict[int, list[DealRow]] = {}
    for row in deals:
        if row.type in _SIDES:
            found.setdefault(row.order, []).append(row)
    return found


def _facts(name: str, symbols: Symbols) -> Facts:
    if name not in symbols:
        raise MalformedRow(f"the terminal's hello had no tradable symbol {name!r}")
    return symbols[name]


def _units(volume: Decimal, facts: Facts) -> int:
    try:
        return facts.units(volume)
    except Untradable as error:
        raise MalformedRow(str(error)) from error


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
