"""Fyers under the contract. Bodies follow https://myapi.fyers.in/docsv3 and what its official SDK speaks."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from struct import pack

import orjson
from aiohttp import web

from brokers.catalog import simulated_endpoint
from brokers.fyers.spec import SPEC
from domain.broker import Endpoint, Verdict
from domain.clock import IST
from domain.orders import OrderStatus, OrderType
from tests.brokers.contract.browser import browse, code
from tests.brokers.contract.member import Contract, FeedSample, File, Member, Sample, Shown, Spoil, Status
from tests.brokers.contract.samples import NOT_FOUND_PAGE, YEAR_FIRST, number_of

_S = OrderStatus
CALLBACK = "http://127.0.0.1:1/callback"
_EXCHANGES = {"sensex weekly": "BSE", "sensex monthly": "BSE", "bse index": "BSE", "crude": "MCX"}
_SPOTS = {"equity": "RELIANCE-EQ", "index": "NIFTY50-INDEX", "bse index": "SENSEX-INDEX"}
SYMBOLS = {name: f"{_EXCHANGES.get(name, 'NSE')}:{symbol}" for name, symbol in (YEAR_FIRST | _SPOTS).items()}
STATUSES = (
    Status("4", _S.OPEN),
    Status("6", _S.OPEN),
    Status("6", _S.TRIGGER_PENDING, order_type=OrderType.SL),
    Status("4", _S.TRIGGER_PENDING, order_type=OrderType.SL_M),
    Status("6", _S.PARTIALLY_FILLED, filled=20),
    Status("6", _S.PARTIALLY_FILLED, filled=20, order_type=OrderType.SL),
    Status("2", _S.FILLED, filled=65),
    Status("1", _S.CANCELLED),
    Status("1", _S.CANCELLED, filled=20),
    Status("5", _S.REJECTED),
    Status("7", _S.EXPIRED),
)


def _error(status: int, code: int, message: str, verdict: Verdict, *, is_margin: bool = False) -> Sample:
    body = {"s": "error", "code": code, "message": message}
    return Sample(f"{status} {code}: {message}", status, orjson.dumps(body), verdict, is_margin)


_V = Verdict
_SHORT = "RED:Margin Shortfall:INR 5,000.00 Available:INR 1,000.00 for C-XA00001 [FYERS_RISK]"
ERRORS = (
    *(_error(401, code, "Could not authenticate the user", _V.SESSION_LOST) for code in (-8, -15, -16, -17)),
    _error(200, -16, "Could not authenticate the user", _V.SESSION_LOST),
    _error(429, -429, "request limit reached", _V.RATE_LIMITED),
    _error(429, 429, "request limit reached", _V.RATE_LIMITED),
    _error(400, -50, "The input symbol is invalid.", _V.REJECTED),
    _error(400, -50, "Please provide a valid order side of either buy or sell", _V.REJECTED),
    _error(403, -50, "Order placement restricted. Algo orders are not allowed from this app.", _V.REJECTED),
    _error(400, -51, "Please provide a valid order number", _V.REJECTED),
    _error(400, -52, "Not a pending order", _V.REJECTED),
    _error(200, -52, "Not a pending order", _V.REJECTED),
    _error(400, -300, "Please provide a valid symbol", _V.REJECTED),
    _error(400, -99, "RED:The order quantity is greater than the freeze quantity", _V.REJECTED),
    _error(400, -99, "Trading in this scrip is not allowed", _V.REJECTED),
    _error(400, -99, _SHORT, _V.REJECTED, is_margin=True),
    _error(400, -99, "internal server error", _V.UNKNOWN),
    _error(400, -99, "Something went wrong", _V.UNKNOWN),
    _error(400, -99, "RED:Request timed out. Check the order book.", _V.UNKNOWN),
    _error(400, -50, "Your request could not be processed, please try again after some time", _V.UNKNOWN),
    _error(400, -4242, "Something nobody has seen before", _V.UNKNOWN),
    _error(400, -50, "", _V.UNKNOWN),
    _error(500, -50, "The input symbol is invalid.", _V.UNKNOWN),
    _error(502, -99, "RED:The order quantity is greater than the freeze quantity", _V.UNKNOWN),
    _error(503, -16, "Could not authenticate the user", _V.UNKNOWN),
    _error(504, -99, "Gateway timed out", _V.UNKNOWN),
    Sample("no acknowledgement", 200, b'{"s":"ok","code":201,"message":"No ack","id":"26112000000001"}', _V.UNKNOWN),
    Sample("no id", 200, b'{"s":"ok","code":1101,"message":"Order submitted successfully."}', _V.UNKNOWN),
    Sample("another s", 200, b'{"s":"pending","code":1101,"id":"26112000000001"}', _V.UNKNOWN),
    Sample("ok with 400", 400, b'{"s":"ok","code":1101,"message":"","id":"26112000000001"}', _V.UNKNOWN),
    Sample("429 page", 429, b"<html>error code: 1015</html>", _V.UNKNOWN, content_type="text/html"),
    NOT_FOUND_PAGE,
)


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("fyers", base)


def fields(name: str) -> Mapping[str, str]:
    low = name.lower()
    return {"api_key": f"{low}key-200", "api_secret": f"{low}secret", "redirect_uri": CALLBACK}


def register(name: str) -> Mapping[str, object]:
    given = fields(name)
    return {"client": name, "broker": "fyers", "api_key": given["api_key"], "api_secret": given["api_secret"]}


def book(rows: Sequence[Shown]) -> bytes:
    return orjson.dumps({"s": "ok", "code": 200, "message": "", "orderBook": [_order(row) for row in rows]})


def _order(row: Shown) -> dict[str, object]:
    return {
        "id": row.order_id,
        "exchOrdId": "1100000009596016",
        "clientId": "STUB01",
        "symbol": SYMBOLS["nifty weekly"],
        "exchange": 10,
        "segment": 11,
        "side": 1,
        "type": {"LIMIT": 1, "MARKET": 2, "SL-M": 3, "SL": 4}[row.order_type.value],
        "status": int(row.status) if row.status.isdigit() else row.status,
        "productType": "MARGIN",
        "qty": row.quantity,
        "filledQty": row.filled,
        "remainingQuantity": row.quantity - row.filled,
        "tradedPrice": 42.1 if row.filled else 0,
        "limitPrice": 42.1,
        "stopPrice": 0,
        "orderTag": f"1:{row.tag}",
        "message": "",
        "orderDateTime": "20-Nov-2026 10:00:00",
        "orderValidity": "DAY",
        "fyToken": "101126120154452",
    }


def placed(order_id: str) -> bytes:
    message = f"Order submitted successfully. Your Order Ref. No.{order_id}"
    return orjson.dumps({"s": "ok", "code": 1101, "message": message, "id": order_id})


def master(contracts: Sequence[Contract]) -> Mapping[str, File]:
    """A file per exchange and segment, each with a symbol nobody trades, so that none is empty."""
    files = ("NSE_CM", "BSE_CM", "NSE_FO", "BSE_FO", "MCX_COM")
    return {
        f"/{name}_sym_master.json": _file(name, [one for one in contracts if _file_of(one) == name]) for name in files
    }


def _file(name: str, contracts: Sequence[Contract]) -> File:
    """A contract that is listed twice has a key of its own the second time: JSON has no other way."""
    rows = {
        f"{SYMBOLS[one.name]}{'' if contracts.index(one) == at else '-2'}": _row(one)
        for at, one in enumerate(contracts)
    }
    return File(orjson.dumps({f"NSE:UNTRADED-{name}": _untraded(name), **rows}), "application/json")


def _untraded(name: str) -> dict[str, object]:
    return {
        "fyToken": "101000000000001",
        "symTicker": f"NSE:UNTRADED-{name}",
        "exSymbol": "UNTRADED",
        "underSym": "UNTRADED",
        "exchange": 10,
        "segment": 10,
        "exInstType": 4,
        "minLotSize": 1,
        "tickSize": 0.05,
        "tradeStatus": 1,
    }


def _file_of(one: Contract) -> str:
    if one.exchange == "MCX":
        return "MCX_COM"
    return {"NFO": "NSE_FO", "BFO": "BSE_FO"}.get(one.exchange, f"{one.exchange.removesuffix('_INDEX')}_CM")


_PLACES = {"NSE_CM": (10, 10), "BSE_CM": (12, 10), "NSE_FO": (10, 11), "BSE_FO": (12, 11), "MCX_COM": (11, 20)}


def _row(one: Contract) -> dict[str, object]:
    exchange, segment = _PLACES[_file_of(one)]
    token = number_of(one)
    expiry = one.expiry.strftime("%y%m%d") if one.expiry else "000000"
    return {
        "fyToken": f"{exchange}{segment}{expiry}{token}",
        "exSymbol": one.underlying,
        "symDetails": SYMBOLS[one.name].partition(":")[2],
        "symTicker": SYMBOLS[one.name],
        "exchange": exchange,
        "segment": segment,
        "exToken": token,
        "optType": one.right or "XX",
        "underSym": one.underlying,
        "exInstType": {"INDEX": 10, "EQ": 0, "FUT": 11, "OPT": 14}[one.kind],
        "minLotSize": 1 if one.exchange == "MCX" else (0 if one.kind == "INDEX" else one.lot_size),
        "tickSize": float(one.tick_size),
        "expiryDate": str(int(datetime.combine(one.expiry, time(15, 30), IST).timestamp())) if one.expiry else "",
        "strikePrice": _strike(one),
        "qtyFreeze": "1800" if one.kind in ("FUT", "OPT") else "",
        "tradeStatus": 1,
    }


def _strike(one: Contract) -> float | str:
    if one.strike is None:
        return -1.0
    return float(one.strike) if one.strike.is_finite() else str(one.strike)


def _body(change: bytes) -> Spoil:
    return lambda file: File(change, file.content_type)


UNUSABLE: Mapping[str, Spoil] = {
    "empty": _body(b""),
    "not JSON": _body(b"fyToken,symTicker\n"),
    "a list": _body(b"[]"),
    "a number": _body(b"7"),
    "no symbols": _body(b"{}"),
    "an error": _body(b'{"s":"error","code":-99,"message":"internal server error"'),
    "invalid UTF-8": lambda file: File(file.body.replace(b"UNTRADED", b"UNTR\xff\xfe", 1), file.content_type),
    "proxy page": lambda file: File(b"<html><body>502 Bad Gateway</body></html>", "text/html"),
    "cut": lambda file: File(file.body[:-20], file.content_type),
}


async def greet(socket: web.WebSocketResponse) -> None:
    """The sign-in is answered; the mode and the subscription are read."""
    await socket.receive()
    await socket.send_bytes(pack(">HBB", 12, 1, 2) + pack(">BH", 1, 1) + b"K" + pack(">BHI", 2, 4, 200))
    await socket.receive()
    await socket.receive()


def _snapshot(number: int, topic: str, *values: int, precision: int = 2) -> bytes:
    texts = topic.split("|")[1], topic.split("|")[2], "NSE:X"
    return b"".join(
        (
            pack(">BHB", 83, number, len(topic)) + topic.encode(),
            pack(f">B{len(values)}i", len(values), *values),
            pack(">2xHB", 1, precision),
            *(bytes([len(text)]) + text.encode() for text in texts),
        )
    )


def _data(*records: bytes, count: int | None = None) -> bytes:
    body = pack(">IH", 1, len(records) if count is None else count) + b"".join(records)
    return pack(">HB", len(body) + 1, 6) + body


_OPTION = _snapshot(1, "sf|nse_fo|54452", 4210, 650, 1795407300, 1795407300, 65, 130, 4205, 4215)
_INDEX = _snapshot(2, "if|nse_cm|Nifty 50", 2420000, 2410000, 1795407300)

MEMBER = Member(
    spec=SPEC,
    endpoint=endpoint,
    register=register,
    fields=fields,
    code=code,
    browse=browse,
    denied=(
        {"s": "error", "code": "-413", "message": "user denied"},
        {"s": "error", "code": "200", "auth_code": "abc"},
        {"s": "ok", "code": "200", "auth_code": ""},
        {"s": "ok", "code": "200"},
        {"auth_code": "abc"},
    ),
    errors=ERRORS,
    statuses=STATUSES,
    book=book,
    placed=placed,
    master=master,
    symbols=SYMBOLS,
    greet=greet,
    feed=FeedSample(
        whole=_data(_OPTION, _INDEX),
        ticks=2,
        broken=(
            b"",
            b"\x00\x01",
            b"\x00\x05\x06\x00",
            _data(_OPTION[:-3]),
            _data(_OPTION[:20], count=3),
            _data(pack(">BHB", 85, 7, 1) + pack(">i", 4210)),  # an update of a topic nobody showed
            _data(pack(">BHi", 76, 7, 4210)),
            _data(bytes([1, 2, 3, 4])),
            _data(_snapshot(3, "sf|nse_fo|1", 0)),
            _data(_snapshot(4, "dp|nse_fo|54452", 4210)),
            "not binary",
            '{"s":"error"}',
        ),
    ),
    unusable=UNUSABLE,
    reasons={211: "no limit of modifications is documented; the SPEC's is our own caution"},
)
