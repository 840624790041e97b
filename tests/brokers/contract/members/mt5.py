"""MetaTrader 5 under the contract: the terminal calls us, so a case's server is heard through a relay terminal."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal

import aiohttp
import orjson
from aiohttp import web

from brokers.catalog import simulated_endpoint
from brokers.connect import BridgeDesk
from brokers.mt5.retcodes import NAMES
from brokers.mt5.spec import SPEC
from domain.broker import Endpoint, Verdict
from domain.orders import OrderStatus, OrderType
from tests.brokers.bridge import Bridge, MemoryRoom, bridge
from tests.brokers.contract.bench import Bench
from tests.brokers.contract.contracts import Contract
from tests.brokers.contract.member import FeedSample, File, Member, Sample, Shown, Spoil, Status
from tests.brokers.contract.stage import Stage
from tests.brokers.mt5.relay import Relay

_S, _V, _D = OrderStatus, Verdict, Decimal
_GOLD = ("MT5", "PERP", "XAUUSD")
_INDEX = ("MT5", "PERP", "US500")
_EURO = ("MT5", "PERP", "EURUSD")
_STEP = _D("0.01")
PATIENCE = 1.0
"""Seconds a simulated expert advisor waits for its trade server: what hangs must not hang the next poll for long."""

SYMBOLS = {"gold": "XAUUSD", "euro": "EURUSD.m", "index": "#US500"}
GOLD = Contract("gold", *_GOLD[::2], "PERP", tick_size=_D("0.01"))
STAGE = Stage(
    segments=(_GOLD, _INDEX, _EURO),
    liquid=_GOLD,
    second=_INDEX,
    watched=_INDEX,
    stopped=_GOLD,
    contracts=(
        GOLD,
        Contract("euro", "MT5", "EURUSD.m", "PERP", tick_size=_D("0.00001"), multiplier=_D(1000)),
        Contract("index", "MT5", "#US500", "PERP", lot_size=10, tick_size=_D("0.1"), multiplier=_D("0.1")),
    ),
    sample=GOLD,
)
_STATES = {
    "STARTED": 0,
    "PLACED": 1,
    "CANCELED": 2,
    "PARTIAL": 3,
    "FILLED": 4,
    "REJECTED": 5,
    "EXPIRED": 6,
    "REQUEST_ADD": 7,
    "REQUEST_MODIFY": 8,
    "REQUEST_CANCEL": 9,
}
STATUSES = (
    Status("STARTED", _S.OPEN),
    Status("PLACED", _S.OPEN),
    Status("REQUEST_ADD", _S.OPEN),
    Status("REQUEST_MODIFY", _S.OPEN),
    Status("REQUEST_CANCEL", _S.OPEN),
    Status("PLACED", _S.TRIGGER_PENDING, order_type=OrderType.SL_M),
    Status("PLACED", _S.PARTIALLY_FILLED, filled=20),
    Status("PARTIAL", _S.PARTIALLY_FILLED, filled=20),
    Status("FILLED", _S.FILLED, filled=65),
    Status("FILLED", _S.CANCELLED, filled=20),
    Status("CANCELED", _S.CANCELLED),
    Status("CANCELED", _S.CANCELLED, filled=20),
    Status("REJECTED", _S.REJECTED),
    Status("EXPIRED", _S.EXPIRED),
)
_REJECTED = (10004, 10006, 10014, 10015, 10018, 10027, 10035)
"""Some of them: all are in tests/brokers/mt5/test_answers.py."""

_UNKNOWN = (0, 10011, 10012, 10031, 99_999)


def result(retcode: int, *, order: int = 0, comment: str = "", **changes: object) -> bytes:
    """A result as the terminal posts it; the relay fills in session and command."""
    body: dict[str, object] = {
        "session": "$session",
        "cmd_id": "$command",
        "retcode": retcode,
        "deal": 0,
        "order": order,
        "volume": 0.0,
        "price": 0.0,
        "bid": 4100.1,
        "ask": 4100.4,
        "comment": comment,
        "request_id": 1,
        "retcode_external": 0,
        "last_error": 0,
    }
    return orjson.dumps(body | changes)


def _sample(retcode: int, verdict: Verdict, comment: str = "", **changes: object) -> Sample:
    name = NAMES.get(retcode, "nothing documented")
    return Sample(f"{retcode} {name} {comment}", 200, result(retcode, comment=comment, **changes), verdict)


ERRORS = (
    *(_sample(retcode, _V.REJECTED) for retcode in _REJECTED),
    *(_sample(retcode, _V.UNKNOWN) for retcode in _UNKNOWN),
    Sample("10019", 200, result(10019, comment="No money"), _V.REJECTED, is_margin=True),
    _sample(10024, _V.RATE_LIMITED),
    *(_sample(0, _V.REJECTED, refusal=word) for word in ("EXPIRED", "UNKNOWN_SYMBOL")),
    # A doubtful word beside a code that proves, a success without a ticket, a refusal beside a ticket.
    _sample(10006, _V.UNKNOWN, "timed out, try again"),
    _sample(10009, _V.UNKNOWN),
    _sample(0, _V.UNKNOWN, refusal="EXPIRED", order=7),
    _sample(0, _V.UNKNOWN, refusal="SOMETHING_NEW"),
    Sample("a field too many", 200, result(10006, news=1), _V.UNKNOWN),
    Sample("a string for a number", 200, result(10006).replace(b"10006", b'"10006"'), _V.UNKNOWN),
)


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("mt5", base)


def register(name: str) -> Mapping[str, object]:
    return {"client": name, "broker": "mt5", "api_key": f"key{name}", "api_secret": f"secret{name}"}


def book(rows: Sequence[Shown]) -> bytes:
    deals = [_deal(row) for row in rows if row.filled > 0]
    return poll(sync=sync([_order(row) for row in rows], deals))


def poll(**changes: object) -> bytes:
    """A poll as the terminal posts it; the relay fills in session and mark."""
    body: dict[str, object] = {
        "session": "$session",
        "mark": "$mark",
        "trade_allowed": True,
        "account": {"balance": 10000.0, "equity": 10000.0, "margin": 0.0, "margin_free": 10000.0},
        "ticks": [],
        "positions_hash": "p",
        "orders_hash": "o",
    }
    return orjson.dumps(body | changes)


def sync(orders: Sequence[object], deals: Sequence[object]) -> dict[str, object]:
    return {
        "orders_hash": "o",
        "positions_hash": "p",
        "history_from_msc": 0,
        "orders_total": len(orders),
        "deals_total": len(deals),
        "positions_total": 0,
        "orders": orders,
        "deals": deals,
        "positions": [],
    }


def _order(row: Shown) -> dict[str, object]:
    return {
        "ticket": int(row.order_id),
        "symbol": "XAUUSD",
        "type": 4 if row.order_type is OrderType.SL_M else 2,
        "state": _STATES.get(row.status, 42),
        "magic": 1,
        "position_id": 0,
        "volume_initial": float(row.quantity * _STEP),
        "volume_current": float((row.quantity - row.filled) * _STEP),
        "price_open": 4000.0,
        "price_stoplimit": 0.0,
        "time_setup_msc": 1764442800000,
        "time_done_msc": 0,
        "comment": row.tag,
    }


def _deal(row: Shown) -> dict[str, object]:
    return {
        "ticket": int(row.order_id) + 1,
        "order": int(row.order_id),
        "symbol": "XAUUSD",
        "type": 0,
        "entry": 0,
        "magic": 1,
        "position_id": int(row.order_id),
        "volume": float(row.filled * _STEP),
        "price": 4000.0,
        "commission": 0.0,
        "swap": 0.0,
        "profit": 0.0,
        "time_msc": 1764442800000,
        "comment": row.tag,
    }


def placed(order_id: str) -> bytes:
    if order_id.isdigit() and len(order_id) < 20:
        return result(10009, order=int(order_id), comment="Request executed")
    return result(10009, order=0).replace(b'"order":0', b'"order":' + orjson.dumps(order_id))


def master(contracts: Sequence[Contract]) -> Mapping[str, File]:
    symbols = [_symbol(one) for one in contracts]
    # What nobody here can trade is in a real Market Watch too.
    symbols += [_symbol(GOLD) | change for change in _FOREIGN]
    return {"/hello": File(hello(symbols), "application/json")}


def hello(symbols: Sequence[object]) -> bytes:
    """A hello as the relay terminal says it."""
    body = {
        "protocol": 1,
        "instance": "relay",
        "ea_version": "1.0",
        "build": 4000,
        "login": 77,
        "server": "Relay-Demo",
        "currency": "USD",
        "leverage": 20,
        "margin_mode": 0,
        "trade_allowed": True,
        "symbols": symbols,
    }
    return orjson.dumps(body)


def _symbol(one: Contract) -> dict[str, object]:
    size = one.multiplier / _STEP
    return {
        "name": SYMBOLS[one.name],
        "digits": 2,
        "point": float(one.tick_size),
        "trade_tick_size": float(one.tick_size),
        "trade_tick_value": float(one.tick_size * size),
        "trade_contract_size": float(size),
        "volume_min": float(one.lot_size * _STEP),
        "volume_max": 100.0,
        "volume_step": float(_STEP),
        "trade_stops_level": 0,
        "trade_freeze_level": 0,
        "filling_mode": 2,
        "trade_exemode": 2,
        "trade_mode": 4,
        "currency_profit": "USD",
    }


_FOREIGN: Sequence[dict[str, object]] = (
    {"name": "USDJPY", "currency_profit": "JPY"},
    {"name": "DISABLED", "trade_mode": 0},
    {"name": "LONGONLY", "trade_mode": 1},
    {"name": "UNEVEN", "volume_min": 0.015},
    {"name": "FINER", "trade_tick_size": 0.000000001, "trade_tick_value": 0.0000001},
)


def _instead(body: bytes) -> Spoil:
    return lambda file: File(body, "application/json")


UNUSABLE: Mapping[str, Spoil] = {
    "empty": _instead(b""),
    "no symbols": _instead(hello([])),
    "no list of symbols": lambda file: File(file.body.replace(b'"symbols":', b'"signs":', 1), "application/json"),
    "a list": _instead(b"[]"),
    "missing field": lambda file: File(file.body.replace(b'"volume_step":0.01,', b"", 1), "application/json"),
    "invalid UTF-8": lambda file: File(file.body.replace(b"XAUUSD", b"XAU\xff\xfe", 1), "application/json"),
    "proxy page": _instead(b"<html><body>502 Bad Gateway</body></html>"),
    "cut": lambda file: File(file.body[:-20], "application/json"),
}


async def desk(bench: Bench, name: str) -> BridgeDesk:
    """A room of the client's, and its simulated terminal with the expert advisor attached."""
    served, room = await _opened(bench, name)
    await _attach(bench, name, served, room)
    return BridgeDesk(room)


