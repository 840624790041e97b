"""Zerodha under the contract. Bodies follow https://kite.trade/docs/connect/v3/ and the official mocks."""

from collections.abc import Mapping, Sequence
from struct import pack

import orjson
from aiohttp import web

from brokers.catalog import simulated_endpoint
from brokers.zerodha.spec import SPEC
from domain.broker import Endpoint, Verdict
from domain.orders import OrderStatus
from tests.brokers.contract.browser import browse, code
from tests.brokers.contract.member import Contract, FeedSample, File, Member, Sample, Shown
from tests.brokers.contract.samples import NOT_FOUND_PAGE, YEAR_FIRST, csv_file, keys, number_of, worded_statuses

_S = OrderStatus
_HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
SYMBOLS = YEAR_FIRST
STATUSES = worded_statuses(upper=True)


def _error(status: int, error_type: str, message: str, verdict: Verdict, *, is_margin: bool = False) -> Sample:
    body = {"status": "error", "message": message, "data": None, "error_type": error_type}
    return Sample(f"{status} {error_type}: {message}", status, orjson.dumps(body), verdict, is_margin)


_V = Verdict
ERRORS = (
    _error(403, "TokenException", "Incorrect `api_key` or `access_token`.", _V.SESSION_LOST),
    _error(429, "NetworkException", "Too many requests", _V.RATE_LIMITED),
    _error(400, "InputException", "Invalid `price`.", _V.REJECTED),
    _error(400, "InputException", "Quantity should be a multiple of 65.", _V.REJECTED),
    _error(400, "HoldingException", "Insufficient holdings of SBIN.", _V.REJECTED),
    _error(400, "UserException", "The user is not enabled for trading on this segment.", _V.REJECTED),
    _error(403, "UserException", "Your account is blocked for trading.", _V.REJECTED),
    _error(403, "PermissionException", "Insufficient permission for that call.", _V.REJECTED),
    _error(400, "OrderException", "Order cannot be cancelled: it is complete.", _V.REJECTED),
    _error(400, "OrderException", "Maximum allowed order modifications exceeded.", _V.REJECTED),
    _error(400, "OrderException", "Quantity exceeds freeze limit of 1800.", _V.REJECTED),
    _error(400, "OrderException", "Trading in this contract is restricted.", _V.REJECTED),
    _error(400, "MarginException", "Insufficient funds. Required margin is 95417.84.", _V.REJECTED, is_margin=True),
    _error(400, "OrderException", "Insufficient funds in the account.", _V.REJECTED, is_margin=True),
    _error(400, "OrderException", "The request timed out. Check the order book.", _V.UNKNOWN),
    _error(400, "InputException", "Try again after some time.", _V.UNKNOWN),
    _error(400, "MarginException", "", _V.UNKNOWN),
    _error(400, "OrderException", "Something nobody has seen before.", _V.UNKNOWN),
    _error(500, "GeneralException", "Something unexpected went wrong.", _V.UNKNOWN),
    _error(500, "InputException", "Invalid `price`.", _V.UNKNOWN),
    _error(502, "NetworkException", "The upstream server is not responding", _V.UNKNOWN),
    _error(503, "NetworkException", "Service unavailable", _V.UNKNOWN),
    _error(504, "NetworkException", "Gateway timed out", _V.UNKNOWN),
    _error(400, "DataException", "The OMS sent an unreadable reply.", _V.UNKNOWN),
    _error(403, "TwoFAException", "Second factor needed.", _V.UNKNOWN),
    _error(200, "InputException", "Invalid `price`.", _V.UNKNOWN),
    _error(429, "TokenException", "Incorrect `api_key` or `access_token`.", _V.UNKNOWN),
    NOT_FOUND_PAGE,
)


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("zerodha", base)


def fields(name: str) -> Mapping[str, str]:
    return keys(name)


def register(name: str) -> Mapping[str, object]:
    return {"client": name, "broker": "zerodha", **fields(name)}


def book(rows: Sequence[Shown]) -> bytes:
    return _success([_order(row) for row in rows])


def _order(row: Shown) -> dict[str, object]:
    return {
        "order_id": row.order_id,
        "status": row.status,
        "exchange": "NFO",
        "tradingsymbol": "NIFTY26D0124200CE",
        "transaction_type": "BUY",
        "order_type": row.order_type.value,
        "product": "NRML",
        "quantity": row.quantity,
        "filled_quantity": row.filled,
        "average_price": 42.1 if row.filled else 0,
        "price": 42.1,
        "trigger_price": 0,
        "tag": row.tag,
        "tags": [row.tag],
        "status_message": None,
        "order_timestamp": "2026-11-20 10:00:00",
        "exchange_update_timestamp": None,
    }


def placed(order_id: str) -> bytes:
    return _success({"order_id": order_id})


def _success(data: object) -> bytes:
    return orjson.dumps({"status": "success", "data": data})


def master(contracts: Sequence[Contract]) -> Mapping[str, File]:
    return {"/instruments": File(csv_file(_HEADER, map(_line, contracts)))}


def _line(one: Contract) -> list[object]:
    kind = one.right or {"FUT": "FUT"}.get(one.kind, "EQ")
    exchange = one.exchange.removesuffix("_INDEX")
    segment = {"INDEX": "INDICES", "EQ": exchange}.get(one.kind, f"{exchange}-{one.kind}")
    number = number_of(one)
    lot = 1 if one.exchange == "MCX" else one.lot_size
    return [
        number << 8 | 2,
        number,
        SYMBOLS[one.name],
        SYMBOLS[one.name] if one.kind == "INDEX" else one.underlying,
        0,
        one.expiry or "",
        one.strike if one.strike is not None else 0,
        0 if one.kind == "INDEX" else one.tick_size,
        lot,
        kind,
        segment,
        exchange,
    ]


async def greet(socket: web.WebSocketResponse) -> None:
    """Kite's socket says nothing first; the subscription is read."""
    await socket.receive()
    await socket.receive()


_LTP = pack(">Ii", 256265, 2_420_000)

MEMBER = Member(
    spec=SPEC,
    endpoint=endpoint,
    register=register,
    fields=fields,
    code=code,
    browse=browse,
    denied=(
        {"status": "cancelled", "action": "login"},
        {"status": "success", "request_token": ""},
        {"status": "error", "request_token": "abc"},
        {"request_token": "abc"},
    ),
    errors=ERRORS,
    statuses=STATUSES,
    book=book,
    placed=placed,
    master=master,
    symbols=SYMBOLS,
    greet=greet,
    feed=FeedSample(
        whole=pack(">HH", 2, 8) + _LTP + pack(">H", 8) + _LTP,
        ticks=2,
        broken=(
            b"",
            b"\x00",
            pack(">HH", 1, 8) + _LTP[:5],
            pack(">HH", 1, 13) + bytes(13),
            pack(">H", 3),
            "not JSON",
            '{"type":"order","data":{"order_id":7}}',
            '{"type":"error","data":"something"}',
        ),
    ),
    secret=lambda name: f"{name.lower()}secret",
)
