"""Kotak Neo under the contract. Bodies follow its documentation's samples and its official SDK."""

import json
from base64 import b32encode
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from struct import pack

import orjson
from aiohttp import web

from brokers.catalog import simulated_endpoint
from brokers.kotak.spec import SPEC
from domain.broker import Endpoint, Verdict
from domain.clock import IST
from domain.orders import OrderStatus, OrderType
from tests.brokers.contract.member import HERE, Contract, FeedSample, File, Member, Sample, Shown, Status
from tests.brokers.contract.samples import AFTER_MARKET, YEAR_FIRST, csv_file, number_of, worded_statuses

_S = OrderStatus
_COLUMNS = (
    "pSymbol,pGroup,pExchSeg,pInstType,pSymbolName,pTrdSymbol,pOptionType,pScripRefKey,pISIN,pAssetCode,dTickSize ,"
    "lLotSize,lExpiryDate ,lMultiplier ,lPrecision,dStrikePrice;,pExchange,lFreezeQty"
)
_SEGMENTS = {"NSE": "nse_cm", "BSE": "bse_cm", "NFO": "nse_fo", "BFO": "bse_fo", "MCX": "mcx_fo"}
_FOLDERS = {"nse_cm": "transformed-v1/nse_cm-v1.csv", "bse_cm": "transformed-v1/bse_cm-v1.csv"}
_PATHS = {segment: f"/{_FOLDERS.get(segment, f'transformed/{segment}.csv')}" for segment in _SEGMENTS.values()}
_NSE_DERIVATIVES_COUNT_FROM = 315_513_000
SYMBOLS = {**YEAR_FIRST, "equity": "RELIANCE-EQ", "index": "Nifty 50"}
STATUSES = (*worded_statuses(), *AFTER_MARKET, Status("traded", OrderStatus.FILLED, filled=65))
_TYPES = {OrderType.LIMIT: "L", OrderType.SL: "SL", OrderType.SL_M: "SL-M", OrderType.MARKET: "MKT"}
_V = Verdict


def _coded(code: int, message: str, verdict: Verdict, *, status: int = 200, is_margin: bool = False) -> Sample:
    body = {"stat": "Not_Ok", "emsg": message, "stCode": code}
    return Sample(f"{status} {code}: {message}", status, orjson.dumps(body), verdict, is_margin)


def _listed(status: int, code: str, message: str, verdict: Verdict) -> Sample:
    body = {"error": [{"code": code, "message": message}], "stat": "Not_Ok"}
    return Sample(f"{status} error {code}: {message}", status, orjson.dumps(body), verdict)


def _said(status: int, body: Mapping[str, object], verdict: Verdict) -> Sample:
    return Sample(f"{status} {body}", status, orjson.dumps(body), verdict)


