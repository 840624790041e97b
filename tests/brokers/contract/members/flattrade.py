"""Flattrade under the contract. Bodies follow its documentation's samples and the NorenRestApi SDK."""

import json
from collections.abc import Mapping, Sequence

import orjson
from aiohttp import web

from brokers.catalog import simulated_endpoint
from brokers.flattrade.member import MEMBER as FLATTRADE
from brokers.flattrade.spec import SPEC
from domain.broker import Endpoint, Verdict
from domain.orders import OrderStatus, OrderType
from tests.brokers.contract.browser import browse, code
from tests.brokers.contract.member import Contract, FeedSample, File, Member, Sample, Shown, Status
from tests.brokers.contract.samples import DAY_FIRST, INDEX_NAMES, NOT_FOUND_PAGE, csv_file, keys, number_of

_S = OrderStatus
_HEADER = "Exchange,Token,Lotsize,Symbol,Tradingsymbol,Instrument,Expiry,Strike,Optiontype"
SYMBOLS = DAY_FIRST
STATUSES = (
    *(Status(raw, _S.OPEN) for raw in ("PENDING", "OPEN", "Open", "NEW", "REPLACED")),
    Status("TRIGGER_PENDING", _S.TRIGGER_PENDING, order_type=OrderType.SL),
    Status("TRIGGER PENDING", _S.TRIGGER_PENDING, order_type=OrderType.SL),
    Status("PENDING", _S.TRIGGER_PENDING, order_type=OrderType.SL_M),
    Status("OPEN", _S.OPEN, order_type=OrderType.SL),
    Status("OPEN", _S.PARTIALLY_FILLED, filled=20),
    Status("PENDING", _S.PARTIALLY_FILLED, filled=20),
    Status("COMPLETE", _S.FILLED, filled=65),
    Status("CANCELED", _S.CANCELLED),
    Status("CANCELED", _S.CANCELLED, filled=20),
    Status("REJECTED", _S.REJECTED),
    Status("REJECT", _S.REJECTED),
)
_TYPES = {OrderType.LIMIT: "LMT", OrderType.SL: "SL-LMT", OrderType.SL_M: "SL-MKT", OrderType.MARKET: "MKT"}


def _error(emsg: str, verdict: Verdict, *, status: int = 200) -> Sample:
    body = {"stat": "Not_Ok", "request_time": "20:40:01 19-05-2020", "emsg": emsg}
    return Sample(f"{status}: {emsg}", status, orjson.dumps(body), verdict)


_V = Verdict
_TOO_MANY = "Invalid Input : Order Recieved 11 in a current second exceeds Limit 10 for user"
ERRORS = (
    _error("Session Expired : Invalid Session Key", _V.SESSION_LOST),
    _error("Session Expired : Invalid Session Key", _V.SESSION_LOST, status=400),
    _error(_TOO_MANY, _V.RATE_LIMITED),
    _error(_TOO_MANY, _V.RATE_LIMITED, status=400),
    _error("Invalid Input : Missing uid or actid or prd.", _V.REJECTED),
    _error("Invalid Input :  Invalid Position Type", _V.REJECTED, status=400),
    _error('Error Occurred : 2 "invalid input"', _V.REJECTED),
    _error("Rejected : ORA:Order not found", _V.REJECTED),
    _error("Rejected : ORA:Order not found to Cancel", _V.REJECTED),
    _error("Rejected : ORA:Price 1120.15 is not a multiple of tick size 0.10 ", _V.REJECTED),
    _error("Rejected : ORA:Quantity exceeds the freeze quantity 1800", _V.REJECTED),
    _error("Server Timeout :  ", _V.UNKNOWN),
    _error("Server Timeout :  ", _V.UNKNOWN, status=400),
    _error("Invalid Input : the OMS timed out", _V.UNKNOWN),
    _error('Error Occurred : 5 "no data"', _V.UNKNOWN),
    _error("Rejected : ORA:Something nobody has seen before", _V.UNKNOWN),
    _error("RED:RULE:{Check margin}Shortfall:INR 188775", _V.UNKNOWN),
    _error("", _V.UNKNOWN),
    _error("Invalid Input : Missing qty", _V.UNKNOWN, status=502),
    _error("Session Expired : Invalid Session Key", _V.UNKNOWN, status=503),
    Sample("no emsg", 200, b'{"stat":"Not_Ok"}', _V.UNKNOWN),
    Sample("another stat", 200, b'{"stat":"Oi created","norenordno":"20052000000017"}', _V.UNKNOWN),
    Sample("Ok with 400", 400, b'{"stat":"Ok","norenordno":"20052000000017"}', _V.UNKNOWN),
    NOT_FOUND_PAGE,
)


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("flattrade", base)


def fields(name: str) -> Mapping[str, str]:
    return keys(name)


def register(name: str) -> Mapping[str, object]:
    return {"client": name, "broker": "flattrade", **fields(name)}


