"""A healthy day in evidence: one live account enters in two slices, is chased, leaves in two attempts, is flat."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.invariants.broker_side import Answer, BookFill, BookOrder, BrokerBook, Call, WireRequest
from domain.invariants.evidence import (
    AccountRow,
    AuditRow,
    BrokerSessionRow,
    Evidence,
    ExternalRow,
    FillRow,
    HeartbeatRow,
    IntentRow,
    LeaseRow,
    LegRow,
    MarketSessionRow,
    OrderRow,
    TradeRow,
)

NINE = datetime(2026, 11, 16, 4, 0, tzinfo=UTC)  # 09:30 IST
SYMBOL = "ZNIFTY26NOV26000CE"


def at(seconds: float) -> datetime:
    """An instant of the scene."""
    return NINE + timedelta(seconds=seconds)


def tag(number: int) -> str:
    """A tag of our form."""
    digits = f"{number:05d}".translate(str.maketrans("0189", "ABCD"))
    return f"{'A' * 15}{digits}"


def order(pk: int, **changes: Any) -> OrderRow:
    """An entry order of 130 units, filled."""
    base = OrderRow(
        pk=pk,
        tag=tag(pk),
        account_id=1,
        intent_id=1,
        leg_id=1,
        trade_id=1,
        mode="LIVE",
        kind="ENTRY",
        broker="zerodha",
        client_id="AB1234",
        exchange="NFO",
        symbol=SYMBOL,
        lot_size=65,
        freeze_quantity=130,
        side="BUY",
        quantity=130,
        status="FILLED",
        filled_quantity=130,
        average_price=Decimal(100),
        broker_order_id=f"B{pk}",
        lease="execution.0",
        epoch=3,
        market="NFO",
        created_at=at(0),
        claimed_at=at(pk),
        submitted_at=at(pk),
        expires_at=at(60),
        finished_at=at(pk + 5),
    )
    return replace(base, **changes)


def exit_order(pk: int, **changes: Any) -> OrderRow:
    """An exit order of 130 units, filled."""
    base = order(pk, intent_id=2, kind="EXIT", side="SELL", average_price=Decimal(110), expires_at=None)
    return replace(base, **changes)


def request(line: int, of: OrderRow, **changes: Any) -> WireRequest:
    """The arrival of an order, a moment after its claim."""
    assert of.claimed_at is not None
    arrived = of.claimed_at + timedelta(milliseconds=50)
    base = WireRequest(
        line=line,
        at=arrived,
        market_at=arrived,
        broker=of.broker,
        client_id=of.client_id,
        call=Call.PLACE,
        answer=Answer.ACCEPTED,
        tag=of.tag,
        exchange=of.exchange,
        symbol=of.symbol,
        side=of.side,
        quantity=of.quantity,
        broker_order_id=of.broker_order_id,
    )
    return replace(base, **changes)


def accepted(line: int, of: OrderRow, **changes: Any) -> BookOrder:
    """The broker's row of an order."""
    base = BookOrder(
        line=line,
        at=of.claimed_at or NINE,
        broker=of.broker,
        client_id=of.client_id,
        broker_order_id=of.broker_order_id,
        tag=of.tag,
        exchange=of.exchange,
        symbol=of.symbol,
        side=of.side,
        quantity=of.quantity,
    )
    return replace(base, **changes)


def execution(line: int, of: OrderRow, quantity: int, price: str, **changes: Any) -> BookFill:
    """The broker's row of an execution."""
    base = BookFill(
        line=line,
        at=of.claimed_at or NINE,
        broker=of.broker,
        client_id=of.client_id,
        broker_order_id=of.broker_order_id,
        exchange_trade_id=f"T{line}",
        exchange=of.exchange,
        symbol=of.symbol,
        side=of.side,
        quantity=quantity,
        price=Decimal(price),
    )
    return replace(base, **changes)


def booked(fills: tuple[BookFill, ...], orders: tuple[OrderRow, ...]) -> tuple[FillRow, ...]:
    """Our rows of the broker's executions."""
    by_id = {one.broker_order_id: one for one in orders}
    return tuple(
        FillRow(
            pk=number,
            account_id=by_id[fill.broker_order_id].account_id,
            order_id=by_id[fill.broker_order_id].pk,
            exchange_trade_id=fill.exchange_trade_id,
            quantity=fill.quantity,
            price=fill.price,
            filled_at=fill.at,
        )
        for number, fill in enumerate(fills, start=1)
        if fill.broker_order_id in by_id
    )


ENTRIES = (order(1), order(2, slice_number=1))
EXITS = (
    exit_order(11, status="CANCELLED", filled_quantity=65),
    exit_order(12, attempt=1, quantity=65, filled_quantity=65),
    exit_order(13, slice_number=1),
)
ORDERS = ENTRIES + EXITS
FILLS = (
    execution(3, ENTRIES[0], 65, "99"),
    execution(4, ENTRIES[0], 65, "101"),
    execution(7, ENTRIES[1], 130, "100"),
    execution(13, EXITS[0], 65, "110"),
    execution(18, EXITS[1], 65, "110"),
    execution(23, EXITS[2], 130, "110"),
)
WIRE = (
    request(1, ENTRIES[0]),
    request(5, ENTRIES[1]),
    request(11, EXITS[0]),
    request(14, EXITS[0], at=at(11.5), call=Call.MODIFY),
    request(15, EXITS[0], at=at(11.8), call=Call.CANCEL),
    request(16, EXITS[1]),
    request(21, EXITS[2]),
)
BOOK = BrokerBook(
    orders=(
        accepted(2, ENTRIES[0]),
        accepted(6, ENTRIES[1]),
        accepted(12, EXITS[0], ended_line=15),
        accepted(17, EXITS[1]),
        accepted(22, EXITS[2]),
    ),
    fills=FILLS,
)


