"""Upstox under the contract. Bodies follow https://upstox.com/developer/api-documentation/ and its samples."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time
from struct import pack

import orjson
from aiohttp import web

from brokers.catalog import simulated_endpoint
from brokers.upstox.spec import SPEC
from domain.broker import Endpoint, Verdict
from domain.clock import IST
from domain.orders import OrderStatus
from tests.brokers.contract.browser import browse, code
from tests.brokers.contract.member import Contract, FeedSample, File, Member, Sample, Shown, Spoil
from tests.brokers.contract.samples import AFTER_MARKET, NOT_FOUND_PAGE, keys, number_of, worded_statuses

_S = OrderStatus
CALLBACK = "http://127.0.0.1:1/callback"
_SEGMENTS = {
    "NFO": "NSE_FO",
    "BFO": "BSE_FO",
    "MCX": "MCX_FO",
    "NSE": "NSE_EQ",
    "NSE_INDEX": "NSE_INDEX",
    "BSE_INDEX": "BSE_INDEX",
}
SYMBOLS = {
    "nifty weekly": "NSE_FO|40001",
    "nifty monthly": "NSE_FO|40002",
    "nifty january": "NSE_FO|40003",
    "nifty november": "NSE_FO|40004",
    "nifty next year": "NSE_FO|40005",
    "banknifty monthly": "NSE_FO|40006",
    "sensex weekly": "BSE_FO|840001",
    "sensex monthly": "BSE_FO|840002",
    "decimal strike": "NSE_FO|40007",
    "index future": "NSE_FO|40008",
    "stock future": "NSE_FO|40009",
    "ampersand": "NSE_FO|40010",
    "crude": "MCX_FO|440001",
    "equity": "NSE_EQ|INE002A01018",
    "index": "NSE_INDEX|Nifty 50",
    "bse index": "BSE_INDEX|SENSEX",
}
STATUSES = (*worded_statuses(), *AFTER_MARKET)


def _problem(code: str, message: str) -> dict[str, object]:
    return {
        "errorCode": code,
        "message": message,
        "propertyPath": None,
        "invalidValue": None,
        "error_code": code,
        "property_path": None,
        "invalid_value": None,
    }


def _errors(status: int, *problems: tuple[str, str], verdict: Verdict) -> Sample:
    body = {"status": "error", "errors": [_problem(*one) for one in problems]}
    return Sample(f"{status} {problems}", status, orjson.dumps(body), verdict)


def _error(status: int, code: str, message: str, verdict: Verdict) -> Sample:
    return _errors(status, (code, message), verdict=verdict)


_V = Verdict
_MARKET = "Market orders are not allowed. Try placing a limit order."
ERRORS = (
    _error(401, "UDAPI100050", "Invalid token used to access API", _V.SESSION_LOST),
    _error(429, "UDAPI10005", "Too Many Request Sent", _V.RATE_LIMITED),
    _error(400, "UDAPI1026", "The instrument key is required", _V.REJECTED),
    _error(400, "UDAPI1052", "The quantity cannot be zero", _V.REJECTED),
    _error(400, "UDAPI1004", "Valid order type is required", _V.REJECTED),
    _error(400, "UDAPI100011", "Invalid Instrument key", _V.REJECTED),
    _error(400, "UDAPI1118", "Maximum order limit exceeded with slicing", _V.REJECTED),
    _error(400, "UDAPI1119", "The tag cannot be longer than 40 characters", _V.REJECTED),
    _error(403, "UDAPI1154", "Access to this API is blocked due to static IP restrictions.", _V.REJECTED),
    _error(400, "UDAPI1156", "Invalid Algo name passed in headers", _V.REJECTED),
    _error(400, "UDAPI1158", _MARKET, _V.REJECTED),
    _error(400, "UDAPI1159", "Market protection cannot be greater than 25%", _V.REJECTED),
    _error(403, "UDAPI100049", "Access to this API has been restricted for your account", _V.REJECTED),
    _error(404, "UDAPI100010", "Order not found", _V.REJECTED),
    _error(400, "UDAPI100040", "Cancel of already cancelled/rejected/completed order is not allowed", _V.REJECTED),
    _error(400, "UDAPI100041", "Modifications of completed orders are not allowed", _V.REJECTED),
    _error(423, "UDAPI100074", "The Place order API is accessible from 5:30 AM to 12:00 AM IST daily", _V.REJECTED),
    _error(400, "UDAPI100038", "Price 42.12 is not a multiple of the tick size 0.05", _V.REJECTED),
    _errors(400, ("UDAPI1052", "The quantity cannot be zero"), ("UDAPI1158", _MARKET), verdict=_V.REJECTED),
    _errors(400, ("UDAPI1052", "The quantity cannot be zero"), ("UDAPI9999", "Other"), verdict=_V.UNKNOWN),
    _error(400, "UDAPI100038", "The request timed out. Check the order book.", _V.UNKNOWN),
    _error(400, "UDAPI1052", "", _V.UNKNOWN),
    _error(423, "UDAPI1161", "MCX orders via API are temporarily disabled", _V.UNKNOWN),
    _error(400, "UDAPI9999", "Something nobody has seen before.", _V.UNKNOWN),
    _error(404, "UDAPI100060", "Resource not Found.", _V.UNKNOWN),
    _error(500, "UDAPI100500", "Something went wrong... please contact us", _V.UNKNOWN),
    _error(500, "UDAPI1052", "The quantity cannot be zero", _V.UNKNOWN),
    _error(503, "UDAPI100500", "We're temporarily offline for maintenance", _V.UNKNOWN),
    _error(200, "UDAPI1052", "The quantity cannot be zero", _V.UNKNOWN),
    _error(429, "UDAPI100050", "Invalid token used to access API", _V.UNKNOWN),
    Sample("no errors", 400, b'{"status":"error","errors":[]}', _V.UNKNOWN),
    Sample("two ids", 200, b'{"status":"success","data":{"order_ids":["1","2"]}}', _V.UNKNOWN),
    Sample("partial", 207, b'{"status":"partial_success","data":{"order_ids":["1"]}}', _V.UNKNOWN),
    NOT_FOUND_PAGE,
)


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("upstox", base)


def fields(name: str) -> Mapping[str, str]:
    return {**keys(name), "redirect_url": CALLBACK}


def register(name: str) -> Mapping[str, object]:
    return {"client": name, "broker": "upstox", **fields(name)}


def book(rows: Sequence[Shown]) -> bytes:
    return _success([_order(row) for row in rows])


def _order(row: Shown) -> dict[str, object]:
    return {
        "exchange": "NFO",
        "product": "D",
        "price": 42.1,
        "quantity": row.quantity,
        "status": row.status,
        "guid": None,
        "tag": row.tag,
        "instrument_token": SYMBOLS["nifty weekly"],
        "placed_by": "STUB01",
        "trading_symbol": "NIFTY26D0124200CE",
        "order_type": row.order_type.value,
        "validity": "DAY",
        "trigger_price": 0.0,
        "disclosed_quantity": 0,
        "transaction_type": "BUY",
        "average_price": 42.1 if row.filled else 0.0,
        "filled_quantity": row.filled,
        "pending_quantity": row.quantity - row.filled,
        "status_message": None,
        "status_message_raw": None,
        "exchange_order_id": "1300000025660919",
        "order_id": row.order_id,
        "variety": "SIMPLE",
        "order_timestamp": "2026-11-20 10:00:00",
        "exchange_timestamp": "2026-11-20 10:00:00",
        "is_amo": False,
    }


def placed(order_id: str) -> bytes:
    """What a place is answered with, and beside it what a change would be."""
    return orjson.dumps(
        {"status": "success", "data": {"order_ids": [order_id], "order_id": order_id}, "metadata": {"latency": 30}}
    )


def _success(data: object) -> bytes:
    return orjson.dumps({"status": "success", "data": data})


def master(contracts: Sequence[Contract]) -> Mapping[str, File]:
    """The whole file; a number that is none is written as the text it would be."""
    rows = orjson.dumps([_row(one) for one in contracts], option=orjson.OPT_INDENT_2)
    return {"/complete.json.gz": File(rows, "application/gzip")}


def _row(one: Contract) -> dict[str, object]:
    head: dict[str, object] = {
        "segment": _SEGMENTS[one.exchange],
        "name": one.underlying,
        "exchange": one.exchange[:3],
        "instrument_type": "INDEX" if one.kind == "INDEX" else one.right or one.kind,
        "instrument_key": SYMBOLS[one.name],
        "exchange_token": str(number_of(one)),
        "trading_symbol": _trading_symbol(one),
    }
    if one.kind == "INDEX":
        return head
    traded = head | {"lot_size": one.lot_size, "tick_size": float(one.tick_size * 100), "freeze_quantity": 100000.0}
    if one.kind == "EQ":
        return traded | {"isin": SYMBOLS[one.name].partition("|")[2], "security_type": "NORMAL"}
    return traded | {
        "weekly": False,
        "expiry": _last_second(one),
        "underlying_symbol": one.underlying,
        "underlying_type": "INDEX",
        "minimum_lot": one.lot_size,
        "strike_price": float(one.strike or 0),
    }


def _trading_symbol(one: Contract) -> str:
    if one.kind in ("INDEX", "EQ"):
        return one.underlying
    day = one.expiry.strftime("%d %b %y").upper() if one.expiry else ""
    return f"{one.underlying} FUT {day}" if one.kind == "FUT" else f"{one.underlying} {one.strike} {one.right} {day}"


def _last_second(one: Contract) -> int | None:
    if one.expiry is None:
        return None
    return int(datetime.combine(one.expiry, time(23, 59, 59), tzinfo=IST).timestamp() * 1000)


def _spoilt(change: Mapping[bytes, bytes]) -> Spoil:
    def spoil(file: File) -> File:
        body = file.body
        for before, after in change.items():
            assert before in body
            body = body.replace(before, after, 1)
        return replace(file, body=body)

    return spoil


UNUSABLE: Mapping[str, Spoil] = {
    "empty": lambda file: replace(file, body=b""),
    "no list": lambda file: replace(file, body=b'{"status":"success"}'),
    "empty list": lambda file: replace(file, body=b"[]"),
    "cut": lambda file: replace(file, body=file.body[: len(file.body) // 2]),
    "invalid UTF-8": _spoilt({b"NIFTY": b"NIF\xff\xfe"}),
    "proxy page": lambda file: File(b"<html><body>502 Bad Gateway</body></html>", "text/html"),
    "cut gzip": lambda file: replace(file, body=gzip.compress(file.body)[:-20]),
}


async def authorize(http: web.Request) -> web.StreamResponse:
    """The address of the socket, at the same server."""
    data = {"authorized_redirect_uri": f"ws://{http.host}/feeds?requestId=1&code=once"}
    return web.Response(body=_success(data), content_type="application/json")


async def greet(socket: web.WebSocketResponse) -> None:
    """The socket says which segments are open; the subscription is read."""
    await socket.send_bytes(MARKET_INFO)
    await socket.receive()


MARKET_INFO = bytes.fromhex("08021895b3c18bb73222190a0b0a074e53455f434f4d10020a0a0a064e53455f464f1002")
"""Encoded by the official SDK's own classes, as the next one."""