async def stranger(bench: Bench, mine: str, other: str) -> None:
    """The other client's terminal shows my token."""
    served, room = await _opened(bench, mine)
    held = bench.desks[mine]
    assert isinstance(held, BridgeDesk)
    room_of_mine = held.room
    assert isinstance(room_of_mine, MemoryRoom)
    served.rooms = {room.token: room_of_mine}
    await _attach(bench, other, served, room_of_mine)

    async def refused() -> bool | None:
        return True if (await room_of_mine.seen()).refusal is not None else None

    await bench.until(refused)


async def stub_desk(bench: Bench, base: str) -> BridgeDesk:
    """A room whose terminal brings what the server at ``base`` says."""
    served = await bench.stack.enter_async_context(bridge())
    room = served.open("77", name="stub-token")
    relay = Relay(served.url, room.token, base, hello=hello([_symbol(GOLD)]), poll=poll())
    running = asyncio.create_task(relay.run())
    bench.stack.push_async_callback(_ended, running)
    await relay.said_hello.wait()
    return BridgeDesk(room)


async def _opened(bench: Bench, name: str) -> tuple[Bridge, MemoryRoom]:
    served = await bench.stack.enter_async_context(bridge())
    return served, served.open(name)


async def _attach(bench: Bench, name: str, served: Bridge, room: MemoryRoom) -> None:
    attached = {"login": name, "password": f"secret{name}", "url": served.url, "token": room.token}
    url = f"{bench.base}/mt5/expert"
    async with aiohttp.ClientSession() as http, http.post(url, json={**attached, "patience": PATIENCE}) as answer:
        assert answer.status == 200, await answer.text()
    bench.stack.push_async_callback(_detach, url, name)

    async def there() -> bool | None:
        seen = await room.seen()
        return True if seen.as_of is not None or seen.refusal is not None else None

    await bench.until(there)