TRADE_TOLD = tuple(
    AuditRow(pk=900 + n, kind="trade_moved", object_type="trading.trade", object_id=1, at=at(n), status=status)
    for n, status in enumerate(("ENTERING", "OPEN", "EXITING", "CLOSED"))
)


def audit_of(orders: tuple[OrderRow, ...]) -> tuple[AuditRow, ...]:
    """The trail of orders: claimed, then what became of each."""
    told = [(one, status) for one in orders for status in ("SUBMITTED", one.status)]
    return tuple(
        AuditRow(
            pk=number,
            kind="order_submitted" if status == "SUBMITTED" else "order_reported",
            object_type="trading.order",
            object_id=one.pk,
            at=at(number),
            status=status,
            filled=None if status == "SUBMITTED" else one.filled_quantity,
        )
        for number, (one, status) in enumerate(told, start=1)
    )


def healthy(**changes: Any) -> Evidence:
    """The whole day, with nothing wrong in it."""
    base = Evidence(
        taken_at=at(600),
        market_now=at(600),
        wire=WIRE,
        book=BOOK,
        orders=ORDERS,
        intents=(
            IntentRow(1, 7, 1, 1, 1, 1, "ENTRY", "BUY", 260, "LIVE", "DONE", "4:s1", 7, 260, at(0), at(9)),
            IntentRow(2, 7, 1, 1, 1, 1, "EXIT", "SELL", 260, "LIVE", "DONE", "", None, 260, at(10), at(19)),
        ),
        trades=(
            TradeRow(
                1,
                7,
                1,
                4,
                "LIVE",
                "CLOSED",
                strategy_tenant_id=7,
                signal_tenant_id=7,
                square_off_at=at(3600),
                gross_pnl=Decimal(2600),
                opened_at=at(3),
                closed_at=at(19),
            ),
        ),
        legs=(LegRow(1, 1, 9, "BUY", 260, 260, Decimal(26000), 260, Decimal(28600), exit_reason="TARGET"),),
        fills=booked(FILLS, ORDERS),
        accounts=(AccountRow(1, 7, 7, "zerodha", "AB1234", "execution.0", "LIVE"),),
        broker_sessions=(BrokerSessionRow(1, at(-3600), at(20000)),),
        market_sessions=(MarketSessionRow("NFO", at(-900), at(20000)),),
        leases=(LeaseRow("execution.0", 3, "host:1:1", at(610)),),
        heartbeats=(HeartbeatRow("execution.0", "b1", at(599)), HeartbeatRow("signals", "b1", at(598))),
        audit=(*audit_of(ORDERS), *TRADE_TOLD),
    )
    return replace(base, **changes)


def with_order(pk: int, **changes: Any) -> tuple[OrderRow, ...]:
    """The scene's orders, one of them changed."""
    return tuple(replace(one, **changes) if one.pk == pk else one for one in ORDERS)


def with_request(line: int, **changes: Any) -> tuple[WireRequest, ...]:
    """The scene's calls, one of them changed."""
    return tuple(replace(one, **changes) if one.line == line else one for one in WIRE)


def with_trade(**changes: Any) -> tuple[TradeRow, ...]:
    """The scene's trade, changed."""
    return tuple(replace(one, **changes) for one in healthy().trades)


def with_leg(**changes: Any) -> tuple[LegRow, ...]:
    """The scene's leg, changed."""
    return tuple(replace(one, **changes) for one in healthy().legs)


MANUAL = BookOrder(30, at(40), "zerodha", "AB1234", "M1", "", "NFO", SYMBOL, "BUY", 65, is_manual=True)
MANUAL_FILL = BookFill(31, at(40), "zerodha", "AB1234", "M1", "TM1", "NFO", SYMBOL, "BUY", 65, Decimal(100))
EXTERNAL = ExternalRow(1, "M1", SYMBOL, "BUY", 65, 65, "FILLED")


def open_trade(**changes: Any) -> Evidence:
    """The same day before any exit: the position stands, watched."""
    fills = FILLS[:3]
    base = healthy(
        wire=WIRE[:2],
        book=BrokerBook(BOOK.orders[:2], fills),
        orders=ENTRIES,
        intents=healthy().intents[:1],
        trades=with_trade(status="OPEN", closed_at=None, gross_pnl=Decimal(0)),
        legs=with_leg(exit_quantity=0, exit_value=Decimal(0), exit_reason=""),
        fills=booked(fills, ENTRIES),
        audit=(*audit_of(ENTRIES), *TRADE_TOLD[:2]),
        heartbeats=(
            HeartbeatRow("signals", "b1", at(599)),
            HeartbeatRow("feed", "b1", at(599), prices_age=0.4),
        ),
    )
    return replace(base, **changes)