LTPC = bytes.fromhex(
    "0801122d0a0c4e53455f464f7c3435343530121d0a1b099a99999999696b4010d39ec4dcd432184b21cdcccccccce07e4018d786c5dcd432"
)

MEMBER = Member(
    spec=SPEC,
    endpoint=endpoint,
    register=register,
    fields=fields,
    code=code,
    browse=browse,
    denied=({"error": "access_denied"}, {"code": ""}, {"code": "with a space"}, {"state": "x"}),
    errors=ERRORS,
    statuses=STATUSES,
    book=book,
    placed=placed,
    master=master,
    symbols=SYMBOLS,
    greet=greet,
    before_socket=authorize,
    feed=FeedSample(
        whole=LTPC,
        ticks=1,
        broken=(
            b"",
            b"\x08",
            b"\xff" * 11,
            LTPC[:20],
            LTPC[:-1],
            b"\x12\x02\x0a\x05",
            b"\x12\x05" + pack("<Bf", 0x0D, 1.5),
            "not binary",
            '{"type":"live_feed"}',
        ),
    ),
    unusable=UNUSABLE,
    reasons={
        211: "no limit of modifications is documented; the SPEC's is our own caution",
        402: "a shortage of money shows as an order that is rejected in the book, never as a refused call",
        609: "the master is a public file: the exchange cannot tell whose download to spoil; the broker's own tests do",
    },
)