async def _detach(url: str, name: str) -> None:
    async with aiohttp.ClientSession() as http, http.delete(url, json={"login": name}) as answer:
        assert answer.status == 200, await answer.text()


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def greet(socket: web.WebSocketResponse) -> None:
    """There is no socket."""


_NO_CALL = "nothing is called: the terminal comes to us"
_NO_SOCKET = "ticks come with the terminal's polls, there is no socket"
_POLLED = "a poll that is spoilt is refused and the next one answers: tests/brokers/mt5/test_counter.py"
MEMBER = Member(
    spec=SPEC,
    endpoint=endpoint,
    register=register,
    fields=lambda name: {},
    code=None,
    browse=None,
    denied=(),
    errors=ERRORS,
    statuses=STATUSES,
    book=book,
    placed=placed,
    master=master,
    symbols=SYMBOLS,
    greet=greet,
    feed=FeedSample(whole="", ticks=0, broken=()),
    unusable=UNUSABLE,
    reasons={
        107: "the account holds no secrets: wrong tokens of ours are in tests/apps/broker_accounts/test_bridge.py",
        108: "the account holds no credentials",
        109: "the token is ours: what its end means is in tests/brokers/mt5/test_client.py",
        113: "the sign-in asks nobody: it looks whether the terminal calls",
        210: "the volume of a pending order cannot be changed; its price is in tests/brokers/mt5/test_client.py",
        211: "a terminal knows no limit; the SPEC's 0 says that orders are placed anew instead",
        213: "a pending order rests; what fills at once is a deal, which a limit through the market becomes",
        305: "a deal takes what is there and ends: only pending orders fill in parts, one of them in "
        "tests/brokers/mt5/test_client.py",
        308: "an order the server refuses is refused in the answer: none has a ticket first",
        404: "a token that ended is noticed before anything is left for the terminal",
        503: _POLLED,
        504: "polls are not limited, and no read is a call",
        609: "symbols come with the terminal's hello, not with a download",
        702: _NO_SOCKET,
        705: _NO_SOCKET,
        706: _NO_SOCKET,
        802: "polls are not limited, and no read is a call",
        831: _NO_CALL,
        901: _NO_CALL,
        906: "a result that is refused is waited for in vain: every prefix is in tests/brokers/mt5/test_protocol.py",
        903: "how long a call may be is the web's to check: tests/apps/broker_accounts/test_bridge.py",
    },
    stage=STAGE,
    client_name=lambda number: str(50_000_000 + number),
    desk=desk,
    stub_desk=stub_desk,
    stub_seconds=2.5,
    stranger=stranger,
)
