"""Master Trust under the contract. Bodies follow its documentation's samples; refusals, which it has none of, those of
other brokers of its platform."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from struct import pack

import orjson
from aiohttp import web

from brokers.catalog import simulated_endpoint
from brokers.mastertrust.spec import SPEC
from domain.broker import Endpoint, Verdict
from domain.orders import OrderStatus, OrderType
from tests.brokers.contract.browser import browse, code
from tests.brokers.contract.member import (
    CSV_UNUSABLE,
    Contract,
    FeedSample,
    File,
    Member,
    Sample,
    Shown,
    Spoil,
)
from tests.brokers.contract.samples import (
    AFTER_MARKET,
    INDEX_NAMES,
    NOT_FOUND_PAGE,
    YEAR_FIRST,
    csv_file,
    keys,
    number_of,
    worded_statuses,
)

CALLBACK = "http://127.0.0.1:1/callback"
_S = OrderStatus
_HEADER = (
    "exchange,exchange_token,trading_symbol,company_name,close_price,expiry,strike,tick_size,lot_size,"
    "instrument_name,option_type,segment"
)
SYMBOLS = {**YEAR_FIRST, "equity": "RELIANCE-EQ", "index": "Nifty 50"}
STATUSES = (*worded_statuses(), *AFTER_MARKET)
_TYPES = {OrderType.LIMIT: "LIMIT", OrderType.SL: "SL", OrderType.SL_M: "SLM", OrderType.MARKET: "MARKET"}


def _error(status: int, code: int | None, message: str, verdict: Verdict) -> Sample:
    body = {"data": {}, "message": message, "status": "error"} | ({} if code is None else {"error_code": code})
    return Sample(f"{status} {code}: {message}", status, orjson.dumps(body), verdict)


_V = Verdict
ERRORS = (
    _error(401, 40000, "Request Unauthorised", _V.SESSION_LOST),
    _error(401, None, "", _V.SESSION_LOST),
    Sample("401 of the gateway", 401, b'{"error":"request_unauthorized"}', _V.UNKNOWN),
    Sample("401 without a word", 401, b"{}", _V.SESSION_LOST),
    _error(429, None, "Too many requests", _V.RATE_LIMITED),
    _error(400, 44000, "`exchange` is invalid", _V.REJECTED),
    _error(200, 44000, "`product` is invalid", _V.REJECTED),
    _error(400, 44000, "`order` `product` is invalid", _V.REJECTED),
    _error(400, 44000, "`exchange_order_id` can't be blank", _V.REJECTED),
    _error(400, 45000, "`price` is invalid", _V.REJECTED),
    _error(400, 45000, "`quantity` is invalid", _V.REJECTED),
    _error(
        400,
        45000,
        "Error from backend: (1)-Trigger price cannot be less than last trade price.",
        _V.REJECTED,
    ),
    _error(400, 45010, "Something went wrong", _V.UNKNOWN),
    _error(400, 45000, "Error from backend: (500)-event id not found", _V.UNKNOWN),
    _error(400, 45000, "Error from backend: (504)-request timed out", _V.UNKNOWN),
    _error(400, 44000, "", _V.UNKNOWN),
    _error(400, 44000, "`exchange` is invalid, try again after some time", _V.UNKNOWN),
    _error(400, 40000, "Request Unauthorised", _V.UNKNOWN),
    _error(403, 40000, "Request Unauthorised", _V.UNKNOWN),
    _error(400, None, "Invalid parameters", _V.UNKNOWN),
    _error(500, 44000, "`exchange` is invalid", _V.UNKNOWN),
    _error(503, 45000, "`price` is invalid", _V.UNKNOWN),
    Sample("success with 400", 400, b'{"status":"success","data":{"oms_order_id":"250328000022151"}}', _V.UNKNOWN),
    Sample("no status", 200, b'{"data":{"oms_order_id":"250328000022151"}}', _V.UNKNOWN),
    Sample("a bracket's answer", 200, b'{"status":"success","data":{"client_order_id":"250328000028314"}}', _V.UNKNOWN),
    NOT_FOUND_PAGE,
)


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("mastertrust", base)


def fields(name: str) -> Mapping[str, str]:
    return {**keys(name), "redirect_uri": CALLBACK}


def register(name: str) -> Mapping[str, object]:
    return {"client": name, "broker": "mastertrust", "redirect_url": CALLBACK, **keys(name)}


def book(rows: Sequence[Shown]) -> bytes:
    """Newest first, as the broker lists orders; the same for both halves, as if every order had just moved."""
    return _success({"orders": [_order(row) for row in reversed(rows)]})


def _order(row: Shown) -> dict[str, object]:
    return {
        "average_price": "42.10" if row.filled else "0.00",
        "exchange": "NFO",
        "lot_size": 65,
        "order_side": "BUY",
        "oms_order_id": row.order_id,
        "order_type": _TYPES[row.order_type],
        "trading_symbol": SYMBOLS["nifty weekly"],
        "quantity": row.quantity,
        "product": "NRML",
        "validity": "DAY",
        "order_status": row.status,
        "trigger_price": "0.00",
        "price": "42.10",
        "filled_quantity": row.filled,
        "exchange_time": 1743136998,
        "user_order_id": row.tag,
        "rejection_reason": "--",
        "instrument_token": "54452",
        "client_id": "STUB01",
        "order_entry_time": 1743136651,
    }


def placed(order_id: str) -> bytes:
    return _success({"client_order_id": order_id, "oms_order_id": order_id, "user_order_id": 5002681})


def _success(data: object) -> bytes:
    return orjson.dumps({"data": data, "message": "", "status": "success"})


def master(contracts: Sequence[Contract]) -> Mapping[str, File]:
    return {"/contract/Compact": File(_zipped(csv_file(_HEADER, map(_line, contracts))), "application/zip")}


def _line(one: Contract) -> list[object]:
    exchange, is_derivative = one.exchange.removesuffix("_INDEX"), one.kind in ("FUT", "OPT")
    return [
        exchange,
        number_of(one),
        SYMBOLS[one.name],
        _company(one),
        "100.00",
        one.expiry.strftime("%d-%b-%Y") if one.expiry else "",
        one.strike if one.strike is not None else 0,
        one.tick_size,
        one.lot_size,
        _instrument(one),
        one.right or ("XX" if is_derivative else ""),
        "IDX" if one.kind == "INDEX" else exchange,
    ]


def _company(one: Contract) -> str:
    """What stands on MCX is not the underlying, as other clients of the platform found."""
    if one.exchange == "MCX":
        return "CRUDE OIL"
    return one.underlying if one.kind in ("FUT", "OPT") else "A COMPANY LTD."


def _instrument(one: Contract) -> str:
    if one.kind not in ("FUT", "OPT"):
        return "EQ" if one.kind == "EQ" else ""
    group = "index" if one.underlying in INDEX_NAMES else "stock"
    return {
        "NFO": {"FUT": {"index": "FUTIDX", "stock": "FUTSTK"}, "OPT": {"index": "OPTIDX", "stock": "OPTSTK"}},
        "BFO": {"FUT": {"index": "IF", "stock": "SF"}, "OPT": {"index": "IO", "stock": "SO"}},
        "MCX": {"FUT": {"stock": "FUTCOM"}, "OPT": {"stock": "OPTFUT"}},
    }[one.exchange][one.kind][group]


def _zipped(text: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("CompactScrip.csv", text)
    return packed.getvalue()


def _unzipped(body: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return archive.read("CompactScrip.csv")


def _within(spoil: Spoil) -> Spoil:
    """Spoil the file that is packed."""
    return lambda file: replace(file, body=_zipped(spoil(replace(file, body=_unzipped(file.body))).body))


_PLAIN = ("empty", "header only", "no header", "missing column", "invalid UTF-8")
UNUSABLE: Mapping[str, Spoil] = {
    **{name: _within(CSV_UNUSABLE[name]) for name in _PLAIN},
    "proxy page": CSV_UNUSABLE["proxy page"],
    "no archive": lambda file: replace(file, body=_unzipped(file.body)),
    "cut archive": lambda file: replace(file, body=file.body[:-40]),
    "another file": lambda file: replace(file, body=_zipped(b"").replace(b"CompactScrip.csv", b"CompactScrip.exe")),
}


async def greet(socket: web.WebSocketResponse) -> None:
    """The socket says nothing first; the subscription is read."""
    await socket.receive()


_MARKET = pack(">BBI8I2Q12I", 1, 2, 54452, 4210, 1, 65, 650, 4205, 65, 4215, 130, 9, 9, 4200, 1_743_137_188, *range(10))
_COMPACT = pack(">BBIIi7I", 2, 2, 54452, 4210, 10, 1_743_137_188, 1, 2, 650, 0, 4205, 4215)

MEMBER = Member(
    spec=SPEC,
    endpoint=endpoint,
    register=register,
    fields=fields,
    code=code,
    browse=browse,
    denied=(
        {"error": "access_denied", "error_description": "the client said no", "state": "12345678"},
        {"code": "", "state": "12345678"},
        {"code": "with a space"},
    ),
    errors=ERRORS,
    statuses=STATUSES,
    book=book,
    placed=placed,
    master=master,
    symbols=SYMBOLS,
    greet=greet,
    feed=FeedSample(
        whole=_MARKET + _COMPACT,
        ticks=2,
        broken=(
            b"",
            b"\x00",
            _MARKET[:50],
            pack(">BB", 4, 2),
            pack(">BBI", 9, 1, 1),
            bytes([50]) + bytes(4),
            bytes([50]) + bytes(4) + b"not JSON",
            bytes([50]) + bytes(4) + json.dumps({"oms_order_id": 7}).encode(),
            bytes([51]) + bytes(4) + b"{}",
            "not binary",
        ),
    ),
    unusable=UNUSABLE,
    reasons={
        211: "no limit of modifications is documented; the SPEC's is our own caution",
        402: "a shortage of money shows as an order that is REJECTED in the book, never as a refused call",
    },
)