_COMPLETED = {"stCode": 1021, "errMsg": "order is completed", "stat": "please provide valid order number"}
ERRORS = (
    _coded(1003, "Invalid session", _V.SESSION_LOST),
    _coded(1003, "Invalid session", _V.SESSION_LOST, status=403),
    _said(200, {"stCode": 1037, "errMsg": "session ip doesnt match with reqest ip", "stat": "Not_Ok"}, _V.SESSION_LOST),
    _listed(403, "403", "Invalid session, please re-login to continue", _V.SESSION_LOST),
    _said(
        401, {"status": "error", "message": "Session token/sid expired or missing", "errorCode": "401"}, _V.SESSION_LOST
    ),
    _listed(429, "429", "Too many requests to the API", _V.RATE_LIMITED),
    _said(429, {"fault": {"code": 900802, "message": "Message throttled out"}}, _V.RATE_LIMITED),
    Sample("1004", 200, b'{"stat":"Not_Ok","emsg":"Insufficient balance.","stCode":1004}', _V.REJECTED, is_margin=True),
    _coded(1006, "Order cannot be modified as it is already executed.", _V.REJECTED),
    _coded(1006, "Order already cancelled or not found.", _V.REJECTED),
    _coded(1006, "Invalid Exchange", _V.REJECTED),
    _coded(1007, "Invalid Symbol", _V.REJECTED),
    _coded(1009, "Invalid Quantity", _V.REJECTED),
    _coded(1009, "Invalid Quantity", _V.REJECTED, status=400),
    _said(200, _COMPLETED, _V.REJECTED),
    _said(200, {"stCode": 100008, "errMsg": "unauthorized", "stat": "Not_Ok"}, _V.REJECTED),
    _listed(400, "400", "Missing required field 'qt'", _V.REJECTED),
    _listed(400, "400", "Invalid pt SL-M", _V.REJECTED),
    _coded(1005, "Internal Error", _V.UNKNOWN),
    _coded(1006, "Something nobody has seen before", _V.UNKNOWN),
    _coded(1009, "", _V.UNKNOWN),
    _coded(1009, "The request timed out", _V.UNKNOWN),
    _coded(4711, "A code nobody documents", _V.UNKNOWN),
    _coded(1004, "Insufficient balance.", _V.UNKNOWN, status=502),
    _coded(1009, "Invalid Quantity", _V.UNKNOWN, status=503),
    _coded(1003, "Invalid session", _V.UNKNOWN, status=504),
    _listed(424, "424", "Dependency failure", _V.UNKNOWN),
    _listed(400, "400", "The request timed out", _V.UNKNOWN),
    _listed(500, "400", "Invalid qt", _V.UNKNOWN),
    _said(200, {"stCode": 5203, "errMsg": "No Data", "desc": "data not found", "stat": "Not_Ok"}, _V.UNKNOWN),
    _said(200, {"stat": "Ok", "nOrdNo": "250720000007242"}, _V.UNKNOWN),
    _said(400, {"stat": "Ok", "nOrdNo": "250720000007242", "stCode": 200}, _V.UNKNOWN),
    _said(200, {"stat": "Not_Ok", "nOrdNo": "250720000007242", "stCode": 1009, "emsg": "Invalid Quantity"}, _V.UNKNOWN),
    _said(403, {}, _V.UNKNOWN),
    Sample("403 page", 403, b"<html>Forbidden</html>", _V.UNKNOWN, content_type="text/html"),
    Sample("429 page", 429, b"<html>slow down</html>", _V.UNKNOWN, content_type="text/html"),
)


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("kotak", base)


def fields(name: str) -> Mapping[str, str]:
    return {"consumer_key": f"{name.lower()}key", **_extra(name)}


def _extra(name: str) -> dict[str, str]:
    secret = b32encode(f"{name:>10}".encode()).decode()
    return {"mobile_number": "+919876543210", "totp_secret": secret, "mpin": f"{sum(name.encode()):06d}"}


def register(name: str) -> Mapping[str, object]:
    key = f"{name.lower()}key"
    return {"client": name, "broker": "kotak", "api_key": key, "api_secret": "unused", "extra": _extra(name)}


def token(base: str) -> str:
    """A session kept as one text: its parts and where it is valid."""
    return json.dumps({"token": "stub.jwt.token", "sid": "stub-sid", "base_url": f"{base}/kotak"})


def book(rows: Sequence[Shown]) -> bytes:
    return orjson.dumps({"stat": "Ok", "data": [_order(row) for row in rows], "stCode": 200})


def _order(row: Shown) -> dict[str, object]:
    return {
        "nOrdNo": row.order_id,
        "ordSt": row.status,
        "stat": row.status,
        "exSeg": "nse_fo",
        "trdSym": SYMBOLS["nifty weekly"],
        "sym": "NIFTY",
        "tok": "54452",
        "trnsTp": "B",
        "prcTp": _TYPES[row.order_type],
        "prod": "NRML",
        "vldt": "DAY",
        "qty": row.quantity,
        "fldQty": row.filled,
        "unFldSz": row.quantity - row.filled,
        "avgPrc": "42.10" if row.filled else "0.00",
        "prc": "42.10",
        "trgPrc": "0.00",
        "rejRsn": "--",
        "lotSz": "65",
        "multiplier": "1",
        "GuiOrdId": row.tag,
        "ordDtTm": "20-Nov-2026 10:00:00",
        "hsUpTm": "2026/11/20 10:00:00",
    }


def placed(order_id: str) -> bytes:
    return orjson.dumps({"nOrdNo": order_id, "stat": "Ok", "stCode": 200})