def book(rows: Sequence[Shown]) -> bytes:
    """Newest first, as Noren lists orders."""
    return orjson.dumps([_order(row) for row in reversed(rows)])


def _order(row: Shown) -> dict[str, str]:
    return {
        "stat": "Ok",
        "norenordno": row.order_id,
        "uid": "STUB01",
        "actid": "STUB01",
        "exch": "NFO",
        "tsym": SYMBOLS["nifty weekly"],
        "qty": str(row.quantity),
        "trantype": "B",
        "prctyp": _TYPES[row.order_type],
        "ret": "DAY",
        "token": "54452",
        "pp": "2",
        "ls": "65",
        "ti": "0.05",
        "prc": "42.10",
        **({"avgprc": "42.10"} if row.filled else {}),
        "dscqty": "0",
        "prd": "M",
        "status": row.status,
        "fillshares": str(row.filled),
        "norentm": "10:00:00 20-11-2026",
        "remarks": row.tag,
    }


def placed(order_id: str) -> bytes:
    return orjson.dumps({"stat": "Ok", "norenordno": order_id, "result": order_id})


def master(contracts: Sequence[Contract]) -> Mapping[str, File]:
    """The files, and the answers that complete them: price steps, indices, and what a search for a stock finds."""
    lines = [one for one in contracts if one.kind in ("FUT", "OPT")]
    indices = [one for one in contracts if one.kind == "INDEX"]
    stocks = [one for one in contracts if one.kind == "EQ"]
    found = [{"exch": one.exchange, "token": str(number_of(one)), "tsym": SYMBOLS[one.name]} for one in stocks]
    listed = [{"idxname": SYMBOLS[one.name], "token": str(number_of(one))} for one in indices]
    return {
        **{name: _file([one for one in lines if _file_of(one) == name]) for name in FLATTRADE.masters},
        "/GetQuotes": _json({"stat": "Ok", "exch": "NFO", "tsym": "X", "token": "1", "ti": "0.10"}),
        "/GetIndexList": _json({"stat": "Ok", "values": listed}),
        "/SearchScrip": _json({"stat": "Ok", "values": found}),
    }


def _json(body: object) -> File:
    return File(json.dumps(body, indent=1).encode(), "application/json")


def _file(contracts: Sequence[Contract]) -> File:
    return File(csv_file(_HEADER, map(_line, contracts), end=",,,,,,,,\n"))  # real files end in empty rows


def _file_of(one: Contract) -> str:
    if one.exchange == "MCX":
        return "Commodity.csv"
    group = "Index" if one.underlying in INDEX_NAMES else "Equity"
    return f"{one.exchange.capitalize()}_{group}_Derivatives.csv"


def _line(one: Contract) -> list[object]:
    kind = "FUT" if one.kind == "FUT" else "OPT"
    group = "COM" if one.exchange == "MCX" else ("IDX" if one.underlying in INDEX_NAMES else "STK")
    return [
        one.exchange,
        str(number_of(one)),
        1 if one.exchange == "MCX" else one.lot_size,
        one.underlying,
        SYMBOLS[one.name],
        f"{kind}{group}",
        one.expiry.strftime("%d-%b-%Y").upper() if one.expiry else "",
        one.strike if one.strike is not None else "",
        one.right or "XX",
    ]


async def greet(socket: web.WebSocketResponse) -> None:
    """The sign-in is answered; the order subscription and the contracts' are read."""
    await socket.receive()
    await socket.send_json({"t": "ak", "uid": "STUB01", "s": "OK"})
    await socket.receive()
    await socket.receive()


_WHOLE = {"t": "tk", "e": "NFO", "tk": "54452", "ts": "NIFTY01DEC26C24200", "pp": "2", "ls": "65", "ti": "0.05"}

MEMBER = Member(
    spec=SPEC,
    endpoint=endpoint,
    register=register,
    fields=fields,
    code=code,
    browse=browse,
    denied=({"request_code": ""}, {"error": "access_denied"}, {"request_code": "with a space"}),
    errors=ERRORS,
    statuses=STATUSES,
    book=book,
    placed=placed,
    master=master,
    symbols=SYMBOLS,
    greet=greet,
    feed=FeedSample(
        whole=json.dumps(_WHOLE | {"lp": "42.10", "c": "40.00", "bp1": "42.05", "sp1": "42.15", "v": "650"}),
        ticks=1,
        broken=(
            "",
            "not JSON",
            "[]",
            '{"lp":"1.00"}',
            '{"t":"tf","e":"NFO","tk":"1","lp":"42.10"}',
            '{"t":"tk","e":"NFO","tk":"54452","lp":"1e5"}',
            '{"t":"tk","e":"NFO","tk":"54452","lp":42.1}',
            '{"t":"om","norenordno":7}',
            '{"t":"xx"}',
        ),
    ),
    reasons={
        211: "no limit of modifications is documented; the SPEC's is our own caution",
        402: "a shortage of money shows as an order that is REJECTED in the book, never as a refused call",
    },
)
