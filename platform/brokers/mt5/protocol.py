"""The bodies of the bridge, version 1: what a terminal may say, strictly, and what it is answered. Pure.

Numbers are JSON numbers, times milliseconds since 1970 by the clock their name tells, tickets whole numbers. An unknown
field is refused: two versions that guess at each other's words are how orders are sent twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import msgspec

from brokers.mt5.retcodes import REFUSALS

VERSION = 1
BODY_LIMIT = 900_000
"""Bytes of a hello or of a poll with a whole book."""

SMALL_LIMIT = 16_000
"""Bytes of everything else but bars."""

Short = Annotated[str, msgspec.Meta(max_length=64)]
Text = Annotated[str, msgspec.Meta(max_length=200)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
CommandId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{1,40}$")]
Ticket = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Price = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Body = TypeVar("_Body")


class Kind(StrEnum):
    """What a command asks of the terminal."""

    ORDER_SEND = "order_send"
    COPY_RATES = "copy_rates"


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body that has exactly these fields; what is no finite number is none."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal) and not value.is_finite():
                raise ValueError(f"{name} is not a finite number")


class Symbol(_Strict, frozen=True):
    """A symbol of the Market Watch. ``point`` is a unit of deviation, ``trade_tick_size`` the price step."""

    name: Name
    digits: Annotated[int, msgspec.Meta(ge=0, le=10)]
    point: Decimal
    trade_tick_size: Decimal
    trade_tick_value: Decimal
    trade_contract_size: Decimal
    volume_min: Decimal
    volume_max: Decimal
    volume_step: Decimal
    trade_stops_level: Count
    trade_freeze_level: Count
    filling_mode: Annotated[int, msgspec.Meta(ge=0, le=255)]
    trade_exemode: Annotated[int, msgspec.Meta(ge=0, le=3)]
    trade_mode: Annotated[int, msgspec.Meta(ge=0, le=4)]
    currency_profit: Short


class Hello(_Strict, frozen=True):
    """The first word of a terminal. ``instance`` names the ring of done commands it keeps, for good."""

    protocol: int
    instance: CommandId
    ea_version: Short
    build: int
    login: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    server: Short
    currency: Short
    leverage: int
    margin_mode: Annotated[int, msgspec.Meta(ge=0, le=2)]
    trade_allowed: bool
    symbols: Annotated[list[Symbol], msgspec.Meta(max_length=5000)]


class Sums(_Strict, frozen=True):
    """The account's money now."""

    balance: Decimal
    equity: Decimal
    margin: Decimal
    margin_free: Decimal