def master(contracts: Sequence[Contract]) -> Mapping[str, File]:
    """Where the files are, and a file per segment."""
    folder = HERE + b"/kotak/wso2-scripmaster/v1/prod"
    paths = [folder.decode() + f"/2026-11-20{path}" for path in _PATHS.values()]
    listing = json.dumps({"data": {"filesPaths": paths, "baseFolder": folder.decode()}}, indent=1)
    files = {path: _file([one for one in contracts if _segment(one) == name]) for name, path in _PATHS.items()}
    return {"/masterscrip/file-paths": File(listing.encode(), "application/json"), **files}


def _file(contracts: Sequence[Contract]) -> File:
    return File(csv_file(_COLUMNS, map(_line, contracts)))


def _segment(one: Contract) -> str:
    return _SEGMENTS[one.exchange.removesuffix("_INDEX")]


def _line(one: Contract) -> list[object]:
    kind = {"FUT": "FUT", "OPT": "OPT"}.get(one.kind, "")
    symbol = one.underlying if one.kind == "INDEX" else SYMBOLS[one.name]
    return [
        number_of(one),
        {"EQ": "EQ", "INDEX": ""}.get(one.kind, "XX"),
        _segment(one),
        f"{kind}IDX" if kind else "",
        one.underlying,
        symbol,
        one.right or ("XX" if kind else ""),
        symbol,
        "INE002A01018" if one.kind == "EQ" else "",
        "",
        -1 if one.kind == "INDEX" else one.tick_size * 100,
        1 if one.exchange == "MCX" else one.lot_size,
        _expiry(one),
        -1,
        2,
        -1 if one.strike is None else one.strike * 100,
        one.exchange[:3],
        0,
    ]


def _expiry(one: Contract) -> int:
    """NSE derivatives count their seconds from 1980, everybody else from 1970."""
    if one.expiry is None:
        return -1
    end = int(datetime.combine(one.expiry, time(14, 30), tzinfo=IST).timestamp())
    return end - _NSE_DERIVATIVES_COUNT_FROM if one.exchange == "NFO" else end


async def greet(socket: web.WebSocketResponse) -> None:
    """The sign-in is answered, the subscription read."""
    assert (await socket.receive_json())["auth"] == "stub-sid"
    await socket.send_json(
        {"message_code": 1119, "format": "native_batch", "exchanges": {"nse_fo": {"value": 2, "divider": 100}}}
    )
    assert (await socket.receive_json())["event"] == "subscribeScrips"


def _header(length: int, code: int, exchange: int, level: int) -> bytes:
    return pack("<HHbBBBB", length, code, exchange, level, 0, 1, 0)


def _touch_line(*, exchange: int = 2, last: int = 4210) -> bytes:
    body = pack(
        "<IqqqqqIIIIIqIIIIhiIdiIIIIIBI",
        *(54452, 0, 0, 650, 1_790_000_000, 1_790_000_001, 4100, 4000, 4300, 3900, last, 65, 4150, 0),
        *(1, 1, 1, 525, 100, 0.0, 210, 8000, 5, 9000, 100, 65, 2, 1),
    )
    rows = pack("<qii", 650, 4205, 3) + pack("<qii", 1300, 4215, 5)
    return _header(176, 7208, exchange, 4) + body + rows


MEMBER = Member(
    spec=SPEC,
    endpoint=endpoint,
    register=register,
    fields=fields,
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
    feed=FeedSample(
        whole=_touch_line() + _touch_line(),
        ticks=2,
        broken=(
            b"",
            b"\x00",
            b"\x00\x00" + _touch_line()[2:],
            _touch_line()[:80],
            _touch_line(exchange=77),
            _touch_line(last=0),
            _header(9, 7208, 2, 4),
            _header(16, 105, 2, 0) + pack("<H5s", 1, b"OPEN"),
            _header(30, 4711, 2, 99) + bytes(21),
            "not JSON",
            "[]",
            '{"message_code":1109,"trading_symbols":{"nse_fo|54452":"NIFTY26D0124200CE"}}',
        ),
    ),
    token=token,
    quotes_by_key=True,
    reasons={
        106: "the client's code is part of the sign-in: Kotak itself refuses another's keys; its answer is checked too",
        211: "no limit of modifications is documented; the SPEC's is our own caution",
    },
)