class Tick(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """The last tick of a symbol; ``last`` is 0 where none is traded. Floats: this is the way prices come in fast."""

    symbol: Name
    time_msc: Milliseconds
    bid: Price
    ask: Price
    last: Price


class OrderRow(_Strict, frozen=True):
    """An order, open or done. ``cmd_id`` is the command it came of, by the terminal's own ring ("": none)."""

    ticket: Ticket
    symbol: Name
    type: Annotated[int, msgspec.Meta(ge=0, le=8)]
    state: Annotated[int, msgspec.Meta(ge=0, le=99)]
    magic: int
    position_id: Ticket
    volume_initial: Decimal
    volume_current: Decimal
    price_open: Decimal
    price_stoplimit: Decimal
    time_setup_msc: Milliseconds
    time_done_msc: Milliseconds
    comment: Text
    cmd_id: Annotated[str, msgspec.Meta(max_length=40)] = ""


class DealRow(_Strict, frozen=True):
    """An execution, or (types 2 and up) an entry of the account that is none."""

    ticket: Ticket
    order: Ticket
    symbol: Short
    type: Annotated[int, msgspec.Meta(ge=0, le=99)]
    entry: Annotated[int, msgspec.Meta(ge=0, le=3)]
    magic: int
    position_id: Ticket
    volume: Decimal
    price: Decimal
    commission: Decimal
    swap: Decimal
    profit: Decimal
    time_msc: Milliseconds
    comment: Text


class PositionRow(_Strict, frozen=True):
    """An open position: one per symbol, or on a hedging account one per ticket."""

    ticket: Ticket
    symbol: Name
    type: Annotated[int, msgspec.Meta(ge=0, le=1)]
    magic: int
    volume: Decimal
    price_open: Decimal
    price_current: Decimal
    profit: Decimal
    time_msc: Milliseconds
    comment: Text


class Sync(_Strict, frozen=True):
    """The whole of the account's books: open orders, and orders and deals since ``history_from_msc``.

    The totals are what the terminal counted before it listed: a list that lacks a row is refused.
    """

    orders_hash: Short
    positions_hash: Short
    history_from_msc: Milliseconds
    orders_total: Count
    deals_total: Count
    positions_total: Count
    orders: list[OrderRow]
    deals: list[DealRow]
    positions: list[PositionRow]


class Poll(_Strict, frozen=True):
    """The terminal's regular word. ``mark`` is the one of the last answer it had when it looked at its books."""

    session: CommandId
    mark: Milliseconds
    trade_allowed: bool
    account: Sums
    ticks: Annotated[list[Tick], msgspec.Meta(max_length=1000)]
    positions_hash: Short
    orders_hash: Short
    sync: Sync | None = None


class Result(_Strict, frozen=True):
    """What became of a command. ``refusal`` says why nothing was sent; then every number is 0."""

    session: CommandId
    cmd_id: CommandId
    retcode: Annotated[int, msgspec.Meta(ge=0, le=99_999)]
    deal: Ticket
    order: Ticket
    volume: Decimal
    price: Decimal
    bid: Decimal
    ask: Decimal
    comment: Text
    request_id: Ticket
    retcode_external: int
    last_error: int
    refusal: Annotated[str, msgspec.Meta(max_length=20)] = ""


class Event(_Strict, frozen=True):
    """A trade transaction, as ``OnTradeTransaction`` is told: a hint to read the books, nothing more."""

    session: CommandId
    type: int
    deal: Ticket
    order: Ticket
    symbol: Short
    order_type: int
    order_state: int
    deal_type: int
    price: Decimal
    price_sl: Decimal
    price_tp: Decimal
    volume: Decimal
    position: Ticket
    position_by: Ticket


class Bar(_Strict, frozen=True):
    """One bar; ``time`` is its start in seconds by the trade server's clock less its offset, so UTC."""

    time: Annotated[int, msgspec.Meta(ge=0, le=2**40)]
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    tick_volume: Ticket


class Bars(_Strict, frozen=True):
    """The bars a ``copy_rates`` asked for, oldest first; ``last_error`` other than 0 means there are none to trust."""

    session: CommandId
    cmd_id: CommandId
    last_error: int
    bars: Annotated[list[Bar], msgspec.Meta(max_length=5000)]


@dataclass(frozen=True, slots=True)
class Call:
    """One of the bridge's addresses: the body it takes and how long that may be."""

    body: type[Hello | Poll | Result | Event | Bars]
    limit: int


CALLS: Mapping[str, Call] = MappingProxyType(
    {
        "hello": Call(Hello, BODY_LIMIT),
        "poll": Call(Poll, BODY_LIMIT),
        "result": Call(Result, SMALL_LIMIT),
        "event": Call(Event, SMALL_LIMIT),
        "bars": Call(Bars, BODY_LIMIT),
    }
)
"""What follows ``POST /mt5/v1/``."""


class Refused(Exception):
    """A call that is not taken: nothing of it was believed. ``status`` is HTTP's."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def read(body: bytes, kind: type[_Body]) -> _Body:
    """Return a body as what its address takes; raises ``Refused``."""
    try:
        said = msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "MALFORMED", str(error)[:200]) from error
    if isinstance(said, Poll) and said.sync is not None:
        _check_whole(said, said.sync)
    if isinstance(said, Result) and said.refusal and (said.refusal not in REFUSALS or said.retcode or said.order):
        raise Refused(400, "MALFORMED", f"a refusal {said.refusal!r} beside numbers of a request, or unknown")
    return said


def _check_whole(poll: Poll, sync: Sync) -> None:
    counted = (sync.orders_total, sync.deals_total, sync.positions_total)
    if counted != (len(sync.orders), len(sync.deals), len(sync.positions)):
        raise Refused(400, "INCOMPLETE", f"a book of {counted} orders, deals and positions lacks some of them")
    if (sync.orders_hash, sync.positions_hash) != (poll.orders_hash, poll.positions_hash):
        raise Refused(400, "INCOMPLETE", "the book is not the one the poll's own hashes are of")


def sequence_of(text: str) -> int:
    """Return the number of a call's ``X-Seq``; raises ``Refused``."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Refused(400, "SEQ", "X-Seq is not a whole number")
    return int(text)


_encode = msgspec.json.Encoder(decimal_format="number").encode


def written(value: Any) -> bytes:
    """Return JSON as the bridge speaks it: decimals are numbers."""
    return _encode(value)
